#include "app/openmetrics/export.h"

#include <fmt/format.h>

#include <charconv>
#include <iterator>

#include "store/matching.h"

namespace vedette::app {

namespace {

constexpr std::size_t piece_bytes = 1 << 20;  // gathered before each `put`

void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        if (c == '\n') {
            out += "\\n";
            continue;
        }
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    out += '"';
}

/// `name{a="b"}`; `{"a name","a label"="b"}` where the classic form cannot say it.
std::string series_text(const Labels& labels) {
    const std::string_view name = labels.get(metric_name_label);
    const bool classic = is_classic_metric_name(name);
    std::string out = classic ? std::string(name) : std::string();
    bool any = false;
    const auto next = [&] {
        out += any ? ',' : '{';
        any = true;
    };
    if (!classic && !name.empty()) {
        next();
        append_quoted(out, name);
    }
    for (const Label label : labels) {
        if (label.name == metric_name_label) continue;
        next();
        if (is_classic_label_name(label.name))
            out += label.name;
        else
            append_quoted(out, label.name);
        out += '=';
        append_quoted(out, label.value);
    }
    if (any) out += '}';
    return out;
}

std::int64_t as_prometheus_reads(const std::string& text, std::size_t begin) {
    double seconds = 0;
    std::from_chars(text.data() + begin, text.data() + text.size(), seconds);
    return static_cast<std::int64_t>(seconds * 1000);
}

/// Some selectors; a series counts once.
class Selected {
public:
    static Result<Selected> make(const std::vector<std::vector<Matcher>>& selectors) {
        Selected made;
        for (const auto& selector : selectors) {
            auto& ready = made.selectors_.emplace_back();
            for (const Matcher& matcher : selector) {
                auto one = store::ReadyMatcher::make(matcher);
                if (!one) return fail(one.error());
                ready.push_back(std::move(*one));
            }
        }
        return made;
    }
    /// One of the first `count` selects it.
    bool by_first(std::size_t count, const Labels& labels) const {
        for (std::size_t i = 0; i < count; ++i) {
            bool all = true;
            for (const auto& matcher : selectors_[i])
                all = all && matcher.holds(labels.get(matcher.name()));
            if (all) return true;
        }
        return false;
    }

private:
    std::vector<std::vector<store::ReadyMatcher>> selectors_;
};

class Writer {
public:
    explicit Writer(const Put& put) : put_(put) {}

    Result<void> write(const Column& column) {
        const std::string series = series_text(*column.labels);
        const std::size_t before = done_.samples;
        for (std::size_t i = 0; i < column.times.size(); ++i) {
            if (i < column.histograms.size() && column.histograms[i]) {
                ++done_.histograms;
                continue;
            }
            if (is_stale(column.floats[i])) {
                ++done_.stale;
                continue;
            }
            (out_ += series) += ' ';
            append_value(out_, column.floats[i]);
            out_ += ' ';
            append_seconds(out_, column.times[i]);
            out_ += '\n';
            ++done_.samples;
            if (out_.size() < piece_bytes) continue;
            if (auto put = put_out(); !put) return put;
        }
        if (done_.samples > before) ++done_.series;
        return {};
    }

    Result<ExportDone> finish() {
        out_ += "# EOF\n";
        if (auto put = put_out(); !put) return fail(put.error());
        return done_;
    }

private:
    Result<void> put_out() {
        auto put = put_(out_);
        out_.clear();
        return put;
    }

    const Put& put_;
    std::string out_;
    ExportDone done_;
};

}  // namespace

void append_seconds(std::string& out, Timestamp at) {
    const std::size_t begin = out.size();
    // Of numbers of both signs, and of the least one, which has no positive twin.
    const std::int64_t whole = at.ms / 1000, rest = at.ms % 1000;
    fmt::format_to(std::back_inserter(out), "{}{}.{:03}", at.ms < 0 && whole == 0 ? "-" : "", whole,
                   rest < 0 ? -rest : rest);
    // 1600000000.001 may be a little less than that when it is read.
    if (as_prometheus_reads(out, begin) != at.ms) out += "0005";
}

Result<ExportDone> export_openmetrics(SeriesSource& source,
                                      const std::vector<std::vector<Matcher>>& selectors,
                                      Window window, const Put& put) {
    Writer writer(put);
    auto selected = Selected::make(selectors);
    if (!selected) return fail(selected.error());
    const std::vector<std::vector<Matcher>> all{{}};
    const auto& wanted = selectors.empty() ? all : selectors;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        auto cursor = source.select(wanted[i], window, {}, {});
        if (!cursor) return fail(cursor.error());
        Column column;
        while ((*cursor)->next(column)) {
            if (selected->by_first(i, *column.labels)) continue;
            if (auto written = writer.write(column); !written) return fail(written.error());
        }
    }
    return writer.finish();
}

}  // namespace vedette::app
