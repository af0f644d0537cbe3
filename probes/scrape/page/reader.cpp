#include "probes/scrape/page/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "core/sample.h"

namespace vedette::scrape {
namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t';
}

bool is_name_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}

bool is_name(char c) {
    return is_name_start(c) || (c >= '0' && c <= '9');
}

/// Digits, sign, point: what most values are made of. Others go the long way.
std::optional<double> plain_number(std::string_view text) {
    double value = 0;
    const char* end = text.data() + text.size();
    const char first = text.empty() ? '\0' : text.front();
    if (!((first >= '0' && first <= '9') || first == '-' || first == '.')) return std::nullopt;
    const auto [at, fault] = std::from_chars(text.data(), end, value);
    // `nan` and `inf` too are for the long way.
    if (fault != std::errc() || at != end || !std::isfinite(value)) return std::nullopt;
    return value;
}

std::optional<double> number(std::string_view text) {
    if (const auto plain = plain_number(text)) return plain;
    // Of Go's spellings, those that an exposition may not have.
    if (text.find_first_of("_pP") != std::string_view::npos) return std::nullopt;
    const auto value = parse_value(text);
    if (!value) return std::nullopt;
    // One NaN for all, so that none is taken for the stale marker.
    return std::isnan(*value) ? std::numeric_limits<double>::quiet_NaN() : *value;
}

std::string shown(std::string_view text) {
    constexpr std::size_t enough = 80;
    return text.size() <= enough ? quote(text) : quote(text.substr(0, enough)) + "…";
}

constexpr std::array<std::string_view, 3> text_comments{"HELP", "TYPE", "UNIT"};

}  // namespace

Error PageReader::error(std::string_view what) const {
    return {Fault::BadInput, fmt::format("line {}: {}", line_, what)};
}

bool PageReader::skip_space() {
    const std::size_t before = rest_.size();
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
    return rest_.size() != before;
}

std::string_view PageReader::word() {
    const std::size_t end = std::min(rest_.find_first_of(" \t\n"), rest_.size());
    const std::string_view out = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return out;
}

Result<void> PageReader::ended() const {
    if (format_ == PageFormat::OpenMetrics && !eof_seen_)
        return fail(Fault::BadInput, fmt::format("after line {}: the page ends without `# EOF`; "
                                                 "expected it as the last line of OpenMetrics",
                                                 line_));
    return {};
}

Result<bool> PageReader::skip_blank() {
    while (true) {
        if (format_ == PageFormat::Text) skip_space();
        if (rest_.empty()) {
            if (auto end = ended(); !end) return fail(end.error());
            return false;
        }
        ++line_;
        if (eof_seen_) return fail(error("text after `# EOF`"));
        if (rest_.front() != '\n') return true;
        if (format_ == PageFormat::OpenMetrics)
            return fail(error("an empty line, which OpenMetrics does not have"));
        rest_.remove_prefix(1);
    }
}

/// False when the comment says nothing to us.
Result<bool> PageReader::read_comment(Item& item) {
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (format_ == PageFormat::OpenMetrics && line == "# EOF") {
        eof_seen_ = true;
        return false;
    }
    std::string_view inside = line.substr(1);
    while (!inside.empty() && is_space(inside.front())) inside.remove_prefix(1);
    const std::string_view keyword = inside.substr(0, inside.find_first_of(" \t"));
    const bool known =
        std::find(text_comments.begin(), text_comments.end(), keyword) != text_comments.end() &&
        keyword.size() < inside.size();
    if (known && (format_ == PageFormat::OpenMetrics || keyword != "UNIT")) {
        item.kind = Kind::Comment;
        item.text = line;
        return true;
    }
    if (format_ == PageFormat::OpenMetrics)
        return fail(error(
            fmt::format("{}; expected `# HELP`, `# TYPE`, `# UNIT` or `# EOF`", shown(line))));
    return false;
}

/// Where the labels of the line end, by quotes and braces alone.
Result<std::size_t> PageReader::series_end(std::string_view expected) const {
    if (!expected.empty() && rest_.starts_with(expected) && expected.size() < rest_.size()) {
        const char behind = rest_[expected.size()];
        if (expected.back() == '}' || is_space(behind)) return expected.size();
    }
    std::size_t at = 0;
    while (at < rest_.size() && is_name(rest_[at])) ++at;
    std::size_t brace = at;
    while (brace < rest_.size() && is_space(rest_[brace])) ++brace;
    if (brace == rest_.size() || rest_[brace] != '{') {
        if (at == 0)
            return fail(error(fmt::format("{}; expected the name of a metric",
                                          shown(rest_.substr(0, rest_.find('\n'))))));
        return at;
    }
    bool quoted = false;
    for (std::size_t i = brace + 1; i < rest_.size() && (quoted || rest_[i] != '\n'); ++i) {
        if (quoted && rest_[i] == '\\') {
            ++i;
        } else if (rest_[i] == '"') {
            quoted = !quoted;
        } else if (!quoted && rest_[i] == '}') {
            return i + 1;
        }
    }
    return fail(error(fmt::format("the labels that open with `{{` do not end; expected `}}` in {}",
                                  shown(rest_.substr(0, rest_.find('\n'))))));
}

Result<void> PageReader::read_timestamp(std::optional<Timestamp>& at, double& as_seconds) {
    const std::string_view text = word();
    if (format_ == PageFormat::OpenMetrics) {
        const auto seconds = number(text);
        if (!seconds || !(std::abs(*seconds) < 9e15))
            return fail(
                error(fmt::format("{} is no time; expected seconds since 1970", shown(text))));
        as_seconds = *seconds;
        at = Timestamp{static_cast<std::int64_t>(*seconds * 1000)};
        return {};
    }
    std::int64_t ms = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), ms);
    if (fault != std::errc() || end != text.data() + text.size())
        return fail(
            error(fmt::format("{} is no time; expected milliseconds since 1970", shown(text))));
    at = Timestamp{ms};
    return {};
}

/// ` # {trace_id="x"} 1.5 1790000000.1`; its labels are read by who keeps it.
Result<void> PageReader::read_exemplar(Item& item) {
    rest_.remove_prefix(1);
    skip_space();
    if (rest_.empty() || rest_.front() != '{')
        return fail(error("an exemplar needs labels: `# {trace_id=\"…\"} 1`"));
    const Result<std::size_t> end = series_end({});
    if (!end) return fail(end.error());
    exemplar_ = {.labels = rest_.substr(0, *end)};
    rest_.remove_prefix(*end);
    skip_space();
    const std::string_view text = word();
    const std::optional<double> value = number(text);
    if (!value)
        return fail(
            error(fmt::format("{} is no exemplar's value; expected a number", shown(text))));
    exemplar_.value = *value;
    item.exemplars = {&exemplar_, 1};
    if (!skip_space() || rest_.empty() || rest_.front() == '\n') return {};
    double as_written = 0;
    return read_timestamp(exemplar_.at, as_written);
}

Result<void> PageReader::end_line() {
    if (format_ == PageFormat::Text) skip_space();
    if (rest_.empty() && format_ == PageFormat::OpenMetrics) return ended();
    if (!rest_.empty() && rest_.front() != '\n')
        return fail(error(fmt::format("{} after the sample; expected the end of the line",
                                      shown(rest_.substr(0, rest_.find('\n'))))));
    if (!rest_.empty()) rest_.remove_prefix(1);
    return {};
}

Result<void> PageReader::read_sample(Item& item, std::string_view expected) {
    const Result<std::size_t> end = series_end(expected);
    if (!end) return fail(end.error());
    item.kind = Kind::Sample;
    item.text = rest_.substr(0, *end);
    rest_.remove_prefix(*end);
    skip_space();
    const std::string_view text = word();
    const std::optional<double> value = number(text);
    if (!value)
        return fail(error(text.empty() ? fmt::format("{} has no value", shown(item.text))
                                       : fmt::format("{} is no value of {}; expected a number",
                                                     shown(text), shown(item.text))));
    item.value = *value;
    if (!rest_.empty() && rest_.front() == '\n') {
        rest_.remove_prefix(1);
        return {};
    }
    skip_space();
    const auto more = [&] { return !rest_.empty() && rest_.front() != '\n'; };
    if (more() && rest_.front() != '#') {
        if (auto read = read_timestamp(item.at, item.at_seconds); !read) return read;
        skip_space();
    }
    if (more() && rest_.front() == '#' && format_ == PageFormat::OpenMetrics)
        if (auto read = read_exemplar(item); !read) return read;
    return end_line();
}

Result<PageReader::Item> PageReader::next(std::string_view expected) {
    Item item;
    while (true) {
        const Result<bool> more = skip_blank();
        if (!more) return fail(more.error());
        if (!*more) return Item{};
        if (rest_.front() != '#') break;
        const Result<bool> says_something = read_comment(item);
        if (!says_something) return fail(says_something.error());
        if (*says_something) return item;
    }
    if (auto read = read_sample(item, expected); !read) return fail(read.error());
    return item;
}

namespace {

/// Reads what stands between the braces; one word after the other.
class SeriesReader {
public:
    explicit SeriesReader(std::string_view text) : text_(text) {}

    Result<Labels> read() {
        auto labels = read_nameless();
        if (labels && !labels->has(metric_name_label))
            return fail(Fault::BadInput, fmt::format("{} has no metric name", shown(text_)));
        return labels;
    }

    Result<Labels> read_nameless() {
        const std::string_view name = bare_name(is_name);
        if (!name.empty()) add(std::string(metric_name_label), std::string(name));
        skip();
        if (!done() && text_[at_] == '{') {
            ++at_;
            if (auto inside = braces(); !inside) return fail(inside.error());
        }
        if (!done()) return wrong("the end of the labels");
        return finish();
    }

private:
    bool done() const { return at_ >= text_.size(); }
    void skip() {
        while (!done() && is_space(text_[at_])) ++at_;
    }
    void add(std::string name, std::string value) {
        labels_.emplace_back(std::move(name), std::move(value));
    }
    tl::unexpected<Error> wrong(std::string_view expected) const {
        return fail(Fault::BadInput,
                    fmt::format("{} in {}; expected {}",
                                done() ? std::string("the end") : shown(text_.substr(at_)),
                                shown(text_), expected));
    }

    template <typename IsName>
    std::string_view bare_name(IsName is_part) {
        const std::size_t begin = at_;
        if (!done() && !is_name_start(text_[at_])) return {};
        while (!done() && is_part(text_[at_])) ++at_;
        return text_.substr(begin, at_ - begin);
    }

    Result<std::string> quoted() {
        std::string out;
        for (++at_; !done() && text_[at_] != '"'; ++at_) {
            if (text_[at_] != '\\' || at_ + 1 >= text_.size()) {
                out += text_[at_];
                continue;
            }
            const char escaped = text_[++at_];
            if (escaped == 'n')
                out += '\n';
            else if (escaped == '\\' || escaped == '"')
                out += escaped;
            else
                (out += '\\') += escaped;
        }
        if (done()) return wrong("a quote at the end");
        ++at_;
        if (!is_utf8(out)) return fail(Fault::BadInput, fmt::format("{} is not UTF-8", shown(out)));
        return out;
    }

    /// One `name="value"`, or the name of the metric in quotes.
    Result<void> label() {
        std::string name;
        const bool in_quotes = text_[at_] == '"';
        if (in_quotes) {
            auto read = quoted();
            if (!read) return fail(read.error());
            name = std::move(*read);
        } else {
            name = bare_name([](char c) { return is_name(c) && c != ':'; });
            if (name.empty()) return wrong("the name of a label");
        }
        skip();
        if (!done() && text_[at_] == '=') {
            ++at_;
            skip();
            if (done() || text_[at_] != '"') return wrong("a value in quotes");
            auto value = quoted();
            if (!value) return fail(value.error());
            add(std::move(name), std::move(*value));
            return {};
        }
        const bool named = std::any_of(labels_.begin(), labels_.end(), [](const auto& label) {
            return label.first == metric_name_label;
        });
        if (!in_quotes || named) return wrong("`=`");
        add(std::string(metric_name_label), std::move(name));
        return {};
    }

    Result<void> braces() {
        while (true) {
            skip();
            if (done()) return wrong("`}`");
            if (text_[at_] == '}') break;
            if (auto one = label(); !one) return one;
            skip();
            if (done() || (text_[at_] != ',' && text_[at_] != '}')) return wrong("`,` or `}`");
            if (text_[at_] == ',') ++at_;
        }
        ++at_;
        return {};
    }

    Result<Labels> finish() {
        std::sort(labels_.begin(), labels_.end());
        std::vector<Label> views;
        views.reserve(labels_.size());
        for (std::size_t i = 0; i < labels_.size(); ++i) {
            if (i > 0 && labels_[i].first == labels_[i - 1].first)
                return fail(Fault::BadInput, fmt::format("the label {} stands twice in {}",
                                                         quote(labels_[i].first), shown(text_)));
            views.push_back({labels_[i].first, labels_[i].second});
        }
        return Labels(std::move(views));
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::vector<std::pair<std::string, std::string>> labels_;
};

}  // namespace

Result<Labels> read_series(std::string_view series) {
    return SeriesReader(series).read();
}

Result<Labels> read_exemplar_labels(std::string_view text) {
    return SeriesReader(text).read_nameless();
}

namespace {

std::string unescaped(std::string_view text, bool quotes_too) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char next = i + 1 < text.size() ? text[i + 1] : '\0';
        const bool escape =
            text[i] == '\\' && (next == '\\' || next == 'n' || (next == '"' && quotes_too));
        if (!escape) {
            out += text[i];
            continue;
        }
        out += next == 'n' ? '\n' : next;
        ++i;
    }
    return out;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    return text;
}

/// A type in the words of the HTTP API.
std::string type_word(std::string_view text, PageFormat format) {
    constexpr std::array<std::string_view, 8> words{"counter",        "gauge",   "histogram",
                                                    "gaugehistogram", "summary", "info",
                                                    "stateset",       "unknown"};
    const std::size_t known = format == PageFormat::Text ? 5 : words.size();
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    if (text == "untyped" && format == PageFormat::Text) return "unknown";
    const auto* end = words.begin() + known;
    const auto* at = std::find(words.begin(), end, text);
    return at == end || (format == PageFormat::Text && text == "gaugehistogram") ? std::string()
                                                                                 : std::string(*at);
}

}  // namespace

Result<PageComment> read_comment(std::string_view line, PageFormat format) {
    std::string_view rest = trimmed(line.substr(std::min<std::size_t>(1, line.size())));
    const std::string_view keyword = rest.substr(0, rest.find_first_of(" \t"));
    rest = trimmed(rest.substr(keyword.size()));
    PageComment out;
    out.kind = keyword == "TYPE"   ? PageComment::Kind::Type
               : keyword == "UNIT" ? PageComment::Kind::Unit
                                   : PageComment::Kind::Help;
    std::size_t end = 0;
    if (!rest.empty() && rest.front() == '"') {
        end = 1;
        while (end < rest.size() && rest[end] != '"') end += rest[end] == '\\' ? 2 : 1;
        if (end >= rest.size())
            return fail(Fault::BadInput, fmt::format("the name in {} does not end", shown(line)));
        out.metric = unescaped(rest.substr(1, end - 1), true);
        ++end;
    } else {
        end = std::min(rest.find_first_of(" \t"), rest.size());
        out.metric = rest.substr(0, end);
    }
    if (out.metric.empty())
        return fail(Fault::BadInput, fmt::format("{} names no metric", shown(line)));
    std::string_view text = rest.substr(end);
    if (!text.empty()) text.remove_prefix(1);
    out.text = out.kind == PageComment::Kind::Type
                   ? type_word(trimmed(text), format)
                   : unescaped(trimmed(text), format != PageFormat::Text);
    if (out.kind == PageComment::Kind::Type && out.text.empty())
        return fail(Fault::BadInput,
                    fmt::format("{} is no type of a metric, in {}", shown(text), shown(line)));
    if (!is_utf8(out.text))
        return fail(Fault::BadInput, fmt::format("the help of {} is not UTF-8", quote(out.metric)));
    return out;
}

}  // namespace vedette::scrape
