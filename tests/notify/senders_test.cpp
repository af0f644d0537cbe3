// What one attempt says of a receiver that answers well, badly, late or not at all.
#include <catch2/catch.hpp>

#include "notify/senders/sender.h"
#include "tests/notify/desk.h"
#include "tests/support/memory_resolver.h"
#include "tests/support/scripted_server.h"

using namespace vedette;
using namespace vedette::notify;

namespace {

struct Sender {
    Loop loop;
    MemoryResolver resolver{loop};
    HttpClient http{loop, resolver};
    SystemClock clock;
    tl::expected<void, SmtpFailure> mail_answer;
    Mail mail;

    Outcome send(Integration how) {
        auto message = std::make_shared<Message>();
        message->receiver = "team";
        message->group_key = "{}:{}";
        message->alerts = {std::make_shared<const Alert>(
            make_alert("a", AlertState::Firing, Timestamp{1'795'165'200'000}))};
        message->at = message->decided = {1'795'165'200'000};
        const Doors doors{http,
                          [this](const SmtpSettings&, Mail given, Deadline, const auto& done) {
                              mail = std::move(given);
                              done(mail_answer);
                          },
                          clock};
        std::optional<Outcome> out;
        notify::send({&how, message, *Templates::make(one_route()), 7}, doors,
                     [&](const Outcome& outcome) { out = outcome; });
        for (int i = 0; i < 2000 && !out; ++i) loop.turn(10ms);
        REQUIRE(out);
        return *out;
    }
};

Integration webhook(const std::string& url, Milliseconds timeout = 10s) {
    Settings settings = one_route();
    Integration out = settings.receivers[0].integrations[0];
    auto& hook = std::get<WebSettings>(out.how);
    hook.secrets["url"] = Secret::from_text(url);
    hook.timeout = timeout;
    return out;
}

Integration slack(const std::string& url) {
    WebSettings settings;
    settings.kind = "slack";
    settings.http = std::make_shared<HttpSettings>();
    settings.secrets["api_url"] = Secret::from_text(url);
    Integration out;
    out.how = settings;
    return out;
}

std::string summary(const Outcome& o) {
    return fmt::format("{}{}{}{}{}", o.sent ? "sent" : o.retry ? "later" : "refused",
                       o.status != 0 ? fmt::format(" {}", o.status) : "",
                       o.retry_after ? " after " + format_duration(*o.retry_after) : "",
                       o.maybe_arrived ? " maybe arrived" : "", o.error.empty() ? "" : ", " + o.error);
}

}  // namespace

TEST_CASE("each answer of a receiver has its outcome", "[notify][senders]") {
    struct Row {
        const char* what;
        std::vector<Step> script;
        const char* webhook;
        const char* slack;
    };
    const auto row = GENERATE(values<Row>({
        {"fine", answer_ok("ok"), "sent 200", "sent 200"},
        {"accepted", answer_ok("", "202 Accepted"), "sent 202", "sent 202"},
        {"wait, in seconds", answer_ok("slow down", "429 Too Many Requests", "Retry-After: 30\r\n"),
         "later 429 after 30s, HTTP 429: slow down", "later 429 after 30s, HTTP 429: slow down"},
        {"wait, in a fraction", answer_ok("", "429 Too Many Requests", "Retry-After: 0.25\r\n"),
         "later 429 after 250ms, HTTP 429", "later 429 after 250ms, HTTP 429"},
        {"wait, until a date long gone",
         answer_ok("", "429 Too Many Requests", "Retry-After: Fri, 20 Nov 2020 09:00:00 GMT\r\n"),
         "later 429 after 0s, HTTP 429", "later 429 after 0s, HTTP 429"},
        {"broken", answer_ok("<html>\nno", "500 Oops"), "later 500, HTTP 500: <html>",
         "later 500, HTTP 500: <html>"},
        {"wrong address", answer_ok("no_service", "404 Not Found"), "refused 404, HTTP 404: no_service",
         "refused 404, HTTP 404: no_service"},
        {"a success that is none", answer_ok(R"({"ok":false,"error":"x"})"), "sent 200",
         R"(refused 200, HTTP 200: {"ok":false,"error":"x"})"},
        {"a success that says wait", answer_ok(R"({"ok":false,"error":"ratelimited"})"), "sent 200",
         R"(later 200, HTTP 200: {"ok":false,"error":"ratelimited"})"},
    }));
    CAPTURE(row.what);
    ScriptedServer server({row.script});
    Sender post;
    CHECK(summary(post.send(webhook(server.url("/h")))) == row.webhook);
    CHECK(summary(post.send(slack(server.url("/s")))) == row.slack);
    REQUIRE(server.requests().size() == 2);
    CHECK(server.requests()[0].starts_with("POST /h HTTP/1.1\r\n"));
}

TEST_CASE("a receiver that is not there, silent, or speaks nonsense is tried again later", "[notify][senders]") {
    Sender post;
    const Outcome refused =
        post.send(webhook(fmt::format("http://127.0.0.1:{}/", refused_port())));
    CHECK(summary(refused) == "later, connection refused");
    ScriptedServer silent({{read_request(), hold()}});
    const Outcome late = post.send(webhook(silent.url(), 200ms));
    CHECK_FALSE(late.sent);
    CHECK(late.retry);
    CHECK(late.maybe_arrived);
    ScriptedServer nonsense({{read_request(), send_bytes("\x01\x02 garbage\r\n\r\n")}});
    const Outcome odd = post.send(webhook(nonsense.url()));
    CHECK_FALSE(odd.sent);
    CHECK(odd.retry);
}

TEST_CASE("a webhook carries what lets its receiver know a repeat", "[notify][senders]") {
    ScriptedServer server({answer_ok("")});
    Integration how = webhook(server.url());
    auto& hook = std::get<WebSettings>(how.how);
    hook.switches["delivery_headers"] = true;
    hook.secrets["signing_secret"] = Secret::from_text("s3cret");
    Sender post;
    CHECK(post.send(how).sent);
    const std::string request = server.requests().at(0);
    const std::string body = request.substr(request.find("\r\n\r\n") + 4);
    CHECK(request.find("X-Vedette-Delivery: 7\r\n") != request.npos);
    CHECK(request.find("Idempotency-Key: ") != request.npos);
    CHECK(request.find("X-Vedette-Signature: sha256=" + sign(body, "s3cret") + "\r\n") != request.npos);
}

TEST_CASE("a mail server's word decides whether a mail is tried again", "[notify][senders]") {
    Integration how;
    EmailSettings email;
    email.to = {"ops@shop.example"};
    email.from = "Vedette <vedette@shop.example>";
    how.how = email;
    Sender post;
    CHECK(summary(post.send(how)) == "sent 250");
    CHECK(post.mail.from == "vedette@shop.example");
    CHECK(post.mail.to == std::vector<std::string>{"ops@shop.example"});
    post.mail_answer = tl::unexpected<SmtpFailure>({{Fault::Refused, "535 wrong password"}, 535, false});
    CHECK(summary(post.send(how)) == "refused 535, 535 wrong password");
    post.mail_answer = tl::unexpected<SmtpFailure>({{Fault::Unavailable, "451 try later"}, 451, true});
    CHECK(summary(post.send(how)) == "later 451, 451 try later");
}
