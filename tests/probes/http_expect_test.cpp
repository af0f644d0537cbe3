#include "probes/http/expect.h"

#include <catch2/catch.hpp>
#include <functional>

using namespace std::chrono_literals;
using namespace vedette;
using namespace vedette::probes;

namespace {

constexpr Timestamp now{1'790'000'000'000};

Pattern pattern(const char* text) {
    return Pattern::compile(text).value();
}

/// A plain, healthy answer.
HttpAnswer answer() {
    HttpAnswer out;
    out.status = 200;
    out.version = "1.1";
    out.headers = {{"content-type", "application/json"}, {"server", "nginx"}};
    out.body = R"({"status":"ok"})";
    out.body_bytes = out.body.size();
    out.final_url = "https://shop.example/health";
    out.phases = {{"resolve", 1ms}, {"connect", 9ms}, {"processing", 190ms}, {"transfer", 50ms}};
    return out;
}

TlsFacts tls(const char* version, Milliseconds valid_for) {
    TlsFacts facts;
    facts.version = version;
    facts.earliest_not_after = now + valid_for;
    return facts;
}

using Must = HeaderExpect::Must;
using Set = std::function<void(HttpExpect&, HttpAnswer&)>;

std::vector<std::string> reasons(const Set& set) {
    HttpExpect expect;
    HttpAnswer got = answer();
    set(expect, got);
    return judge(expect, got, now).reasons;
}

}  // namespace

TEST_CASE("an answer is up until what was expected of it is missed", "[probes][http]") {
    struct Row {
        const char* what;
        Set set;
        const char* reason;  // empty: up
    };
    const auto row = GENERATE(values<Row>({
        {"2xx without a word", [](auto&, auto& a) { a.status = 204; }, ""},
        {"199 is no success", [](auto&, auto& a) { a.status = 199; }, "status 199, expected 2xx"},
        {"299 is the last success", [](auto&, auto& a) { a.status = 299; }, ""},
        {"300 is no success", [](auto&, auto& a) { a.status = 300; }, "status 300, expected 2xx"},
        {"down in words", [](auto&, auto& a) { a.status = 503; }, "status 503, expected 2xx"},
        {"another status is wanted",
         [](auto& e, auto&) { e.status = {{404, 404, "404"}, {500, 599, "5xx"}}; },
         "status 200, expected 404 or 5xx"},
        {"three are listed", [](auto& e, auto&) { e.status = {{201, 201, "201"}, {202, 202, "202"}, {204, 206, "204-206"}}; },
         "status 200, expected 201, 202 or 204-206"},
        {"a header is there", [](auto& e, auto&) { e.headers = {{"server", Must::BePresent, {}, false}}; }, ""},
        {"a header is missing", [](auto& e, auto&) { e.headers = {{"etag", Must::BePresent, {}, false}}; },
         "no header `etag`, expected it"},
        {"a header should not be there", [](auto& e, auto&) { e.headers = {{"server", Must::BeAbsent, {}, false}}; },
         "header `server` is \"nginx\", expected none"},
        {"an absent header is absent", [](auto& e, auto&) { e.headers = {{"etag", Must::BeAbsent, {}, false}}; }, ""},
        {"a header matches", [](auto& e, auto&) { e.headers = {{"server", Must::Match, pattern("ngi"), false}}; }, ""},
        {"a header does not match", [](auto& e, auto&) { e.headers = {{"server", Must::Match, pattern("^apache"), false}}; },
         "header `server` is \"nginx\", expected it to match `^apache`"},
        {"a pattern wants the header", [](auto& e, auto&) { e.headers = {{"etag", Must::Match, pattern("x"), false}}; },
         "no header `etag`, expected it"},
        {"a pattern may do without", [](auto& e, auto&) { e.headers = {{"etag", Must::Match, pattern("x"), true}}; }, ""},
        {"a header matches what it must not", [](auto& e, auto&) { e.headers = {{"server", Must::NotMatch, pattern("n.inx"), true}}; },
         "header `server` is \"nginx\", expected it not to match `n.inx`"},
        {"a second header of the name matches",
         [](auto& e, auto& a) {
             a.headers.push_back({"server", "envoy"});
             e.headers = {{"server", Must::Match, pattern("envoy"), false}};
         },
         ""},
        {"what holds credentials is not repeated",
         [](auto& e, auto& a) {
             a.headers.push_back({"set-cookie", "session=hunter2"});
             e.headers = {{"set-cookie", Must::BeAbsent, {}, false}};
         },
         "header `set-cookie` is <secret>, expected none"},
        {"the body matches", [](auto& e, auto&) { e.body_matches = {pattern("\"ok\"")}; }, ""},
        {"the body does not match", [](auto& e, auto&) { e.body_matches = {pattern("ready")}; },
         "body (15 bytes) does not match `ready`"},
        {"the body matches what it must not", [](auto& e, auto&) { e.body_not_matches = {pattern("sta.us")}; },
         "body matches `sta.us`, expected it not to"},
        {"compressed as asked for",
         [](auto& e, auto& a) {
             e.gzip = true;
             a.headers.push_back({"content-encoding", "gzip"});
         },
         ""},
        {"not compressed", [](auto& e, auto&) { e.gzip = true; },
         "the answer is not compressed, expected gzip"},
        {"just large enough", [](auto& e, auto&) { e.body_bytes_min = 15; }, ""},
        {"one byte short", [](auto& e, auto&) { e.body_bytes_min = 16; }, "body of 15 bytes, expected at least 16"},
        {"just small enough", [](auto& e, auto&) { e.body_bytes_max = 15; }, ""},
        {"one byte over", [](auto& e, auto&) { e.body_bytes_max = 14; }, "body of 15 bytes, expected at most 14"},
        {"cut at the limit", [](auto&, auto& a) { a.body_cut = true; }, "body is larger than the 15 bytes that are read"},
        {"the version is right", [](auto& e, auto&) { e.versions = {"1.1", "2"}; }, ""},
        {"the version is wrong", [](auto& e, auto&) { e.versions = {"2"}; }, "HTTP version 1.1, expected 2"},
        {"redirects within bounds", [](auto& e, auto& a) { a.redirects = 2; e.redirects_max = 2; }, ""},
        {"one redirect too many", [](auto& e, auto& a) { a.redirects = 3; e.redirects_max = 2; },
         "3 redirects to https://shop.example/health, expected at most 2"},
        {"none was expected", [](auto& e, auto& a) { a.redirects = 1; e.redirects_max = 0; },
         "1 redirect to https://shop.example/health, expected none"},
        {"ended where it should", [](auto& e, auto&) { e.final_url = "https://shop.example/health"; }, ""},
        {"ended elsewhere", [](auto& e, auto&) { e.final_url = "https://shop.example/login"; },
         "ended at https://shop.example/health, expected https://shop.example/login"},
        {"TLS is wanted", [](auto& e, auto&) { e.tls = true; }, "the answer came without TLS, expected TLS"},
        {"TLS is there", [](auto& e, auto& a) { e.tls = true; a.tls = tls("TLS 1.3", 24h); }, ""},
        {"TLS is unwanted", [](auto& e, auto& a) { e.tls = false; a.tls = tls("TLS 1.3", 24h); },
         "the answer came over TLS, expected none"},
        {"old TLS", [](auto& e, auto& a) { e.tls_version_min = "TLS 1.3"; a.tls = tls("TLS 1.2", 24h); },
         "TLS 1.2, expected at least TLS 1.3"},
        {"TLS new enough", [](auto& e, auto& a) { e.tls_version_min = "TLS 1.2"; a.tls = tls("TLS 1.2", 24h); }, ""},
        {"valid for just long enough", [](auto& e, auto& a) { e.certificate_valid_for = 336h; a.tls = tls("TLS 1.3", 336h); }, ""},
        {"a millisecond short", [](auto& e, auto& a) { e.certificate_valid_for = 336h; a.tls = tls("TLS 1.3", 336h - 1ms); },
         "certificate expires in 14.0 days, expected at least 14 days"},
        {"some days short", [](auto& e, auto& a) { e.certificate_valid_for = 336h; a.tls = tls("TLS 1.3", 144h); },
         "certificate expires in 6 days, expected at least 14 days"},
        {"hours short", [](auto& e, auto& a) { e.certificate_valid_for = 336h; a.tls = tls("TLS 1.3", 130min); },
         "certificate expires in 2 h 10 min, expected at least 14 days"},
        {"expired", [](auto& e, auto& a) { e.certificate_valid_for = 336h; a.tls = tls("TLS 1.3", -120h); },
         "certificate expired 5 days ago"},
        {"fast enough", [](auto& e, auto&) { e.duration_under = 251ms; }, ""},
        {"as slow as the limit", [](auto& e, auto&) { e.duration_under = 250ms; }, "took 250 ms, expected under 250 ms"},
    }));
    CAPTURE(row.what);
    const std::vector<std::string> expected =
        *row.reason ? std::vector<std::string>{row.reason} : std::vector<std::string>{};
    CHECK(reasons(row.set) == expected);
}

TEST_CASE("everything that is wrong is said, in the order of the settings", "[probes][http]") {
    CHECK(reasons([](HttpExpect& expect, HttpAnswer& got) {
              got.status = 500;
              expect.headers = {{"etag", Must::BePresent, {}, false}};
              expect.body_matches = {pattern("ready")};
              expect.versions = {"2"};
          }) == std::vector<std::string>{
                    "status 500, expected 2xx", "no header `etag`, expected it",
                    "body (15 bytes) does not match `ready`", "HTTP version 1.1, expected 2"});
}

TEST_CASE("a pattern is to blame only when the status was right", "[probes][http]") {
    struct Row {
        const char* what;
        int status;
        const char* body;
        bool by_regex;
    };
    const auto row = GENERATE(values<Row>({
        {"all well", 200, "ok", false},
        {"the body is wrong", 200, "no", true},
        {"the status is wrong too", 404, "no", false},
    }));
    CAPTURE(row.what);
    HttpExpect expect;
    expect.body_matches = {pattern("ok")};
    HttpAnswer got = answer();
    got.status = row.status;
    got.body = row.body;
    CHECK(judge(expect, got, now).failed_due_to_regex == row.by_regex);
}

TEST_CASE("a pattern that is none says what RE2 says", "[probes][http]") {
    const auto bad = Pattern::compile("a(b");
    REQUIRE_FALSE(bad);
    CHECK(bad.error().message == "`a(b` is no RE2 expression: missing ): a(b");
}
