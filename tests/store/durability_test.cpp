#include <catch2/catch.hpp>
#include <random>

#include "store/log/wal.h"
#include "store/format.h"
#include "tests/store/scratch.h"
#include "tests/support/failing_files.h"

namespace vedette::store {
namespace {

constexpr const char* up_a = R"(up{job="a"})";

std::size_t samples_in(Scratch& it) {
    const std::string text = it.read_all();
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '@'));
}

// Appends batches of three series until one fails or `count` are in; returns how many were taken.
std::size_t append_batches(Scratch& it, std::size_t from, std::size_t count) {
    std::size_t taken = 0;
    for (std::size_t i = from; i < from + count; ++i) {
        Batch batch;
        for (const char* name : {"a", "b", "c"}) {
            auto ref = it.store->series(series_name(name));
            if (!ref) return taken;
            batch.rows.push_back({*ref, {{static_cast<std::int64_t>(i) * 1000}, double(i)}});
        }
        if (!it.store->append(batch)) continue;
        ++taken;
    }
    return taken;
}

}  // namespace

TEST_CASE("on a full disk readings are kept in memory, and the next checkpoint saves them",
          "[store][durability]") {
    Scratch it;
    FailingFiles failing(it.files);
    REQUIRE(it.open(failing));
    const auto append = [&](SampleSink& sink, std::string_view name, std::int64_t at) {
        Batch batch;
        batch.rows.push_back({it.ref(name), {{at}, 1.0}});
        return sink.append(batch);
    };
    REQUIRE(append(*it.store, "a", 1000));
    failing.fail_all(FailingFiles::Op::Append, FailingFiles::disk_full());

    // The one from outside is told to keep what it has and come again; the other has nowhere to.
    const auto refused = append(*it.store, "a", 2000);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message ==
          "the batch could not be logged and was refused: No space left on device");
    const auto kept = append(it.store->seen_rather_than_safe(), "a", 3000);
    REQUIRE(kept);
    CHECK(kept->stored == 1);
    REQUIRE(append(it.store->seen_rather_than_safe(), "new", 3000));
    CHECK(it.read_all() == "a 1@1000 1@3000\nnew 1@3000\n");

    SECTION("a stop before the next checkpoint loses them, and nothing that came after") {
        failing.heal();
        REQUIRE(append(*it.store, "new", 4000));
        REQUIRE(it.open());
        CHECK(it.read_all() == "a 1@1000\nnew 1@4000\n");
    }
    SECTION("a checkpoint saves them") {
        failing.heal();
        REQUIRE(it.store->checkpoint());
        REQUIRE(it.open());
        CHECK(it.read_all() == "a 1@1000 1@3000\nnew 1@3000\n");
    }
}

TEST_CASE(
    "whichever operation of the disk fails once, nothing acknowledged is lost and no batch is "
    "half there",
    "[store][durability]") {
    for (std::uint64_t n = 1;; ++n) {
        CAPTURE(n);
        Scratch it;
        FailingFiles failing(it.files);
        failing.fail_at(n, FailingFiles::io_error());
        failing.leave(n % 30);
        std::size_t taken = 0;
        if (it.open(failing)) {
            taken += append_batches(it, 1, 4);
            (void)it.store->checkpoint();
            taken += append_batches(it, 5, 4);
            REQUIRE(samples_in(it) == taken * 3);
        }
        const bool reached = failing.operations() >= n;
        REQUIRE(it.open());
        REQUIRE(samples_in(it) == taken * 3);
        if (!reached) break;
    }
}

TEST_CASE("on a full disk batches are refused with the reason, and taken again when there is room",
          "[store][durability]") {
    Scratch it;
    FailingFiles failing(it.files);
    REQUIRE(it.open(failing));
    REQUIRE(it.add(up_a, 1000, 1.0));
    const std::string before = it.files.bytes("data/wal/00000001");
    failing.fill_after(5);
    const auto refused = it.add(up_a, 2000, 2.0);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().fault == Fault::Limit);
    CHECK(refused.error().message ==
          "the batch could not be logged and was refused: No space left on device");
    CHECK(it.files.bytes("data/wal/00000001") == before);
    CHECK(it.read_all() == "up{job=\"a\"} 1@1000\n");
    failing.heal();
    CHECK(it.add(up_a, 2000, 3.0)->stored == 1);
    REQUIRE(it.open());
    CHECK(it.store->recovery().losses.empty());
    CHECK(it.read_all() == "up{job=\"a\"} 1@1000 3@2000\n");
}

TEST_CASE("a power cut takes what was not synced and nothing else", "[store][durability]") {
    for (const std::size_t kept : {0u, 1u, 9u, 25u, 1000u}) {
        CAPTURE(kept);
        Scratch it;
        REQUIRE(it.open());
        REQUIRE(append_batches(it, 1, 5) == 5);
        REQUIRE(it.store->flush());
        REQUIRE(append_batches(it, 6, 5) == 5);
        it.files.power_cut(kept);
        it.store.reset();
        REQUIRE(it.open());
        const std::size_t samples = samples_in(it);
        CHECK(samples >= 15);
        CHECK(samples % 3 == 0);
        if (kept == 1000) CHECK(samples == 30);
    }
}

TEST_CASE("a power cut around a checkpoint finds the old log or the new", "[store][durability]") {
    for (std::uint64_t n = 1;; ++n) {
        CAPTURE(n);
        Scratch it;
        FailingFiles failing(it.files);
        REQUIRE(it.open(failing));
        REQUIRE(append_batches(it, 1, 5) == 5);
        REQUIRE(it.store->flush());
        const std::uint64_t before = failing.operations();
        failing.fail_at(before + n, FailingFiles::io_error());
        const auto done = it.store->checkpoint();
        const bool reached = failing.operations() >= before + n;
        it.files.power_cut();
        it.store.reset();
        REQUIRE(it.open());
        REQUIRE(samples_in(it) == 15);
        REQUIRE(it.store->recovery().losses.empty());
        if (!reached) {
            REQUIRE(done);
            break;
        }
    }
}

TEST_CASE("what a checkpoint replaced is removed, and its leftovers too", "[store][durability]") {
    Scratch it;
    REQUIRE(it.open());
    REQUIRE(append_batches(it, 1, 3) == 3);
    REQUIRE(it.store->checkpoint());
    REQUIRE(append_batches(it, 4, 3) == 3);
    REQUIRE(it.store->checkpoint());
    REQUIRE(it.files.write_atomically("data/wal/checkpoint.00000009.tmp", "half"));
    REQUIRE(it.files.write_atomically("data/wal/00000001", "old"));
    REQUIRE(it.open());
    CHECK(it.files.list("data/wal").value() ==
          std::vector<std::string>{"00000003", "checkpoint.00000002"});
    CHECK(samples_in(it) == 18);
}

TEST_CASE("a checkpoint is due when the log has grown", "[store][durability]") {
    StoreSettings settings;
    settings.checkpoint_after_bytes = 200;
    Scratch it(settings);
    REQUIRE(it.open());
    REQUIRE(append_batches(it, 1, 1) == 1);
    REQUIRE(it.store->maintain());
    CHECK(it.files.list("data/wal").value() == std::vector<std::string>{"00000001"});
    REQUIRE(append_batches(it, 2, 10) == 10);
    REQUIRE(it.store->maintain());
    CHECK(it.files.list("data/wal").value() ==
          std::vector<std::string>{"00000002", "checkpoint.00000001"});
}

TEST_CASE("a folder that a newer program wrote is refused by number", "[store][format]") {
    Scratch it;
    REQUIRE(it.files.make_folders("data"));
    const std::string newer_number = std::to_string(format_number + 1);
    REQUIRE(it.files.write_atomically("data/format", newer_number + "\n"));
    const auto newer = it.open();
    REQUIRE_FALSE(newer);
    CHECK(newer.error().fault == Fault::Refused);
    CHECK(newer.error().message ==
          "data/format is " + newer_number +
              ": a newer vedette wrote this folder, this one reads up to " +
              std::to_string(format_number));
    REQUIRE(it.files.write_atomically("data/format", "soup"));
    const auto soup = it.open();
    REQUIRE_FALSE(soup);
    CHECK(soup.error().message == "data/format should hold a number and holds \"soup\"");
    REQUIRE(it.files.write_atomically("data/format", "1\n"));
    REQUIRE(it.open());
    CHECK(it.files.read_all("data/format", 64).value() == std::to_string(format_number) + "\n");
}

TEST_CASE("samples leave with their chunk, series two passes after their last sample",
          "[store][retention]") {
    StoreSettings settings;
    settings.retention = std::chrono::hours(1);
    Scratch it(settings);
    REQUIRE(it.open());
    const std::int64_t begin = it.clock.now().ms;
    REQUIRE(it.add("old", begin, 1.0));
    const SeriesRef old = it.ref("old");
    for (int i = 0; i < 300; ++i) {
        it.clock.wind(Milliseconds(15'000));
        REQUIRE(it.add("up", it.clock.now().ms, 1.0));
    }
    const std::uint64_t generation = it.store->generation();
    REQUIRE(it.store->maintain());
    CHECK(samples_in(it) == 300);  // the first chunk of `up` still holds samples of the last hour
    CHECK(it.store->series_count() == 2);
    CHECK(it.store->generation() == generation);
    REQUIRE(it.store->maintain());
    CHECK(it.store->series_count() == 1);
    CHECK(it.store->generation() != generation);
    Batch batch;
    batch.rows.push_back({old, {it.clock.now(), 1.0}});
    const auto refused = it.store->append(batch);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message ==
          "series ref 0 is not known any more; ask for the series again (the generation has "
          "changed)");
    CHECK(it.add("new", it.clock.now().ms, 1.0)->stored == 1);
    CHECK(it.ref("new") != old);
    it.clock.wind(std::chrono::minutes(60));
    REQUIRE(it.add("up", it.clock.now().ms, 1.0));
    REQUIRE(it.store->maintain());
    CHECK(samples_in(it) == 62);
    const std::string before = it.read_all();
    REQUIRE(it.open());
    REQUIRE(it.store->maintain());
    CHECK(it.read_all() == before);
    CHECK(it.store->recovery().losses.empty());
}

}  // namespace vedette::store
