#include "notify/ledger.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <random>
#include <sys/wait.h>
#include <unistd.h>

#include "core/limits.h"
#include "notify/ledger_rows.h"
#include "tests/notify/desk.h"
#include "tests/support/temp_folder.h"

using namespace vedette;
using namespace vedette::notify;

namespace {

struct Room {
    TempFolder folder;
    std::string path = folder.path() + "/alerts.db";
    SystemClock clock;
    Log log{LogSettings{.level = LogLevel::Error, .file = folder.path() + "/log"}};
    Metrics metrics;

    std::unique_ptr<Ledger> open() {
        auto ledger = Ledger::open(path, clock, log, metrics);
        REQUIRE(ledger);
        return std::move(*ledger);
    }
};

AlertRef alert(std::string_view name, AlertState state, Timestamp since) {
    return std::make_shared<const Alert>(make_alert(name, state, since));
}

AttemptEntry attempt(std::int64_t id, const Alert& about, bool started) {
    AttemptEntry out;
    out.id = id;
    out.key = {"{}:{}", "team", 0};
    out.alerts = {about.id};
    out.planned = about.id.since;
    if (started) out.started = about.id.since;
    return out;
}

/// A neighbour that holds the database's write lock.
struct Hog {
    explicit Hog(const std::string& path) : database(*Database::open(path, {})) {
        REQUIRE(database.exec("BEGIN IMMEDIATE"));
    }
    ~Hog() { (void)database.exec("ROLLBACK"); }
    Database database;
};

}  // namespace

TEST_CASE("what is recorded is there again, to the last field", "[notify][ledger]") {
    Room room;
    const Timestamp now = room.clock.now();
    Alert full = make_alert("a \"quoted\" größe \n", AlertState::Firing, now);
    full.value = -0.1;
    full.annotations = {{"summary", "it is \"down\""}, {"nothing", ""}};
    Alert pending = make_alert("b", AlertState::Pending, now);
    pending.fired_at.reset();
    pending.value = std::nan("");
    {
        auto ledger = room.open();
        const auto ticket = ledger->record(
            {AlertEntry{std::make_shared<const Alert>(full), now},
             AlertEntry{std::make_shared<const Alert>(pending), now}, attempt(7, full, true),
             attempt(8, full, false), AttemptEndEntry{7, now, Reason::TryAgain, 500, "HTTP 500"},
             ToldEntry{{"{}:{}", "team", 0}, now, {1, ~0ULL}, {2}},
             SilenceEntry{{"s", *parse_matchers("a=\"x y\",b!~z"), now, now + Milliseconds(1), now, "me", "why"}}});
        CHECK(ledger->wait(ticket, 10s));
        CHECK(ledger->backlog() == 0);
    }
    auto ledger = room.open();
    const auto memory = ledger->recall();
    REQUIRE(memory);
    REQUIRE(memory->alerts.size() == 1);
    const Alert& got = memory->alerts[0];
    CHECK(got.id == full.id);
    CHECK(got.labels == full.labels);
    CHECK(got.annotations == full.annotations);
    CHECK(got.annotations.has("nothing"));
    CHECK(got.value == full.value);
    CHECK(got.active_at == full.active_at);
    CHECK(got.fired_at == full.fired_at);
    CHECK(got.resolved_at == full.resolved_at);
    CHECK(got.generator_url == full.generator_url);
    CHECK(got.rule == full.rule);
    CHECK(got.reason == full.reason);
    CHECK(memory->last_attempt_id == 8);
    REQUIRE(memory->unfinished.size() == 1);
    CHECK(memory->unfinished[0].id == 8);
    CHECK_FALSE(memory->unfinished[0].started);
    REQUIRE(memory->told.size() == 1);
    CHECK(memory->told[0].firing == Fingerprints{1, ~0ULL});
    CHECK(memory->told[0].resolved == Fingerprints{2});
    REQUIRE(memory->silences.size() == 1);
    CHECK(to_string(memory->silences[0].matchers) == R"({a="x y",b!~"z"})");
    const auto open = ledger->open_alerts();
    REQUIRE(open);
    CHECK(open->size() == 2);
}

TEST_CASE("alerts of other programs, changed silences and who changed them are there again",
          "[notify][ledger]") {
    Room room;
    const Timestamp now = room.clock.now();
    const Alert posted = make_alert("a", AlertState::Firing, now);
    const PostedTimes first{now, now + Milliseconds(5min), now, true};
    const PostedTimes second{now, now + Milliseconds(9min), now + Milliseconds(1min), false};
    Silence silence{"s", *parse_matchers("a=b"), now, now + Milliseconds(1h), now, "me", "why"};
    silence.recurring = R"([{"weekdays":["sunday"]}])";
    silence.until_resolved = true;
    {
        auto ledger = room.open();
        const auto ref = std::make_shared<const Alert>(posted);
        std::vector<Entry> entries{AlertEntry{ref, now, first}, ResentEntry{posted.id, second},
                                   SilenceEntry{silence, "created", "me"},
                                   SilenceEntry{silence, "ended", "you"}};
        CHECK(ledger->wait(ledger->record(std::move(entries)), 10s));
    }
    auto ledger = room.open();
    const auto memory = ledger->recall();
    REQUIRE(memory);
    REQUIRE(memory->posted.size() == 1);
    CHECK(memory->posted[0].id == posted.id);
    CHECK(memory->posted[0].times.ends == second.ends);
    CHECK(memory->posted[0].times.updated == second.updated);
    CHECK_FALSE(memory->posted[0].times.by_timeout);
    REQUIRE(memory->silences.size() == 1);
    CHECK(memory->silences[0].recurring == silence.recurring);
    CHECK(memory->silences[0].times->size() == 1);
    CHECK(memory->silences[0].until_resolved);
    const auto audit = ledger->audit(10);
    REQUIRE(audit);
    REQUIRE(audit->size() == 2);
    CHECK((*audit)[0].what == "ended");
    CHECK((*audit)[0].who == "you");
    CHECK((*audit)[1].silence.comment == "why");
    // Rules take up their own alerts only.
    CHECK(ledger->open_alerts()->empty());
}

TEST_CASE("a ledger of the first version is opened, and what it held is there", "[notify][ledger]") {
    Room room;
    {
        auto old = Database::open(room.path, {});
        REQUIRE(old);
        REQUIRE(old->migrate("notify", ledger_migrations().first(1)));
        REQUIRE(old->exec("INSERT INTO alerts VALUES (7, 1000, '{\"job\":\"a\"}', '{}', 'firing', "
                          "1.0, 1000, 1000, NULL, '', 'rule', 'why', 1000)"));
        REQUIRE(old->exec("INSERT INTO silences VALUES ('s', '{job=\"a\"}', 1, 9000000000000, 1, "
                          "'me', 'why')"));
    }
    auto ledger = room.open();
    const auto memory = ledger->recall();
    REQUIRE(memory);
    CHECK(memory->alerts.size() == 1);
    CHECK(memory->posted.empty());
    REQUIRE(memory->silences.size() == 1);
    CHECK_FALSE(memory->silences[0].until_resolved);
    CHECK(ledger->open_alerts()->size() == 1);
}

TEST_CASE("the story of an alert tells transitions, decisions and attempts in order", "[notify][ledger]") {
    Room room;
    auto ledger = room.open();
    const Timestamp t{1'790'000'000'000};
    const auto firing = alert("a", AlertState::Firing, t);
    auto over = make_alert("a", AlertState::Resolved, t);
    over.resolved_at = t + Milliseconds(9);
    AttemptEntry again = attempt(2, *firing, true);
    again.number = 2;
    again.possible_repeat = true;
    again.started = t + Milliseconds(4);
    auto ticket = ledger->record({AlertEntry{firing, t}});
    ticket = ledger->record({AlertEntry{firing, t + Milliseconds(1)}});  // a resend is no line
    ticket = ledger->record({DecisionEntry{t + Milliseconds(1), {"{}:{}", "team", 0}, Reason::FirstNotification, {firing->id}, ""},
                             attempt(1, *firing, true)});
    ticket = ledger->record({AttemptEndEntry{1, t + Milliseconds(3), Reason::TryAgain, 500, "HTTP 500"}, again});
    ticket = ledger->record({AttemptEndEntry{2, t + Milliseconds(5), Reason::Sent, 200, ""},
                             AlertEntry{std::make_shared<const Alert>(over), t + Milliseconds(9)}});
    REQUIRE(ledger->wait(ticket, 10s));
    const auto story = ledger->story(firing->id);
    REQUIRE(story);
    std::string told;
    for (const StoryLine& line : story->lines)
        told += fmt::format("{} {}, {}, {}\n", line.at.ms - t.ms, line.what, line.reason, line.detail);
    CHECK(told ==
          "0 firing, held for 1m, \n"
          "0 attempt 1, first notification, team\n"
          "1 decided, first notification, team\n"
          "3 outcome, to be tried again, team 500: HTTP 500\n"
          "4 attempt 2, first notification, team, possible repeat\n"
          "5 outcome, sent, team 200\n"
          "9 resolved, held for 1m, \n");
    CHECK(ledger->story({1, {2}}).error().message == "the ledger has no alert `0000000000000001-2`");
}

TEST_CASE("a page beats its record: nobody waits longer than asked, and the record follows",
          "[notify][ledger]") {
    Room room;
    auto ledger = room.open();
    const auto a = alert("a", AlertState::Firing, room.clock.now());
    {
        Hog hog(room.path);
        const auto before = std::chrono::steady_clock::now();
        const auto ticket = ledger->record({AlertEntry{a, room.clock.now()}});
        CHECK_FALSE(ledger->wait(ticket, limits::ledger_commit_wait_max));
        const auto took = std::chrono::steady_clock::now() - before;
        CHECK(took >= limits::ledger_commit_wait_max);
        CHECK(took < 5 * limits::ledger_commit_wait_max);
        CHECK(room.metrics.counter("vedette_notify_unrecorded_total", "").value() == 1);
        CHECK(ledger->backlog() == 1);
    }
    CHECK(ledger->wait(ledger->record({AlertEntry{a, room.clock.now()}}), 10s));
    const auto story = ledger->story(a->id);
    REQUIRE(story);
    REQUIRE(story->lines.size() == 1);
    CHECK(story->lines[0].unrecorded);
}

TEST_CASE("somebody who asked to be called is called once it is on disk", "[notify][ledger]") {
    Room room;
    auto ledger = room.open();
    std::atomic<int> called = 0;
    const auto ticket = ledger->record({AlertEntry{alert("a", AlertState::Firing, {1}), {1}}});
    ledger->when_recorded(ticket, [&] { ++called; });
    REQUIRE(ledger->wait(ledger->record({AlertEntry{alert("b", AlertState::Firing, {1}), {1}}}), 10s));
    ledger->when_recorded(ticket, [&] { ++called; });
    ledger.reset();
    CHECK(called == 2);
}

TEST_CASE("whatever was acknowledged survives kill -9", "[notify][ledger]") {
    std::random_device seed;
    const unsigned started_with = seed();
    CAPTURE(started_with);
    std::mt19937 random(started_with);
    Room room;
    for (int round = 0; round < 10; ++round) {
        int pipe_ends[2];
        REQUIRE(pipe(pipe_ends) == 0);
        const pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            SystemClock clock;
            Log log{LogSettings{.level = LogLevel::Error, .file = room.folder.path() + "/child"}};
            Metrics metrics;
            auto ledger = Ledger::open(room.path, clock, log, metrics);
            if (!ledger) _exit(1);
            for (std::uint32_t i = 0;; ++i) {
                const auto one = alert(fmt::format("r{}i{}", round, i), AlertState::Firing, clock.now());
                const auto ticket = (*ledger)->record({AlertEntry{one, clock.now()}});
                if ((*ledger)->wait(ticket, 10s) && write(pipe_ends[1], &i, sizeof i) != sizeof i) _exit(1);
            }
        }
        close(pipe_ends[1]);
        std::uint32_t acknowledged = 0, count = 0;
        const std::uint32_t enough = 1 + random() % 40;
        while (count < enough && read(pipe_ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) ++count;
        kill(child, SIGKILL);
        while (read(pipe_ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) ++count;
        close(pipe_ends[0]);
        int status = 0;
        waitpid(child, &status, 0);
        REQUIRE(WIFSIGNALED(status));
        REQUIRE(count >= enough);
        const auto open = room.open()->open_alerts();
        REQUIRE(open);
        const auto prefix = fmt::format("r{}i", round);
        const auto found = std::ranges::count_if(*open, [&](const Alert& one) {
            return one.labels.get("instance").starts_with(prefix);
        });
        CHECK(found >= count);
    }
}
