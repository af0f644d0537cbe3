// A store beside a map that anybody can check by looking at it: samples in order and out of order,
// deletions, cuts, compactions, restarts, in any sequence. Another seed: VEDETTE_SEED=… ; longer:
// VEDETTE_STEPS=…

#include <catch2/catch.hpp>
#include <cstdlib>
#include <map>
#include <random>

#include "tests/store/scratch.h"

namespace vedette::store {
namespace {

using Op = Matcher::Op;

constexpr std::int64_t begin_ms = 1'790'000'100'000;
constexpr std::int64_t window_ms = 240'000;

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text != nullptr ? std::stoull(text) : otherwise;
}

/// What a store is, said plainly.
class Plain {
public:
    using Series = std::map<std::int64_t, Value>;

    /// Of two at one time the first one holds.
    void add(const std::string& name, std::int64_t at, const Value& value) {
        all_[name].emplace(at, value);
        newest_ = std::max(newest_, at);
    }
    void erase(const std::string& name, std::int64_t from, std::int64_t to) {
        Series& series = all_[name];
        series.erase(series.upper_bound(from), series.upper_bound(to));
    }
    std::int64_t newest() const { return newest_; }
    std::string read(const std::string& name, std::int64_t from, std::int64_t to, bool latest) {
        std::string out;
        const Series& series = all_[name];
        for (auto at = series.upper_bound(from); at != series.upper_bound(to); ++at) {
            const auto* histogram = std::get_if<HistogramRef>(&at->second);
            const double value = histogram != nullptr ? (*histogram)->count
                                                      : std::get<double>(at->second);
            if (latest) out.clear();
            out += (histogram != nullptr ? " h" : " ") +
                   (is_stale(value) ? std::string("stale") : format_value(value)) + "@" +
                   std::to_string(at->first);
        }
        return out.empty() ? out : name + out + "\n";
    }

private:
    std::map<std::string, Series> all_;
    std::int64_t newest_ = begin_ms;
};

class Walk {
public:
    explicit Walk(std::uint64_t seed) : random_(seed), it_(settings()) { REQUIRE(it_.open()); }

    void step() {
        const std::uint64_t what = random_() % 100;
        if (what < 50) return in_order();
        if (what < 75) return late();
        if (what < 80) return erase();
        if (what < 90) return compare();
        if (what < 95) return maintain();
        if (what < 97) return restart();
        if (what < 98) return clean();
        if (what < 99) REQUIRE(it_.store->checkpoint());
    }
    void compare_all() {
        for (const std::string& name : names_) compare(name, 0, begin_ms * 2, false);
    }

private:
    static StoreSettings settings() {
        StoreSettings settings;
        settings.block_range = std::chrono::minutes(1);
        settings.retention = std::chrono::hours(24);
        settings.out_of_order_window = Milliseconds(window_ms);
        return settings;
    }

    std::int64_t below(std::int64_t end) {
        return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(end));
    }
    const std::string& any_name() { return names_[random_() % names_.size()]; }

    Value any_value(const std::string& name) {
        if (name == "h") {
            auto histogram = std::make_shared<Histogram>();
            histogram->count = static_cast<double>(below(50));
            histogram->positive_spans = {{0, 1}};
            histogram->positive_buckets = {histogram->count};
            return HistogramRef(std::move(histogram));
        }
        if (below(20) == 0) return stale_marker();
        return static_cast<double>(below(1000)) / 10;
    }

    void in_order() {
        now_ms_ += 500 * (1 + below(6));
        it_.clock.wind(Timestamp{now_ms_} - it_.clock.now());
        Batch batch;
        for (const std::string& name : names_)
            if (below(10) > 1) put(batch, name, now_ms_);
        append(batch);
    }

    /// Some rows of a batch are late; some by more than the window.
    void late() {
        Batch batch;
        for (std::int64_t rows = 1 + below(4); rows > 0; --rows) {
            const std::int64_t by = below(8) == 0 ? window_ms + below(window_ms) : below(window_ms);
            put(batch, any_name(), now_ms_ - (by - by % 500));
        }
        append(batch);
    }

    void put(Batch& batch, const std::string& name, std::int64_t at) {
        batch.rows.push_back({it_.ref(name), {{at}, any_value(name)}});
        row_names_.push_back(name);
    }

    void append(const Batch& batch) {
        const auto names = std::move(row_names_);
        row_names_.clear();
        // One row at a time, half of the time: what becomes of each is known then.
        if (below(2) == 0) {
            for (std::size_t i = 0; i < batch.rows.size(); ++i) {
                Batch one;
                one.rows.push_back(batch.rows[i]);
                take(one, {names[i]});
            }
            return;
        }
        // Rows beyond the window may be taken as the first of their series, so none is among them.
        Batch inside;
        std::vector<std::string> inside_names;
        for (std::size_t i = 0; i < batch.rows.size(); ++i) {
            if (batch.rows[i].sample.at.ms < plain_.newest() - window_ms) continue;
            inside.rows.push_back(batch.rows[i]);
            inside_names.push_back(names[i]);
        }
        if (!inside.rows.empty()) take(inside, inside_names);
    }

    void take(const Batch& batch, const std::vector<std::string>& names) {
        const auto appended = it_.store->append(batch);
        REQUIRE(appended);
        for (std::size_t i = 0; i < batch.rows.size(); ++i) {
            const Sample& sample = batch.rows[i].sample;
            const bool old = sample.at.ms < plain_.newest() - window_ms;
            CAPTURE(names[i], sample.at.ms, plain_.newest());
            if (!old) REQUIRE(appended->out_of_order + appended->too_old == 0);
            if (!old || appended->stored == 1) plain_.add(names[i], sample.at.ms, sample.value);
        }
    }

    void erase() {
        const std::string& name = any_name();
        const std::int64_t from = now_ms_ - below(600'000), to = from + below(60'000);
        const bool all = below(4) == 0;
        const Matcher one{Op::Equal, "__name__", name}, every{Op::NotEqual, "__name__", ""};
        REQUIRE(it_.store->erase({{all ? every : one}}, {{from}, {to}}));
        for (const std::string& each : names_)
            if (all || each == name) plain_.erase(each, from, to);
    }

    void compare() {
        const std::int64_t from = now_ms_ - below(900'000);
        compare(any_name(), from, from + below(400'000), below(3) == 0);
    }
    void compare(const std::string& name, std::int64_t from, std::int64_t to, bool latest) {
        Hints hints;
        hints.latest_only = latest;
        CAPTURE(name, from, to, latest);
        REQUIRE(it_.read({{Op::Equal, "__name__", name}}, {{from}, {to}}, hints) ==
                plain_.read(name, from, to, latest));
    }

    void maintain() { REQUIRE(it_.store->maintain()); }
    void clean() { REQUIRE(it_.store->clean_deleted()); }
    void restart() {
        if (below(2) == 0) REQUIRE(it_.store->flush());
        REQUIRE(it_.open());
        REQUIRE(it_.store->recovery().losses.empty());
    }

    std::mt19937_64 random_;
    Scratch it_;
    Plain plain_;
    std::int64_t now_ms_ = begin_ms;
    std::vector<std::string> row_names_;
    const std::vector<std::string> names_{"a", "b", "c", "h"};
};

}  // namespace

TEST_CASE("a store agrees with a plain map about samples in any order, deletions, cuts and restarts",
          "[store][twin]") {
    const std::uint64_t first = number_from("VEDETTE_SEED", 1);
    const std::uint64_t steps = number_from("VEDETTE_STEPS", 1500);
    for (std::uint64_t seed = first; seed < first + 4; ++seed) {
        Walk walk(seed);
        for (std::uint64_t step = 0; step < steps; ++step) {
            CAPTURE(seed, step);
            walk.step();
        }
        CAPTURE(seed);
        walk.compare_all();
    }
}

}  // namespace vedette::store
