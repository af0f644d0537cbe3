#include "store/blocks/plan.h"

#include <catch2/catch.hpp>
#include <string>

namespace vedette::store {
namespace {

using std::chrono::hours;

constexpr std::int64_t hour = 3'600'000;
constexpr Milliseconds two_hours = hours(2);

// "0-2 2-4 4-6": blocks by their hours, ten bytes an hour.
std::vector<BlockExtent> blocks_of(const std::string& text) {
    std::vector<BlockExtent> out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        std::size_t used = 0;
        const std::int64_t from = std::stoll(text.substr(at), &used);
        at += used + 1;
        const std::int64_t to = std::stoll(text.substr(at), &used);
        at += used;
        out.push_back({{{from * hour}, {to * hour}}, static_cast<std::uint64_t>(to - from) * 10});
    }
    return out;
}

std::string chosen(const std::string& blocks, int until, Milliseconds widest) {
    std::string out;
    for (const std::size_t i :
         next_compaction(blocks_of(blocks), two_hours, widest, {until * hour}))
        out += std::to_string(i) + " ";
    return out;
}

}  // namespace

TEST_CASE("a stretch is cut when the newest sample is half a stretch past its end",
          "[store][plan]") {
    struct Row {
        const char* what;
        std::int64_t first, newest;
        std::optional<Stretch> cut;
    };
    const auto row = GENERATE(values<Row>({
        {"nothing to cut from one sample", 5 * hour, 5 * hour, {}},
        {"just not yet", 0, 3 * hour - 1, {}},
        {"just now", 0, 3 * hour, Stretch{{0}, {2 * hour}}},
        {"the end of a stretch is not in it", 2 * hour, 4 * hour, {}},
        {"from the middle of a stretch", hour, 3 * hour, Stretch{{0}, {2 * hour}}},
        {"long ago", hour, 300 * hour, Stretch{{0}, {2 * hour}}},
        {"before 1970", -hour, 2 * hour, Stretch{{-2 * hour}, {0}}},
        {"a clock that went back", 5 * hour, hour, {}},
    }));
    CAPTURE(row.what);
    CHECK(next_cut({row.first}, {row.newest}, two_hours) == row.cut);
}

TEST_CASE("blocks become one when they fill a stretch three times as wide", "[store][plan]") {
    struct Row {
        const char* what;
        const char* blocks;
        int until;
        int widest_hours;
        const char* chosen;
    };
    const auto row = GENERATE(values<Row>({
        {"none from none", "", 0, 54, ""},
        {"two are not three", "0-2 2-4", 4, 54, ""},
        {"three are", "0-2 2-4 4-6", 6, 54, "0 1 2 "},
        {"with a gap in the middle", "0-2 4-6", 6, 54, "0 1 "},
        {"at the end, when more cannot come", "0-2 2-4 6-8", 8, 54, "0 1 "},
        {"never one alone", "0-2 6-8", 8, 54, ""},
        {"no wider than allowed", "0-2 2-4 4-6", 6, 5, ""},
        {"narrow ones first", "0-6 6-12 12-18 18-20 20-22 22-24", 24, 54, "3 4 5 "},
        {"then wider ones", "0-6 6-12 12-18 18-24", 24, 54, "0 1 2 "},
        {"not across a border", "4-6 6-8 8-10", 10, 54, ""},
        {"before 1970", "-6--4 -4--2 -2-0", 0, 54, "0 1 2 "},
    }));
    CAPTURE(row.what);
    CHECK(chosen(row.blocks, row.until, hours(row.widest_hours)) == row.chosen);
}

TEST_CASE("blocks are a tenth of retention wide at most", "[store][plan]") {
    CHECK(widest_block(two_hours, hours(24 * 15)) == hours(36));
    CHECK(widest_block(two_hours, hours(5)) == two_hours);
    CHECK(widest_block(two_hours, hours(24 * 3650)) == hours(24 * 31));
}

TEST_CASE("old blocks go, and the oldest of too many bytes", "[store][plan]") {
    struct Row {
        const char* what;
        int oldest;
        std::uint64_t bytes_max, other;
        std::size_t gone;
    };
    const auto row = GENERATE(values<Row>({
        {"all is kept", 0, 0, 1'000'000, 0},
        {"not while a part of it is young enough", 1, 0, 0, 0},
        {"when all of it is old", 2, 0, 0, 1},
        {"all of them", 99, 0, 0, 4},
        {"what fits exactly stays", 0, 80, 0, 0},
        {"one byte too many", 0, 79, 0, 1},
        {"the log counts", 0, 80, 1, 1},
        {"by both, the more", 4, 79, 0, 2},
        {"the log alone is too much", 0, 80, 81, 4},
    }));
    CAPTURE(row.what);
    CHECK(past_retention(blocks_of("0-2 2-4 4-6 6-8"), {row.oldest * hour}, row.bytes_max,
                         row.other) == row.gone);
}

}  // namespace vedette::store
