#include "exporter/http/quick_requests.h"

#include <functional>

namespace vedette::http {

std::uint64_t QuickRequests::key_of(std::string_view path, std::string_view query,
                                    std::string_view body) {
    constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;
    const std::hash<std::string_view> hash;
    std::uint64_t key = hash(path);
    key = key * odd + hash(query);
    return key * odd + hash(body);
}

bool QuickRequests::is_quick(std::uint64_t key) const {
    const Place& place = places_[key % places];
    return place.key == key && place.in_a_row >= often;
}

void QuickRequests::took(std::uint64_t key, std::chrono::nanoseconds time) {
    Place& place = places_[key % places];
    if (place.key != key) place = {key, 0};
    if (time > quick) {
        place.in_a_row = 0;
    } else if (place.in_a_row < often) {
        ++place.in_a_row;
    }
}

}  // namespace vedette::http
