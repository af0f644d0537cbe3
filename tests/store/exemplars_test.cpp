#include "store/head/exemplars.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "store/dump.h"
#include "tests/store/scratch.h"

namespace vedette::store {
namespace {

using Is = ExemplarRing::Verdict;

const Labels a{{"__name__", "a"}}, b{{"__name__", "b"}};

Exemplar traced(std::string_view trace, std::int64_t at, double value) {
    return {Labels{{"trace", trace}}, {at}, value};
}

std::string text(const std::vector<SeriesExemplars>& all) {
    std::string out;
    for (const auto& [series, exemplars] : all) {
        out += to_string(series);
        for (const Exemplar& each : exemplars)
            out += fmt::format(" {}={}@{}", each.labels.get("trace"), each.value, each.at.ms);
        out += '\n';
    }
    return out;
}

constexpr Window always{{-1}, {std::int64_t{1} << 60}};

std::string all_of(const ExemplarRing& ring, Window window = always) {
    return text(ring.find([](const Labels&) { return true; }, window));
}

std::string kept(Scratch& it) {
    const auto found = it.store->exemplars({}, always);
    REQUIRE(found);
    return text(*found);
}

/// A batch of exemplars alone, as remote write sends them.
void append(Scratch& it, std::string_view name, std::vector<Exemplar> exemplars) {
    Batch batch;
    for (const Exemplar& each : exemplars)
        batch.exemplars.push_back({it.ref(name), each.labels, each.at, each.value});
    REQUIRE(it.store->append(batch));
}

constexpr const char* segment = "data/wal/00000001";

}  // namespace

TEST_CASE("the oldest exemplar of all series gives way to the newest", "[store][exemplars]") {
    ExemplarRing ring(3);
    CHECK(ring.add(a, traced("1", 1, 1)) == Is::Keep);
    CHECK(ring.add(b, traced("2", 1, 1)) == Is::Keep);
    CHECK(ring.add(a, traced("3", 2, 1)) == Is::Keep);
    CHECK(all_of(ring) == "a 1=1@1 3=1@2\nb 2=1@1\n");
    CHECK(ring.add(a, traced("4", 3, 1)) == Is::Keep);
    CHECK(all_of(ring) == "a 3=1@2 4=1@3\nb 2=1@1\n");
    CHECK(ring.add(a, traced("5", 4, 1)) == Is::Keep);
    CHECK(all_of(ring) == "a 3=1@2 4=1@3 5=1@4\n");
    CHECK(ring.series() == 1);
    CHECK(all_of(ring, {{2}, {3}}) == "a 4=1@3\n");
    ring.resize(2);
    CHECK(all_of(ring) == "a 4=1@3 5=1@4\n");
    ring.resize(4);
    CHECK(ring.add(b, traced("6", 9, 1)) == Is::Keep);
    CHECK(all_of(ring) == "a 4=1@3 5=1@4\nb 6=1@9\n");
    CHECK(ring.drop_after({3}) == 2);
    CHECK(all_of(ring) == "a 4=1@3\n");
    ring.resize(0);
    CHECK(ring.add(b, traced("7", 9, 1)) == Is::Off);
    CHECK(all_of(ring).empty());
}

TEST_CASE("an exemplar is known, late or new by time, then value, then labels",
          "[store][exemplars]") {
    struct Row {
        const char* what;
        Exemplar next;
        Is is;
    };
    const auto row = GENERATE(values<Row>({
        {"the same again", traced("m", 10, 5), Is::Known},
        {"the same, later", traced("m", 11, 5), Is::Keep},
        {"earlier", traced("z", 9, 9), Is::OutOfOrder},
        {"at that time, less", traced("z", 10, 4), Is::OutOfOrder},
        {"at that time, more", traced("a", 10, 6), Is::Keep},
        {"at that time and value, labels before", traced("a", 10, 5), Is::OutOfOrder},
        {"at that time and value, labels after", traced("z", 10, 5), Is::Keep},
        {"labels of 128 characters", traced(std::string(123, 'x'), 11, 5), Is::Keep},
        {"labels of 129 characters", traced(std::string(124, 'x'), 11, 5), Is::TooLong},
    }));
    CAPTURE(row.what);
    ExemplarRing ring(10);
    REQUIRE(ring.add(a, traced("m", 10, 5)) == Is::Keep);
    CHECK(ring.add(a, row.next) == row.is);
    CHECK(ring.add(b, row.next) == (row.is == Is::TooLong ? Is::TooLong : Is::Keep));
}

TEST_CASE("exemplars come back after kill -9 and after a checkpoint, known ones once",
          "[store][exemplars]") {
    Scratch it;
    REQUIRE(it.open());
    append(it, "a", {traced("1", 1000, 1), traced("2", 2000, 2), traced("2", 2000, 2)});
    append(it, "b", {traced("3", 1500, 3), traced(std::string(200, 'x'), 1600, 3)});
    append(it, "a", {traced("0", 500, 0), traced("4", 3000, 4)});
    const std::string before = "a 1=1@1000 2=2@2000 4=4@3000\nb 3=3@1500\n";
    CHECK(kept(it) == before);
    SECTION("a kill") {}
    SECTION("a checkpoint") {
        REQUIRE(it.store->checkpoint());
    }
    SECTION("a checkpoint whose segment is still there") {
        const std::string log = it.files.bytes(segment);
        REQUIRE(it.store->checkpoint());
        REQUIRE(it.files.write_atomically("data/wal/00000002", log));
    }
    REQUIRE(it.open());
    CHECK(kept(it) == before);
    append(it, "b", {traced("3", 1500, 3)});
    CHECK(kept(it) == before);
}

TEST_CASE("a store that keeps no exemplars takes the batch all the same", "[store][exemplars]") {
    Scratch it({.exemplars_max = 0});
    REQUIRE(it.open());
    append(it, "a", {traced("1", 1000, 1)});
    CHECK(kept(it).empty());
    it.store->keep_exemplars(5);
    append(it, "a", {traced("1", 1000, 1)});
    CHECK(kept(it) == "a 1=1@1000\n");
}

TEST_CASE("exemplars are found by any of several selectors", "[store][exemplars]") {
    Scratch it;
    REQUIRE(it.open());
    for (const char* name : {R"(a{x="1"})", R"(a{x="2"})", R"(b{x="1"})"})
        append(it, name, {traced("1", 1000, 1)});
    const auto found = [&](std::vector<std::vector<Matcher>> selectors) {
        const auto out = it.store->exemplars(selectors, always);
        return out ? text(*out) : out.error().message;
    };
    using Op = Matcher::Op;
    CHECK(found({{{Op::Equal, "__name__", "b"}}, {{Op::Match, "x", "2|3"}}}) ==
          "a{x=\"2\"} 1=1@1000\nb{x=\"1\"} 1=1@1000\n");
    CHECK(found({{{Op::Match, "x", "("}}}).find("missing )") != std::string::npos);
}

TEST_CASE("the clock set back takes exemplars of the time after it", "[store][exemplars]") {
    Scratch it;
    REQUIRE(it.open());
    const std::int64_t now = it.clock.now().ms, hour = 3'600'000;
    REQUIRE(it.add("a", now, 1.0));
    append(it, "a", {traced("1", now - 2 * hour, 1), traced("2", now, 2)});
    it.clock.step(Milliseconds(-hour));
    REQUIRE(it.store->maintain());
    const std::string left = fmt::format("a 1=1@{}\n", now - 2 * hour);
    CHECK(kept(it) == left);
    REQUIRE(it.open());
    CHECK(kept(it) == left);
}

TEST_CASE("a log of exemplars cut at any length or with any bit flipped loads what is whole",
          "[store][exemplars]") {
    Scratch it;
    REQUIRE(it.open());
    append(it, "a", {traced("1", 1000, 1)});
    const std::size_t first = it.files.bytes(segment).size();
    append(it, "a", {traced("2", 2000, 2)});
    const std::string log = it.files.bytes(segment);
    const auto open = [&](std::string_view bytes) {
        REQUIRE(it.files.write_atomically(segment, bytes));
        REQUIRE(it.open());
        return kept(it);
    };
    for (std::size_t size = first; size < log.size(); ++size) {
        CAPTURE(size);
        CHECK(open(log.substr(0, size)) == "a 1=1@1000\n");
    }
    for (std::size_t bit = first * 8; bit < log.size() * 8; ++bit) {
        CAPTURE(bit);
        std::string flipped = log;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        CHECK(open(flipped) == "a 1=1@1000\n");
        CHECK_FALSE(it.store->recovery().losses.empty());
    }
}

TEST_CASE("a dump of the log shows exemplars", "[store][exemplars]") {
    Scratch it;
    REQUIRE(it.open());
    append(it, "a", {traced("1", 1000, 1.5), traced("2", 2000, 2)});
    std::ostringstream out;
    REQUIRE(dump(it.files, segment, out));
    CHECK(out.str().find("exemplars\n") != std::string::npos);
    CHECK(out.str().find(" 1.5 # {trace=\"1\"}\n") != std::string::npos);
    CHECK(out.str().ends_with(" 2 # {trace=\"2\"}\n"));
}

}  // namespace vedette::store
