#include "core/series.h"

namespace vedette {

std::string to_string(const Matcher& matcher) {
    std::string out = is_classic_label_name(matcher.name) ? matcher.name : quote(matcher.name);
    switch (matcher.op) {
        case Matcher::Op::Equal:
            out += "=";
            break;
        case Matcher::Op::NotEqual:
            out += "!=";
            break;
        case Matcher::Op::Match:
            out += "=~";
            break;
        case Matcher::Op::NotMatch:
            out += "!~";
            break;
    }
    return out + quote(matcher.value);
}

Result<std::vector<std::unique_ptr<SeriesCursor>>> SeriesSource::select_parts(
    std::span<const Matcher> matchers, Window window, const Hints& hints, std::size_t,
    std::stop_token stop) {
    auto whole = select(matchers, window, hints, std::move(stop));
    if (!whole) return fail(whole.error());
    std::vector<std::unique_ptr<SeriesCursor>> one;
    one.push_back(std::move(*whole));
    return one;
}

}  // namespace vedette
