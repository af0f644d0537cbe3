#include "probes/series_writer.h"

#include <algorithm>
#include <utility>

namespace vedette::probes {

Labels joined(const Labels& target, const Labels& own) {
    if (own.empty()) return target;
    if (target.empty()) return own;
    LabelsBuilder all(target);
    for (const Label label : own) {
        const bool taken = target.has(label.name);
        all.set(taken ? "exported_" + std::string(label.name) : std::string(label.name),
                label.value);
    }
    return all.build();
}

void FamilyCollector::add(std::string_view name, std::string_view help, Labels labels,
                          double value) {
    auto at = families_.find(name);
    if (at == families_.end()) {
        MetricFamily family{std::string(name), MetricFamily::Type::Gauge, std::string(help), {}};
        at = families_.emplace(std::string(name), std::move(family)).first;
    }
    MetricFamily::Point point;
    point.labels = std::move(labels);
    point.value = value;
    at->second.points.push_back(std::move(point));
}

std::vector<MetricFamily> FamilyCollector::take() {
    std::vector<MetricFamily> out;
    out.reserve(families_.size());
    for (auto& [name, family] : families_) out.push_back(std::move(family));
    families_.clear();
    return out;
}

namespace {

constexpr std::string_view rejected_name = "vedette_probe_samples_rejected_total";
constexpr std::string_view rejected_help =
    "Samples of probes that the store did not take, by reason";

bool is_of(const Line& line, const Reading::Metric& metric) {
    return line.metric->name == metric.name && line.own == metric.labels;
}

}  // namespace

SeriesWriter::SeriesWriter(SampleSink& sink, Log& log, Metrics& metrics)
    : sink_(sink),
      log_(log),
      stored_(metrics.counter("vedette_probe_samples_total", "Samples of probes that were stored")),
      refused_series_(metrics.counter(rejected_name, rejected_help, {{"reason", "series"}})),
      refused_batches_(metrics.counter(rejected_name, rejected_help, {{"reason", "batch"}})),
      out_of_order_(metrics.counter(rejected_name, rejected_help, {{"reason", "out_of_order"}})),
      duplicate_(metrics.counter(rejected_name, rejected_help, {{"reason", "duplicate"}})),
      too_old_(metrics.counter(rejected_name, rejected_help, {{"reason", "too_old"}})) {}

const MetricInfo* SeriesWriter::info(const Reading::Metric& metric) {
    const auto at = infos_.find(metric.name);
    if (at != infos_.end()) return &at->second;
    sink_.metadata(metric.name, "gauge", metric.help, "");
    std::string name(metric.name);
    MetricInfo info{name, std::string(metric.help)};
    return &infos_.emplace(std::move(name), std::move(info)).first->second;
}

void SeriesWriter::ask_for_series(Line& line, const Labels& target) {
    LabelsBuilder labels(joined(target, line.own));
    labels.set(metric_name_label, line.metric->name);
    const auto series = sink_.series(labels.build());
    line.stored = series.has_value();
    if (series) {
        line.series = *series;
        return;
    }
    refused_series_.add();
    log_.warn("a series of a probe is not stored", {{"metric", line.metric->name},
                                                    {"target", target.get("instance")},
                                                    {"reason", series.error().message}});
}

Line SeriesWriter::find_line(std::vector<Line>& old, const Reading::Metric& metric) {
    for (Line& line : old) {
        if (line.metric == nullptr || !is_of(line, metric)) continue;
        return std::exchange(line, Line{});  // without a metric: taken
    }
    Line line;
    line.metric = info(metric);
    line.own = metric.labels;
    return line;  // not yet stored: `prepare` asks for its series
}

void SeriesWriter::rearrange(TargetSeries& series, Timestamp at,
                             const std::vector<Reading::Metric>& metrics) {
    std::vector<Line> old = std::exchange(series.lines, {});
    series.lines.reserve(metrics.size());
    for (const Reading::Metric& metric : metrics) {
        const bool twice =
            std::any_of(series.lines.begin(), series.lines.end(), [&](const Line& line) {
                return is_of(line, metric);
            });
        if (!twice) series.lines.push_back(find_line(old, metric));
    }
    for (const Line& gone : old)
        if (gone.metric != nullptr && gone.stored)
            batch_.rows.push_back({gone.series, {at, stale_marker()}});
}

void SeriesWriter::renew(TargetSeries& series, const Labels& target) {
    const std::uint64_t generation = sink_.generation();
    if (series.generation == generation) return;
    for (Line& line : series.lines)
        if (line.stored) ask_for_series(line, target);
    series.generation = generation;
}

void SeriesWriter::prepare(TargetSeries& series, const Labels& target, Timestamp at,
                           const std::vector<Reading::Metric>& metrics) {
    batch_.rows.clear();
    renew(series, target);
    const bool steady =
        std::equal(metrics.begin(), metrics.end(), series.lines.begin(), series.lines.end(),
                   [](const Reading::Metric& metric, const Line& line) {
                       return is_of(line, metric);
                   });
    if (!steady) rearrange(series, at, metrics);
    // After `rearrange` lines are in the order of the metrics, less those that came twice.
    std::size_t next = 0;
    for (Line& line : series.lines) {
        while (!steady && !is_of(line, metrics[next])) ++next;
        line.value = metrics[next++].value;
        // A budget that was spent may have room again; each sample it costs is counted.
        if (!line.stored) ask_for_series(line, target);
        if (line.stored) batch_.rows.push_back({line.series, {at, line.value}});
    }
}

void SeriesWriter::prepare_end(TargetSeries& series, const Labels& target, Timestamp at) {
    batch_.rows.clear();
    renew(series, target);
    for (const Line& line : series.lines)
        if (line.stored) batch_.rows.push_back({line.series, {at, stale_marker()}});
    series.lines.clear();
}

void SeriesWriter::commit() {
    if (batch_.rows.empty()) return;
    const auto appended = sink_.append(batch_);
    if (!appended) {
        refused_batches_.add(static_cast<double>(batch_.rows.size()));
        log_.warn("a reading is not stored", {{"reason", appended.error().message}});
        return;
    }
    stored_.add(static_cast<double>(appended->stored));
    if (appended->first_rejection.empty()) return;
    out_of_order_.add(static_cast<double>(appended->out_of_order));
    duplicate_.add(static_cast<double>(appended->duplicate));
    too_old_.add(static_cast<double>(appended->too_old));
    log_.warn("samples of a reading are not stored", {{"reason", appended->first_rejection}});
}

}  // namespace vedette::probes
