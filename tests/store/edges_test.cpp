// Two things that go wrong at the same time, and retention that leaves nothing.

#include <catch2/catch.hpp>

#include "tests/store/scratch.h"
#include "tests/support/failing_files.h"

namespace vedette::store {
namespace {

using Op = FailingFiles::Op;
using std::chrono::minutes;

constexpr std::int64_t begin_ms = 1'790'000'100'000;  // a multiple of one, three and nine minutes

StoreSettings quick() {
    StoreSettings settings;
    settings.block_range = minutes(1);
    settings.retention = std::chrono::hours(24);
    return settings;
}

Result<Appended> add_at(Scratch& it, int second) {
    it.clock.wind(Timestamp{begin_ms + second * 1000} - it.clock.now());
    return it.add("x", begin_ms + second * 1000, double(second));
}

void fill(Scratch& it, int from, int to) {
    for (int second = from; second < to; second += 10) REQUIRE(add_at(it, second)->stored == 1);
}

std::size_t samples(Scratch& it) {
    const std::string text = it.read_all();
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '@'));
}

std::vector<std::string> block_names(Scratch& it) {
    std::vector<std::string> names = it.files.list("data/blocks").value();
    std::erase_if(names, [](const std::string& name) { return !name.ends_with(".block"); });
    return names;
}

}  // namespace

TEST_CASE("a clock that is set back while the disk is full: readings are taken again at once, and "
          "the log agrees when there is room",
          "[store][edges]") {
    Scratch it(quick());
    FailingFiles failing(it.files);
    REQUIRE(it.open(failing));
    fill(it, 0, 1800);
    REQUIRE(it.store->maintain());
    SECTION("full before the clock was set") { failing.fill_after(0); }
    SECTION("full in the middle of what that makes necessary") { failing.fill_after(100); }
    it.clock.step(-minutes(20));
    const std::int64_t now = it.clock.now().ms;
    CHECK_FALSE(it.store->maintain());
    // Nothing of the time that was taken back is seen, and what comes now is kept in memory.
    CHECK(it.read({}, {{now}, {now * 2}}).empty());
    Batch batch;
    batch.rows.push_back({it.ref("x"), {{now + 1000}, 7.0}});
    CHECK(it.store->seen_rather_than_safe().append(batch)->stored == 1);
    CHECK(it.read({}, {{now}, {now * 2}}) == "x 7@" + std::to_string(now + 1000) + "\n");
    failing.heal();
    REQUIRE(it.store->maintain());
    REQUIRE(it.store->checkpoint());
    const std::string before = it.read_all();
    CHECK(it.read({}, {{now}, {now * 2}}) == "x 7@" + std::to_string(now + 1000) + "\n");
    REQUIRE(it.open());
    CHECK(it.store->recovery().losses.empty());
    CHECK(it.read_all() == before);
}

TEST_CASE("retention by size may take every block; what is in memory stays, over a restart too",
          "[store][edges]") {
    StoreSettings settings = quick();
    settings.retention_bytes = 1;
    Scratch it(settings);
    REQUIRE(it.open());
    fill(it, 0, 300);
    for (int pass = 0; pass < 3; ++pass) REQUIRE(it.store->maintain());
    CHECK(block_names(it).empty());
    const std::size_t left = samples(it);
    CHECK(left >= 3);
    CHECK(left <= 9);
    const std::string before = it.read_all();
    REQUIRE(it.open());
    CHECK(it.store->recovery().losses.empty());
    CHECK(it.read_all() == before);
    fill(it, 300, 600);
    for (int pass = 0; pass < 3; ++pass) REQUIRE(it.store->maintain());
    CHECK(block_names(it).empty());
    CHECK(samples(it) <= 9);
    // A limit that is taken away again takes nothing back.
    settings.retention_bytes = 0;
    it.settings.retention_bytes = 0;
    REQUIRE(it.open());
    fill(it, 600, 900);
    REQUIRE(it.store->maintain());
    CHECK_FALSE(block_names(it).empty());
    CHECK(samples(it) >= 30);
}

TEST_CASE("a disk that is full or read-only while blocks are put together keeps every sample",
          "[store][edges]") {
    const bool read_only = GENERATE(false, true);
    const Op refused = GENERATE(Op::Append, Op::Sync, Op::Rename, Op::SyncFolder, Op::Remove);
    CAPTURE(read_only, static_cast<int>(refused));
    StoreSettings settings = quick();
    Scratch it(settings);
    FailingFiles failing(it.files);
    REQUIRE(it.open(failing));
    // Two blocks of three, so that the next cut is followed by a compaction.
    fill(it, 0, 160);
    REQUIRE(it.store->maintain());
    REQUIRE(block_names(it).size() == 2);
    fill(it, 160, 220);
    const std::string before = it.read_all();
    if (read_only)
        for (const Op op : {Op::Open, Op::Append, Op::Sync, Op::Truncate, Op::WriteAtomically,
                            Op::Rename, Op::Remove, Op::MakeFolders, Op::SyncFolder})
            failing.fail_all(op, {Fault::Unavailable, "Read-only file system"});
    else
        failing.fail_all(refused, FailingFiles::disk_full());
    for (int pass = 0; pass < 3; ++pass) {
        CHECK_FALSE(it.store->maintain());
        CHECK(it.read_all() == before);
    }
    if (read_only) {
        const auto appended = add_at(it, 220);
        REQUIRE_FALSE(appended);
        CHECK(appended.error().message ==
              "the batch could not be logged and was refused: Read-only file system");
        CHECK(it.read_all() == before);
    }
    // What a crash leaves now is whole too.
    SECTION("then it goes on") { failing.heal(); }
    SECTION("then it is killed") {
        it.store.reset();
        failing.heal();
        REQUIRE(it.open());
        CHECK(it.store->recovery().losses.empty());
    }
    CHECK(it.read_all() == before);
    for (int pass = 0; pass < 3; ++pass) REQUIRE(it.store->maintain());
    CHECK(it.read_all() == before);
    CHECK(block_names(it).size() == 1);
}

}  // namespace vedette::store
