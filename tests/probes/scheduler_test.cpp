#include "probes/scheduler.h"

#include <catch2/catch.hpp>
#include <deque>
#include <set>

#include "base/http/client.h"
#include "probes/probes.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_resolver.h"
#include "tests/support/spy_sample_sink.h"

using namespace std::chrono_literals;
using namespace vedette;
using namespace vedette::probes;

namespace {

/// Attempts that wait until the test lets them answer.
struct Held {
    std::deque<std::pair<std::string, Done>> waiting;
    std::size_t most = 0;
    std::vector<std::string> asked;

    std::shared_ptr<const Attempt> attempt(const std::string& mark = {}) {
        return std::make_shared<const Attempt>(
            [this, mark](const World&, const std::string& target, Deadline, Done done) {
                asked.push_back(mark + target);
                waiting.emplace_back(target, std::move(done));
                most = std::max(most, waiting.size());
            });
    }
    void answer(bool up = true) {
        Reading reading;
        reading.up = up;
        reading.reason = up ? "" : "connection refused";
        auto next = std::move(waiting.front());
        waiting.pop_front();
        next.second(std::move(reading));
    }
};

ProbeSettings probe(const std::string& name, std::size_t targets,
                    std::shared_ptr<const Attempt> attempt, Milliseconds every = 5ms) {
    ProbeSettings out;
    out.name = name;
    out.type = "http";
    out.every = every;
    out.timeout = 10s;
    out.attempt = std::move(attempt);
    for (std::size_t i = 0; i < targets; ++i) {
        const std::string target = name + std::to_string(i);
        out.targets.push_back({target, target, Labels{{"instance", target}, {"job", name}}});
    }
    return out;
}

struct Fixture {
    Loop loop;
    MemoryResolver resolver{loop};
    HttpClient http{loop, resolver};
    ManualClock clock;
    SpySampleSink sink;
    Log log{LogSettings{.level = LogLevel::Error}};
    Metrics metrics;
    Held held;
    Probes probes{loop, http, sink, clock, log, metrics};

    /// Turns the loop until so many attempts wait for their answer.
    void turn_until_waiting(std::size_t count) {
        for (int i = 0; i < 1000 && held.waiting.size() < count; ++i) loop.turn(10ms);
        REQUIRE(held.waiting.size() >= count);
    }
    double number(std::string_view name) {
        for (const MetricFamily& family : metrics.collect())
            if (family.name == name) return family.points.at(0).value;
        return -1;
    }
};

}  // namespace

TEST_CASE("no more attempts than places are under way on one loop", "[probes][scheduler]") {
    Fixture f;
    f.probes.load({{probe("shop", 40, f.held.attempt())}});
    f.turn_until_waiting(limits::probes_in_flight_per_loop);
    for (int i = 0; i < 5; ++i) f.loop.turn(5ms);
    CHECK(f.held.most == limits::probes_in_flight_per_loop);
    CHECK(f.number("vedette_probe_in_flight") == limits::probes_in_flight_per_loop);
    CHECK(f.number("vedette_probe_waiting") == 40 - limits::probes_in_flight_per_loop);
    CHECK(f.number("vedette_probe_targets") == 40);

    // A place that is free is taken at once, by who waits longest.
    for (int i = 0; i < 24; ++i) f.held.answer();
    CHECK(f.held.asked.size() == 40);
    const std::set<std::string> different(f.held.asked.begin(), f.held.asked.end());
    CHECK(different.size() == 40);
    CHECK(f.number("vedette_probe_skipped_total") > 0);
}

TEST_CASE("a reading goes to the store, the book and the observer", "[probes][scheduler]") {
    Fixture f;
    std::vector<std::string> changes;
    f.probes.book().on_change([&](const Change& change) { changes.push_back(change.instance); });
    f.probes.load({{probe("shop", 1, f.held.attempt())}});
    f.turn_until_waiting(1);
    f.held.answer(false);
    REQUIRE(f.sink.batches().size() == 1);
    CHECK(f.sink.batches()[0].at(0) == R"(up{instance="shop0", job="shop"} 0 @1790000000000)");
    CHECK(f.probes.book().snapshot().at(0).reason == "connection refused");
    CHECK(changes == std::vector<std::string>{"shop0"});
}

TEST_CASE("a reload drops who is gone, even in flight, and asks who stays with the new settings",
          "[probes][scheduler]") {
    Fixture f;
    f.probes.load(
        {{probe("stays", 1, f.held.attempt("old ")), probe("goes", 1, f.held.attempt())}});
    f.turn_until_waiting(2);
    f.probes.load({{probe("stays", 1, f.held.attempt("new "))}});
    f.held.answer();
    f.held.answer();
    const auto batches = f.sink.batches();
    REQUIRE(batches.size() == 1);
    CHECK(batches[0].at(0) == R"(up{instance="stays0", job="stays"} 1 @1790000000000)");
    CHECK(f.number("vedette_probe_targets") == 1);
    f.turn_until_waiting(1);
    CHECK(f.held.asked.back() == "new stays0");
}

TEST_CASE("a target whose rhythm changes keeps its history", "[probes][scheduler]") {
    Fixture f;
    f.probes.load({{probe("shop", 1, f.held.attempt())}});
    f.turn_until_waiting(1);
    f.held.answer(false);
    f.probes.load({{probe("shop", 1, f.held.attempt(), 7ms)}});
    CHECK(f.probes.book().snapshot().at(0).state == State::Down);
    f.turn_until_waiting(1);
    f.held.answer(false);
    CHECK(f.probes.book().snapshot().at(0).recent.size() == 2);
}

TEST_CASE("after stop nobody is asked, and what was in flight is not heard",
          "[probes][scheduler]") {
    Fixture f;
    f.probes.load({{probe("shop", 1, f.held.attempt())}});
    f.turn_until_waiting(1);
    f.probes.stop();
    f.held.answer();
    f.loop.turn(20ms);
    CHECK(f.held.asked.size() == 1);
    CHECK(f.sink.batches().empty());
}

TEST_CASE("an attempt that outlives the room does no harm", "[probes][scheduler]") {
    Fixture f;
    {
        Probes brief(f.loop, f.http, f.sink, f.clock, f.log, f.metrics);
        brief.load({{probe("shop", 1, f.held.attempt())}});
        f.turn_until_waiting(1);
    }
    f.held.answer();
    f.loop.turn(0ms);
    CHECK(f.sink.batches().empty());
}
