#include <catch2/catch.hpp>
#include <optional>
#include <string>

#include "base/http/oauth2.h"
#include "tests/support/memory_resolver.h"
#include "tests/support/scripted_server.h"

using namespace vedette;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

std::string show(const Result<OAuth2Token>& token) {
    if (!token) return token.error().message;
    return token->authorization +
           (token->expires ? " for " + std::to_string(token->expires->count()) : "");
}

std::vector<Step> token(const std::string& body, const std::string& status = "200 OK") {
    return answer_ok(body, status, "Content-Type: application/json\r\n");
}

/// A client that asks one page with a token of one endpoint.
struct Bench {
    Loop loop;
    MemoryResolver resolver{loop};
    std::optional<HttpClient> client{std::in_place, loop, resolver};
    ScriptedServer endpoint;
    ScriptedServer page{{answer_ok("page")}};
    std::shared_ptr<OAuth2Settings> oauth2 = std::make_shared<OAuth2Settings>();

    explicit Bench(std::vector<std::vector<Step>> tokens) : endpoint(std::move(tokens)) {
        oauth2->client_id = "shop & co";
        oauth2->client_secret = Secret::from_text("se:cret");
        oauth2->token_url = endpoint.url("/token");
        oauth2->http = std::make_shared<HttpSettings>();
    }
    void send(HttpDone done, Milliseconds wait = 10s) {
        HttpCall call;
        call.url = page.url("/metrics");
        HttpSettings settings;
        settings.oauth2 = oauth2;
        call.settings = std::make_shared<HttpSettings>(settings);
        client->send(std::move(call), Deadline::after(loop.now(), wait), std::move(done));
    }
    /// The page, or why not.
    std::string ask(Milliseconds wait = 10s) {
        std::optional<std::string> out;
        send(
            [&](const HttpOutcome& outcome) {
                out = outcome ? outcome->body
                              : outcome.error().phase + ": " + outcome.error().error.message;
            },
            wait);
        REQUIRE_FALSE(out);  // never inside `send`
        while (!out) loop.turn(1s);
        return *out;
    }
};

}  // namespace

TEST_CASE("a token endpoint's answer is read in all the ways they write it", "[http_oauth2]") {
    struct Row {
        const char *type, *body, *shown;
    };
    const auto row = GENERATE(values<Row>({
        {"application/json", R"({"access_token":"a","token_type":"bearer","expires_in":60})",
         "Bearer a for 60"},
        {"application/json", R"({"access_token":"a","token_type":"MAC"})", "MAC a"},
        {"application/json; charset=utf-8", R"({"access_token":"a","expires_in":"61"})",
         "Bearer a for 61"},
        {"", R"({"access_token":"a","expires_in":0})", "Bearer a"},
        {"application/x-www-form-urlencoded", "access_token=a%2Bb&expires_in=7&token_type=Bearer",
         "Bearer a+b for 7"},
        {"text/plain", "access_token=x+y&odd&=", "Bearer x y"},
        {"application/json", R"({"access_token":7})",
         "the token endpoint's answer has no access_token"},
        {"application/json", "[]", "the token endpoint's answer is no JSON"},
        {"application/json", "{", "the token endpoint's answer is no JSON"},
        {"text/plain", "", "the token endpoint's answer has no access_token"},
    }));
    CAPTURE(row.body);
    CHECK(show(read_token(row.type, row.body)) == row.shown);
}

TEST_CASE("a token is asked for once, used until it expires, and then anew", "[http_oauth2]") {
    // The first lasts an hour; the second is as good as over when it comes.
    const std::string expires = GENERATE(as<std::string>(), "3600", "10");
    Bench bench({token(R"({"access_token":"one","expires_in":)" + expires + "}"),
                 token(R"({"access_token":"two","expires_in":3600})")});
    bench.oauth2->scopes = {"read", "write"};
    bench.oauth2->endpoint_params = {{"audience", "a b"}};
    CHECK(bench.ask() == "page");
    CHECK(bench.ask() == "page");
    const auto asked = bench.endpoint.requests();
    CHECK(asked.size() == (expires == "3600" ? 1 : 2));
    CHECK_THAT(asked[0],
               Contains("POST /token HTTP/1.1\r\n") &&
                   Contains("Content-Type: application/x-www-form-urlencoded\r\n") &&
                   // base64 of `shop+%26+co:se%3Acret`
                   Contains("Authorization: Basic c2hvcCslMjYrY286c2UlM0FjcmV0\r\n") &&
                   Contains("grant_type=client_credentials&scope=read+write&audience=a+b"));
    CHECK_THAT(bench.page.requests()[0], Contains("Authorization: Bearer one\r\n"));
    CHECK_THAT(bench.page.requests()[1],
               Contains(expires == "3600" ? "Authorization: Bearer one\r\n"
                                          : "Authorization: Bearer two\r\n"));
}

TEST_CASE("many who want the same token wait for one answer", "[http_oauth2]") {
    Bench bench({token(R"({"access_token":"one","expires_in":3600})")});
    int answered = 0;
    for (int i = 0; i < 5; ++i)
        bench.send([&](const HttpOutcome& outcome) { answered += outcome ? 1 : 0; });
    while (answered < 5) bench.loop.turn(1s);
    CHECK(bench.endpoint.requests().size() == 1);
}

TEST_CASE("an endpoint that wants id and secret in the form gets them there", "[http_oauth2]") {
    Bench bench({token("{}", "401 Unauthorized"), token(R"({"access_token":"one"})")});
    CHECK(bench.ask() == "page");
    CHECK_THAT(
        bench.endpoint.requests()[1],
        Contains("&client_id=shop+%26+co&client_secret=se%3Acret") && !Contains("Authorization"));
}

TEST_CASE("why there is no token is said, without secrets", "[http_oauth2]") {
    Bench refused({token(R"({"error":"invalid_client","error_description":"who?"})", "401 No")});
    CHECK(refused.ask() == "resolve: no token from " + refused.endpoint.url("/token") +
                               ": HTTP status 401 (invalid_client: who?)");
    Bench odd({answer_ok("<html>")});
    CHECK(odd.ask() == "resolve: no token from " + odd.endpoint.url("/token") +
                           ": the token endpoint's answer is no JSON");
    Bench no_secret({token("{}")});
    no_secret.oauth2->client_secret = Secret::from_file("/nonexistent/secret");
    CHECK_THAT(no_secret.ask(), Contains("/nonexistent/secret"));
    CHECK(no_secret.endpoint.requests().empty());
    Bench silent({{hold()}});
    CHECK(silent.ask(30ms) ==
          "resolve: no token from " + silent.endpoint.url("/token") + " in 30 ms");
    Bench gone({{hold()}});
    std::string told;
    gone.send([&](const HttpOutcome& outcome) { told = outcome.error().error.message; });
    gone.loop.turn(0ms);
    gone.client.reset();
    CHECK(told == "the request was cancelled");
}
