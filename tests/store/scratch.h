#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_files.h"
#include "tests/support/memory_source.h"

namespace vedette::store {

/// A store in memory that a test can close and open again, with what one says to it in one line
/// each.
class Scratch {
public:
    explicit Scratch(StoreSettings settings_ = {}) : settings(settings_) {
        settings.lock_folder = false;
        settings.own_thread = false;
    }

    Result<void> open(Files& with) {
        store.reset();
        metrics = std::make_unique<Metrics>();
        auto opened = Store::open(with, "data", settings, clock, log, *metrics);
        if (!opened) return fail(opened.error());
        store = std::move(*opened);
        return {};
    }
    Result<void> open() { return open(files); }

    SeriesRef ref(std::string_view name) {
        auto made = store->series(series_name(name));
        check(made.has_value(), "the test's series can be made");
        return *made;
    }
    /// Appends one sample, `at` milliseconds after 1970.
    Result<Appended> add(std::string_view name, std::int64_t at, Value value) {
        Batch batch;
        batch.rows.push_back({ref(name), {{at}, std::move(value)}});
        return store->append(batch);
    }

    /// What a select yields, a line for each series: `up{job="a"} 1@1000 2@2000`.
    std::string read(std::vector<Matcher> matchers, Window window = {{-1}, {std::int64_t{1} << 60}},
                     Hints hints = {}) {
        auto cursor = store->select(matchers, window, hints, {});
        if (!cursor)
            return std::string(to_string(cursor.error().fault)) + ": " + cursor.error().message;
        std::string out;
        Column column;
        while ((*cursor)->next(column)) {
            out += to_string(*column.labels);
            for (std::size_t i = 0; i < column.times.size(); ++i) {
                const bool histogram = !column.histograms.empty() && column.histograms[i];
                const double value = histogram ? column.histograms[i]->count : column.floats[i];
                out += (histogram ? " h" : " ") +
                       (is_stale(value) ? std::string("stale") : format_value(value)) + "@" +
                       std::to_string(column.times[i].ms);
            }
            out += '\n';
        }
        return out;
    }
    std::string read_all() { return read({{Matcher::Op::NotEqual, "__name__", ""}}); }

    MemoryFiles files;
    ManualClock clock;
    Log log{LogSettings{.level = LogLevel::Error, .file = "/dev/null"}};
    std::unique_ptr<Metrics> metrics;
    StoreSettings settings;
    std::unique_ptr<Store> store;
};

}  // namespace vedette::store
