#include "probes/scrape/page/series.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_set>

#include "core/histogram.h"
#include "probes/scrape/page/created.h"
#include "probes/scrape/page/nhcb.h"
#include "probes/scrape/page/proto.h"

namespace vedette::scrape {
namespace {

/// Those of the shortest names first, as Prometheus does: `exported_x` may itself be displaced.
void displace(const Labels& of_line, const Labels& target, LabelsBuilder& out) {
    std::vector<Label> displaced;
    for (const Label label : of_line)
        if (target.has(label.name)) displaced.push_back(label);
    std::stable_sort(displaced.begin(), displaced.end(),
                     [](const Label& a, const Label& b) { return a.name.size() < b.name.size(); });
    for (const Label label : target) out.set(label.name, label.value);
    for (const Label label : displaced) {
        std::string name(label.name);
        do name = "exported_" + name;
        while (!out.get(name).empty());
        out.set(name, label.value);
    }
}

/// No more than 50 characters, as Prometheus shows what is too long.
std::string_view shortened(std::string_view text) {
    constexpr int most = 50;
    std::size_t end = 0;
    for (int taken = 0; end < text.size() && taken < most; ++taken) do
            ++end;
        while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80);
    return text.substr(0, end);
}

Result<void> check_limits(const Labels& labels, const JobSettings& job) {
    const std::string_view metric = shortened(labels.get(metric_name_label));
    if (job.labels_max > 0 && labels.size() > job.labels_max)
        return fail(Fault::Limit, fmt::format("label_limit exceeded (metric: {}, number of labels: "
                                              "{}, limit: {})",
                                              metric, labels.size(), job.labels_max));
    for (const Label label : labels) {
        if (job.label_name_bytes_max > 0 && label.name.size() > job.label_name_bytes_max)
            return fail(Fault::Limit,
                        fmt::format("label_name_length_limit exceeded (metric: {}, label name: {}, "
                                    "length: {}, limit: {})",
                                    metric, shortened(label.name), label.name.size(),
                                    job.label_name_bytes_max));
        if (job.label_value_bytes_max > 0 && label.value.size() > job.label_value_bytes_max)
            return fail(Fault::Limit,
                        fmt::format("label_value_length_limit exceeded (metric: {}, label name: "
                                    "{}, value: {}, length: {}, limit: {})",
                                    metric, shortened(label.name), quote(shortened(label.value)),
                                    label.value.size(), job.label_value_bytes_max));
    }
    return {};
}

/// What a TYPE line says; empty for other comments.
std::string type_said(std::string_view comment, PageFormat format) {
    if (comment.find("TYPE") == std::string_view::npos) return {};
    const auto read = read_comment(comment, format);
    return read && read->kind == PageComment::Kind::Type ? read->text : std::string();
}

/// Bounds and quantiles in one spelling, `1` as `1.0`, as Prometheus 3 has them.
Labels with_canonical_bounds(Labels labels, std::string_view type) {
    const std::string_view name = type == "histogram" ? "le" : type == "summary" ? "quantile" : "";
    if (name.empty() || !labels.has(name)) return labels;
    const auto bound = parse_value(labels.get(name));
    if (!bound) return labels;
    return LabelsBuilder(labels).set(name, canonical_bound(*bound)).build();
}

/// A page read by one reader behind the other.
class Chain final : public PageSource {
public:
    Chain(std::unique_ptr<PageSource> first, PageFormat format, bool classic_too)
        : first_(std::move(first)), last_(*first_, format, classic_too) {}

    Result<PageItem> next(std::string_view expected) override { return last_.next(expected); }
    Error error(std::string_view what) const override { return last_.error(what); }

private:
    std::unique_ptr<PageSource> first_;
    NhcbReader last_;
};

bool has_classic_names(const Labels& labels) {
    return std::all_of(labels.begin(), labels.end(), [](const Label& label) {
        return label.name == metric_name_label ? is_classic_metric_name(label.value)
                                               : is_classic_label_name(label.name);
    });
}

}  // namespace

Result<std::optional<Labels>> labels_of_line(const Labels& of_line, const Labels& target,
                                             const JobSettings& job) {
    LabelsBuilder builder(of_line);
    if (job.honor_labels) {
        for (const Label label : target)
            if (!of_line.has(label.name)) builder.set(label.name, label.value);
    } else {
        displace(of_line, target, builder);
    }
    if (!relabel(job.metric_relabel, builder)) return std::optional<Labels>();
    Labels labels = builder.build();
    if (labels.empty()) return std::optional<Labels>();
    if (!labels.has(metric_name_label))
        return fail(Fault::BadInput, "missing metric name (__name__ label)");
    if (job.classic_names_only && !has_classic_names(labels))
        return fail(Fault::BadInput,
                    fmt::format("invalid metric name or label names: {}", to_string(labels)));
    if (const Result<void> within = check_limits(labels, job); !within) return fail(within.error());
    return std::optional<Labels>(std::move(labels));
}

void PageSeries::Layout::add(std::string_view bytes, Line line) {
    line.begin = text.size();
    line.bytes = static_cast<std::uint32_t>(bytes.size());
    text += bytes;
    lines.push_back(line);
}

/// What is known while one page is taken.
struct PageSeries::Turn {
    std::string_view page;
    PageFormat format;
    const JobSettings& job;
    const Labels& target;
    Timestamp at;
    Batch& batch;

    PageSource& reader;
    Taken taken;
    std::size_t next = 0;  ///< where in the old layout the page stands
    bool changed = false;  ///< from here on `layout` grows
    bool new_comments = false;
    std::string histogram_refusal;  ///< of one that is over a limit: the page is not taken
    std::string type;               ///< of the family that is being read; known while `changed`
    Layout layout;
    std::unordered_map<std::string_view, std::size_t> by_text;  ///< of the old layout
    std::vector<SeriesRef> fresh;                               ///< resolved on this page
    std::vector<SeriesRef> untracked;                           ///< have times of their own now
};

Result<HistogramRef> limited(HistogramRef histogram, const JobSettings& job) {
    const auto buckets = [&] {
        return histogram->positive_buckets.size() + histogram->negative_buckets.size();
    };
    const auto lower_to = [&](std::int32_t schema) {
        histogram = std::make_shared<const Histogram>(at_schema(*histogram, schema));
    };
    const bool exponential = !uses_custom_buckets(*histogram);
    if (exponential && histogram->schema > job.histogram_schema_max)
        lower_to(job.histogram_schema_max);
    while (job.histogram_buckets_max > 0 && buckets() > job.histogram_buckets_max) {
        if (!exponential || histogram->schema <= exponential_schema_min)
            return fail(Fault::Limit, "histogram bucket limit exceeded");
        lower_to(histogram->schema - 1);
    }
    return histogram;
}

bool PageSeries::is_new_untimed(SeriesRef series, const Exemplar& exemplar) {
    const auto [known, is_new] = untimed_.try_emplace(series.id, exemplar);
    if (!is_new && known->second.labels == exemplar.labels && known->second.value == exemplar.value)
        return false;
    known->second = exemplar;
    return true;
}

/// Exemplars that have no time are as old as their sample.
Result<void> PageSeries::put_exemplars(Turn& turn, const PageItem& item, const Line& line,
                                       Timestamp at) {
    for (const PageExemplar& each : item.exemplars) {
        auto labels = read_exemplar_labels(each.labels);
        if (!labels) return fail(turn.reader.error(labels.error().message));
        Exemplar exemplar{std::move(*labels), each.at.value_or(at), each.value};
        if (!each.at && !is_new_untimed(line.series, exemplar)) continue;
        ++turn.taken.exemplars;
        turn.batch.exemplars.push_back(
            {line.series, std::move(exemplar.labels), exemplar.at, exemplar.value});
    }
    return {};
}

void PageSeries::put_zero(Turn& turn, const PageItem& item, const Line& line, Timestamp at) {
    if (!turn.job.created_zeros || *item.created >= at) return;
    const auto [known, is_new] = created_.try_emplace(line.series.id, *item.created);
    if (!is_new && known->second == *item.created) return;
    known->second = *item.created;
    Value zero = 0.0;
    if (item.histogram) {
        auto empty = std::make_shared<Histogram>();
        empty->reset_hint = Histogram::ResetHint::Reset;
        empty->schema = item.histogram->schema;
        empty->zero_threshold = item.histogram->zero_threshold;
        empty->custom_bounds = item.histogram->custom_bounds;
        zero = HistogramRef(std::move(empty));
    }
    zeros_.rows.push_back({line.series, {*item.created, std::move(zero)}});
}

Result<void> PageSeries::put(Turn& turn, const PageItem& item, Line& line) {
    ++turn.taken.scraped;
    if (line.fate == Fate::Dropped) return {};
    ++turn.taken.kept;
    if (line.fate == Fate::Refused) {
        ++turn.taken.refused;
        return {};
    }
    const bool own_time = item.at && turn.job.honor_timestamps;
    const bool ends = !own_time || turn.job.track_timestamps_staleness;
    if (line.ends && !ends) turn.untracked.push_back(line.series);
    line.ends = ends;
    const Timestamp at = own_time ? *item.at : turn.at;
    if (item.created) put_zero(turn, item, line, at);
    if (item.histogram) {
        auto histogram = limited(item.histogram, turn.job);
        if (!histogram) {  // the rest is counted all the same, as Prometheus does
            turn.histogram_refusal = histogram.error().message;
            return {};
        }
        turn.batch.rows.push_back({line.series, {at, std::move(*histogram)}});
    } else {
        turn.batch.rows.push_back({line.series, {at, item.value}});
    }
    return item.exemplars.empty() ? Result<void>() : put_exemplars(turn, item, line, at);
}

Result<void> PageSeries::resolve(Turn& turn, const PageItem& item, Line& line) {
    const Result<Labels> of_line = read_series(item.text);
    if (!of_line) return fail(turn.reader.error(of_line.error().message));
    line.fate = Fate::Dropped;
    if (item.histogram && !turn.job.native_histograms) return {};
    auto labels = labels_of_line(with_canonical_bounds(*of_line, turn.type), turn.target, turn.job);
    if (!labels) {
        ++turn.taken.scraped;  // it was read, only not kept
        return fail(labels.error());
    }
    if (!*labels) return {};
    const Result<SeriesRef> series = sink_.series(**labels);
    line.fate = series ? Fate::Stored : Fate::Refused;
    if (series) {
        line.series = *series;
        turn.fresh.push_back(*series);
    } else if (turn.taken.refusal.empty()) {
        turn.taken.refusal = series.error().message;
    }
    return {};
}

/// The page differs from here on: what stood before stays, the rest is written anew.
void PageSeries::begin_changed(Turn& turn) {
    turn.changed = true;
    const auto kept = static_cast<std::ptrdiff_t>(turn.next);
    turn.layout.lines.assign(lines_.begin(), lines_.begin() + kept);
    const std::size_t bytes = turn.next < lines_.size() ? lines_[turn.next].begin : text_.size();
    turn.layout.text.reserve(std::max(text_.size(), turn.page.size() / 2));
    turn.layout.text.assign(text_, 0, bytes);
    for (std::size_t i = turn.next; i > 0 && turn.type.empty(); --i)
        if (lines_[i - 1].fate == Fate::Comment)
            turn.type = type_said(turn.layout.of(turn.layout.lines[i - 1]), turn.format);
    for (std::size_t i = turn.next; i < lines_.size(); ++i)
        turn.by_text.emplace(std::string_view(text_).substr(lines_[i].begin, lines_[i].bytes), i);
}

Result<void> PageSeries::take_changed(Turn& turn, const PageItem& item) {
    Line line;
    const auto known = turn.by_text.find(item.text);
    if (known != turn.by_text.end()) {
        line = lines_[known->second];
        turn.next = known->second + 1;
    }
    if (item.kind == PageItem::Kind::Comment) {
        line.fate = Fate::Comment;
        if (std::string type = type_said(item.text, turn.format); !type.empty())
            turn.type = std::move(type);
        if (known == turn.by_text.end()) {
            turn.new_comments = true;
            if (auto comment = read_comment(item.text, turn.format); !comment)
                return fail(turn.reader.error(comment.error().message));
        }
    } else {
        // A budget that was spent may have room again.
        const bool unknown = known == turn.by_text.end() || line.fate == Fate::Refused;
        if (unknown)
            if (auto resolved = resolve(turn, item, line); !resolved) return resolved;
        if (auto done = put(turn, item, line); !done) return done;
    }
    turn.layout.add(item.text, line);
    return {};
}

Result<void> PageSeries::read(Turn& turn) {
    while (true) {
        const bool expects = turn.next < lines_.size();
        const std::string_view expected =
            expects
                ? std::string_view(text_).substr(lines_[turn.next].begin, lines_[turn.next].bytes)
                : std::string_view();
        const auto item = turn.reader.next(expected);
        if (!item) return fail(item.error());
        if (item->kind == PageItem::Kind::End) break;
        if (!turn.changed) {
            Line* line = expects && item->text == expected ? &lines_[turn.next] : nullptr;
            if (line != nullptr && line->fate != Fate::Refused) {
                ++turn.next;
                if (line->fate == Fate::Comment) continue;
                if (auto done = put(turn, *item, *line); !done) return done;
                continue;
            }
            begin_changed(turn);
        }
        if (auto taken = take_changed(turn, *item); !taken) return taken;
    }
    if (!turn.changed && turn.next < lines_.size()) begin_changed(turn);
    if (turn.job.samples_max > 0 && turn.taken.kept > turn.job.samples_max)
        return fail(Fault::Limit, "sample limit exceeded");
    if (!turn.histogram_refusal.empty()) return fail(Fault::Limit, turn.histogram_refusal);
    return {};
}

/// The page is taken: who is gone is said to be, and the layout becomes that of the page.
void PageSeries::finish(Turn& turn) {
    const auto mark = [&](SeriesRef series) {
        turn.batch.rows.push_back({series, {turn.at, stale_marker()}});
    };
    for (const SeriesRef series : turn.untracked) mark(series);
    if (!turn.changed) return;
    std::unordered_set<std::uint64_t> now, before;
    for (const Line& line : turn.layout.lines)
        if (line.fate == Fate::Stored) now.insert(line.series.id);
    for (const Line& line : lines_) {
        if (line.fate != Fate::Stored) continue;
        const bool first = before.insert(line.series.id).second;
        if (first && line.ends && !now.contains(line.series.id)) mark(line.series);
    }
    for (const SeriesRef series : turn.fresh)
        turn.taken.added += before.insert(series.id).second ? 1 : 0;
    text_ = std::move(turn.layout.text);
    lines_ = std::move(turn.layout.lines);
    text_.shrink_to_fit();
    lines_.shrink_to_fit();
    if (turn.new_comments) tell_metadata(turn.format);
}

void PageSeries::tell_metadata(PageFormat format) {
    std::map<std::string, MetricAbout> all;
    for (const Line& line : lines_) {
        if (line.fate != Fate::Comment) continue;
        auto comment = read_comment(std::string_view(text_).substr(line.begin, line.bytes), format);
        if (!comment) continue;
        MetricAbout& about = all[comment->metric];
        std::string& place = comment->kind == PageComment::Kind::Type   ? about.type
                             : comment->kind == PageComment::Kind::Unit ? about.unit
                                                                        : about.help;
        place = std::move(comment->text);
    }
    MetricsAbout list;
    for (auto& [metric, about] : all) {
        about.metric = metric;
        if (about.type.empty()) about.type = "unknown";
        sink_.metadata(metric, about.type, about.help, about.unit);
        list.push_back(std::move(about));
    }
    if (list != *about_) about_ = std::make_shared<const MetricsAbout>(std::move(list));
}

/// The sink forgot the numbers of its series: asks for them again.
void PageSeries::renew(const JobSettings& job, const Labels& target) {
    const std::uint64_t generation = sink_.generation();
    if (generation_ == generation) return;
    generation_ = generation;
    created_.clear();
    untimed_.clear();
    std::string type;
    for (Line& line : lines_) {
        const auto text = std::string_view(text_).substr(line.begin, line.bytes);
        if (line.fate == Fate::Comment)
            if (std::string said = type_said(text, format_); !said.empty()) type = std::move(said);
        if (line.fate != Fate::Stored) continue;
        line.fate = Fate::Refused;
        const Result<Labels> of_line = read_series(text);
        if (!of_line) continue;
        const auto labels = labels_of_line(with_canonical_bounds(*of_line, type), target, job);
        if (!labels || !*labels) continue;
        const Result<SeriesRef> series = sink_.series(**labels);
        if (!series) continue;
        line.fate = Fate::Stored;
        line.series = *series;
    }
}

std::unique_ptr<PageSource> PageSeries::source_of(std::string_view page, PageFormat format,
                                                  const JobSettings& job) const {
    std::unique_ptr<PageSource> source;
    if (format == PageFormat::Protobuf)
        source = std::make_unique<ProtoReader>(page, job.always_classic);
    else if (format == PageFormat::OpenMetrics && job.created_zeros)
        source = std::make_unique<CreatedReader>(page);
    else
        source = std::make_unique<PageReader>(page, format);
    if (!job.classic_to_native) return source;
    return std::make_unique<Chain>(std::move(source), format, job.always_classic);
}

Taken PageSeries::take(std::string_view page, PageFormat format, const JobSettings& job,
                       const Labels& target, Timestamp at, Batch& batch) {
    renew(job, target);
    const std::size_t rows_before = batch.rows.size(), exemplars_before = batch.exemplars.size();
    const auto source = source_of(page, format, job);
    zeros_ = {};
    Turn turn{page, format, job, target, at, batch, *source};
    if (std::exchange(looks_anew_, false) || format != format_) {
        // Old lines still say what there was, and are found by nobody.
        turn.next = lines_.size();
        turn.changed = true;
        format_ = format;
    }
    batch.rows.reserve(rows_before + lines_.size() + 8);
    if (auto done = read(turn); !done) {
        batch.rows.resize(rows_before);
        batch.exemplars.resize(exemplars_before);
        zeros_ = {};
        end(job, target, at, batch);
        turn.taken.error = done.error().message;
        turn.taken.added = 0;
        return std::move(turn.taken);
    }
    finish(turn);
    return std::move(turn.taken);
}

void PageSeries::end(const JobSettings& job, const Labels& target, Timestamp at, Batch& batch) {
    renew(job, target);
    for (const Line& line : lines_)
        if (line.fate == Fate::Stored && line.ends)
            batch.rows.push_back({line.series, {at, stale_marker()}});
    lines_ = {};
    text_ = {};
}

}  // namespace vedette::scrape
