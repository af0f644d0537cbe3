#include "store/chunks/chunk.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "core/limits.h"
#include "store/bytes.h"
#include "store/chunks/histogram_bytes.h"

namespace vedette::store {
namespace {

constexpr Window always{{std::numeric_limits<std::int64_t>::min()},
                        {std::numeric_limits<std::int64_t>::max()}};

struct Point {
    std::int64_t ms;
    double value;
};

OpenChunk chunk_of(const std::vector<Point>& points) {
    OpenChunk chunk;
    for (const Point& point : points) chunk.append({point.ms}, point.value);
    return chunk;
}

bool same_bits(double a, double b) {
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

std::vector<Point> random_points(std::mt19937_64& random) {
    const auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(random() % n); };
    std::vector<Point> points;
    std::int64_t at = below(1'000'000) - 500'000;
    double value = 0;
    const std::size_t count = 1 + random() % limits::chunk_samples_max;
    for (std::size_t i = 0; i < count; ++i) {
        switch (random() % 6) {
            case 0:
                at += 15'000;
                break;
            case 1:
                at += 15'000 + below(40);
                break;
            case 2:
                at += 1 + below(5'000);
                break;
            case 3:
                at += 1 + below(1'000'000);
                break;
            case 4:
                at += 1 + below(std::uint64_t{1} << 40);
                break;
            default:
                at += 1;
                break;
        }
        switch (random() % 5) {
            case 0:
                break;
            case 1:
                value += 1;
                break;
            case 2:
                value = static_cast<double>(below(1000)) / 10;
                break;
            case 3:
                value = std::bit_cast<double>(random());
                break;
            default:
                value = stale_marker();
                break;
        }
        points.push_back({at, value});
    }
    return points;
}

HistogramRef random_histogram(std::mt19937_64& random) {
    Histogram made;
    made.schema = static_cast<std::int32_t>(random() % 9) - 4;
    made.count = static_cast<double>(random() % 100);
    made.sum = random() % 7 == 0 ? stale_marker() : static_cast<double>(random() % 1000) / 3;
    made.zero_threshold = 1e-128;
    made.zero_count = static_cast<double>(random() % 3);
    made.reset_hint = static_cast<Histogram::ResetHint>(random() % 4);
    made.positive_spans = {{-2, 2}, {3, 1}};
    made.positive_buckets = {1, static_cast<double>(random() % 9), 3};
    if (random() % 3 == 0) {
        made.schema = -53;
        made.custom_bounds = {0.1, 1, 10};
        made.negative_spans = {{0, 1}};
        made.negative_buckets = {static_cast<double>(random() % 9)};
    }
    return std::make_shared<const Histogram>(made);
}

// As bytes, because the stale marker is a NaN and not equal to itself.
std::string bytes_of(const Histogram& value) {
    std::string out;
    put_histogram(out, value);
    return out;
}

}  // namespace

TEST_CASE("a float chunk gives back every bit of what was put in", "[store][chunk]") {
    std::mt19937_64 random(Catch::rngSeed());
    for (int round = 0; round < 300; ++round) {
        const auto points = random_points(random);
        OpenChunk open = chunk_of(points);
        const SealedChunk sealed = open.seal();
        Samples out;
        REQUIRE(decode(sealed.view(), always, out));
        REQUIRE(out.times.size() == points.size());
        bool same = true;
        for (std::size_t i = 0; i < points.size(); ++i)
            same = same && out.times[i].ms == points[i].ms &&
                   same_bits(out.floats[i], points[i].value);
        CHECK(same);
        CHECK(out.histograms.empty());
    }
}

TEST_CASE("a chunk decodes only what is inside the window, open on the left", "[store][chunk]") {
    const OpenChunk chunk = chunk_of({{1000, 1}, {2000, 2}, {3000, 3}, {4000, 4}});
    Samples out;
    REQUIRE(decode(chunk.view(), {{1000}, {3000}}, out));
    CHECK(out.times == std::vector<Timestamp>{{2000}, {3000}});
    CHECK(out.floats == std::vector<double>{2, 3});
}

TEST_CASE("a steady series costs two bits a sample", "[store][chunk]") {
    OpenChunk chunk;
    for (int i = 0; i < 120; ++i) chunk.append({i * 15'000}, 1);
    // 64 for the first value, 24 and 1 for the first distance, and two for each sample after that.
    CHECK(chunk.tail().bit_count == 64 + 25 + 118 * 2);
    CHECK(chunk.full_for(ChunkKind::Float));
}

TEST_CASE("an open chunk taken up again goes on as if nothing had happened", "[store][chunk]") {
    std::mt19937_64 random(Catch::rngSeed());
    for (int round = 0; round < 100; ++round) {
        const auto points = random_points(random);
        const std::size_t cut = 1 + random() % points.size();
        const OpenChunk whole = chunk_of(points);
        const OpenChunk begun =
            chunk_of({points.begin(), points.begin() + static_cast<std::ptrdiff_t>(cut)});
        auto resumed = OpenChunk::resume(begun.view(), begun.tail());
        REQUIRE(resumed);
        for (std::size_t i = cut; i < points.size(); ++i)
            resumed->append({points[i].ms}, points[i].value);
        CHECK(resumed->view().bytes == whole.view().bytes);
        CHECK(resumed->tail().bit_count == whole.tail().bit_count);
    }
}

TEST_CASE("an open chunk that is entered in the middle gives what reading all of it gives",
          "[store][chunk]") {
    std::mt19937_64 random(Catch::rngSeed());
    std::size_t entered = 0;
    for (int round = 0; round < 200; ++round) {
        auto points = random_points(random);
        // Of chunks that go over weeks only the first part has marks.
        for (std::size_t i = 0; round % 3 > 0 && i < points.size(); ++i)
            points[i].ms = static_cast<std::int64_t>(i * 15'000 + random() % 40);
        OpenChunk open = chunk_of(points);
        if (round % 4 == 0) {  // taken up again somewhere: what was before has no marks
            const std::size_t cut = 1 + random() % points.size();
            const auto begun =
                chunk_of({points.begin(), points.begin() + static_cast<std::ptrdiff_t>(cut)});
            open = *OpenChunk::resume(begun.view(), begun.tail());
            for (std::size_t i = cut; i < points.size(); ++i)
                open.append({points[i].ms}, points[i].value);
        }
        for (const Point& point : points) {
            for (const std::int64_t from : {point.ms - 1, point.ms}) {
                const Window window{{from}, {points.back().ms - static_cast<int>(random() % 2)}};
                Samples whole, entry;
                REQUIRE(decode(open.view(), window, whole));
                const ChunkMark mark = open.mark_before(window.from);
                entered += mark.count > 0 ? 1 : 0;
                REQUIRE(decode(open.view(), window, entry, mark));
                REQUIRE(entry.times == whole.times);
                REQUIRE(std::ranges::equal(entry.floats, whole.floats, same_bits));
            }
        }
    }
    CHECK(entered > 1000);
}

TEST_CASE("a chunk cut at any byte gives the samples before the cut and says so",
          "[store][chunk]") {
    std::mt19937_64 random(Catch::rngSeed());
    const auto points = random_points(random);
    OpenChunk open = chunk_of(points);
    const SealedChunk sealed = open.seal();
    for (std::size_t size = 0; size < sealed.view().bytes.size(); ++size) {
        ChunkView cut = sealed.view();
        cut.bytes = cut.bytes.substr(0, size);
        Samples out;
        const auto decoded = decode(cut, always, out);
        REQUIRE_FALSE(decoded);
        CHECK(decoded.error().fault == Fault::Corrupt);
        REQUIRE(out.times.size() < points.size());
        for (std::size_t i = 0; i < out.times.size(); ++i) REQUIRE(out.times[i].ms == points[i].ms);
    }
}

TEST_CASE("a cut chunk says which sample is missing", "[store][chunk]") {
    const OpenChunk open = chunk_of({{1000, 1.5}, {2000, 2.5}, {3000, 1e300}});
    ChunkView view = open.view();
    view.bytes = view.bytes.substr(0, 14);
    Samples out;
    const auto decoded = decode(view, always, out);
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().message == "sample 3 of 3 in a chunk of 14 bytes is cut short");
}

TEST_CASE("a chunk with any bit flipped stays inside its bytes and its count", "[store][chunk]") {
    std::mt19937_64 random(Catch::rngSeed());
    const auto points = random_points(random);
    const OpenChunk open = chunk_of(points);
    const std::string bytes(open.view().bytes);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        std::string flipped = bytes;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
        ChunkView view = open.view();
        view.bytes = flipped;
        Samples out;
        (void)decode(view, always, out);
        REQUIRE(out.times.size() <= points.size());
        REQUIRE(std::is_sorted(out.times.begin(), out.times.end()));
    }
}

TEST_CASE("a histogram chunk gives back what was put in, cut or whole", "[store][chunk]") {
    std::mt19937_64 random(Catch::rngSeed());
    for (int round = 0; round < 20; ++round) {
        OpenChunk open;
        std::vector<HistogramRef> values;
        for (int i = 0; i < 30; ++i) {
            const Histogram* before = values.empty() ? nullptr : values.back().get();
            HistogramRef value = random_histogram(random);
            open.append({i * 1000}, *value, before);
            values.push_back(std::move(value));
        }
        Samples out;
        REQUIRE(decode(open.view(), always, out));
        REQUIRE(out.histograms.size() == values.size());
        for (std::size_t i = 0; i < values.size(); ++i)
            REQUIRE(bytes_of(*out.histograms[i]) == bytes_of(*values[i]));
        for (std::size_t size = 0; size < open.view().bytes.size(); ++size) {
            ChunkView cut = open.view();
            cut.bytes = cut.bytes.substr(0, size);
            Samples part;
            REQUIRE_FALSE(decode(cut, always, part));
            REQUIRE(part.times.size() < values.size());
        }
    }
}

TEST_CASE("a sealed chunk is packed where that is smaller, and plain where it is not",
          "[store][chunk]") {
    OpenChunk counter, measured;
    for (int i = 0; i < 120; ++i) {
        counter.append({i * 15'000}, i * 7 + i % 5);
        measured.append({i * 15'000}, std::sqrt(i + 1) / 3);
    }
    const std::size_t counter_bytes = counter.view().bytes.size();
    const SealedChunk small = counter.seal(), same = measured.seal();
    CHECK(small.view().kind == ChunkKind::Packed);
    CHECK(small.view().bytes.size() < counter_bytes / 2);
    CHECK(same.view().kind == ChunkKind::Float);
    CHECK(counter.empty());
}

TEST_CASE("two packed chunks become one where that is smaller, and no more than two",
          "[store][chunk]") {
    OpenChunk open;
    std::vector<SealedChunk> sealed;
    Samples expected;
    for (int i = 0; i < 360; ++i) {
        expected.add({i * 15'000}, i * 7 + i % 5);
        open.append(expected.times.back(), expected.floats.back());
        if (open.full_for(ChunkKind::Float)) sealed.push_back(open.seal());
    }
    const std::size_t apart = sealed[0].heap_bytes() + sealed[1].heap_bytes();
    REQUIRE(sealed[0].take_in(sealed[1]));
    CHECK(sealed[0].heap_bytes() < apart);
    CHECK(sealed[0].view().count == 240);
    CHECK_FALSE(sealed[0].take_in(sealed[2]));
    Samples out;
    REQUIRE(decode(sealed[0].view(), always, out));
    REQUIRE(decode(sealed[2].view(), always, out));
    CHECK(out.times == expected.times);
    CHECK(out.floats == expected.floats);
}

TEST_CASE("a plain chunk takes in nothing and is not taken in", "[store][chunk]") {
    OpenChunk counter, measured;
    for (int i = 0; i < 120; ++i) {
        counter.append({i * 15'000}, i);
        measured.append({(200 + i) * 15'000}, std::sqrt(i + 1) / 3);
    }
    SealedChunk packed = counter.seal(), plain = measured.seal();
    CHECK_FALSE(packed.take_in(plain));
    CHECK_FALSE(plain.take_in(packed));
    CHECK(packed.view().count == 120);
}

TEST_CASE("a packed chunk gives what lies inside the window, after what is there already",
          "[store][chunk]") {
    OpenChunk open;
    for (int i = 1; i <= 100; ++i) open.append({i * 1000}, i / 10.0);
    const SealedChunk sealed = open.seal();
    REQUIRE(sealed.view().kind == ChunkKind::Packed);
    for (const auto& [from, to] : std::vector<std::pair<int, int>>{{0, 200'000},
                                                                   {0, 1000},
                                                                   {999, 1000},
                                                                   {1000, 3000},
                                                                   {99'000, 100'000},
                                                                   {50'500, 50'900}}) {
        CAPTURE(from, to);
        Samples out;
        out.add({5}, 5);
        REQUIRE(decode(sealed.view(), {{from}, {to}}, out));
        Samples expected;
        expected.add({5}, 5);
        for (int i = 1; i <= 100; ++i)
            if (i * 1000 > from && i * 1000 <= to) expected.add({i * 1000}, i / 10.0);
        CHECK(out.times == expected.times);
        CHECK(out.floats == expected.floats);
    }
}

TEST_CASE("a chunk of unknown kind is refused by number", "[store][chunk]") {
    Samples out;
    const auto decoded = decode({static_cast<ChunkKind>(9), 1, 0, 0, "x"}, always, out);
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().message == "chunk kind 9 is not known");
}

TEST_CASE("a tail of four billion bits does not belong to no bytes", "[store][chunk]") {
    const ChunkView empty{ChunkKind::Float, 10, 0, 0, {}};
    OpenChunk::Tail tail;
    tail.bit_count = 0xfffffffe;  // plus seven wraps in 32 bits: the fuzzer appended to it
    const auto resumed = OpenChunk::resume(empty, tail);
    REQUIRE_FALSE(resumed);
    CHECK(resumed.error().message == "an open chunk's tail does not belong to its bytes");
}

}  // namespace vedette::store
