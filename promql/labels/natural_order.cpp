#include "promql/labels/natural_order.h"

#include <charconv>
#include <cstdint>
#include <optional>

namespace vedette::promql {

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Takes a run of digits, or of anything else, from the front.
std::string_view take_chunk(std::string_view& text) {
    std::size_t length = 1;
    while (length < text.size() && is_digit(text[length]) == is_digit(text[0])) ++length;
    const std::string_view chunk = text.substr(0, length);
    text.remove_prefix(length);
    return chunk;
}

std::optional<std::int64_t> number_of(std::string_view chunk) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(chunk.data(), chunk.data() + chunk.size(), value);
    if (!is_digit(chunk[0]) || error != std::errc() || end != chunk.data() + chunk.size())
        return std::nullopt;
    return value;
}

}  // namespace

bool natural_before(std::string_view a, std::string_view b) {
    while (!a.empty() && !b.empty()) {
        const std::string_view left = take_chunk(a), right = take_chunk(b);
        const auto left_number = number_of(left), right_number = number_of(right);
        const bool numbers = left_number && right_number;
        if (numbers ? *left_number == *right_number : left == right) {
            if (a.empty()) return true;
            continue;
        }
        return numbers ? *left_number < *right_number : left < right;
    }
    return false;
}

}  // namespace vedette::promql
