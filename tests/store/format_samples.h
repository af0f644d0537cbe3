#pragma once

#include <cmath>
#include <memory>
#include <string_view>

#include "store/store.h"

namespace vedette::store {

// What the folders under recorded/format-N hold: 4 series of 310 samples and one of 78 histograms,
// every 15 s. Never to be changed: the folders were written by programs that are gone.

inline constexpr std::int64_t recorded_begin_ms = 1'790'000'000'000;
inline constexpr int recorded_scrapes = 310, recorded_before_checkpoint = 300;

inline double recorded_value(std::string_view name, int i) {
    if (name == "counter_total") return i * 7 + i % 5;
    if (name == "gauge") return (i * 37 % 1000) / 10.0;
    if (name == "ratio") return std::ldexp(static_cast<double>(i * 2654435761u % 1000003), -19) / 3;
    return i % 50 == 49 ? stale_marker() : 1;
}

inline Timestamp recorded_at(int i) {
    return {recorded_begin_ms + i * 15'000};
}

/// False when a series or a sample is not taken.
inline bool add_recorded_scrape(Store& store, int i) {
    Batch batch;
    const auto add = [&](const char* name, Value value) {
        const auto ref = store.series({{"__name__", name}, {"job", "old"}});
        if (ref) batch.rows.push_back({*ref, {recorded_at(i), std::move(value)}});
        return ref.has_value();
    };
    for (const char* name : {"counter_total", "gauge", "ratio", "ends_often"})
        if (!add(name, recorded_value(name, i))) return false;
    if (i % 4 == 0) {
        auto made = std::make_shared<Histogram>();
        made->count = i + 3;
        if (!add("seconds", HistogramRef(made))) return false;
    }
    const auto appended = store.append(batch);
    return appended && appended->stored == batch.rows.size();
}

}  // namespace vedette::store
