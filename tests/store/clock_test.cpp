#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <sstream>

#include "store/dump.h"
#include "tests/store/scratch.h"
#include "tests/support/failing_files.h"

using namespace std::chrono_literals;

namespace vedette::store {
namespace {

constexpr const char* up_a = R"(up{job="a"})";
constexpr const char* up_b = R"(up{job="b"})";

HistogramRef histogram(double count) {
    Histogram out;
    out.count = count;
    out.sum = count;
    return std::make_shared<const Histogram>(out);
}

}  // namespace

TEST_CASE("after the clock was set back readings are taken again, and what was before is there",
          "[store][clock]") {
    Scratch it;
    REQUIRE(it.open());
    const std::int64_t now = it.clock.now().ms;
    REQUIRE(it.add(up_a, now - 1000, 1.0));
    REQUIRE(it.add(up_a, now + 3'600'000, 2.0));
    REQUIRE(it.add(up_b, now + 3'600'000, 3.0));
    CHECK(it.add(up_a, now + 1000, 4.0)->out_of_order == 1);
    REQUIRE(it.store->maintain());
    CHECK(it.read_all() == fmt::format("up{{job=\"a\"}} 1@{}\n", now - 1000));
    CHECK(it.metrics->counter("vedette_store_samples_cut_total", "").value() == 2);
    CHECK(it.add(up_a, now + 1000, 4.0)->stored == 1);
    CHECK(it.add(up_b, now + 1000, 5.0)->stored == 1);
    const std::string all = fmt::format("up{{job=\"a\"}} 1@{} 4@{}\nup{{job=\"b\"}} 5@{}\n",
                                        now - 1000, now + 1000, now + 1000);
    CHECK(it.read_all() == all);

    SECTION("after a restart") {
        REQUIRE(it.open());
        CHECK(it.read_all() == all);
    }
    SECTION("after a checkpoint and a restart") {
        REQUIRE(it.store->checkpoint());
        REQUIRE(it.open());
        CHECK(it.read_all() == all);
    }
    SECTION("the dump says it") {
        std::ostringstream out;
        REQUIRE(dump(it.files, "data/wal/00000001", out));
        CHECK(out.str().find("cut: no sample after " + format_rfc3339({now})) != std::string::npos);
    }
}

TEST_CASE("a cut goes through many chunks of floats and histograms", "[store][clock]") {
    const std::int64_t kept = GENERATE(0, 1, 119, 120, 121, 240, 299, 300);
    const bool histograms = GENERATE(false, true);
    CAPTURE(kept, histograms);
    Scratch it;
    REQUIRE(it.open());
    const std::int64_t now = it.clock.now().ms;
    std::string expected;
    for (std::int64_t i = 1; i <= 300; ++i) {
        // Less than a day, which is the most that is taken back.
        const std::int64_t at = now + (i - kept) * (i > kept ? 250'000 : 1000) + (i > kept ? 700'000 : 0);
        const auto value = static_cast<double>(i);
        REQUIRE(it.add(up_a, at, histograms ? Value(histogram(value)) : Value(value)));
        if (i <= kept) expected += fmt::format(" {}{}@{}", histograms ? "h" : "", i, at);
    }
    REQUIRE(it.store->maintain());
    CHECK(it.read_all() == (kept == 0 ? "" : R"(up{job="a"})" + expected + "\n"));
    CHECK(it.add(up_a, now + 1, 1.0)->stored == 1);
    REQUIRE(it.open());
    CHECK(it.store->latest(series_name(up_a))->at.ms == now + 1);
}

TEST_CASE("a clock that is wrong by years takes nothing away", "[store][clock]") {
    Scratch it;
    REQUIRE(it.open());
    REQUIRE(it.add(up_a, it.clock.now().ms, 1.0));
    it.clock.step(-24h * 365 * 50);
    REQUIRE(it.store->maintain());
    CHECK(it.store->latest(series_name(up_a)).has_value());
}

TEST_CASE("on a full disk a clock that was set back still takes readings in memory",
          "[store][clock]") {
    Scratch it;
    FailingFiles failing(it.files);
    REQUIRE(it.open(failing));
    const std::int64_t now = it.clock.now().ms;
    REQUIRE(it.add(up_a, now + 3'600'000, 2.0));
    failing.fail_all(FailingFiles::Op::Append, FailingFiles::disk_full());
    CHECK_FALSE(it.store->maintain());
    Batch batch;
    batch.rows.push_back({it.ref(up_a), {{now + 1000}, 1.0}});
    CHECK(it.store->seen_rather_than_safe().append(batch)->stored == 1);
}

}  // namespace vedette::store
