#include "rules/recorder.h"

#include <optional>

namespace vedette::rules {

Result<Appended> Recorder::write(SampleSink& sink, const std::vector<Recorded>& rows,
                                 Timestamp at) {
    Batch batch;
    std::set<Labels> now;
    std::optional<Error> refused;
    for (const auto& row : rows) {
        const auto series = sink.series(row.labels);
        if (!series) {
            if (!refused) refused = series.error();
            continue;
        }
        batch.rows.push_back({*series, {at, row.value}});
        now.insert(row.labels);
    }
    for (const Labels& labels : before_) {
        if (now.count(labels) > 0) continue;
        const auto series = sink.series(labels);
        if (series) batch.rows.push_back({*series, {at, Value(stale_marker())}});
    }
    Appended appended;
    if (!batch.rows.empty()) {
        auto taken = sink.append(batch);
        if (!taken) return taken;
        appended = *std::move(taken);
    }
    before_ = std::move(now);
    if (refused) return fail(*std::move(refused));
    return appended;
}

void Recorder::leave_to(const Recorder& other) {
    for (const Labels& labels : other.before_) before_.erase(labels);
}

}  // namespace vedette::rules
