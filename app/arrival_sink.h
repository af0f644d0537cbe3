#pragma once

#include <functional>
#include <utility>

#include "core/series.h"

namespace vedette::app {

/// A sink that says when a batch was taken, after it was: what rules that wait for samples hear.
/// Rules write past it, so that none wakes itself. Safe to call from any thread when `tell` is.
class ArrivalSink final : public SampleSink {
public:
    ArrivalSink(SampleSink& sink, std::function<void()> tell)
        : sink_(sink), tell_(std::move(tell)) {}

    Result<SeriesRef> series(const Labels& labels) override { return sink_.series(labels); }
    std::uint64_t generation() const override { return sink_.generation(); }
    void metadata(std::string_view metric, std::string_view type, std::string_view help,
                  std::string_view unit) override {
        sink_.metadata(metric, type, help, unit);
    }
    Result<Appended> append(const Batch& batch) override {
        Result<Appended> taken = sink_.append(batch);
        if (taken && taken->stored > 0) tell_();
        return taken;
    }

private:
    SampleSink& sink_;
    std::function<void()> tell_;
};

}  // namespace vedette::app
