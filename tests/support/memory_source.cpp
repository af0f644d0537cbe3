#include "tests/support/memory_source.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>

namespace vedette {

namespace {

/// The text between two quotes, escapes undone; `text` is left behind the closing quote.
std::string take_quoted(std::string_view& text) {
    std::string out;
    text.remove_prefix(1);
    while (!text.empty() && text.front() != '"') {
        if (text.front() == '\\' && text.size() > 1) {
            text.remove_prefix(1);
            out += text.front() == 'n' ? '\n' : text.front();
        } else {
            out += text.front();
        }
        text.remove_prefix(1);
    }
    check(!text.empty(), "a label value in a test ends with a quote");
    text.remove_prefix(1);
    return out;
}

void skip_spaces(std::string_view& text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

std::string take_label_name(std::string_view& text) {
    if (!text.empty() && text.front() == '"') return take_quoted(text);
    const std::size_t end = text.find_first_of("= ,}");
    std::string name(text.substr(0, end));
    text.remove_prefix(name.size());
    return name;
}

/// Length of the series name at the front of a line: up to the first space outside braces and
/// quotes.
std::size_t name_length(std::string_view line) {
    bool quoted = false, inside = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (quoted) {
            if (line[i] == '\\')
                ++i;
            else
                quoted = line[i] != '"';
        } else if (line[i] == '"') {
            quoted = true;
        } else if (line[i] == '{' || line[i] == '}') {
            inside = line[i] == '{';
        } else if (!inside && (line[i] == ' ' || line[i] == '\t')) {
            return i;
        }
    }
    return line.size();
}

/// One word of the notation: a value, its growth, and how many.
struct Run {
    enum class Kind { Value, Gap, Stale } kind = Kind::Value;
    double first = 0, growth = 0;
    long count = 1;
};

Run read_run(std::string_view word) {
    Run run;
    long repeats = -1;
    if (const std::size_t x = word.find('x'); x != std::string_view::npos) {
        const std::string_view digits = word.substr(x + 1);
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), repeats);
        check(error == std::errc() && end == digits.data() + digits.size(), word);
        word = word.substr(0, x);
    }
    if (word == "_") {
        run.kind = Run::Kind::Gap;
        run.count = repeats < 0 ? 1 : repeats;
        return run;
    }
    run.count = repeats < 0 ? 1 : repeats + 1;
    if (word == "stale") {
        run.kind = Run::Kind::Stale;
        return run;
    }
    std::size_t sign = std::string_view::npos;
    for (std::size_t i = 1; i < word.size() && sign == std::string_view::npos; ++i)
        if ((word[i] == '+' || word[i] == '-') && word[i - 1] != 'e' && word[i - 1] != 'E')
            sign = i;
    if (sign != std::string_view::npos) {
        run.growth = parse_value(word.substr(sign + 1)).value();
        if (word[sign] == '-') run.growth = -run.growth;
    }
    run.first = parse_value(word.substr(0, sign)).value();
    return run;
}

bool holds(const Matcher& matcher, std::string_view value) {
    switch (matcher.op) {
        case Matcher::Op::Equal:
            return value == matcher.value;
        case Matcher::Op::NotEqual:
            return value != matcher.value;
        case Matcher::Op::Match:
        case Matcher::Op::NotMatch:
            break;
    }
    RE2::Options options;
    options.set_dot_nl(true);
    options.set_log_errors(false);
    const RE2 pattern(matcher.value, options);
    return RE2::FullMatch(value, pattern) == (matcher.op == Matcher::Op::Match);
}

class MemoryCursor final : public SeriesCursor {
public:
    struct Row {
        const Labels* labels;
        const MemorySource::Series* series;
        std::size_t first, count;
    };
    MemoryCursor(std::vector<Row> rows, std::stop_token stop)
        : rows_(std::move(rows)), stop_(std::move(stop)) {}

    bool next(Column& out) override {
        if (at_ == rows_.size() || stop_.stop_requested()) return false;
        const Row& row = rows_[at_++];
        const auto part = [&](const auto& all) {
            return std::span(all.data() + (all.empty() ? 0 : row.first),
                             all.empty() ? 0 : row.count);
        };
        out.labels = row.labels;
        out.times = part(row.series->times);
        out.floats = part(row.series->floats);
        out.histograms = part(row.series->histograms);
        return true;
    }

private:
    std::vector<Row> rows_;
    std::stop_token stop_;
    std::size_t at_ = 0;
};

}  // namespace

Labels series_name(std::string_view text) {
    LabelsBuilder builder;
    const std::size_t brace = text.find('{');
    std::string_view name = text.substr(0, brace);
    while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
    builder.set(metric_name_label, name);
    if (brace == std::string_view::npos) return builder.build();
    text.remove_prefix(brace + 1);
    for (skip_spaces(text); !text.empty() && text.front() != '}'; skip_spaces(text)) {
        const bool quoted = text.front() == '"';
        const std::string label = take_label_name(text);
        skip_spaces(text);
        if (quoted && (text.empty() || text.front() != '=')) {
            builder.set(metric_name_label, label);
        } else {
            check(!text.empty() && text.front() == '=', "a label in a test has an equals sign");
            text.remove_prefix(1);
            skip_spaces(text);
            check(!text.empty() && text.front() == '"', "a label value in a test is quoted");
            builder.set(label, take_quoted(text));
        }
        skip_spaces(text);
        if (!text.empty() && text.front() == ',') text.remove_prefix(1);
    }
    return builder.build();
}

void MemorySource::add(const Labels& labels, Timestamp at, Value value) {
    Series& series = series_[labels];
    check(series.times.empty() || series.times.back() < at, "times of a series ascend");
    series.times.push_back(at);
    const HistogramRef* histogram = std::get_if<HistogramRef>(&value);
    series.floats.push_back(histogram == nullptr ? std::get<double>(value) : 0);
    if (histogram != nullptr || !series.histograms.empty()) {
        series.histograms.resize(series.times.size());
        if (histogram != nullptr) series.histograms.back() = *histogram;
    }
}

void MemorySource::load(std::string_view lines, Timestamp start, Milliseconds step) {
    while (!lines.empty()) {
        std::string_view line = lines.substr(0, lines.find('\n'));
        lines.remove_prefix(std::min(lines.size(), line.size() + 1));
        skip_spaces(line);
        if (line.empty() || line.front() == '#') continue;
        const Labels labels = series_name(line.substr(0, name_length(line)));
        line.remove_prefix(name_length(line));
        Timestamp at = start;
        for (skip_spaces(line); !line.empty(); skip_spaces(line)) {
            const std::string_view word = line.substr(0, line.find_first_of(" \t"));
            line.remove_prefix(word.size());
            const Run run = read_run(word);
            double value = run.first;
            for (long i = 0; i < run.count; ++i, at = at + step, value += run.growth)
                if (run.kind != Run::Kind::Gap)
                    add(labels, at, run.kind == Run::Kind::Stale ? stale_marker() : value);
        }
    }
}

Result<std::unique_ptr<SeriesCursor>> MemorySource::select(std::span<const Matcher> matchers,
                                                           Window window, const Hints& hints,
                                                           std::stop_token stop) {
    auto one = select_parts(matchers, window, hints, 1, std::move(stop));
    return std::move(one->front());
}

Result<std::vector<std::unique_ptr<SeriesCursor>>> MemorySource::select_parts(
    std::span<const Matcher> matchers, Window window, const Hints&, std::size_t parts,
    std::stop_token stop) {
    std::vector<MemoryCursor::Row> rows;
    for (const auto& [labels, series] : series_) {
        const bool wanted = std::all_of(
            matchers.begin(), matchers.end(),
            [&](const Matcher& matcher) { return holds(matcher, labels.get(matcher.name)); });
        if (!wanted) continue;
        const auto first = std::upper_bound(series.times.begin(), series.times.end(), window.from);
        const auto last = std::upper_bound(first, series.times.end(), window.to);
        if (first == last) continue;
        rows.push_back({&labels, &series, static_cast<std::size_t>(first - series.times.begin()),
                        static_cast<std::size_t>(last - first)});
    }
    if (!splits) parts = 1;
    std::vector<std::unique_ptr<SeriesCursor>> cursors;
    for (std::size_t i = 0; i < parts; ++i) {
        const auto at = [&](std::size_t part) {
            return rows.begin() + static_cast<std::ptrdiff_t>(rows.size() * part / parts);
        };
        cursors.push_back(std::make_unique<MemoryCursor>(
            std::vector<MemoryCursor::Row>(at(i), at(i + 1)), stop));
    }
    return cursors;
}

}  // namespace vedette
