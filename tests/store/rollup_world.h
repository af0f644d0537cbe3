#pragma once

// A store that rolls up what it throws away, beside one that keeps every sample.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <optional>
#include <random>

#include "promql/engine.h"
#include "promql/syntax/parse.h"
#include "store/matching.h"
#include "tests/store/scratch.h"

namespace vedette::store {

inline constexpr std::int64_t hour = 3'600'000;
inline constexpr std::int64_t day = 24 * hour;
inline constexpr std::int64_t begin_ms = 1'789'948'800'000;  // midnight

inline StoreSettings short_lived(Milliseconds retention = std::chrono::hours(24 * 3)) {
    StoreSettings settings;
    settings.retention = retention;
    return settings;
}

inline HistogramRef counted(double count) {
    auto histogram = std::make_shared<Histogram>();
    histogram->count = histogram->sum = count;
    histogram->positive_spans = {{0, 1}};
    histogram->positive_buckets = {count};
    return histogram;
}

/// A platform of few series: a counter with resets, a gauge with NaN, one that comes and goes, one
/// that goes silently, one of histograms.
class World {
public:
    explicit World(StoreSettings settings = short_lived()) : it(settings) { REQUIRE(it.open()); }

    void live(Milliseconds until, Milliseconds every, bool maintained = true) {
        for (; at_ < begin_ms + until.count(); at_ += every.count()) {
            it.clock.wind(Timestamp{at_} - it.clock.now());
            step();
            if (maintained && ++steps_ % 16 == 0) REQUIRE(it.store->maintain());
        }
    }

    /// What both say; empty when it is the same. Sums may differ in their last bits.
    std::string difference(const std::string& query, std::int64_t start, std::int64_t end,
                           Milliseconds step, std::vector<std::string>* notes = nullptr) {
        const auto a = ask(*it.store, query, start, end, step);
        const auto b = ask(twin(), query, start, end, step);
        if (!a || !b) return "no answer";
        if (notes != nullptr) {
            *notes = a->infos;
            notes->insert(notes->end(), a->warnings.begin(), a->warnings.end());
        }
        if (a->series.size() != b->series.size())
            return std::to_string(a->series.size()) + " series instead of " +
                   std::to_string(b->series.size());
        for (std::size_t i = 0; i < a->series.size(); ++i)
            if (auto text = difference(a->series[i], b->series[i]); !text.empty())
                return to_string(a->series[i].labels) + text;
        return {};
    }

    Result<QueryResult> ask(SeriesSource& source, const std::string& query, std::int64_t start,
                            std::int64_t end, Milliseconds step) {
        const auto expr = promql::parse(query);
        REQUIRE(expr);
        if (step == Milliseconds(0)) return engine.instant(**expr, {start}, source);
        return engine.range(**expr, {start}, {end}, step, source);
    }

    std::string answer(const std::string& query, std::int64_t at) {
        const auto found = ask(*it.store, query, at, at, Milliseconds(0));
        REQUIRE(found);
        std::string out;
        for (const auto& series : found->series)
            for (const Sample& sample : series.samples)
                out += to_string(series.labels) + " " +
                       format_value(std::get<double>(sample.value)) + "\n";
        for (const auto& note : found->infos) out += note + "\n";
        for (const auto& note : found->warnings) out += note + "\n";
        return out;
    }

    void add(Batch& batch, std::string_view name, Value value) {
        batch.rows.push_back({it.ref(name), {{at_}, value}});
        remember(name, at_, value);
    }
    /// The twin has it, where it has no sample of that time.
    void remember(std::string_view name, std::int64_t at, Value value) {
        all_[series_name(name)].try_emplace(at, std::move(value));
        twin_.reset();
    }
    void forget(const std::vector<Matcher>& selector, Window window) {
        const auto has = [&](const Labels& labels) {
            return std::all_of(selector.begin(), selector.end(), [&](const Matcher& matcher) {
                return ReadyMatcher::make(matcher)->holds(labels.get(matcher.name));
            });
        };
        for (auto& [labels, samples] : all_)
            if (has(labels))
                std::erase_if(samples,
                              [&](const auto& each) { return window.holds({each.first}); });
        twin_.reset();
    }
    MemorySource& twin() {
        if (twin_) return *twin_;
        twin_.emplace();
        for (const auto& [labels, samples] : all_)
            for (const auto& [at, value] : samples) twin_->add(labels, {at}, value);
        return *twin_;
    }

    Scratch it;
    promql::Engine engine{{}, it.clock};

private:
    void step() {
        Batch batch;
        counter_ = random_() % 300 == 0 ? 0 : counter_ + double(random_() % 20);
        add(batch, "requests_total{job=\"a\"}", counter_);
        const double wave = std::round(500 + 400 * std::sin(double(at_) / 1e7)) / 10;
        add(batch, "temperature", random_() % 90 == 0 ? std::nan("") : wave);
        const std::int64_t of_day = at_ % day;
        if (of_day < 6 * hour)
            add(batch, "night{job=\"b\"}", double(of_day) / 1000);
        else if (of_day < 6 * hour + 30 * 60'000)
            add(batch, "night{job=\"b\"}", stale_marker());
        if (of_day > 12 * hour) add(batch, "silent", 3.0);
        if (histograms) add(batch, "seconds", counted(counter_));
        REQUIRE(it.store->append(batch));
    }

    static std::string difference(const QueryResult::Series& a, const QueryResult::Series& b) {
        if (a.labels != b.labels) return " is not " + to_string(b.labels);
        if (a.samples.size() != b.samples.size())
            return " has " + std::to_string(a.samples.size()) + " samples instead of " +
                   std::to_string(b.samples.size());
        for (std::size_t i = 0; i < a.samples.size(); ++i) {
            const double x = std::get<double>(a.samples[i].value);
            const double y = std::get<double>(b.samples[i].value);
            const bool same = (std::isnan(x) && std::isnan(y)) || x == y ||
                              std::abs(x - y) <= 1e-12 * std::max(std::abs(x), std::abs(y));
            if (a.samples[i].at != b.samples[i].at || !same)
                return " " + format_value(x) + "@" + std::to_string(a.samples[i].at.ms) +
                       " instead of " + format_value(y) + "@" + std::to_string(b.samples[i].at.ms);
        }
        return {};
    }

    std::map<Labels, std::map<std::int64_t, Value>> all_;
    std::optional<MemorySource> twin_;
    std::mt19937 random_{5};
    std::int64_t at_ = begin_ms + 7000;
    std::uint64_t steps_ = 0;
    double counter_ = 0;

public:
    bool histograms = false;
};

inline const std::vector<std::string>& exact_queries() {
    static const std::vector<std::string> all{
        "requests_total",
        "timestamp(requests_total)",
        "temperature",
        "night",
        "silent",
        "rate(requests_total[RANGE])",
        "increase(requests_total[RANGE])",
        "delta(temperature[RANGE])",
        "min_over_time(temperature[RANGE])",
        "max_over_time({__name__=~\"temperature|night\"}[RANGE])",
        "sum_over_time({__name__=~\"temperature|night|requests_total\"}[RANGE])",
        "avg_over_time({__name__=~\"temperature|night|requests_total\"}[RANGE])",
        "count_over_time({__name__=~\"temperature|night|requests_total\"}[RANGE])",
        "count_over_time(silent[RANGE])",
        "last_over_time({__name__=~\".+\"}[RANGE])",
        "present_over_time(night[RANGE])",
        "absent_over_time(night[RANGE])",
        "sum(rate(requests_total[RANGE] offset 1d)) / 2",
        "max_over_time(rate(requests_total[RANGE])[12h:2h])",
    };
    return all;
}

inline std::vector<std::string> files_of(World& world, const std::string& resolution) {
    return world.it.files.list("data/rollups/" + resolution).value();
}

inline std::string with_range(std::string query, const std::string& range) {
    for (std::size_t at; (at = query.find("RANGE")) != query.npos;) query.replace(at, 5, range);
    return query;
}

}  // namespace vedette::store
