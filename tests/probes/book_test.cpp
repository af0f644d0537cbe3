#include "probes/book.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <thread>

#include "core/limits.h"
#include "tests/support/spy_sample_sink.h"

using namespace std::chrono_literals;
using namespace vedette;
using namespace vedette::probes;

namespace {

std::shared_ptr<ProbeSettings> probe(const char* name, std::vector<std::string> addresses) {
    auto out = std::make_shared<ProbeSettings>();
    out->name = name;
    out->type = "http";
    for (const std::string& address : addresses)
        out->targets.push_back({address, address, Labels{{"instance", address}, {"job", name}}});
    return out;
}

Measured reading(std::int64_t ms, bool up, const char* reason = "", const char* transcript = "") {
    Measured out;
    out.at = {ms};
    out.took = 5ms;
    out.reading.up = up;
    out.reading.reason = reason;
    out.reading.transcript = transcript;
    out.reading.phases = {{"connect", 1ms}};
    out.reading.metrics = {{"up", {}, up ? 1.0 : 0.0, "Whether the target answered as expected"}};
    return out;
}

struct Fixture {
    SpySampleSink sink;
    Log log{LogSettings{.level = LogLevel::Error}};
    Metrics metrics;
    Book book{sink, log, metrics};
    std::vector<std::string> changes;

    Fixture() {
        book.on_change([this](const Change& change) {
            changes.push_back(std::string(to_string(change.from)) + " -> " + to_line(change));
        });
    }
};

}  // namespace

TEST_CASE("only a change of state is told, with its time and reason", "[probes][book]") {
    REQUIRE(setenv("TZ", "UTC", 1) == 0);
    Fixture f;
    f.book.replace({{1, probe("checkout", {"http://a/"}), 0}}, {0});
    CHECK(f.book.snapshot()[0].state == State::Unknown);
    const std::int64_t t = (10 * 3600 + 42 * 60 + 7) * 1000;
    f.book.record(1, reading(t - 10'000, true));
    f.book.record(1, reading(t - 5'000, true));
    f.book.record(1, reading(t, false, "connection refused"));
    f.book.record(1, reading(t + 5'000, false, "status 503, expected 2xx"));
    f.book.record(1, reading(t + 10'000, true));
    CHECK(f.changes ==
          std::vector<std::string>{"unknown -> 10:41:57  checkout  up",
                                   "up -> 10:42:07  checkout  down  connection refused",
                                   "down -> 10:42:17  checkout  up"});
}

TEST_CASE("a change of one of several targets names it", "[probes][book]") {
    REQUIRE(setenv("TZ", "UTC", 1) == 0);
    Fixture f;
    const auto both = probe("shop", {"http://a/", "http://b/"});
    f.book.replace({{1, both, 0}, {2, both, 1}}, {0});
    f.book.record(2, reading(1000, false, "timed out connecting"));
    CHECK(f.changes == std::vector<std::string>{
                           "unknown -> 00:00:01  shop  http://b/  down  timed out connecting"});
}

TEST_CASE("a target's status says since when, what last, and what went wrong before",
          "[probes][book]") {
    Fixture f;
    f.book.replace({{1, probe("shop", {"http://a/"}), 0}}, {0});
    f.book.record(1, reading(1000, false, "connection refused", "> GET http://a/"));
    f.book.record(1, reading(2000, true));
    f.book.record(1, reading(3000, true));
    const auto status = f.book.find("shop", "http://a/");
    REQUIRE(status.has_value());
    CHECK(status->state == State::Up);
    CHECK(status->since == Timestamp{2000});
    CHECK(status->reason.empty());
    REQUIRE(status->latest.has_value());
    CHECK(status->latest->at == Timestamp{3000});
    CHECK(status->latest->took == 5ms);
    CHECK(status->recent.size() == 3);
    REQUIRE(status->failures.size() == 1);
    CHECK(status->failures[0].reason == "connection refused");
    CHECK(*status->failures[0].transcript == "> GET http://a/");
    CHECK_FALSE(f.book.find("shop", "http://b/").has_value());
}

TEST_CASE("the book says why a target is down, and nothing of one that is not", "[probes][book]") {
    Fixture f;
    const auto shop = probe("shop", {"http://a/", "http://b/"});
    f.book.replace({{1, shop, 0}, {2, shop, 1}}, {0});
    CHECK(f.book.why_down("shop", "http://a/").empty());
    f.book.record(1, reading(1000, false, "connection refused"));
    f.book.record(2, reading(1000, true));
    CHECK(f.book.why_down("shop", "http://a/") == "connection refused");
    CHECK(f.book.why_down("shop", "http://b/").empty());
    CHECK(f.book.why_down("shop", "http://c/").empty());
    f.book.replace({{2, shop, 1}}, {2000});
    CHECK(f.book.why_down("shop", "http://a/").empty());
}

TEST_CASE("news are the targets that have a reading since one last asked", "[probes][book]") {
    Fixture f;
    const auto shop = probe("shop", {"a", "b"});
    f.book.replace({{1, shop, 0}, {2, shop, 1}}, {0});
    auto asked = [&f, since = std::uint64_t{0}]() mutable {
        const Book::News news = f.book.news(since);
        since = news.until;
        std::string out;
        for (const TargetStatus& target : news.targets) out += target.instance;
        return out;
    };
    CHECK(asked().empty());
    f.book.record(2, reading(1000, true));
    CHECK(asked() == "b");
    CHECK(asked().empty());
    f.book.record(1, reading(1000, true));  // at the same time as another
    f.book.record(2, reading(2000, true));
    CHECK(asked() == "ab");
    CHECK(asked().empty());
}

TEST_CASE("failures outlive the readings around them, and both are bounded", "[probes][book]") {
    Fixture f;
    f.book.replace({{1, probe("shop", {"http://a/"}), 0}}, {0});
    for (int i = 0; i < 7; ++i)
        f.book.record(1, reading(i, false, std::to_string(i).c_str(), "said"));
    for (int i = 7; i < 1000; ++i) f.book.record(1, reading(i, true));
    const auto status = f.book.snapshot().at(0);
    REQUIRE(status.recent.size() == limits::probe_recent_readings);
    CHECK(status.recent.front().at == Timestamp{1000 - limits::probe_recent_readings});
    CHECK(status.recent.back().at == Timestamp{999});
    REQUIRE(status.failures.size() == limits::probe_failures_kept);
    CHECK(status.failures.front().reason == "6");
    CHECK(*status.failures.back().transcript == "said");
}

TEST_CASE("the latest values are families with job, instance and labels; the unasked show nothing",
          "[probes][book]") {
    Fixture f;
    const auto both = probe("shop", {"http://a/", "http://b/"});
    f.book.replace({{1, both, 0}, {2, both, 1}, {3, probe("api", {"http://c/"}), 0}}, {0});
    CHECK(f.book.families().empty());
    f.book.record(1, reading(1000, true));
    f.book.record(2, reading(1000, true));
    f.book.record(2, reading(2000, false, "gone"));
    const auto families = f.book.families();
    REQUIRE(families.size() == 1);
    CHECK(families[0].name == "up");
    CHECK(families[0].type == MetricFamily::Type::Gauge);
    CHECK(families[0].help == "Whether the target answered as expected");
    REQUIRE(families[0].points.size() == 2);
    CHECK(families[0].points[0].labels == Labels{{"instance", "http://a/"}, {"job", "shop"}});
    CHECK(families[0].points[0].value == 1);
    CHECK(families[0].points[1].labels == Labels{{"instance", "http://b/"}, {"job", "shop"}});
    CHECK(families[0].points[1].value == 0);
}

TEST_CASE("a reload keeps who stays, ends who goes, and starts who has other labels anew",
          "[probes][book]") {
    Fixture f;
    f.book.replace({{1, probe("stays", {"s"}), 0},
                    {2, probe("goes", {"g"}), 0},
                    {3, probe("changes", {"c"}), 0}},
                   {0});
    for (const Book::Id id : {1, 2, 3}) f.book.record(id, reading(1000, false, "down"));
    f.sink.clear();

    auto changed = probe("changes", {"c"});
    changed->targets[0].labels = Labels{{"instance", "c"}, {"job", "changes"}, {"team", "red"}};
    f.book.replace({{3, changed, 0}, {1, probe("stays", {"s"}), 0}}, {1500});
    CHECK(f.sink.batches() ==
          std::vector<std::vector<std::string>>{{R"(up{instance="c", job="changes"} stale @1500)"},
                                                {R"(up{instance="g", job="goes"} stale @1500)"}});
    const auto statuses = f.book.snapshot();
    REQUIRE(statuses.size() == 2);
    CHECK(statuses[0].probe == "changes");
    CHECK(statuses[0].state == State::Down);
    CHECK(statuses[1].probe == "stays");
    CHECK(statuses[1].since == Timestamp{1000});

    f.sink.clear();
    f.book.record(2, reading(2000, true));  // was in flight when it was removed
    CHECK(f.sink.batches().empty());
    f.book.record(3, reading(2000, false, "down"));
    CHECK(f.sink.batches() == std::vector<std::vector<std::string>>{
                                  {R"(up{instance="c", job="changes", team="red"} 0 @2000)"}});
    CHECK(f.changes.size() == 3);
}

TEST_CASE("pages may read while the loop records and reloads", "[probes][book]") {
    Fixture f;
    const auto shop = probe("shop", {"a", "b", "c"});
    const std::vector<Book::Entry> all = {{1, shop, 0}, {2, shop, 1}, {3, shop, 2}};
    f.book.replace(all, {0});
    std::atomic<bool> stop = false;
    std::thread reader([&] {
        while (!stop) {
            f.book.families();
            f.book.snapshot();
            f.book.find("shop", "b");
        }
    });
    for (int i = 1; i < 2000; ++i) {
        f.book.record(1 + static_cast<Book::Id>(i) % 3, reading(i, i % 7 != 0, "x", "y"));
        if (i % 100 == 0)
            f.book.replace({all[0], all[static_cast<std::size_t>(i / 100) % 2 + 1]}, {i});
        if (i % 100 == 50) f.book.replace(all, {i});
    }
    stop = true;
    reader.join();
    CHECK(f.book.snapshot().size() >= 2);
}
