#pragma once

#include <string>
#include <vector>

#include "core/series.h"

namespace vedette {

/// A sink that keeps what it was given, and can be told to have no room.
class SpySink final : public SampleSink {
public:
    Result<SeriesRef> series(const Labels& labels) override {
        if (full)
            return fail(Fault::Limit, "the store holds its 2 series; raise storage.series_max");
        if (!full_job.empty() && labels.get("job") == full_job)
            return fail(Fault::Refused, "the job " + full_job + " holds its 2 series");
        seen.push_back(labels);
        return SeriesRef{seen.size()};
    }
    std::uint64_t generation() const override { return 1; }
    void metadata(std::string_view metric, std::string_view type, std::string_view,
                  std::string_view) override {
        metadata_seen.push_back(std::string(metric) + " " + std::string(type));
    }
    Result<Appended> append(const Batch& batch) override {
        batches.push_back(batch);
        return answer;
    }

    std::vector<Labels> seen;
    std::vector<Batch> batches;
    std::vector<std::string> metadata_seen;
    Appended answer;
    bool full = false;
    std::string full_job;  ///< refused alone
};

}  // namespace vedette
