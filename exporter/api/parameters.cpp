#include "exporter/api/parameters.h"

#include <fmt/format.h>

#include <charconv>

#include "promql/syntax/parse.h"

namespace vedette::exporter {

Parameter<Timestamp> time_parameter(const Request& request, std::string_view name,
                                    Timestamp otherwise) {
    const std::string_view text = request.param(name);
    if (text.empty()) return otherwise;
    const Result<Timestamp> at = parse_time(text);
    if (!at)
        return tl::unexpected(bad_parameter(
            name, fmt::format("invalid time value for '{}': {}", name, at.error().message)));
    return *at;
}

Parameter<Timestamp> bound_parameter(const Request& request, std::string_view name) {
    const Result<Timestamp> at = parse_time(request.param(name));
    if (!at) return tl::unexpected(bad_parameter(name, at.error().message));
    return *at;
}

Result<std::int64_t> parse_integer(std::string_view text, std::string_view function) {
    std::int64_t value = 0;
    const char* end = text.data() + text.size();
    const bool plus = text.starts_with('+') && !text.starts_with("+-");
    const auto read = std::from_chars(text.data() + (plus ? 1 : 0), end, value);
    const auto refuse = [&](std::string_view why) {
        return fail(Fault::BadInput,
                    fmt::format("strconv.{}: parsing {}: {}", function, quote(text), why));
    };
    if (read.ec == std::errc::result_out_of_range && read.ptr == end)
        return refuse("value out of range");
    if (read.ec != std::errc() || read.ptr != end) return refuse("invalid syntax");
    return value;
}

Parameter<std::size_t> limit_parameter(const Request& request) {
    const std::string_view text = request.param("limit");
    if (text.empty()) return std::size_t{0};
    const Result<std::int64_t> value = parse_integer(text, "Atoi");
    if (!value) return tl::unexpected(bad_parameter("limit", value.error().message));
    if (*value < 0) return tl::unexpected(bad_parameter("limit", "limit must be non-negative"));
    return static_cast<std::size_t>(*value);
}

Result<std::vector<std::vector<Matcher>>> match_parameters(const Request& request) {
    std::vector<std::vector<Matcher>> selectors;
    for (const std::string_view text : request.params("match[]")) {
        Result<std::vector<Matcher>> selector = promql::parse_selector(text);
        if (!selector && selector.error().message.ends_with(
                             "vector selector must contain at least one non-empty matcher"))
            return fail(Fault::BadInput, "match[] must contain at least one non-empty matcher");
        if (!selector) return fail(selector.error());
        selectors.push_back(std::move(*selector));
    }
    return selectors;
}

}  // namespace vedette::exporter
