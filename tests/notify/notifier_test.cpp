// The whole room on a real loop, a real ledger and a receiver that plays a script.
#include "notify/notifier.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "core/limits.h"
#include "tests/notify/desk.h"
#include "tests/support/memory_resolver.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temp_folder.h"

using namespace vedette;
using namespace vedette::notify;

namespace {

Settings at_once(const std::string& url) {
    Settings out = one_route();
    out.route.group_wait = 0s;
    std::get<WebSettings>(out.receivers[0].integrations[0].how).secrets["url"] = Secret::from_text(url);
    return out;
}

/// Everything a notifier needs; turns its loop by hand.
struct House {
    explicit House(const std::string& folder, const std::string& url)
        : log({.level = LogLevel::Error, .file = folder + "/log"}) {
        auto made = Notifier::make(at_once(url), folder + "/alerts.db", loop, http, mail, clock, log, metrics);
        REQUIRE(made);
        notifier = std::move(*made);
        notifier->start();
    }
    bool turn_until(const std::function<bool()>& done) {
        for (int i = 0; i < 3000; ++i) {
            if (done()) return true;
            loop.turn(5ms);
        }
        return false;
    }
    Result<void> fire(std::string_view name) {
        const Alert alerts[] = {make_alert(name, AlertState::Firing, clock.now())};
        return notifier->take(alerts);
    }

    Loop loop;
    MemoryResolver resolver{loop};
    HttpClient http{loop, resolver};
    SmtpClient mail{loop, resolver};
    SystemClock clock;
    Log log;
    Metrics metrics;
    std::unique_ptr<Notifier> notifier;
};

std::string story_of(House& house, AlertId id) {
    const auto story = house.notifier->why(id);
    REQUIRE(story);
    std::string out;
    for (const StoryLine& line : story->lines)
        out += fmt::format("{}, {}, {}{}\n", line.what, line.reason, line.detail,
                           line.unrecorded ? " (unrecorded)" : "");
    return out;
}

}  // namespace

TEST_CASE("an alert taken is a message posted, and its whole story can be read", "[notify][notifier]") {
    TempFolder folder;
    ScriptedServer server({answer_ok("")});
    House house(folder.path(), server.url());
    REQUIRE(house.fire("a"));
    REQUIRE(house.turn_until([&] {
        const auto attempts = house.notifier->recent_attempts(1);
        return attempts && attempts->size() == 1 && attempts->front().end;
    }));
    REQUIRE(server.requests().size() == 1);
    const std::string request = server.requests()[0];
    const auto body = nlohmann::json::parse(request.substr(request.find("\r\n\r\n") + 4));
    CHECK(body["alerts"][0]["labels"]["instance"] == "a");
    const Snapshot snapshot = house.notifier->snapshot();
    REQUIRE(snapshot.alerts.size() == 1);
    CHECK(snapshot.alerts[0].deliveries.at(0).text.starts_with("sent to 127.0.0.1:"));
    CHECK(story_of(house, snapshot.alerts[0].alert->id) ==
          "firing, held for 1m, \ndecided, first notification, team\n"
          "attempt 1, first notification, team\noutcome, sent, team 200\n");
    CHECK(house.notifier->open_alerts()->size() == 1);
}

TEST_CASE("a page goes out while the ledger is locked, and is recorded afterwards", "[notify][notifier]") {
    TempFolder folder;
    ScriptedServer server({answer_ok("")});
    House house(folder.path(), server.url());
    auto hog = *Database::open(folder / "alerts.db", {});
    REQUIRE(hog.exec("BEGIN IMMEDIATE"));
    REQUIRE(house.fire("a"));
    CHECK(house.turn_until([&] { return server.requests().size() == 1; }));
    const AlertId id = house.notifier->snapshot().alerts.at(0).alert->id;
    CHECK(house.notifier->open_alerts()->empty());
    REQUIRE(hog.exec("ROLLBACK"));
    REQUIRE(house.turn_until([&] {
        const auto attempts = house.notifier->recent_attempts(1);
        return attempts && attempts->size() == 1 && attempts->front().end;
    }));
    CHECK(story_of(house, id) ==
          "firing, held for 1m,  (unrecorded)\ndecided, first notification, team (unrecorded)\n"
          "attempt 1, first notification, team (unrecorded)\noutcome, sent, team 200 (unrecorded)\n");
}

TEST_CASE("after a kill in the middle of an attempt the page comes again, marked", "[notify][notifier]") {
    TempFolder folder;
    Gate never;
    ScriptedServer server({{read_request(), hold()}, answer_ok("")});
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        House house(folder.path(), server.url());
        if (!house.fire("a")) _exit(1);
        house.turn_until([] { return false; });
        _exit(1);
    }
    for (int i = 0; i < 10'000 && server.requests().empty(); ++i) usleep(1000);
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    REQUIRE(WIFSIGNALED(status));
    REQUIRE(server.requests().size() == 1);
    CHECK(server.requests()[0].find("X-Vedette-Possible-Repeat") == std::string::npos);

    House house(folder.path(), server.url());
    REQUIRE(house.turn_until([&] {
        const auto attempts = house.notifier->recent_attempts(1);
        return attempts && attempts->front().end && attempts->front().end->outcome == Reason::Sent;
    }));
    REQUIRE(server.requests().size() == 2);
    CHECK(server.requests()[1].find("X-Vedette-Possible-Repeat: true\r\n") != std::string::npos);
    const auto attempts = house.notifier->recent_attempts(5);
    REQUIRE(attempts->size() == 2);
    CHECK(attempts->at(0).entry.possible_repeat);
    CHECK(attempts->at(1).end->outcome == Reason::Unfinished);
}
