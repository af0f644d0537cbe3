#include <catch2/catch.hpp>
#include <thread>

#include "core/limits.h"
#include "tests/store/scratch.h"

namespace vedette::store {
namespace {

using namespace std::chrono_literals;

/// A store in memory whose own thread syncs, and what one asks of it.
struct Running {
    explicit Running(Milliseconds interval) : it(settings_of(interval)) {
        it.settings.own_thread = true;
        REQUIRE(it.open());
    }
    static StoreSettings settings_of(Milliseconds interval) {
        StoreSettings settings;
        settings.wal_sync_interval = interval;
        return settings;
    }
    double syncs() {
        return it.metrics->counter("vedette_store_wal_syncs_total", "Times the log was synced.")
            .value();
    }
    void wait_for_syncs(double count) {
        const auto until = std::chrono::steady_clock::now() + 20s;
        while (syncs() < count && std::chrono::steady_clock::now() < until)
            std::this_thread::yield();
        REQUIRE(syncs() >= count);
    }
    std::string after_power_cut() {
        it.files.power_cut();
        it.store.reset();
        it.settings.own_thread = false;
        REQUIRE(it.open());
        return it.read_all();
    }

    Scratch it;
};

}  // namespace

TEST_CASE("what was appended is safe from a power cut an interval later", "[store][sync]") {
    Running running(5ms);
    REQUIRE(running.it.add("a", 1000, 1.0));
    // The first sync is of the new segment, and may have begun before the sample was there.
    running.wait_for_syncs(1);
    REQUIRE(running.it.add("a", 2000, 2.0));
    running.wait_for_syncs(2);
    CHECK(running.after_power_cut().substr(0, 8) == "a 1@1000");
}

TEST_CASE("a series nobody appended to and metadata are brought to the disk too", "[store][sync]") {
    Running running(5ms);
    running.wait_for_syncs(1);
    running.it.store->metadata("a", "gauge", "What it is.", "");
    running.wait_for_syncs(2);
    running.after_power_cut();
    const auto metadata = running.it.store->find_metadata("a");
    REQUIRE(metadata);
    CHECK(metadata->help == "What it is.");
}

TEST_CASE("much is synced before the interval is over", "[store][sync]") {
    Running running(1h);
    Batch batch;
    std::size_t rows = 0;
    for (int series = 0; series < 100; ++series)
        batch.rows.push_back({running.it.ref("s" + std::to_string(series)), {{0}, 0.1}});
    for (std::int64_t at = 1; rows * 8 <= limits::wal_unsynced_bytes; ++at) {
        for (Batch::Row& row : batch.rows) row.sample = {{at * 1000}, 0.1 * double(at)};
        REQUIRE(running.it.store->append(batch));
        rows += batch.rows.size();
    }
    running.wait_for_syncs(1);
    CHECK(running.after_power_cut().size() > 1000);
}

}  // namespace vedette::store
