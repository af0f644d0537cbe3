#include "promql/series_notation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

#include "core/histogram.h"
#include "core/labels.h"
#include "core/limits.h"

namespace vedette::promql {

namespace {

using Values = std::vector<std::optional<Value>>;

struct Hint {
    std::string_view name;
    Histogram::ResetHint hint;
};
constexpr std::array hints = {
    Hint{"unknown", Histogram::ResetHint::Unknown}, Hint{"reset", Histogram::ResetHint::Reset},
    Hint{"not_reset", Histogram::ResetHint::NotReset}, Hint{"gauge", Histogram::ResetHint::Gauge}};

constexpr std::int64_t gap_shown_max = 10'000;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Reads one text from the left; each step says what is wrong at its place, once.
class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    Result<Values> values();
    Result<HistogramRef> one_histogram();

private:
    bool at_end() const { return at_ == text_.size(); }
    char peek(std::size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }
    bool take(char c) {
        if (peek() != c) return false;
        ++at_;
        return true;
    }
    bool take(std::string_view word) {
        if (text_.substr(at_, word.size()) != word) return false;
        at_ += word.size();
        return true;
    }
    void skip_spaces() {
        while (is_space(peek())) ++at_;
    }
    std::string_view take_word();
    tl::unexpected<Error> expected(std::string_view what) const;

    Result<double> number();
    Result<std::int32_t> whole_number();
    Result<std::vector<double>> list();
    Result<std::uint64_t> times();
    Result<void> item(Values& out);
    Result<void> float_item(Values& out);
    Result<void> histogram_item(Values& out);
    Result<Histogram> histogram();
    Result<void> descriptor(Histogram& out);
    Result<void> value_of(std::string_view key, Histogram& out);
    Result<void> room_for(const Values& out, std::uint64_t more) const;

    std::string_view text_;
    std::size_t at_ = 0;
    std::vector<std::string_view> seen_;  ///< keys of the histogram at hand
    std::int32_t offset_ = 0, negative_offset_ = 0;
};

tl::unexpected<Error> Reader::expected(std::string_view what) const {
    const std::string found = at_end() ? "the end" : quote(text_.substr(at_, 1));
    return fail(Fault::BadInput,
                fmt::format("character {}: expected {}, found {}", at_ + 1, what, found));
}

std::string_view Reader::take_word() {
    const std::size_t from = at_;
    while (is_letter(peek()) || peek() == '_') ++at_;
    return text_.substr(from, at_ - from);
}

Result<double> Reader::number() {
    const std::size_t from = at_;
    if (peek() == '+' || peek() == '-') ++at_;
    if (is_letter(peek())) {
        while (is_letter(peek()) && peek() != 'x') ++at_;
    } else {
        while (is_digit(peek()) || peek() == '.') ++at_;
        const bool sign = peek(1) == '+' || peek(1) == '-';
        if ((peek() == 'e' || peek() == 'E') && is_digit(peek(sign ? 2 : 1))) {
            at_ += sign ? 2 : 1;
            while (is_digit(peek())) ++at_;
        }
    }
    std::string_view word = text_.substr(from, at_ - from);
    const bool negative = word.starts_with('-');
    if (negative || word.starts_with('+')) word.remove_prefix(1);
    const Result<double> value = parse_value(word);
    if (!value) {
        at_ = from;
        return expected("a number");
    }
    return negative ? -*value : *value;
}

Result<std::int32_t> Reader::whole_number() {
    std::int32_t out = 0;
    const char* const from = text_.data() + at_;
    const auto [end, error] = std::from_chars(from, text_.data() + text_.size(), out);
    if (error != std::errc()) return expected("a whole number");
    at_ += static_cast<std::size_t>(end - from);
    return out;
}

Result<std::vector<double>> Reader::list() {
    std::vector<double> out;
    if (!take('[')) return expected("a list in brackets");
    for (skip_spaces(); !take(']'); skip_spaces()) {
        const Result<double> value = number();
        if (!value) return fail(value.error());
        out.push_back(*value);
    }
    return out;
}

/// What follows an `x`.
Result<std::uint64_t> Reader::times() {
    std::uint64_t out = 0;
    const char* const from = text_.data() + at_;
    const auto [end, error] = std::from_chars(from, text_.data() + text_.size(), out);
    if (error != std::errc()) return expected("how many times");
    at_ += static_cast<std::size_t>(end - from);
    return out;
}

Result<void> Reader::room_for(const Values& out, std::uint64_t more) const {
    if (more <= limits::yaml_nodes_max - out.size()) return {};
    return fail(Fault::Limit, fmt::format("character {}: a series has at most {} values", at_ + 1,
                                          limits::yaml_nodes_max));
}

Result<void> Reader::float_item(Values& out) {
    double value = stale_marker();
    if (!take("stale")) {
        const Result<double> first = number();
        if (!first) return fail(first.error());
        value = *first;
    } else if (std::isalnum(static_cast<unsigned char>(peek())) || peek() == '_') {
        return expected("a space behind `stale`");
    }
    double growth = 0;
    if (peek() == '+' || peek() == '-') {
        const Result<double> step = number();
        if (!step) return fail(step.error());
        growth = *step;
        if (peek() != 'x') return expected("`x` and how many times it grows");
    }
    std::uint64_t repeats = 0;
    if (take('x')) {
        const Result<std::uint64_t> count = times();
        if (!count) return fail(count.error());
        repeats = *count;
    }
    if (auto room = room_for(out, repeats); !room) return room;
    const bool grows = growth != 0 && !is_stale(value);
    for (std::uint64_t i = 0; i <= repeats; ++i, value = grows ? value + growth : value)
        out.emplace_back(value);
    return {};
}

Result<void> Reader::histogram_item(Values& out) {
    Result<Histogram> first = histogram();
    if (!first) return fail(first.error());
    Histogram step;
    const char sign = peek();
    const bool grows = sign == '+' || sign == '-';
    if (grows) {
        ++at_;
        Result<Histogram> growth = histogram();
        if (!growth) return fail(growth.error());
        step = std::move(*growth);
        if (peek() != 'x') return expected("`x` and how many times it grows");
        if (first->schema > step.schema)
            return fail(Fault::BadInput,
                        fmt::format("error combining histograms: cannot merge from schema {} to {}",
                                    step.schema, first->schema));
    }
    std::uint64_t repeats = 0;
    if (take('x')) {
        const Result<std::uint64_t> count = times();
        if (!count) return fail(count.error());
        repeats = *count;
    }
    if (auto room = room_for(out, repeats); !room) return room;
    auto current = std::make_shared<const Histogram>(std::move(*first));
    out.emplace_back(current);
    for (std::uint64_t i = 0; i < repeats; ++i) {
        if (grows) {
            auto next = std::make_shared<Histogram>(*current);
            const Incompatible why = sign == '+' ? add(*next, step) : subtract(*next, step);
            if (why != Incompatible::No)
                return fail(Fault::BadInput,
                            why == Incompatible::Schema
                                ? "cannot apply this operation on histograms with a mix of "
                                  "exponential and custom bucket schemas"
                                : "cannot apply this operation on custom buckets histograms with "
                                  "different custom bounds");
            current = std::move(next);
        }
        out.emplace_back(current);
    }
    return {};
}

Result<void> Reader::item(Values& out) {
    if (text_.substr(at_).starts_with("{{")) return histogram_item(out);
    if (!take('_')) return float_item(out);
    std::uint64_t gaps = 1;
    if (take('x')) {
        const Result<std::uint64_t> count = times();
        if (!count) return fail(count.error());
        gaps = *count;
    }
    if (auto room = room_for(out, gaps); !room) return room;
    out.resize(out.size() + gaps);
    return {};
}

Result<void> Reader::value_of(std::string_view key, Histogram& out) {
    const auto real = [&](double& into) -> Result<void> {
        const Result<double> value = number();
        if (!value) return fail(value.error());
        into = *value;
        return {};
    };
    const auto whole = [&](std::int32_t& into) -> Result<void> {
        const Result<std::int32_t> value = whole_number();
        if (!value) return fail(value.error());
        into = *value;
        return {};
    };
    const auto reals = [&](std::vector<double>& into) -> Result<void> {
        Result<std::vector<double>> value = list();
        if (!value) return fail(value.error());
        into = std::move(*value);
        return {};
    };
    if (key == "schema") {
        if (auto good = whole(out.schema); !good) return good;
        if (is_known_schema(out.schema)) return {};
        return expected("a schema of -4 to 8, or -53, before this");
    }
    if (key == "offset") return whole(offset_);
    if (key == "n_offset") return whole(negative_offset_);
    if (key == "sum") return real(out.sum);
    if (key == "count") return real(out.count);
    if (key == "z_bucket") return real(out.zero_count);
    if (key == "z_bucket_w") return real(out.zero_threshold);
    if (key == "buckets") return reals(out.positive_buckets);
    if (key == "n_buckets") return reals(out.negative_buckets);
    if (key == "custom_values") return reals(out.custom_bounds);
    const std::string_view word = take_word();
    const auto hint = std::ranges::find(hints, word, &Hint::name);
    if (hint == hints.end()) return expected("unknown, reset, not_reset or gauge before this");
    out.reset_hint = hint->hint;
    return {};
}

Result<void> Reader::descriptor(Histogram& out) {
    static constexpr std::array<std::string_view, 11> keys = {
        "schema",    "sum",    "count",    "z_bucket",      "z_bucket_w",        "buckets",
        "n_buckets", "offset", "n_offset", "custom_values", "counter_reset_hint"};
    const std::size_t from = at_;
    const std::string_view key = take_word();
    if (std::ranges::find(keys, key) == keys.end())
        return fail(Fault::BadInput, fmt::format("character {}: bad histogram descriptor found: {}",
                                                 from + 1, quote(key)));
    if (std::ranges::find(seen_, key) != seen_.end())
        return fail(Fault::BadInput, fmt::format("duplicate key \"{}\" in histogram", key));
    seen_.push_back(key);
    if (!take(':')) return expected("`:` after " + quote(key));
    return value_of(key, out);
}

Result<Histogram> Reader::histogram() {
    Histogram out;
    if (!take("{{")) return expected("a histogram in double braces");
    seen_.clear();
    offset_ = negative_offset_ = 0;
    for (skip_spaces(); !take("}}"); skip_spaces()) {
        if (at_end()) return expected("`}}` behind the histogram");
        if (auto good = descriptor(out); !good) return fail(good.error());
        if (!is_space(peek()) && peek() != '}') return expected("a space or `}}`");
    }
    const auto one_span = [](std::int32_t offset, const std::vector<double>& buckets) {
        std::vector<Histogram::Span> spans;
        if (!buckets.empty()) spans.push_back({offset, static_cast<std::uint32_t>(buckets.size())});
        return spans;
    };
    out.positive_spans = one_span(offset_, out.positive_buckets);
    out.negative_spans = one_span(negative_offset_, out.negative_buckets);
    return out;
}

Result<Values> Reader::values() {
    Values out;
    for (skip_spaces(); !at_end(); skip_spaces()) {
        if (auto good = item(out); !good) return fail(good.error());
        if (!at_end() && !is_space(peek())) return expected("a space before the next value");
    }
    return out;
}

Result<HistogramRef> Reader::one_histogram() {
    skip_spaces();
    Result<Histogram> out = histogram();
    if (!out) return fail(out.error());
    skip_spaces();
    if (!at_end()) return expected("nothing behind the histogram");
    return std::make_shared<const Histogram>(std::move(*out));
}

/// ` buckets:[1 0 2]` with its offset before it, when something is in them.
std::string side_text(std::string_view prefix, std::vector<IndexedCount> side) {
    const auto is_filled = [](const IndexedCount& bucket) { return bucket.count != 0; };
    const auto first = std::ranges::find_if(side, is_filled);
    if (first == side.end()) return {};
    while (!is_filled(side.back())) side.pop_back();
    std::string out;
    if (first->index != 0) out += fmt::format(" {}offset:{}", prefix, first->index);
    out += fmt::format(" {}buckets:[", prefix);
    std::int64_t next = first->index;
    for (auto bucket = first; bucket != side.end(); ++bucket, ++next) {
        // A gap that long is nobody's histogram: it is cut, so that its text fits into memory.
        next = std::max(next, bucket->index - gap_shown_max);
        for (; next < bucket->index; ++next) out += "0 ";
        append_value(out, bucket->count);
        out += ' ';
    }
    out.back() = ']';
    return out;
}

}  // namespace

Result<Values> parse_series_values(std::string_view text) {
    return Reader(text).values();
}

Result<HistogramRef> parse_histogram(std::string_view text) {
    return Reader(text).one_histogram();
}

std::string histogram_notation(const Histogram& h) {
    std::string out;
    const auto put = [&](std::string_view key, double value) {
        if (value != 0) out += fmt::format(" {}:{}", key, format_value(value));
    };
    if (h.schema != 0) out += fmt::format(" schema:{}", h.schema);
    put("count", h.count);
    put("sum", h.sum);
    put("z_bucket", h.zero_count);
    put("z_bucket_w", h.zero_threshold);
    if (uses_custom_buckets(h)) {
        out += " custom_values:[";
        for (const double bound : h.custom_bounds) out += format_value(bound) + ' ';
        if (!h.custom_bounds.empty()) out.pop_back();
        out += ']';
    }
    if (h.reset_hint != Histogram::ResetHint::Unknown)
        out += fmt::format(" counter_reset_hint:{}",
                           std::ranges::find(hints, h.reset_hint, &Hint::hint)->name);
    out += side_text("", indexed_counts(h.positive_spans, h.positive_buckets));
    out += side_text("n_", indexed_counts(h.negative_spans, h.negative_buckets));
    return "{{" + out.substr(out.empty() ? 0 : 1) + "}}";
}

}  // namespace vedette::promql
