// Samples out of order: inside the window they are there as if they had come in order.

#include <catch2/catch.hpp>
#include <cstdint>

#include "tests/store/scratch.h"
#include "tests/support/failing_files.h"

namespace vedette::store {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::int64_t begin_ms = 1'790'000'100'000;  // a multiple of one, three and nine minutes

StoreSettings windowed(Milliseconds window = minutes(10)) {
    StoreSettings settings;
    settings.block_range = minutes(1);
    settings.retention = std::chrono::hours(24);
    settings.out_of_order_window = window;
    return settings;
}

void wind_to(Scratch& it, std::int64_t ms) {
    it.clock.wind(Timestamp{ms} - it.clock.now());
}

HistogramRef counted(double count, Histogram::ResetHint hint = Histogram::ResetHint::Unknown) {
    auto histogram = std::make_shared<Histogram>();
    histogram->reset_hint = hint;
    histogram->count = count;
    histogram->positive_spans = {{0, 1}};
    histogram->positive_buckets = {count};
    return histogram;
}

/// The bytes that the log and its checkpoints have.
std::string log_bytes(Scratch& it) {
    std::string all;
    const std::vector<std::string> names = it.files.list("data/wal").value();
    for (const std::string& name : names)
        all += it.files.bytes("data/wal/" + name);
    return all;
}

}  // namespace

TEST_CASE("without a window a late sample is refused, within one it is taken", "[store][late]") {
    struct Row {
        const char* what;
        Milliseconds window;
        std::int64_t late_by;
        Appended expected;
        const char* text;
    };
    const auto row = GENERATE(values<Row>({
        {"no window", minutes(0), 5, {0, 1, 0, 0, {}},
         "out of order sample: x at 2026-09-21T14:18:19.995Z, its newest is at "
         "2026-09-21T14:18:20.000Z"},
        {"just inside", seconds(5), 5000, {1, 0, 0, 0, {}}, ""},
        {"just outside", seconds(5), 5001, {0, 0, 0, 1, {}},
         "too old sample: x at 2026-09-21T14:18:14.999Z, nothing before 2026-09-21T14:18:15.000Z "
         "is taken"},
    }));
    CAPTURE(row.what);
    Scratch it(windowed(row.window));
    REQUIRE(it.open());
    wind_to(it, begin_ms + 200'000);
    REQUIRE(it.add("x", begin_ms + 200'000, 1.0));
    const auto appended = it.add("x", begin_ms + 200'000 - row.late_by, 2.0);
    REQUIRE(appended);
    CHECK(appended->stored == row.expected.stored);
    CHECK(appended->out_of_order == row.expected.out_of_order);
    CHECK(appended->too_old == row.expected.too_old);
    CHECK(appended->first_rejection == row.text);
}

TEST_CASE("the window counts from the newest sample of all series", "[store][late]") {
    Scratch it(windowed(seconds(10)));
    REQUIRE(it.open());
    wind_to(it, begin_ms + 100'000);
    REQUIRE(it.add("slow", begin_ms + 50'000, 1.0));
    REQUIRE(it.add("quick", begin_ms + 100'000, 1.0));
    CHECK(it.add("slow", begin_ms + 45'000, 1.0)->too_old == 1);
    CHECK(it.add("quick", begin_ms + 90'000, 1.0)->stored == 1);
    // In order is in order, however old.
    CHECK(it.add("slow", begin_ms + 51'000, 1.0)->stored == 1);
}

TEST_CASE("late samples are seen at once, in their places, and again after a restart",
          "[store][late]") {
    Scratch it(windowed());
    REQUIRE(it.open());
    wind_to(it, begin_ms + 9000);
    for (const int second : {1, 3, 5, 9})
        REQUIRE(it.add("x", begin_ms + second * 1000, double(second)));
    REQUIRE(it.add("x", begin_ms + 4000, 4.0)->stored == 1);
    REQUIRE(it.add("x", begin_ms + 2000, 2.0)->stored == 1);
    REQUIRE(it.add("x", begin_ms + 8000, stale_marker())->stored == 1);
    const std::string all =
        R"(x 1@1790000101000 2@1790000102000 3@1790000103000 4@1790000104000 )"
        "5@1790000105000 stale@1790000108000 9@1790000109000\n";
    CHECK(it.read_all() == all);
    CHECK(it.read_all() == all);
    Hints latest;
    latest.latest_only = true;
    CHECK(it.read({}, {{begin_ms}, {begin_ms + 8500}}, latest) == "x stale@1790000108000\n");
    CHECK(it.read({}, {{begin_ms}, {begin_ms + 4999}}, latest) == "x 4@1790000104000\n");
    CHECK(it.store->latest(series_name("x"))->at.ms == begin_ms + 9000);
    CHECK_FALSE(it.store->current(series_name("x"), {begin_ms + 8500}));
    CHECK(it.store->current(series_name("x"), {begin_ms + 4500})->at.ms == begin_ms + 4000);
    SECTION("from the log") {}
    SECTION("from a checkpoint") { REQUIRE(it.store->checkpoint()); }
    SECTION("from both") {
        const std::string before = log_bytes(it);
        REQUIRE(it.store->checkpoint());
        std::unique_ptr<File> segment =
            it.files.open("data/wal/00000002", Files::Open::Append).value();
        REQUIRE(segment->append(std::string_view(before).substr(magic_bytes)));
    }
    REQUIRE(it.open());
    CHECK(it.store->recovery().losses.empty());
    CHECK(it.read_all() == all);
}

TEST_CASE("of two samples at one time the first one is kept", "[store][late]") {
    Scratch it(windowed());
    REQUIRE(it.open());
    wind_to(it, begin_ms + 300'000);
    REQUIRE(it.add("x", begin_ms + 1000, 1.0));
    REQUIRE(it.add("x", begin_ms + 3000, 3.0));
    CHECK(it.add("x", begin_ms + 2000, 2.0)->stored == 1);
    CHECK(it.add("x", begin_ms + 2000, 22.0)->stored == 1);  // taken, as Prometheus does
    CHECK(it.add("x", begin_ms + 1000, 11.0)->stored == 1);
    CHECK(it.add("x", begin_ms + 3000, 33.0)->duplicate == 1);
    const std::string all = "x 1@1790000101000 2@1790000102000 3@1790000103000\n";
    CHECK(it.read_all() == all);
    REQUIRE(it.add("x", begin_ms + 300'000, 300.0));
    for (int pass = 0; pass < 3; ++pass) REQUIRE(it.store->maintain());
    CHECK(it.add("x", begin_ms + 2000, 222.0)->stored == 1);
    CHECK(it.add("x", begin_ms + 3000, 333.0)->stored == 1);
    REQUIRE(it.open());
    for (int pass = 0; pass < 3; ++pass) REQUIRE(it.store->maintain());
    CHECK(it.read_all() ==
          "x 1@1790000101000 2@1790000102000 3@1790000103000 300@1790000400000\n");
}

TEST_CASE("late samples of a time that is in blocks become part of these blocks",
          "[store][late]") {
    Scratch it(windowed());
    REQUIRE(it.open());
    for (int second = 0; second <= 300; second += 10) {
        wind_to(it, begin_ms + second * 1000);
        REQUIRE(it.add("x", begin_ms + second * 1000, double(second)));
        REQUIRE(it.store->maintain());
    }
    const std::size_t blocks = it.files.list("data/blocks")->size();
    REQUIRE(blocks > 0);
    for (int second = 5; second < 300; second += 10)
        REQUIRE(it.add("x", begin_ms + second * 1000, double(second))->stored == 1);
    REQUIRE(it.add("y", begin_ms + 5000, 5.0)->stored == 1);
    const std::string all = it.read_all();
    CHECK(std::count(all.begin(), all.end(), '@') == 62);
    CHECK(it.read({}, {{begin_ms}, {begin_ms + 20'000}}) ==
          "x 5@1790000105000 10@1790000110000 15@1790000115000 20@1790000120000\n"
          "y 5@1790000105000\n");
    const std::size_t held = it.store->memory_bytes();
    wind_to(it, begin_ms + 380'000);
    REQUIRE(it.add("x", begin_ms + 380'000, 1.0));
    const std::string more = it.read_all();
    for (int pass = 0; pass < 4; ++pass) REQUIRE(it.store->maintain());
    CHECK(it.read_all() == more);
    CHECK(it.store->memory_bytes() < held);
    // Nothing overlaps any more, and the log has forgotten them.
    CHECK(it.files.list("data/blocks")->size() <= blocks + 2);
    REQUIRE(it.open());
    CHECK(it.store->recovery().floats + it.store->recovery().chunks < 10);
    CHECK(it.read_all() == more);
    const auto names = it.store->series_in({}, {{begin_ms}, {begin_ms + 9999}});
    CHECK(names->size() == 2);
}

TEST_CASE("a batch with late samples is one record: it is there or it is not", "[store][late]") {
    Scratch whole(windowed());
    REQUIRE(whole.open());
    wind_to(whole, begin_ms + 9000);
    REQUIRE(whole.add("x", begin_ms + 5000, 5.0));
    const std::string before = whole.read_all();
    const std::size_t written = whole.files.bytes("data/wal/00000001").size();
    Batch batch;
    for (const int second : {4, 6, 3, 7})
        batch.rows.push_back({whole.ref("x"), {{begin_ms + second * 1000}, double(second)}});
    batch.rows.push_back({whole.ref("x"), {{begin_ms + 2000}, counted(3)}});
    REQUIRE(whole.store->append(batch)->stored == 5);
    const std::string after = whole.read_all();
    CHECK(after ==
          "x h3@1790000102000 3@1790000103000 4@1790000104000 5@1790000105000 6@1790000106000 "
          "7@1790000107000\n");
    const std::string log = whole.files.bytes("data/wal/00000001");
    for (std::size_t bytes = written; bytes <= log.size(); ++bytes) {
        CAPTURE(bytes);
        Scratch cut(windowed());
        REQUIRE(cut.files.make_folders("data/wal"));
        REQUIRE(cut.files.write_atomically("data/wal/00000001", log.substr(0, bytes)));
        REQUIRE(cut.open());
        REQUIRE(cut.read_all() == (bytes == log.size() ? after : before));
        REQUIRE(cut.store->recovery().losses.size() == (bytes != written && bytes != log.size()));
    }
    for (std::size_t at = written; at < log.size(); ++at)
        for (unsigned bit = 0; bit < 8; ++bit) {
            CAPTURE(at, bit);
            Scratch flipped(windowed());
            REQUIRE(flipped.files.make_folders("data/wal"));
            REQUIRE(flipped.files.write_atomically("data/wal/00000001", log));
            flipped.files.flip("data/wal/00000001", at, static_cast<unsigned char>(1u << bit));
            REQUIRE(flipped.open());
            REQUIRE(flipped.read_all() == before);
            REQUIRE(flipped.store->recovery().losses.size() == 1);
        }
}

TEST_CASE("a histogram that others came before is no longer said to follow its neighbour",
          "[store][late]") {
    Scratch it(windowed());
    REQUIRE(it.open());
    wind_to(it, begin_ms + 9000);
    for (const int second : {1, 3, 5})
        REQUIRE(it.add("h", begin_ms + second * 1000, counted(second)));
    REQUIRE(it.add("h", begin_ms + 2000, counted(2, Histogram::ResetHint::NotReset)));
    const std::vector<Matcher> all;
    auto cursor = it.store->select(all, {{0}, {begin_ms * 2}}, {}, {});
    Column column;
    REQUIRE((*cursor)->next(column));
    using Hint = Histogram::ResetHint;
    std::vector<Hint> hints;
    for (const auto& histogram : column.histograms) hints.push_back(histogram->reset_hint);
    CHECK(hints == std::vector<Hint>{Hint::Unknown, Hint::Unknown, Hint::Unknown, Hint::NotReset});
}

TEST_CASE("late samples count in the memory budget, and the batch beyond it is refused",
          "[store][late]") {
    StoreSettings settings = windowed(std::chrono::hours(1));
    settings.head_bytes_max = 64 * 1024;
    Scratch it(settings);
    REQUIRE(it.open());
    wind_to(it, begin_ms + 3'600'000);
    REQUIRE(it.add("x", begin_ms + 3'600'000, 1.0));
    Result<Appended> appended;
    int taken = 0;
    for (int i = 1; i < 10'000; ++i) {
        appended = it.add("x", begin_ms + 3'600'000 - i * 100, double(i));
        if (!appended) break;
        ++taken;
    }
    REQUIRE_FALSE(appended);
    CHECK(appended.error().fault == Fault::Limit);
    CHECK(appended.error().message.starts_with("memory budget reached"));
    CHECK(taken > 1000);
    CHECK(it.store->memory_bytes() > 64 * 1024);
    CHECK(it.store->memory_bytes() < 200 * 1024);
}

TEST_CASE("whatever fails while late samples go to blocks, none is lost and none is there twice",
          "[store][late]") {
    enum class Then { Goes, Killed, Unplugged };
    const Then then = GENERATE(Then::Goes, Then::Killed, Then::Unplugged);
    for (std::uint64_t n = 1;; ++n) {
        CAPTURE(n, static_cast<int>(then));
        Scratch it(windowed());
        FailingFiles failing(it.files);
        REQUIRE(it.open(failing));
        for (int second = 0; second <= 200; second += 10) {
            wind_to(it, begin_ms + second * 1000);
            REQUIRE(it.add("x", begin_ms + second * 1000, double(second)));
            if (second == 100) REQUIRE(it.store->maintain());
        }
        for (int second = 5; second < 200; second += 10)
            REQUIRE(it.add("x", begin_ms + second * 1000, double(second))->stored == 1);
        REQUIRE(it.store->flush());
        const std::string before = it.read_all();
        REQUIRE(std::count(before.begin(), before.end(), '@') == 41);
        const std::uint64_t done = failing.operations();
        failing.fail_at(done + n, FailingFiles::disk_full());
        failing.leave(n % 5);
        const auto maintained = it.store->maintain();
        const bool reached = failing.operations() >= done + n;
        REQUIRE(it.read_all() == before);
        if (then != Then::Goes) {
            if (then == Then::Unplugged) it.files.power_cut();
            it.store.reset();
            REQUIRE(it.open());
            REQUIRE(it.store->recovery().losses.empty());
            REQUIRE(it.read_all() == before);
        }
        failing.heal();
        for (int pass = 0; pass < 2; ++pass) {
            REQUIRE(it.store->maintain());
            REQUIRE(it.read_all() == before);
        }
        REQUIRE(it.open());
        REQUIRE(it.store->recovery().losses.empty());
        REQUIRE(it.read_all() == before);
        if (!reached) {
            REQUIRE(maintained);
            break;
        }
    }
}

TEST_CASE("who asked before late samples went to blocks reads them to the end", "[store][late]") {
    Scratch it(windowed());
    REQUIRE(it.open());
    for (int second = 0; second <= 200; second += 10) {
        wind_to(it, begin_ms + second * 1000);
        REQUIRE(it.add("x", begin_ms + second * 1000, double(second)));
    }
    REQUIRE(it.store->maintain());
    for (int second = 5; second < 200; second += 10)
        REQUIRE(it.add("x", begin_ms + second * 1000, double(second))->stored == 1);
    const std::vector<Matcher> all;
    auto cursor = it.store->select(all, {{0}, {begin_ms * 2}}, {}, {});
    REQUIRE(cursor);
    wind_to(it, begin_ms + 270'000);
    REQUIRE(it.add("x", begin_ms + 270'000, 270.0));
    for (int pass = 0; pass < 3; ++pass) REQUIRE(it.store->maintain());
    Column column;
    REQUIRE((*cursor)->next(column));
    CHECK(column.times.size() >= 41);
    cursor->reset();
    const std::string seen = it.read_all();
    for (int pass = 0; pass < 3; ++pass) REQUIRE(it.store->maintain());
    CHECK(it.read_all() == seen);
}

TEST_CASE("a clock that was set back takes late samples of the time after it too",
          "[store][late]") {
    Scratch it(windowed(std::chrono::hours(2)));
    REQUIRE(it.open());
    wind_to(it, begin_ms + 3'600'000);
    REQUIRE(it.add("x", begin_ms + 3'600'000, 1.0));
    REQUIRE(it.add("x", begin_ms + 3'000'000, 2.0)->stored == 1);
    REQUIRE(it.add("x", begin_ms + 600'000, 3.0)->stored == 1);
    it.clock.step(-minutes(40));
    REQUIRE(it.store->maintain());
    CHECK(it.read_all() == "x 3@1790000700000\n");
    REQUIRE(it.open());
    CHECK(it.read_all() == "x 3@1790000700000\n");
}

}  // namespace vedette::store
