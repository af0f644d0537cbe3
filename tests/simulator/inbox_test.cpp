#include "examples/simulator/inbox.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/manual_clock.h"

namespace vedette::simulator {

namespace {

Request post(std::string path, std::string body) {
    Request request;
    request.method = "POST";
    request.path = std::move(path);
    request.body = std::move(body);
    return request;
}

}  // namespace

TEST_CASE("a receiver breaks as often as asked, then works again", "[simulator]") {
    ManualClock clock;
    Inbox inbox(clock);
    inbox.break_receiver(Message::Kind::Slack, {429, 2, 2});
    const Response first = inbox.receive(Message::Kind::Slack, post("/slack/ops", "{}"));
    CHECK(first.status == 429);
    CHECK(first.headers == std::vector<Header>{{"Retry-After", "2"}});
    CHECK(inbox.receive(Message::Kind::Webhook, post("/hook/x", "{}")).status == 200);
    CHECK(inbox.receive(Message::Kind::Slack, post("/slack/ops", "{}")).status == 429);
    const Response third = inbox.receive(Message::Kind::Slack, post("/slack/ops", "{}"));
    CHECK(third.status == 200);
    CHECK(third.body == "ok");
    CHECK(inbox.newest_first().size() == 4);
}

TEST_CASE("the inbox keeps the newest and forgets the oldest", "[simulator]") {
    ManualClock clock;
    Inbox inbox(clock);
    for (std::size_t i = 0; i < Inbox::messages_max + 5; ++i) inbox.receive(Message::Kind::Webhook, post("/hook/x", std::to_string(i)));
    auto kept = inbox.newest_first();
    REQUIRE(kept.size() == Inbox::messages_max);
    CHECK(kept.front().body == std::to_string(Inbox::messages_max + 4));
    CHECK(kept.back().body == "5");
    inbox.receive(Message::Kind::Webhook, post("/hook/x", std::string(Inbox::bytes_max, 'x')));
    CHECK(inbox.newest_first().size() == 1);
    inbox.clear();
    CHECK(inbox.newest_first().empty());
}

TEST_CASE("inbox.json holds JSON as JSON, mails in parts and the rest as text", "[simulator]") {
    ManualClock clock;
    Inbox inbox(clock);
    inbox.receive({"a@x", {"ops@x"}, "Subject: hello\r\n\r\ntext\r\n"});
    inbox.receive(Message::Kind::Slack, post("/slack/ops", R"({"text":"down"})"));
    inbox.receive(Message::Kind::Webhook, post("/hook/x", "\xffno json"));
    const auto json = nlohmann::json::parse(inbox_json(inbox.newest_first()));
    CHECK(json[0]["text"] == "\uFFFDno json");
    CHECK(json[0]["where"] == "/hook/x");
    CHECK(json[1]["json"]["text"] == "down");
    CHECK(json[2]["mail"]["subject"] == "hello");
    CHECK(json[2]["mail"]["text"] == "text");
    CHECK(json[2]["where"] == "ops@x");
}

}  // namespace vedette::simulator
