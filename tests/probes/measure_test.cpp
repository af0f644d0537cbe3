#include "probes/measure.h"

#include <catch2/catch.hpp>
#include <stdexcept>

#include "base/http/client.h"
#include "base/loop.h"
#include "core/limits.h"
#include "core/sample.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_resolver.h"

using namespace std::chrono_literals;
using namespace vedette;
using namespace vedette::probes;

namespace {

struct Fixture {
    Loop loop;
    MemoryResolver resolver{loop};
    HttpClient http{loop, resolver};
    ManualClock clock;
    World world{loop, http, clock};
    std::vector<Measured> got;

    void start(const Attempt& attempt, Milliseconds timeout = 10s) {
        measure(world, attempt, "target", timeout,
                [this](Measured measured) { got.push_back(std::move(measured)); });
    }
};

Reading reading(bool up, const char* reason = "") {
    Reading out;
    out.up = up;
    out.reason = reason;
    out.metrics = {{"probe_own", {}, 7, "help"}};
    return out;
}

/// `up 1`, `probe_success 1` …
std::vector<std::string> lines(const Measured& measured) {
    std::vector<std::string> out;
    for (const Reading::Metric& metric : measured.reading.metrics)
        out.push_back(std::string(metric.name) + ' ' + format_value(metric.value));
    return out;
}

}  // namespace

TEST_CASE("every reading is stamped with success and duration", "[probes][measure]") {
    const bool up = GENERATE(true, false);
    Fixture f;
    Done answer;
    f.start([&](const World&, const std::string& target, Deadline, Done done) {
        CHECK(target == "target");
        answer = std::move(done);
    });
    const Timestamp began = f.clock.now();
    f.clock.wind(1250ms);
    answer(reading(up, "status 503"));
    REQUIRE(f.got.size() == 1);
    CHECK(f.got[0].at == began);
    CHECK(f.got[0].took == 1250ms);
    CHECK_FALSE(f.got[0].cut_off);
    CHECK(f.got[0].reading.reason == (up ? "" : "status 503"));
    CHECK(lines(f.got[0]) ==
          std::vector<std::string>{up ? "up 1" : "up 0", up ? "probe_success 1" : "probe_success 0",
                                   "probe_duration_seconds 1.25", "probe_own 7"});
}

TEST_CASE("the clock on the wall does not change how long a reading took", "[probes][measure]") {
    Fixture f;
    Done answer;
    f.start(
        [&](const World&, const std::string&, Deadline, Done done) { answer = std::move(done); });
    f.clock.wind(10ms);
    f.clock.step(-1h);
    answer(reading(true));
    CHECK(f.got.at(0).took == 10ms);
}

TEST_CASE("an attempt that answers at once is heard later, one that answers twice once",
          "[probes][measure]") {
    Fixture f;
    Done kept;
    f.start([&](const World&, const std::string&, Deadline, Done done) {
        done(reading(true));
        done(reading(false, "second"));
        kept = done;
    });
    CHECK(f.got.empty());
    f.loop.turn(0ms);
    kept(reading(false, "third"));
    f.loop.turn(0ms);
    REQUIRE(f.got.size() == 1);
    CHECK(f.got[0].reading.up);
}

TEST_CASE("an attempt that throws is down with its words", "[probes][measure]") {
    Fixture f;
    f.start([](const World&, const std::string&, Deadline, Done) {
        throw std::runtime_error("no luck");
    });
    f.loop.turn(0ms);
    REQUIRE(f.got.size() == 1);
    CHECK_FALSE(f.got[0].reading.up);
    CHECK(f.got[0].reading.reason == "the probe failed: no luck");
}

TEST_CASE("an attempt that never answers is cut off, and what it says later is not heard",
          "[probes][measure]") {
    Fixture f;
    Done kept;
    f.start([&](const World&, const std::string&, Deadline, Done done) { kept = std::move(done); },
            1ms);
    while (f.got.empty()) f.loop.turn(100ms);  // one timeout and its grace: 51 ms
    CHECK(f.got[0].cut_off);
    CHECK(f.got[0].reading.reason == "timed out after 1 ms");
    CHECK(lines(f.got[0]).at(0) == "up 0");
    kept(reading(true));
    f.loop.turn(0ms);
    CHECK(f.got.size() == 1);
}

TEST_CASE("a deadline is the timeout from the start", "[probes][measure]") {
    Fixture f;
    const auto before = f.loop.now();
    f.start(
        [&](const World& world, const std::string&, Deadline deadline, Done done) {
            CHECK((deadline.at >= before + 3s && deadline.at <= world.loop.now() + 3s));
            done(reading(true));
        },
        3s);
}

TEST_CASE("a down reading without a reason gets one, an up reading has none", "[probes][measure]") {
    Fixture f;
    f.start([](const World&, const std::string&, Deadline, Done done) { done(reading(false)); });
    f.start(
        [](const World&, const std::string&, Deadline, Done done) { done(reading(true, "but")); });
    f.loop.turn(0ms);
    REQUIRE(f.got.size() == 2);
    CHECK(f.got[0].reading.reason == "the probe gave no reason");
    CHECK(f.got[1].reading.reason.empty());
}

TEST_CASE("metrics beyond the limit are left out, the stamp is not", "[probes][measure]") {
    Fixture f;
    f.start([](const World&, const std::string&, Deadline, Done done) {
        Reading many = reading(true);
        many.metrics.resize(limits::probe_metrics_per_reading_max + 5, many.metrics[0]);
        done(std::move(many));
    });
    f.loop.turn(0ms);
    CHECK(f.got.at(0).reading.metrics.size() == limits::probe_metrics_per_reading_max);
    CHECK(f.got.at(0).reading.metrics[0].name == "up");
}

TEST_CASE("a single reading is waited for", "[probes][measure]") {
    Fixture f;
    ProbeSettings probe;
    probe.attempt = std::make_shared<const Attempt>(
        [](const World& world, const std::string&, Deadline, Done done) {
            world.loop.after(1ms, [done] { done(reading(true)); });
        });
    const Measured measured = run_once(f.world, probe, {"target", "target", {}});
    CHECK(measured.reading.up);
    const auto families = families_of(measured, Labels{{"job", "shop"}});
    REQUIRE(families.size() == 4);
    CHECK(families[0].name == "probe_duration_seconds");
    CHECK(families[3].name == "up");
    CHECK(families[3].points.at(0).labels == Labels{{"job", "shop"}});
}
