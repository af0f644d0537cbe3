#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/histogram.h"
#include "core/mutex.h"
#include "core/sample.h"
#include "core/series.h"

namespace vedette {

/// A sink that remembers what it was told, and refuses what a test asks it to. Safe between
/// threads.
class SpySampleSink final : public SampleSink {
public:
    Result<SeriesRef> series(const Labels& labels) override {
        const Lock lock(mutex_);
        ++series_asked_;
        if (series_.size() >= series_max_ && !series_.contains(labels))
            return fail(Fault::Limit, "the budget of series is spent");
        const auto at = series_.try_emplace(labels, SeriesRef{series_.size() + 1}).first;
        by_ref_[at->second] = labels;
        return at->second;
    }
    std::uint64_t generation() const override {
        const Lock lock(mutex_);
        return generation_;
    }
    void metadata(std::string_view metric, std::string_view type, std::string_view help,
                  std::string_view) override {
        const Lock lock(mutex_);
        metadata_[std::string(metric)] = std::string(type) + ": " + std::string(help);
    }
    Result<Appended> append(const Batch& batch) override {
        const Lock lock(mutex_);
        if (!append_failure_.empty()) return fail(Fault::Unavailable, append_failure_);
        std::vector<std::string> lines;
        for (const Batch::Row& row : batch.rows) {
            const auto* histogram = std::get_if<HistogramRef>(&row.sample.value);
            lines.push_back(to_string(by_ref_.at(row.series)) + ' ' +
                            (histogram != nullptr ? to_string(**histogram)
                             : is_stale(row.sample.value)
                                 ? "stale"
                                 : format_value(std::get<double>(row.sample.value))) +
                            " @" + std::to_string(row.sample.at.ms));
        }
        for (const Batch::Exemplar& exemplar : batch.exemplars)
            lines.push_back(to_string(by_ref_.at(exemplar.series)) + " # " +
                            to_string(exemplar.labels) + ' ' + format_value(exemplar.value) + " @" +
                            std::to_string(exemplar.at.ms));
        batches_.push_back(std::move(lines));
        return Appended{.stored = batch.rows.size(), .first_rejection = {}};
    }

    /// Each batch as lines: `up{instance="a", job="b"} 1 @1790000000000`, `… stale @…`; exemplars
    /// behind all samples: `… # {trace_id="x"} 1 @…`.
    std::vector<std::vector<std::string>> batches() const {
        const Lock lock(mutex_);
        return batches_;
    }
    std::size_t series_asked() const {
        const Lock lock(mutex_);
        return series_asked_;
    }
    std::map<std::string, std::string> metadata_seen() const {
        const Lock lock(mutex_);
        return metadata_;
    }
    void clear() {
        const Lock lock(mutex_);
        batches_.clear();
    }
    /// Forgets all references, as a store does that was truncated.
    void new_generation() {
        const Lock lock(mutex_);
        ++generation_;
        series_.clear();
        by_ref_.clear();
    }
    void allow_series(std::size_t series_max) {
        const Lock lock(mutex_);
        series_max_ = series_max;
    }
    /// Empty: appending works again.
    void fail_appends(std::string message) {
        const Lock lock(mutex_);
        append_failure_ = std::move(message);
    }

private:
    mutable Mutex mutex_;
    std::map<Labels, SeriesRef> series_ VEDETTE_GUARDED_BY(mutex_);
    std::map<SeriesRef, Labels> by_ref_ VEDETTE_GUARDED_BY(mutex_);
    std::map<std::string, std::string> metadata_ VEDETTE_GUARDED_BY(mutex_);
    std::vector<std::vector<std::string>> batches_ VEDETTE_GUARDED_BY(mutex_);
    std::uint64_t generation_ VEDETTE_GUARDED_BY(mutex_) = 1;
    std::size_t series_asked_ VEDETTE_GUARDED_BY(mutex_) = 0;
    std::size_t series_max_ VEDETTE_GUARDED_BY(mutex_) = 1'000'000;
    std::string append_failure_ VEDETTE_GUARDED_BY(mutex_);
};

}  // namespace vedette
