#include "exporter/http/access.h"

#include <crypt.h>
#include <re2/re2.h>

#include <array>
#include <catch2/catch.hpp>

#include "tests/exporter_http/front_fixture.h"

using namespace vedette;
using namespace vedette::http;
using namespace vedette::http::test;

namespace {

/// The cheapest hash bcrypt allows, so that tests do not wait.
std::string bcrypt(const std::string& password) {
    std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> salt{};
    crypt_gensalt_rn("$2b$", 4, nullptr, 0, salt.data(), salt.size());
    const auto data = std::make_unique<crypt_data>();
    return crypt_r(password.c_str(), salt.data(), data.get());
}

ServerSettings with_people() {
    ServerSettings settings = loopback();
    settings.anonymous = Role::Nobody;
    settings.users = {{"ada", bcrypt("engine"), Role::Admin},
                      {"bob", bcrypt("builder"), Role::Viewer}};
    settings.tokens = {
        {"deploy", Secret::from_text("new-token"), Secret::from_text("old-token"), Role::Editor}};
    return settings;
}

std::vector<Route> doors() {
    std::vector<Route> routes;
    for (const Role role : {Role::Viewer, Role::Editor, Role::Admin}) {
        routes.push_back({"GET", "/" + std::string(to_string(role)), role, PathGroup::Api,
                          Weight::Inline, [](const Request& request) {
                              return text_response(
                                  200, request.user + "/" + std::string(to_string(request.role)));
                          }});
    }
    return routes;
}

// base64 of ada:engine, bob:builder, ada:wrong, eve:engine
constexpr const char* ada = "Authorization: Basic YWRhOmVuZ2luZQ==\r\n";
constexpr const char* bob = "Authorization: Basic Ym9iOmJ1aWxkZXI=\r\n";
constexpr const char* wrong = "Authorization: Basic YWRhOndyb25n\r\n";
constexpr const char* eve = "Authorization: Basic ZXZlOmVuZ2luZQ==\r\n";

}  // namespace

TEST_CASE("who may do what is decided by role") {
    struct Row {
        const char* what;
        const char* headers;
        const char* path;
        int status;
        const char* says;
    };
    const auto row = GENERATE(values<Row>({
        {"no credentials", "", "/viewer", 401, "this needs a user or a token\n"},
        {"open to all", "", "/hello", 200, "hello\n"},
        {"viewer", bob, "/viewer", 200, "bob/viewer"},
        {"viewer is no editor", bob, "/editor", 403,
         "this needs the role editor; bob has viewer\n"},
        {"admin is an editor too", ada, "/editor", 200, "ada/admin"},
        {"new token", "Authorization: Bearer new-token\r\n", "/editor", 200, "deploy/editor"},
        {"old token", "authorization: bearer old-token\r\n", "/editor", 200, "deploy/editor"},
        {"token is no admin", "Authorization: Bearer new-token\r\n", "/admin", 403,
         "this needs the role admin; deploy has editor\n"},
        {"wrong token", "Authorization: Bearer new-toke\r\n", "/viewer", 401,
         "wrong user, password or token\n"},
        {"empty token", "Authorization: Bearer \r\n", "/viewer", 401,
         "wrong user, password or token\n"},
        {"wrong password", wrong, "/viewer", 401, "wrong user, password or token\n"},
        {"nobody of that name", eve, "/viewer", 401, "wrong user, password or token\n"},
        {"garbage", "Authorization: Basic %%%\r\n", "/viewer", 401,
         "wrong user, password or token\n"},
        {"other scheme", "Authorization: Digest a=b\r\n", "/viewer", 401,
         "expected Authorization: Basic or Bearer\n"},
    }));
    CAPTURE(row.what);
    Site site(with_people(), doors());
    Client client = site.client();
    const Reply reply = client.ask(get(row.path, row.headers));
    CHECK(reply.status == row.status);
    CHECK(reply.body == row.says);
    if (row.status == 401) {
        CHECK(reply.headers.at("www-authenticate") == "Basic realm=\"vedette\"");
        CHECK(client.ask(get("/viewer", bob)).status == 200);
    }
}

TEST_CASE("a page of another site reads the API only when its origin is named") {
    ServerSettings settings = loopback();
    const bool named = GENERATE(false, true);
    if (named)
        settings.cors_origin = std::make_shared<const re2::RE2>("https?://(shop|docs)\\.example");
    Site site(settings, doors());
    const auto ask = [&](const std::string& origin, const std::string& method = "GET") {
        return site.client().ask(
            method + " /viewer HTTP/1.1\r\nHost: localhost\r\nOrigin: " + origin + "\r\n\r\n");
    };
    const auto header = [](const auto& reply, const char* name) {
        const auto found = reply.headers.find(name);
        return found == reply.headers.end() ? std::string() : found->second;
    };
    const auto shop = ask("https://shop.example");
    CHECK(shop.status == 200);
    CHECK(header(shop, "access-control-allow-origin") == (named ? "https://shop.example" : ""));
    CHECK(header(shop, "access-control-allow-methods") == (named ? "GET, POST, OPTIONS" : ""));
    CHECK(header(shop, "vary") == (named ? "Origin" : ""));
    const auto other = ask("https://shop.example.evil");
    CHECK(header(other, "access-control-allow-origin").empty());
    CHECK(header(other, "vary") == (named ? "Origin" : ""));
    const auto before = ask("https://shop.example", "OPTIONS");
    CHECK(before.status == 204);
    CHECK(header(before, "access-control-allow-headers") ==
          (named ? "Accept, Authorization, Content-Type, Origin" : ""));
}

TEST_CASE("credentials do not reach handlers") {
    std::string seen = "?";
    std::vector<Route> routes;
    routes.push_back(
        {"GET", "/seen", Role::Viewer, PathGroup::Api, Weight::Inline, [&](const Request& request) {
             seen = request.header("authorization");
             return text_response(200, "");
         }});
    Site site(with_people(), std::move(routes));
    Client client = site.client();
    CHECK(client.ask(get("/seen", ada)).status == 200);
    CHECK(seen.empty());
}

TEST_CASE("a good password is compared once, a changed hash again") {
    ServerSettings settings = with_people();
    Access access(settings);
    const Access::TimePoint now{};
    const auto first = access.identify("Basic YWRhOmVuZ2luZQ==", "10.0.0.1", now);
    REQUIRE(std::holds_alternative<PasswordCheck>(first));
    const PasswordCheck check = std::get<PasswordCheck>(first);
    CHECK(password_matches(check));
    access.conclude(check, true, "10.0.0.1", now);
    CHECK(std::holds_alternative<Identity>(
        access.identify("Basic YWRhOmVuZ2luZQ==", "10.0.0.2", now)));
    CHECK(std::holds_alternative<PasswordCheck>(
        access.identify("Basic YWRhOndyb25n", "10.0.0.2", now)));
    settings.users[0].password_hash = bcrypt("engine");
    access.replace(settings);
    CHECK(std::holds_alternative<PasswordCheck>(
        access.identify("Basic YWRhOmVuZ2luZQ==", "10.0.0.1", now)));
}

TEST_CASE("an unknown user is compared with a hash that works as hard, and never passes") {
    Access access(with_people());
    const auto verdict = access.identify("Basic ZXZlOmVuZ2luZQ==", "10.0.0.1", {});
    REQUIRE(std::holds_alternative<PasswordCheck>(verdict));
    const auto began = std::chrono::steady_clock::now();
    CHECK_FALSE(password_matches(std::get<PasswordCheck>(verdict)));
    // A setting that crypt refuses would come back at once and tell that the user does not exist.
    CHECK(std::chrono::steady_clock::now() - began > 5ms);
}

TEST_CASE("an address that guesses is slowed down, the others are not") {
    ServerSettings settings = with_people();
    settings.limits.failures_per_minute = 3;
    Access access(settings);
    Access::TimePoint now{};
    now += 100s;
    const auto status = [&](const char* token, const char* peer) {
        const auto verdict = access.identify(token, peer, now);
        const auto* refusal = std::get_if<Refusal>(&verdict);
        return refusal == nullptr ? 200 : refusal->status;
    };
    // Ada was here before, with the right password.
    const auto ada = access.identify("Basic YWRhOmVuZ2luZQ==", "10.0.0.3", now);
    REQUIRE(std::holds_alternative<PasswordCheck>(ada));
    for (int i = 0; i < 3; ++i) CHECK(status("Bearer guess", "10.0.0.1") == 401);
    CHECK(status("Bearer guess", "10.0.0.1") == 429);
    CHECK(status("Basic YWRhOmVuZ2luZQ==", "10.0.0.1") == 429);
    // Right ones pass all the same: tokens always, a password that was right before.
    CHECK(status("Bearer new-token", "10.0.0.1") == 200);
    access.conclude(std::get<PasswordCheck>(ada), true, "10.0.0.3", now);
    CHECK(status("Basic YWRhOmVuZ2luZQ==", "10.0.0.1") == 200);
    CHECK(status("Bearer guess", "10.0.0.2") == 401);
    now += 61s;
    CHECK(status("Bearer guess", "10.0.0.1") == 401);
}

TEST_CASE("addresses that fail are remembered up to a number") {
    Access access(with_people());
    const MemoryBound memory;
    for (int i = 0; i < 100'000; ++i)
        access.identify("Bearer guess", "peer" + std::to_string(i), {});
    CHECK(memory.holds(2 * mib));
}
