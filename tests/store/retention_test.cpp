// Classes of series that are kept longer or shorter than the others, on both sides of the edge.

#include <catch2/catch.hpp>

#include "store/blocks/retention.h"
#include "tests/store/scratch.h"
#include "tests/support/failing_files.h"

namespace vedette::store {
namespace {

using Op = Matcher::Op;
using std::chrono::minutes;

constexpr std::int64_t begin_ms = 1'790'000'100'000;  // a multiple of one, three and nine minutes

StoreSettings classes() {
    StoreSettings settings;
    settings.block_range = minutes(1);
    settings.retention = minutes(10);
    settings.retention_classes = {
        {"node_.*", {{Op::Match, "__name__", "node_.*"}}, minutes(30)},
        {"debug", {{Op::Equal, "job", "debug"}}, minutes(5)},
    };
    return settings;
}

const std::vector<std::string>& names() {
    static const std::vector<std::string> all{R"(debug_x{job="debug"})", R"(node_x{job="debug"})",
                                              R"(x{job="a"})"};
    return all;
}

void fill(Scratch& it, int from_second, int to_second) {
    for (int second = from_second; second < to_second; second += 10) {
        it.clock.wind(Timestamp{begin_ms + second * 1000} - it.clock.now());
        for (const std::string& name : names())
            REQUIRE(it.add(name, begin_ms + second * 1000, double(second))->stored == 1);
    }
}

/// The second, counted from the beginning, of the first sample; -1 without any.
int first_second(Scratch& it, const std::string& name) {
    const std::string text = it.read({{Op::Equal, "__name__", name.substr(0, name.find('{'))}});
    const auto at = text.find('@');
    if (at == text.npos) return -1;
    return static_cast<int>((std::stoll(text.substr(at + 1)) - begin_ms) / 1000);
}

std::vector<int> firsts(Scratch& it) {
    std::vector<int> out;
    for (const std::string& name : names()) out.push_back(first_second(it, name));
    return out;
}

}  // namespace

TEST_CASE("a class is dropped a block at a time when the block's end is as old as the class is kept",
          "[store][retention]") {
    Scratch it(classes());
    REQUIRE(it.open());
    fill(it, 0, 180);
    REQUIRE(it.store->maintain());
    struct Row {
        int newest;  // in seconds
        std::vector<int> first;
    };
    // Blocks of a minute; 300 s for `debug`, 600 for the others, 1800 for `node_.*`.
    for (const Row& row : std::vector<Row>{
             {359, {0, 0, 0}},
             {360, {60, 0, 0}},
             {419, {60, 0, 0}},
             {420, {120, 0, 0}},
             {659, {300, 0, 0}},
             {660, {360, 0, 60}},
             {1859, {1500, 0, 1200}},
             {1860, {1560, 60, 1260}},
         }) {
        CAPTURE(row.newest);
        const int from = static_cast<int>((it.clock.now().ms - begin_ms) / 1000) + 1;
        for (int second = from; second <= row.newest; ++second) {
            it.clock.wind(Timestamp{begin_ms + second * 1000} - it.clock.now());
            if (second % 10 == 0 || second == row.newest)
                for (const std::string& name : names())
                    REQUIRE(it.add(name, begin_ms + second * 1000, double(second)));
            if (second % 30 == 0) REQUIRE(it.store->maintain());
        }
        REQUIRE(it.store->maintain());
        CHECK(firsts(it) == row.first);
        REQUIRE(it.open());
        CHECK(firsts(it) == row.first);
    }
}

TEST_CASE("the first class that has a series decides", "[store][retention]") {
    const auto retention = Retention::make(minutes(10), classes().retention_classes);
    REQUIRE(retention);
    CHECK(retention->longest() == minutes(30));
    constexpr Timestamp never{std::numeric_limits<std::int64_t>::min()};
    CHECK(retention->expired({0}, never) == std::vector<bool>{false, false, false});
    CHECK(retention->expired({0}, {299'999}) == std::vector<bool>{false, false, false});
    CHECK(retention->expired({0}, {300'000}) == std::vector<bool>{false, true, false});
    CHECK(retention->expired({0}, {600'000}) == std::vector<bool>{false, true, true});
    CHECK(retention->expired({0}, {1'800'000}) == std::vector<bool>{true, true, true});
}

TEST_CASE("whatever fails while a class is dropped, the others keep all their samples",
          "[store][retention]") {
    for (std::uint64_t n = 1;; ++n) {
        CAPTURE(n);
        Scratch it(classes());
        FailingFiles failing(it.files);
        REQUIRE(it.open(failing));
        fill(it, 0, 180);
        REQUIRE(it.store->maintain());
        fill(it, 180, 500);
        REQUIRE(it.store->flush());
        const std::vector<Matcher> kept{{Op::NotEqual, "__name__", "debug_x"}};
        const std::string before = it.read(kept);
        const std::uint64_t done = failing.operations();
        failing.fail_at(done + n, FailingFiles::disk_full());
        (void)it.store->maintain();
        const bool reached = failing.operations() >= done + n;
        REQUIRE(it.read(kept) == before);
        REQUIRE(it.open());
        REQUIRE(it.store->recovery().losses.empty());
        REQUIRE(it.read(kept) == before);
        for (int pass = 0; pass < 2; ++pass) REQUIRE(it.store->maintain());
        REQUIRE(it.read(kept) == before);
        REQUIRE(first_second(it, names()[0]) > 0);
        if (!reached) break;
    }
}

}  // namespace vedette::store
