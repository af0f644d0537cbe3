#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "core/labels.h"
#include "core/metric_family.h"
#include "core/reading.h"
#include "core/series.h"
#include "core/time.h"

namespace vedette::probes {

/// The labels of a target and those a metric brings itself. Where both have one name the target's
/// counts, and the metric's is kept as `exported_<name>`, as in a scrape.
Labels joined(const Labels& target, const Labels& own);

/// Puts single values together into families, sorted by name.
class FamilyCollector {
public:
    void add(std::string_view name, std::string_view help, Labels labels, double value);
    std::vector<MetricFamily> take();

private:
    std::map<std::string, MetricFamily, std::less<>> families_;
};

/// What all series of one metric share.
struct MetricInfo {
    std::string name, help;
};

/// One series of a target as it was last written.
struct Line {
    const MetricInfo* metric = nullptr;  // of the writer, which outlives it
    Labels own;
    SeriesRef series;
    bool stored = false;  // false: the sink refused the series
    double value = 0;
};

/// The series of one target, in the order of its last reading.
struct TargetSeries {
    std::vector<Line> lines;
    std::uint64_t generation = 0;
};

/// Turns readings into batches: one reading, one batch.
///
/// A steady probe brings the same metrics in the same order, so its series are known by position
/// and nothing is hashed. A metric that is gone since the last reading gets a stale marker in the
/// batch. What the sink refuses is counted and logged, and asked for again with the next reading.
/// On the loop's thread only.
class SeriesWriter {
public:
    SeriesWriter(SampleSink& sink, Log& log, Metrics& metrics);

    /// Brings `series` up to date with a reading and fills the batch for `commit`. Of metrics that
    /// come twice the first counts.
    void prepare(TargetSeries& series, const Labels& target, Timestamp at,
                 const std::vector<Reading::Metric>& metrics);
    /// Stale markers for all of it, to be committed as a batch.
    void prepare_end(TargetSeries& series, const Labels& target, Timestamp at);
    /// Hands the prepared batch to the sink.
    void commit();

private:
    const MetricInfo* info(const Reading::Metric& metric);
    /// The line of a metric that stands elsewhere in `old`, or a new one.
    Line find_line(std::vector<Line>& old, const Reading::Metric& metric);
    void ask_for_series(Line& line, const Labels& target);
    void rearrange(TargetSeries& series, Timestamp at, const std::vector<Reading::Metric>& metrics);
    void renew(TargetSeries& series, const Labels& target);

    SampleSink& sink_;
    Log& log_;
    Counter& stored_;
    Counter& refused_series_;
    Counter& refused_batches_;
    Counter& out_of_order_;
    Counter& duplicate_;
    Counter& too_old_;
    std::map<std::string, MetricInfo, std::less<>> infos_;  // nodes never move
    Batch batch_;
};

}  // namespace vedette::probes
