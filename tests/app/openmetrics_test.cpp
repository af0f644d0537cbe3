#include <catch2/catch.hpp>
#include <charconv>

#include "app/openmetrics/export.h"
#include "app/openmetrics/import.h"
#include "tests/store/scratch.h"
#include "tests/support/failing_files.h"

namespace vedette::app {
namespace {

using store::Scratch;

constexpr Timestamp now{1'790'000'000'000};
constexpr ImportSettings small{.samples_a_pass = 100, .samples_a_block = 50};
constexpr Window always{{std::numeric_limits<std::int64_t>::min()},
                        {std::numeric_limits<std::int64_t>::max()}};

/// Three series with a sample a minute, one series after the other.
std::string minutes(int count) {
    std::string text;
    for (const char* name : {"a", "b{x=\"1\"}", "b{x=\"2\"}"})
        for (int i = 0; i < count; ++i)
            text += std::string(name) + ' ' + std::to_string(i) + ' ' + std::to_string(i * 60) +
                    ".000\n";
    return text + "# EOF\n";
}

Result<ImportDone> import_text(Scratch& it, Files& files, const std::string& text,
                               ImportSettings settings = small) {
    Import import(text, "f", settings, [](std::string_view, std::uint64_t, std::uint64_t) {});
    if (auto read = import.read(now); !read) return fail(read.error());
    return import.write(*it.store, files, "data/import.progress");
}

std::string export_all(Scratch& it) {
    std::string out;
    const auto put = [&](std::string_view piece) -> Result<void> {
        out += piece;
        return {};
    };
    REQUIRE(export_openmetrics(*it.store, {}, always, put));
    return out;
}

std::string refusal(const std::string& text) {
    Scratch it;
    REQUIRE(it.open());
    const auto done = import_text(it, it.files, text);
    return done ? "taken" : done.error().message;
}

}  // namespace

TEST_CASE("seconds are written so that whoever cuts them off gets the millisecond",
          "[app][openmetrics]") {
    const auto written = [](std::int64_t ms) {
        std::string out;
        append_seconds(out, {ms});
        return out;
    };
    CHECK(written(0) == "0.000");
    CHECK(written(-1) == "-0.001");
    CHECK(written(-61'002) == "-61.002");
    CHECK(written(1'600'000'000'123) == "1600000000.123");
    std::size_t lengthened = 0;
    for (std::int64_t i = 0; i < 200'000; ++i) {
        const std::int64_t ms = i % 2 == 0 ? 1'600'000'000'000 + i * 7'919 : i - 100'000;
        const std::string text = written(ms);
        double seconds = 0;
        std::from_chars(text.data(), text.data() + text.size(), seconds);
        REQUIRE(static_cast<std::int64_t>(seconds * 1000) == ms);  // Prometheus
        REQUIRE(std::llround(seconds * 1000) == ms);               // an import of ours
        lengthened += text.ends_with("0005");
    }
    CHECK(lengthened > 0);
}

TEST_CASE("an import makes blocks of up to so many samples, in as many passes as it needs",
          "[app][openmetrics]") {
    Scratch it;
    REQUIRE(it.open());
    const auto done = import_text(it, it.files, minutes(100));
    REQUIRE(done);
    CHECK(done->stored == 300);
    CHECK(done->series == 3);
    CHECK(done->blocks == 10);  // ten minutes of three series are 30: two of them are too many
    CHECK(done->oldest == Timestamp{0});
    CHECK(done->newest == Timestamp{99 * 60'000});
    CHECK(it.files.list("data/blocks").value().size() == 10);
    CHECK_FALSE(it.files.exists("data/import.progress"));
    CHECK(export_all(it) == minutes(100));
    REQUIRE(it.open());
    CHECK(export_all(it) == minutes(100));
}

TEST_CASE("a block of an import is never wider than eighteen hours", "[app][openmetrics]") {
    Scratch it;
    REQUIRE(it.open());
    const auto done = import_text(it, it.files, minutes(60 * 40), ImportSettings());
    REQUIRE(done);
    CHECK(done->blocks == 3);
    CHECK(export_all(it) == minutes(60 * 40));
}

TEST_CASE("an import that fails anywhere goes on where it was, and loses nothing",
          "[app][openmetrics]") {
    const std::string text = minutes(60);
    std::size_t failures = 0, resumed = 0;
    for (std::uint64_t n = 1;; ++n) {
        CAPTURE(n);
        Scratch it;
        REQUIRE(it.open());
        {
            FailingFiles failing(it.files);
            REQUIRE(it.open(failing));
            const std::uint64_t before = failing.operations();
            failing.fail_at(before + n, FailingFiles::disk_full());
            const auto done = import_text(it, failing, text);
            const bool over = failing.operations() < before + n;
            failures += !done;
            it.store.reset();
            if (over) break;
        }
        REQUIRE(it.open());
        const auto again = import_text(it, it.files, text);
        REQUIRE(again);
        resumed += again->resumed > 0;
        REQUIRE(export_all(it) == text);
        REQUIRE_FALSE(it.files.exists("data/import.progress"));
    }
    CHECK(failures > 20);
    CHECK(resumed > 5);
}

TEST_CASE("an import between samples that blocks and memory hold leaves nothing out",
          "[app][openmetrics]") {
    // Of a hundred minutes: a third is in a block, a third in memory, a third comes; some come
    // twice.
    const auto lines = [](std::initializer_list<int> kinds) {
        std::string text;
        for (int i = 0; i < 100; ++i)
            if (std::ranges::find(kinds, i % 3) != kinds.end())
                text += "m " + std::to_string(i) + ' ' + std::to_string(i * 60) + ".000\n";
        return text + "# EOF\n";
    };
    Scratch it;
    REQUIRE(it.open());
    for (int i = 1; i < 100; i += 3) REQUIRE(it.add("m", i * 60'000, static_cast<double>(i)));
    REQUIRE(import_text(it, it.files, lines({0})));
    CHECK(export_all(it) == lines({0, 1}));
    REQUIRE(import_text(it, it.files, lines({0, 2})));
    CHECK(export_all(it) == lines({0, 1, 2}));
    REQUIRE(it.open());
    CHECK(export_all(it) == lines({0, 1, 2}));
    REQUIRE(it.add("m", 200 * 60'000, 200.0));
    REQUIRE(it.store->maintain());
    REQUIRE(it.open());
    CHECK(export_all(it).find("m 99 5940.000\nm 200 12000.000\n# EOF\n") != std::string::npos);
    CHECK(export_all(it).size() ==
          lines({0, 1, 2}).size() + std::string("m 200 12000.000\n").size());
}

TEST_CASE("what another import left is no progress of this one", "[app][openmetrics]") {
    Scratch it;
    REQUIRE(it.open());
    REQUIRE(
        it.files.write_atomically("data/import.progress", "vedette import 1 of 0123\n0 300001\n"));
    const auto done = import_text(it, it.files, minutes(6));
    REQUIRE(done);
    CHECK(done->resumed == 0);
    CHECK(export_all(it) == minutes(6));
}

TEST_CASE("times of an import are rounded to milliseconds; labels may stand in any order",
          "[app][openmetrics]") {
    Scratch it;
    REQUIRE(it.open());
    const auto done = import_text(it, it.files,
                                  "# TYPE a gauge\n# HELP a what it is\n"
                                  "a{x=\"1\",y=\"2\"} 1 1600000000.0014\n"
                                  "a{y=\"2\",x=\"1\"} 2 1600000000.0016\n"
                                  "a{x=\"1\",y=\"2\"} NaN 1600000000.9996 # {t=\"1\"} 1\n"
                                  "{\"ü.n\",\"a b\"=\"c\"} +Inf -0.0004\n# EOF");
    REQUIRE(done);
    CHECK(done->series == 2);
    CHECK(done->exemplars == 1);
    CHECK(it.store->find_metadata("a")->type == "gauge");
    CHECK(it.store->find_metadata("a")->help == "what it is");
    CHECK(export_all(it) ==
          "a{x=\"1\",y=\"2\"} 1 1600000000.001\na{x=\"1\",y=\"2\"} 2 1600000000.002\n"
          "a{x=\"1\",y=\"2\"} NaN 1600000001.000\n{\"ü.n\",\"a b\"=\"c\"} +Inf 0.000\n# EOF\n");
}

TEST_CASE("what cannot be imported is refused before anything is written", "[app][openmetrics]") {
    CHECK(refusal("a 1 1\nb{x=\"y\"} 2\n# EOF\n") ==
          "f:2: \"b{x=\\\"y\\\"}\" has no time; expected seconds since 1970 behind the value");
    CHECK(refusal("a 1 1790000000.5\n# EOF\n") ==
          "f:1: a sample of 2026-09-21T14:13:20.500Z; expected none later than "
          "2026-09-21T14:13:20.000Z, which is now");
    CHECK(refusal("a{" + std::string(2000, 'l') + "=\"v\"} 1 1\n# EOF\n") ==
          "f:1: a label name has 2000 bytes; at most 1024 are taken");
    CHECK(refusal("\x1f\x8b\x08") == "f: is compressed; expected text: `gunzip` it first");
    CHECK(refusal("# TYPE a what\n# EOF\n") ==
          "f:1: \"what\" is no type of a metric, in \"# TYPE a what\"");
    CHECK(refusal("") ==
          "f:1: the page ends without `# EOF`; expected it as the last line of "
          "OpenMetrics");
}

}  // namespace vedette::app
