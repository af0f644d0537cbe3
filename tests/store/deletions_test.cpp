// Deleting samples by matcher and time, in memory and in blocks.

#include "store/blocks/deletions.h"

#include <catch2/catch.hpp>
#include <sstream>

#include "store/dump.h"
#include "tests/store/scratch.h"
#include "tests/support/failing_files.h"

namespace vedette::store {
namespace {

using Op = Matcher::Op;
using std::chrono::minutes;

constexpr std::int64_t begin_ms = 1'790'000'100'000;  // a multiple of one, three and nine minutes
constexpr Timestamp beginning{std::numeric_limits<std::int64_t>::min()};
constexpr Timestamp end_of_time{std::numeric_limits<std::int64_t>::max()};

StoreSettings quick() {
    StoreSettings settings;
    settings.block_range = minutes(1);
    settings.retention = std::chrono::hours(24);
    settings.out_of_order_window = minutes(30);
    return settings;
}

/// Five minutes of two series, every ten seconds; the first of them in blocks.
void fill(Scratch& it) {
    for (int second = 0; second <= 300; second += 10) {
        it.clock.wind(Timestamp{begin_ms + second * 1000} - it.clock.now());
        for (const char* name : {R"(x{job="a"})", R"(y{job="b"})"})
            REQUIRE(it.add(name, begin_ms + second * 1000, double(second))->stored == 1);
    }
    for (int pass = 0; pass < 3; ++pass) REQUIRE(it.store->maintain());
}

std::vector<std::vector<Matcher>> of(std::string name) {
    return {{{Op::Equal, "__name__", std::move(name)}}};
}

Window seconds(int from, int to) {
    return {{begin_ms + from * 1000}, {begin_ms + to * 1000}};
}

std::size_t count(Scratch& it, const std::string& name) {
    const std::string text = it.read({{Op::Equal, "__name__", name}});
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '@'));
}

std::vector<std::string> block_names(Scratch& it) {
    std::vector<std::string> names = it.files.list("data/blocks").value();
    std::erase_if(names, [](const std::string& name) { return !name.ends_with(".block"); });
    return names;
}

std::uint64_t samples_in_blocks(Scratch& it) {
    std::uint64_t samples = 0;
    for (const std::string& name : block_names(it))
        samples += Block::open(it.files, "data/blocks/" + name).value()->about().samples;
    return samples;
}

}  // namespace

TEST_CASE("what is deleted is gone at once, in memory and in blocks, and after a restart",
          "[store][deletions]") {
    Scratch it(quick());
    REQUIRE(it.open());
    fill(it);
    REQUIRE(samples_in_blocks(it) > 20);
    REQUIRE(it.store->erase(of("x"), seconds(95, 205)));
    const auto check = [&] {
        CHECK(count(it, "x") == 20);
        CHECK(count(it, "y") == 31);
        CHECK(it.read({{Op::Equal, "__name__", "x"}}, seconds(80, 220)) ==
              "x{job=\"a\"} 90@1790000190000 210@1790000310000 220@1790000320000\n");
        Hints latest;
        latest.latest_only = true;
        CHECK(it.read({{Op::Equal, "__name__", "x"}}, seconds(0, 200), latest) ==
              "x{job=\"a\"} 90@1790000190000\n");
    };
    check();
    REQUIRE(it.open());
    check();
    REQUIRE(it.store->checkpoint());
    REQUIRE(it.open());
    CHECK(it.store->recovery().deletions.empty());
    check();
    const std::uint64_t before = samples_in_blocks(it);
    REQUIRE(it.store->clean_deleted());
    CHECK(samples_in_blocks(it) < before);
    check();
    REQUIRE(it.open());
    check();
    CHECK(it.files.bytes("data/blocks/deletions").size() == 12);
}

TEST_CASE("both ends of a deletion's window are exact", "[store][deletions]") {
    Scratch it(quick());
    REQUIRE(it.open());
    fill(it);
    const std::string all = it.read_all();
    // (from, to]: the sample at `from` stays, that at `to` goes.
    for (const int from : {0, 50, 60, 200, 290}) {
        CAPTURE(from);
        const std::size_t before = count(it, "x");
        REQUIRE(it.store->erase(of("x"), seconds(from, from + 10)));
        CHECK(count(it, "x") == before - 1);
        CHECK(it.read({{Op::Equal, "__name__", "x"}}, seconds(from, from + 10)).empty());
        REQUIRE(it.store->erase(of("x"), {{begin_ms + from * 1000}, {begin_ms + from * 1000}}));
        CHECK(count(it, "x") == before - 1);
    }
    REQUIRE(it.store->erase(of("y"), {beginning, end_of_time}));
    CHECK(count(it, "y") == 0);
    CHECK(it.read({{Op::Equal, "job", "b"}}).empty());
    CHECK(it.store->series_in({}, {{0}, {begin_ms * 2}})->size() == 1);
    CHECK_FALSE(it.store->latest(series_name(R"(y{job="b"})")));
}

TEST_CASE("samples that come after a deletion are there", "[store][deletions]") {
    Scratch it(quick());
    REQUIRE(it.open());
    fill(it);
    REQUIRE(it.store->erase(of("x"), {beginning, end_of_time}));
    CHECK(count(it, "x") == 0);
    const char* const x = R"(x{job="a"})";
    REQUIRE(it.add(x, begin_ms + 50'000, 5.0)->stored == 1);   // into a time that is in blocks
    REQUIRE(it.add(x, begin_ms + 250'000, 25.0)->stored == 1);
    REQUIRE(it.add(x, begin_ms + 310'000, 31.0)->stored == 1);
    const std::string expected =
        "x{job=\"a\"} 5@1790000150000 25@1790000350000 31@1790000410000\n";
    const auto check = [&] { CHECK(it.read({{Op::Equal, "__name__", "x"}}) == expected); };
    check();
    REQUIRE(it.open());
    check();
    it.clock.wind(Timestamp{begin_ms + 480'000} - it.clock.now());
    REQUIRE(it.add(R"(y{job="b"})", begin_ms + 480'000, 1.0)->stored == 1);
    for (int pass = 0; pass < 3; ++pass) REQUIRE(it.store->maintain());
    check();
    REQUIRE(it.open());
    check();
    REQUIRE(it.store->clean_deleted());
    check();
}

TEST_CASE("a block all of which is deleted goes when blocks are cleaned", "[store][deletions]") {
    Scratch it(quick());
    REQUIRE(it.open());
    fill(it);
    REQUIRE_FALSE(block_names(it).empty());
    REQUIRE(it.store->erase({{{Op::NotEqual, "__name__", ""}}}, {beginning, end_of_time}));
    CHECK(it.read_all().empty());
    REQUIRE(it.store->clean_deleted());
    CHECK(block_names(it).empty());
    REQUIRE(it.open());
    CHECK(it.read_all().empty());
    CHECK(it.add(R"(x{job="a"})", begin_ms + 310'000, 31.0)->stored == 1);
}

TEST_CASE("maintenance gives back the room of what is deleted in many series of a block",
          "[store][deletions]") {
    Scratch it(quick());
    REQUIRE(it.open());
    fill(it);
    const std::uint64_t before = samples_in_blocks(it);
    REQUIRE(it.store->erase(of("x"), {beginning, end_of_time}));
    REQUIRE(it.store->maintain());
    CHECK(samples_in_blocks(it) == before / 2);
    CHECK(count(it, "y") == 31);
}

TEST_CASE("a block that gets the number of one that is gone is not taken for it",
          "[store][deletions]") {
    StoreSettings settings = quick();
    Scratch it(settings);
    REQUIRE(it.open());
    fill(it);
    REQUIRE(it.store->erase(of("x"), {beginning, end_of_time}));
    REQUIRE(it.store->checkpoint());
    for (const std::string& name : block_names(it))
        if (name != block_names(it).front())
            REQUIRE(it.files.remove("data/blocks/" + name));
    REQUIRE(it.open());
    for (int second = 310; second <= 600; second += 10) {
        it.clock.wind(Timestamp{begin_ms + second * 1000} - it.clock.now());
        REQUIRE(it.add(R"(x{job="a"})", begin_ms + second * 1000, double(second))->stored == 1);
    }
    const std::string seen = it.read({{Op::Equal, "__name__", "x"}});
    for (int pass = 0; pass < 3; ++pass) REQUIRE(it.store->maintain());
    CHECK(it.read({{Op::Equal, "__name__", "x"}}) == seen);
    CHECK(count(it, "x") == 30);
}

TEST_CASE("whatever fails while samples are deleted, they are all there or all gone",
          "[store][deletions]") {
    enum class Then { Goes, Killed };
    const Then then = GENERATE(Then::Goes, Then::Killed);
    for (std::uint64_t n = 1;; ++n) {
        CAPTURE(n, static_cast<int>(then));
        Scratch it(quick());
        FailingFiles failing(it.files);
        REQUIRE(it.open(failing));
        fill(it);
        REQUIRE(it.store->flush());
        const std::uint64_t done = failing.operations();
        failing.fail_at(done + n, FailingFiles::disk_full());
        failing.leave(n % 7);
        const auto erased = it.store->erase(of("x"), {beginning, end_of_time});
        const bool reached = failing.operations() >= done + n;
        const std::size_t left = erased ? 0 : 31;
        REQUIRE(count(it, "x") == left);
        if (then == Then::Killed) {
            it.store.reset();
            REQUIRE(it.open());
            REQUIRE(it.store->recovery().losses.empty());
            REQUIRE(count(it, "x") == left);
        }
        failing.heal();
        REQUIRE(it.store->maintain());
        REQUIRE(it.store->checkpoint());
        REQUIRE(it.open());
        REQUIRE(it.store->recovery().losses.empty());
        REQUIRE(count(it, "x") == left);
        REQUIRE(count(it, "y") == 31);
        if (!reached) break;
    }
}

TEST_CASE("whatever fails while blocks are cleaned, nothing that was deleted comes back",
          "[store][deletions]") {
    for (std::uint64_t n = 1;; ++n) {
        CAPTURE(n);
        Scratch it(quick());
        FailingFiles failing(it.files);
        REQUIRE(it.open(failing));
        fill(it);
        REQUIRE(it.store->erase({{{Op::NotEqual, "__name__", ""}}}, seconds(-1, 100)));
        REQUIRE(it.store->checkpoint());
        const std::string before = it.read_all();
        const std::uint64_t done = failing.operations();
        // From the n-th operation on nothing reaches the disk any more.
        for (std::uint64_t each = n; each < n + 200; ++each)
            failing.fail_at(done + each, FailingFiles::io_error());
        (void)it.store->clean_deleted();
        const bool reached = failing.operations() >= done + n;
        REQUIRE(it.read_all() == before);
        REQUIRE(it.open());
        REQUIRE(it.store->recovery().losses.empty());
        REQUIRE(it.read_all() == before);
        REQUIRE(it.store->clean_deleted());
        REQUIRE(it.read_all() == before);
        REQUIRE(it.open());
        REQUIRE(it.read_all() == before);
        if (!reached) break;
    }
}

TEST_CASE("a damaged file of deletions says what is seen again", "[store][deletions]") {
    Scratch it(quick());
    REQUIRE(it.open());
    fill(it);
    REQUIRE(it.store->erase(of("x"), seconds(0, 50)));
    REQUIRE(it.store->erase(of("y"), seconds(0, 50)));
    REQUIRE(it.store->checkpoint());
    it.store.reset();
    const std::string path = "data/blocks/deletions";
    const std::string bytes = it.files.bytes(path);
    const auto loses = [&](const std::string& damaged) {
        REQUIRE(it.files.write_atomically(path, damaged));
        REQUIRE(it.open());
        const bool lost = it.store->recovery().losses.size() == 1 &&
                          it.store->recovery().losses[0].file == path;
        it.store.reset();
        return lost;
    };
    CHECK_FALSE(loses(bytes));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CAPTURE(size);
        REQUIRE(loses(bytes.substr(0, size)));
    }
    for (std::size_t at = 0; at < bytes.size(); ++at)
        for (unsigned bit = 0; bit < 8; ++bit) {
            CAPTURE(at, bit);
            std::string damaged = bytes;
            damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
            REQUIRE(loses(damaged));
        }
    REQUIRE(it.files.write_atomically(path, bytes.substr(0, bytes.size() - 1)));
    REQUIRE(it.open());
    CHECK(it.store->recovery().losses[0].text() ==
          "data/blocks/deletions at byte 0: it should hold 2 deletions and 1 can be read; what "
          "others deleted in blocks is seen again");
}

TEST_CASE("dump prints deletions", "[store][deletions]") {
    Scratch it(quick());
    REQUIRE(it.open());
    fill(it);
    const std::vector<Matcher> selector{{Op::Equal, "__name__", "x"}, {Op::NotMatch, "job", "b|c"}};
    REQUIRE(it.store->erase({selector}, {beginning, {begin_ms}}));
    std::ostringstream out;
    REQUIRE(dump(it.files, "data/blocks/deletions", out));
    CHECK(out.str() ==
          "data/blocks/deletions: 1 deletions, 72 bytes\n"
          "      12  deleted {__name__=\"x\",job!~\"b|c\"} after -9223372036854775808 up to "
          "2026-09-21T14:15:00.000Z, in blocks up to 5\n");
}

TEST_CASE("a pattern that cannot be read deletes nothing and says why", "[store][deletions]") {
    Scratch it(quick());
    REQUIRE(it.open());
    fill(it);
    const auto erased = it.store->erase({{{Op::Match, "job", "a("}}}, {beginning, end_of_time});
    REQUIRE_FALSE(erased);
    CHECK(erased.error().fault == Fault::BadInput);
    CHECK(count(it, "x") == 31);
}

}  // namespace vedette::store
