#include "core/alert.h"

#include <fmt/format.h>

#include <charconv>

namespace vedette {

std::string to_string(const AlertId& id) {
    return fmt::format("{}-{}", format_fingerprint(id.fingerprint), id.since.ms);
}

Result<AlertId> parse_alert_id(std::string_view text) {
    const auto wrong = [&] {
        return fail(Fault::BadInput,
                    fmt::format("not an alert's id: {}; expected sixteen hexadecimal "
                                "digits, a dash and milliseconds",
                                quote(text)));
    };
    if (text.size() < 18 || text[16] != '-') return wrong();
    AlertId id;
    const char* middle = text.data() + 16;
    const char* end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), middle, id.fingerprint, 16);
    const auto second = std::from_chars(middle + 1, end, id.since.ms);
    if (first.ptr != middle || first.ec != std::errc() || second.ptr != end ||
        second.ec != std::errc())
        return wrong();
    return id;
}

std::string_view to_string(AlertState state) {
    switch (state) {
        case AlertState::Pending:
            return "pending";
        case AlertState::Firing:
            return "firing";
        case AlertState::Resolved:
            return "resolved";
    }
    return "unknown";
}

}  // namespace vedette
