#include "store/packed/packed.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "core/sample.h"
#include "tests/store/slow_unpack.h"

namespace vedette::store {
namespace {

struct Points {
    std::vector<Timestamp> times;
    std::vector<double> values;

    void add(std::int64_t ms, double value) {
        times.push_back({ms});
        values.push_back(value);
    }
    PackedView view(std::string_view bytes) const {
        return {times.size(), times.front().ms, times.back().ms, bytes};
    }
};

std::string packed_of(const Points& points) {
    std::string out;
    REQUIRE(pack(points.times, points.values, out));
    return out;
}

std::uint64_t bits(double value) {
    return std::bit_cast<std::uint64_t>(value);
}

bool same(const Points& a, const Points& b) {
    return a.times == b.times &&
           std::equal(a.values.begin(), a.values.end(), b.values.begin(), b.values.end(),
                      [](double x, double y) { return bits(x) == bits(y); });
}

Points unpacked(const PackedView& view, const Kernels& with = kernels()) {
    Points out;
    out.times.resize(unpack_room(view.count));
    out.values.resize(unpack_room(view.count));
    const auto done = unpack(view, out.times.data(), out.values.data(), with);
    if (!done) FAIL(done.error().message);
    out.times.resize(view.count);
    out.values.resize(view.count);
    return out;
}

std::string refusal(const PackedView& view) {
    std::vector<Timestamp> times(unpack_room(view.count));
    std::vector<double> values(unpack_room(view.count));
    const auto done = unpack(view, times.data(), values.data());
    return done ? "taken" : done.error().message;
}

// Series of many kinds, one after the other in one chunk.
Points random_points(std::mt19937_64& random) {
    const auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(random() % n); };
    Points points;
    std::int64_t at = below(1'000'000'000) - 500'000'000, number = below(100'000);
    const std::size_t count = 1 + random() % 300;
    const std::uint64_t clock = random() % 5, kind = random() % 8;
    const double scale = std::pow(10, random() % 9);
    for (std::size_t i = 0; i < count; ++i) {
        switch (clock) {
            case 0:
                at += 15'000;
                break;
            case 1:
                at += 15'000 + below(20) - 10;
                break;
            case 2:
                at += random() % 30 == 0 ? below(1'000'000) + 1 : 15'000;
                break;
            case 3:
                at = static_cast<std::int64_t>(i + 1) * 15'000 + below(100);
                break;
            default:
                at += 1 + (random() % 50 == 0 ? below(std::uint64_t{1} << 45) : below(50));
                break;
        }
        if (random() % 60 == 0) number = below(std::uint64_t{1} << (random() % 63)) - 1000;
        number += kind == 1 ? below(50) : kind == 2 ? below(50) * 4096 : below(200) - 100;
        double value = static_cast<double>(number) / (kind == 3 ? scale : kind == 4 ? 100 : 1);
        if (kind == 5) value = static_cast<double>(below(1000)) / 10;
        if (kind == 6) value = static_cast<double>(i * i * 7);
        if (random() % 40 == 0) value = stale_marker();
        if (random() % 90 == 0) value = std::bit_cast<double>(random());
        if (points.times.empty() || at > points.times.back().ms) points.add(at, value);
    }
    return points;
}

}  // namespace

TEST_CASE("what was packed reads back bit for bit, by every kernel and by the slow twin",
          "[store][packed]") {
    std::mt19937_64 random(Catch::rngSeed());
    int packed_count = 0;
    for (int round = 0; round < 2000; ++round) {
        const Points points = random_points(random);
        std::string bytes;
        if (!pack(points.times, points.values, bytes)) {
            REQUIRE(bytes.empty());
            continue;
        }
        ++packed_count;
        const PackedView view = points.view(bytes);
        REQUIRE(same(unpacked(view), points));
        REQUIRE(same(unpacked(view, portable_kernels()), points));
        const auto slow = slow_unpack(view);
        REQUIRE(slow);
        bool agree = true;
        for (std::size_t i = 0; i < points.times.size(); ++i)
            agree = agree && slow->times[i] == points.times[i].ms &&
                    slow->value_bits[i] == bits(points.values[i]);
        REQUIRE(agree);
    }
    CHECK(packed_count > 1500);
}

TEST_CASE("a window of a packed chunk has the samples that all of it has there",
          "[store][packed]") {
    std::mt19937_64 random(Catch::rngSeed());
    for (int round = 0; round < 300; ++round) {
        const Points points = random_points(random);
        std::string bytes;
        if (!pack(points.times, points.values, bytes)) continue;
        const PackedView view{points.times.size(), points.times.front().ms, points.times.back().ms,
                              bytes};
        for (int i = 0; i < 20; ++i) {
            const auto near = [&] {
                const Timestamp at = points.times[random() % points.times.size()];
                return at + Milliseconds(static_cast<int>(random() % 3) - 1);
            };
            const Window window{near(), near()};
            Points part;
            part.times.resize(unpack_room(view.count));
            part.values.resize(unpack_room(view.count));
            const auto range = unpack_window(view, window, part.times.data(), part.values.data());
            REQUIRE(range);
            Points wanted, found;
            for (std::size_t n = 0; n < points.times.size(); ++n) {
                if (!window.holds(points.times[n])) continue;
                wanted.times.push_back(points.times[n]);
                wanted.values.push_back(points.values[n]);
            }
            REQUIRE(range->end <= view.count);
            for (std::size_t n = range->first; n < range->end; ++n) {
                found.times.push_back(part.times[n]);
                found.values.push_back(part.values[n]);
            }
            REQUIRE(same(found, wanted));
        }
    }
}

TEST_CASE("values that no decimal number is survive among those that are", "[store][packed]") {
    const double inf = std::numeric_limits<double>::infinity();
    Points points;
    for (int i = 0; i < 40; ++i) points.add(i * 1000, i / 4.0);
    for (const auto& [place, value] : std::vector<std::pair<std::size_t, double>>{
             {0, stale_marker()},
             {3, std::bit_cast<double>(std::uint64_t{0x7ff8000000000001})},
             {4, std::bit_cast<double>(std::uint64_t{0xfff4123400000000})},
             {7, -0.0},
             {20, inf},
             {21, -inf},
             {39, 5e-324}})
        points.values[place] = value;
    CHECK(same(unpacked(points.view(packed_of(points))), points));
}

TEST_CASE("whole numbers at the edges of what a double holds survive", "[store][packed]") {
    Points points;
    const double edges[] = {0x1p53, 0x1p53 - 1, -0x1p53, 0x1p61, -0x1p61, 0, 1, 0x1p62 - 0x1p10};
    for (int i = 0; i < 64; ++i) points.add(i * 1000, edges[i % 8]);
    CHECK(same(unpacked(points.view(packed_of(points))), points));
    CHECK(same(unpacked(points.view(packed_of(points)), portable_kernels()), points));
}

TEST_CASE("a packed chunk takes what its numbers need", "[store][packed]") {
    std::mt19937_64 random(1);
    struct Row {
        const char* what;
        double (*value)(int i, std::uint64_t random);
        std::size_t bytes_max;
    };
    static double counted;
    counted = 0;
    const Row rows[] = {
        {"nothing changes", [](int, std::uint64_t) { return 17.5; }, 5},
        {"a clock ticks", [](int i, std::uint64_t) { return 15.0 * i; }, 8},
        {"it grows faster and faster", [](int i, std::uint64_t) { return 3.0 * i * i; }, 9},
        {"six bits of increment",
         [](int, std::uint64_t r) { return counted += static_cast<double>(r % 64); }, 99},
        {"pages of 4096 bytes",
         [](int, std::uint64_t r) { return counted += 4096 * static_cast<double>(r % 64); }, 100},
        {"percentages with one digit",
         [](int, std::uint64_t r) { return static_cast<double>(r % 1000) / 10; }, 158},
        {"one reset", [](int i, std::uint64_t) { return 1e9 + i * 7.0 - (i < 60 ? 0 : 1e9); }, 24},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        Points points;
        for (int i = 0; i < 120; ++i) points.add(i * 15'000, row.value(i, random()));
        const std::string bytes = packed_of(points);
        CHECK(bytes.size() <= row.bytes_max);
        CHECK(same(unpacked(points.view(bytes)), points));
    }
}

TEST_CASE("times cost what they stray from the interval", "[store][packed]") {
    std::mt19937_64 random(1);
    const auto size = [&](auto at) {
        Points points;
        for (int i = 0; i < 120; ++i) points.add(at(i), 1);
        return packed_of(points).size();
    };
    CHECK(size([](int i) { return i * 15'000; }) == 4);
    CHECK(size([&](int i) { return i * 15'000 + static_cast<int>(random() % 8); }) <= 55);
    CHECK(size([](int i) { return i * 15'000 + (i > 50 ? 15'000 : 0); }) <= 16);
    CHECK(size([](int i) { return i * 15'000 + (i == 50 ? 7 : 0); }) <= 16);
}

TEST_CASE("measured durations are no decimal numbers and are refused", "[store][packed]") {
    Points points;
    for (int i = 0; i < 120; ++i) points.add(i * 15'000, std::sqrt(i + 1) / 3);
    std::string out = "kept";
    CHECK_FALSE(pack(points.times, points.values, out));
    CHECK(out == "kept");
}

TEST_CASE("packed bytes cut anywhere are refused, and so are more of them", "[store][packed]") {
    std::mt19937_64 random(Catch::rngSeed());
    for (int round = 0; round < 50; ++round) {
        const Points points = random_points(random);
        std::string bytes;
        if (!pack(points.times, points.values, bytes)) continue;
        for (std::size_t size = 0; size < bytes.size(); ++size)
            REQUIRE(refusal(points.view(std::string_view(bytes).substr(0, size))) != "taken");
        REQUIRE(refusal(points.view(bytes + '\0')) != "taken");
    }
}

TEST_CASE("with any bit flipped, all kernels and the slow twin say the same", "[store][packed]") {
    std::mt19937_64 random(Catch::rngSeed());
    for (int round = 0; round < 20; ++round) {
        const Points points = random_points(random);
        std::string bytes;
        if (!pack(points.times, points.values, bytes)) continue;
        for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
            // As long as what was there, so that a reader past the end is seen.
            std::vector<char> flipped(bytes.begin(), bytes.end());
            flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
            const PackedView view = points.view({flipped.data(), flipped.size()});
            const auto slow = slow_unpack(view);
            REQUIRE((refusal(view) == "taken") == slow.has_value());
            if (!slow) continue;
            for (const Kernels& with : {kernels(), portable_kernels()}) {
                const Points read = unpacked(view, with);
                REQUIRE(std::is_sorted(read.times.begin(), read.times.end()));
                bool agree = true;
                for (std::size_t i = 0; i < read.times.size(); ++i)
                    agree = agree && slow->times[i] == read.times[i].ms &&
                            slow->value_bits[i] == bits(read.values[i]);
                REQUIRE(agree);
            }
        }
    }
}

TEST_CASE("a packed chunk that is none says what is wrong with it", "[store][packed]") {
    Points points;
    for (int i = 0; i < 4; ++i) points.add(i * 1000 + (i == 2), i);
    const std::string bytes = packed_of(points);
    PackedView view = points.view(bytes);
    const std::string chunk = "a packed chunk of 4 samples in " + std::to_string(bytes.size());
    CHECK(refusal(points.view("\x77")) ==
          "a packed chunk of 4 samples in 1 bytes: its form is not known");
    view.last_ms = 9999;
    CHECK(refusal(view) == chunk + " bytes: its last time is another one");
    view = points.view(bytes);
    view.bytes.remove_suffix(1);
    CHECK(refusal(view) == "a packed chunk of 4 samples in " + std::to_string(bytes.size() - 1) +
                               " bytes: its values are cut short");
    view.bytes = view.bytes.substr(0, 2);
    CHECK(refusal(view) ==
          "a packed chunk of 4 samples in 2 bytes: its times are cut short or do not ascend");
    CHECK(refusal({0, 0, 0, bytes}) == "a packed chunk of 0 samples in " +
                                           std::to_string(bytes.size()) +
                                           " bytes: there is nothing in it");
}

}  // namespace vedette::store
