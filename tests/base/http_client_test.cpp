#include "base/http/client.h"

#include <zlib.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <optional>
#include <string>

#include "core/limits.h"
#include "tests/support/memory_resolver.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temp_folder.h"

using namespace vedette;
using namespace std::chrono_literals;
using Catch::Contains;
using Catch::StartsWith;

namespace {

/// A client with all it needs, on this thread's loop.
struct Bench {
    Loop loop;
    MemoryResolver resolver{loop};
    std::optional<HttpClient> client{std::in_place, loop, resolver};
    HttpSettings settings;
    HttpCall call;

    explicit Bench(std::string url = {}) { call.url = std::move(url); }

    HttpOutcome run(Milliseconds wait = 10s) {
        std::optional<HttpOutcome> outcome;
        send(wait, [&](HttpOutcome told) {
            REQUIRE_FALSE(outcome);
            outcome.emplace(std::move(told));
        });
        REQUIRE_FALSE(outcome);  // never inside `send`
        while (!outcome) loop.turn(1s);
        return std::move(*outcome);
    }
    void send(Milliseconds wait, HttpDone done) {
        HttpCall one = call;
        one.settings = std::make_shared<HttpSettings>(settings);
        client->send(std::move(one), Deadline::after(loop.now(), wait), std::move(done));
    }
    HttpAnswer answer() {
        auto outcome = run();
        if (!outcome) FAIL(outcome.error().phase << ": " << outcome.error().error.message);
        return std::move(*outcome);
    }
    /// `phase: message`
    std::string failure(Milliseconds wait = 10s) {
        auto outcome = run(wait);
        if (outcome) return "answered " + std::to_string(outcome->status);
        return outcome.error().phase + ": " + outcome.error().error.message;
    }
};

std::string phase_names(const std::vector<Phase>& phases) {
    std::string names;
    for (const Phase& phase : phases) names += (names.empty() ? "" : " ") + std::string(phase.name);
    return names;
}

std::string gzip(const std::string& text) {
    z_stream stream{};
    REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string out(deflateBound(&stream, text.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::vector<Step> redirect_to(const std::string& location,
                              const std::string& status = "302 Found") {
    return answer_ok("moved", status, "Location: " + location + "\r\n");
}

/// An authority, and a certificate of it for 127.0.0.1 and shop.test.
struct Papers {
    Certificate authority = make_certificate({.common_name = "Test Authority", .authority = true});
    Certificate leaf = make_certificate({.common_name = "shop",
                                         .names = {"shop.test", "www.shop.test"},
                                         .addresses = {"127.0.0.1"},
                                         .issuer = &authority});
    ScriptedServer::Tls tls() const { return {leaf.pem, leaf.key, "", false}; }
};

}  // namespace

TEST_CASE("an answer comes with its head, its body and five phases", "[http_client]") {
    ScriptedServer server({answer_ok("hello", "201 Made", "X-Two: a\r\nx-two:  b \r\n")});
    Bench bench(server.url("/a/../b?q=1#part"));
    bench.call.headers = {{"X-Asked", "yes"}};
    const HttpAnswer answer = bench.answer();
    CHECK(answer.status == 201);
    CHECK(answer.version == "1.1");
    CHECK(answer.body == "hello");
    CHECK(answer.body_bytes == 5);
    CHECK_FALSE(answer.body_cut);
    CHECK(answer.content_length == 5);
    CHECK(answer.header("x-two") == "a");
    CHECK(answer.headers.back() == Header{"x-two", "b"});
    CHECK(answer.address == "127.0.0.1");
    CHECK_FALSE(answer.address_is_v6);
    CHECK(answer.final_url == server.url("/a/../b?q=1"));
    CHECK(answer.redirects == 0);
    CHECK_FALSE(answer.tls);
    CHECK(phase_names(answer.phases) == "resolve connect tls processing transfer");
    CHECK(answer.phases[1].took > 0ns);
    CHECK(answer.phases[2].took == 0ns);
    CHECK(server.requests() ==
          std::vector<std::string>{
              "GET /a/../b?q=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
              "\r\nUser-Agent: Vedette\r\nAccept: */*\r\nX-Asked: yes\r\n"
              "Connection: close\r\n\r\n"});
    CHECK(bench.client->in_flight() == 0);
}

TEST_CASE("methods and bodies are sent as they were given", "[http_client]") {
    ScriptedServer server({answer_ok("")});
    Bench bench(server.url());
    for (const char* method : {"POST", "PUT", "DELETE", "GET"}) {
        bench.call.method = method;
        bench.call.body = std::string("a=\0b", 4);
        bench.call.headers = {{"Content-Type", "text/x"}};
        CHECK(bench.answer().status == 200);
        const auto seen = server.requests().back();
        CHECK_THAT(seen, StartsWith(std::string(method) + " / HTTP/1.1\r\n"));
        CHECK_THAT(seen, Contains("Content-Length: 4\r\n") && Contains("Content-Type: text/x\r\n"));
        CHECK_THAT(seen, Catch::EndsWith(std::string("\r\n\r\na=\0b", 8)));
    }
    bench.call.body.clear();
    bench.call.headers.clear();
    bench.call.method = "POST";
    bench.answer();
    CHECK_THAT(server.requests().back(),
               Contains("Content-Length: 0\r\n") && !Contains("Content-Type"));
    bench.call.method = "HEAD";
    CHECK(bench.answer().body.empty());
    CHECK_THAT(server.requests().back(), StartsWith("HEAD / "));
}

TEST_CASE("a name is looked up by the resolver and connected to at its address", "[http_client]") {
    ScriptedServer server({answer_ok("hi")});
    Bench bench(server.url("/", "SHOP.test"));
    bench.resolver.names["shop.test"] = {{"127.0.0.1", false}};
    CHECK(bench.answer().address == "127.0.0.1");
    CHECK(bench.resolver.asked == std::vector<std::string>{"shop.test"});
    CHECK_THAT(server.requests().back(),
               Contains("Host: SHOP.test:" + std::to_string(server.port())));
    bench.call.url = "http://gone.test/";
    CHECK(bench.failure() == "resolve: name not found: gone.test");
}

TEST_CASE("what goes wrong is said in one sentence, with the phase it happened in",
          "[http_client]") {
    struct Row {
        const char* what;
        std::vector<Step> script;
        const char* failure;
    };
    const auto row = GENERATE(values<Row>({
        {"closed at once", {read_request()}, "processing: connection closed without an answer"},
        {"reset before the head",
         {read_request(), reset_connection()},
         "processing: connection reset"},
        {"reset in the head",
         {read_request(), send_bytes("HTTP/1.1 200 OK\r\nA: b\r\n"), reset_connection()},
         "transfer: connection reset"},
        {"body cut short",
         {read_request(), send_bytes("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")},
         "transfer: body cut: 4 of 9 bytes came"},
        {"chunked body cut short",
         {read_request(),
          send_bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf")},
         "transfer: body cut after 4 bytes"},
        {"no HTTP",
         {read_request(), send_bytes("SSH-2.0-OpenSSH_9.2\r\n")},
         "processing: the answer is not HTTP"},
        {"a head without end",
         {read_request(), send_bytes("HTTP/1.1 200 OK\r\n"),
          send_bytes("X: " + std::string(90'000, 'x') + "\r\n\r\n")},
         "transfer: the answer's head is larger than 64 KiB"},
        {"one line without end",
         {read_request(), send_bytes("HTTP/1.1 200 OK\r\nX: "),
          send_bytes(std::string(900'000, 'x'))},
         "transfer: the answer's head is larger than 64 KiB"},
    }));
    CAPTURE(row.what);
    ScriptedServer server({row.script});
    Bench bench(server.url());
    CHECK(bench.failure() == row.failure);
}

TEST_CASE("a reset in the middle of a body is told from a short body", "[http_client]") {
    Gate gate;
    ScriptedServer server(
        {{read_request(), send_bytes("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
          wait_for(gate), reset_connection()}});
    Bench bench(server.url());
    std::string told;
    bench.send(10s, [&](HttpOutcome outcome) { told = outcome.error().error.message; });
    bench.loop.at(bench.loop.now() + 50ms, [&] { gate.open(); });
    while (told.empty()) bench.loop.turn(1s);
    CHECK(told == "connection reset");
}

TEST_CASE("a port nobody listens on refuses", "[http_client]") {
    Bench bench("http://127.0.0.1:" + std::to_string(refused_port()) + "/");
    auto outcome = bench.run();
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().error == Error{Fault::Unavailable, "connection refused"});
    CHECK(outcome.error().phase == "connect");
    CHECK(phase_names(outcome.error().phases) == "resolve connect");
    CHECK(outcome.error().address == "127.0.0.1");
}

TEST_CASE("each phase that takes too long is named at the deadline", "[http_client]") {
    ScriptedServer silent({{read_request(), hold()}});
    ScriptedServer slow(
        {{read_request(), send_bytes("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), hold()}});
    ScriptedServer dribbling({{read_request(), send_bytes("HTTP/1.1 200"), hold()}});
    Bench bench(silent.url());
    auto outcome = bench.run(60ms);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().error == Error{Fault::Timeout, "no answer in 60 ms"});
    CHECK(outcome.error().phase == "processing");
    CHECK(phase_names(outcome.error().phases) == "resolve connect tls processing");
    CHECK(outcome.error().phases[3].took >= 30ms);
    CHECK(outcome.error().phases[3].took < 5s);
    bench.call.url = slow.url();
    CHECK(bench.failure(60ms) == "transfer: no complete answer in 60 ms");
    bench.call.url = dribbling.url();
    CHECK(bench.failure(60ms) == "processing: no answer in 60 ms");
    bench.call.url = "https" + silent.url().substr(4);
    CHECK(bench.failure(60ms) == "tls: no TLS handshake in 60 ms");
    CHECK(bench.failure(0ms) == "resolve: no answer from the name servers for 127.0.0.1 in 0 ms");
}

TEST_CASE("a body longer than allowed is cut, kept or not", "[http_client]") {
    ScriptedServer server({answer_ok(std::string(5000, 'x'))});
    Bench bench(server.url());
    bench.call.body_bytes_max = 1234;
    HttpAnswer answer = bench.answer();
    CHECK(answer.body_cut);
    CHECK(answer.body == std::string(1234, 'x'));
    CHECK(answer.content_length == 5000);
    bench.call.keep_body = false;
    answer = bench.answer();
    CHECK(answer.body_cut);
    CHECK(answer.body.empty());
    CHECK(answer.body_bytes == 1234);
    bench.call.body_bytes_max = 5000;
    answer = bench.answer();
    CHECK_FALSE(answer.body_cut);
    CHECK(answer.body_bytes == 5000);
}

TEST_CASE("a compressed bomb is stopped at the limit of what it unpacks to", "[http_client]") {
    const std::string bomb = gzip(std::string(20'000'000, '\0'));
    REQUIRE(bomb.size() < 50'000);
    ScriptedServer server({answer_ok(bomb, "200 OK", "Content-Encoding: gzip\r\n")});
    Bench bench(server.url());
    bench.call.compressed = true;
    bench.call.body_bytes_max = 100'000;
    HttpAnswer answer = bench.answer();
    CHECK(answer.body_cut);
    CHECK(answer.body_bytes == 100'000);
    CHECK_THAT(server.requests().back(), Contains("Accept-Encoding: gzip\r\n"));
    // Not asked for: not unpacked.
    bench.call.compressed = false;
    answer = bench.answer();
    CHECK(answer.body == bomb);
    CHECK_THAT(server.requests().back(), !Contains("Accept-Encoding"));
}

TEST_CASE("broken compression is said", "[http_client]") {
    ScriptedServer server({answer_ok("no gzip at all", "200 OK", "Content-Encoding: gzip\r\n")});
    Bench bench(server.url());
    bench.call.compressed = true;
    CHECK(bench.failure() == "transfer: the answer's compressed body is broken");
}

TEST_CASE("what cannot be asked is refused before anything is sent", "[http_client]") {
    Bench bench("ftp://127.0.0.1/x?key=1");
    CHECK(bench.failure() == "resolve: not an http or https URL: `ftp://127.0.0.1/x?<secret>`");
    bench.call.url = "127.0.0.1:80";
    CHECK(bench.failure() == "resolve: not an http or https URL: `127.0.0.1:80`");
    bench.call.url = "http://u:p@/";
    CHECK(bench.failure() == "resolve: not an http or https URL: `http://<secret>@/`");
    bench.call.url = "http://127.0.0.1/\r\nX: y";
    CHECK_THAT(bench.failure(), StartsWith("resolve: not an http or https URL"));
    bench.call.url = "http://127.0.0.1:1/";
    bench.call.headers = {{"X", "a\r\nInjected: yes"}};
    CHECK(bench.failure() == "resolve: the value of header `X` has control characters");
    bench.call.headers = {{"X Y", "a"}};
    CHECK(bench.failure() == "resolve: not a header name: `X Y`");
    bench.call.headers.clear();
    bench.call.method = "GET /x HTTP/1.1\r\n";
    CHECK_THAT(bench.failure(), StartsWith("resolve: not an HTTP method"));
}

TEST_CASE("redirects change the method as Go's client does", "[http_client]") {
    struct Row {
        const char *status, *method, *then;
        bool body;
    };
    const auto row = GENERATE(values<Row>({
        {"301 Moved", "POST", "GET", false},
        {"302 Found", "PUT", "GET", false},
        {"303 See Other", "DELETE", "GET", false},
        {"303 See Other", "HEAD", "HEAD", false},
        {"307 Temporary", "POST", "POST", true},
        {"308 Permanent", "PUT", "PUT", true},
    }));
    CAPTURE(row.status, row.method);
    auto there = redirect_to("../there?x=1", row.status);
    if (std::string(row.method) == "HEAD")
        there = answer_with("HTTP/1.1 303 See\r\nLocation: ../there?x=1\r\n\r\n");
    ScriptedServer server({there, answer_ok(std::string(row.method) == "HEAD" ? "" : "done")});
    Bench bench(server.url("/a/b/c"));
    bench.call.method = row.method;
    if (std::string(row.method) != "HEAD") bench.call.body = "payload";
    bench.call.headers = {{"Content-Type", "text/x"}};
    const HttpAnswer answer = bench.answer();
    CHECK(answer.status == 200);
    CHECK(answer.redirects == 1);
    CHECK(answer.final_url == server.url("/a/there?x=1"));
    const auto second = server.requests().at(1);
    CHECK_THAT(second, StartsWith(std::string(row.then) + " /a/there?x=1 HTTP/1.1\r\n"));
    CHECK((second.find("payload") != second.npos) == row.body);
    CHECK((second.find("Content-Type") != second.npos) == row.body);
}

TEST_CASE("a redirect is an answer when it is not followed or leads nowhere", "[http_client]") {
    ScriptedServer server(
        {redirect_to("/next"), answer_ok("x", "302 Found"), answer_ok("x", "304 Same")});
    Bench bench(server.url());
    bench.settings.follow_redirects = false;
    CHECK(bench.answer().status == 302);
    bench.settings.follow_redirects = true;
    CHECK(bench.answer().status == 302);
    CHECK(bench.answer().status == 304);
}

TEST_CASE("a circle of redirects ends", "[http_client]") {
    ScriptedServer server({redirect_to("/again")});
    Bench bench(server.url());
    CHECK(bench.failure() == "transfer: more than 10 redirects");
    CHECK(server.requests().size() == 11);
}

TEST_CASE("a redirect to anything but http is refused", "[http_client]") {
    const std::string where = GENERATE(as<std::string>(), "file:///etc/passwd",
                                       "gopher://127.0.0.1:1/x", "FILE:/etc/passwd");
    ScriptedServer server({redirect_to(where)});
    Bench bench(server.url());
    CHECK(bench.failure() ==
          "transfer: redirect to `" + where + "` refused: only http and https are followed");
}

TEST_CASE("each hop is looked up anew and judged anew when others steer", "[http_client]") {
    ScriptedServer server({redirect_to("http://169.254.169.254/latest/meta-data"),
                           redirect_to("http://inside.test/x"), redirect_to("http://2852039166/"),
                           redirect_to("http://[::ffff:169.254.169.254]/")});
    Bench bench(server.url());
    bench.resolver.names["inside.test"] = {{"fe80::1", true}};
    bench.call.steered_by_others = true;
    CHECK(bench.failure() ==
          "resolve: refused to connect to 169.254.169.254: a link-local or metadata address");
    CHECK(bench.failure() ==
          "resolve: refused to connect to fe80::1 (inside.test): a link-local or metadata address");
    CHECK(bench.failure() ==
          "resolve: refused to connect to 169.254.169.254: a link-local or metadata address");
    CHECK_THAT(bench.failure(),
               StartsWith("resolve: refused to connect to ::ffff:169.254.169.254"));
    CHECK(bench.resolver.asked.size() == 8);
}

TEST_CASE("secrets stay with the host they were meant for", "[http_client]") {
    ScriptedServer other({answer_ok("theirs"), redirect_to("/here")});
    ScriptedServer server(
        {redirect_to("/same"), redirect_to(other.url("/", "other.test")), answer_ok("")});
    Bench bench(server.url("/", "shop.test"));
    bench.resolver.names["shop.test"] = bench.resolver.names["other.test"] = {{"127.0.0.1", false}};
    bench.settings.basic_auth = {"me", Secret::from_text("pass")};
    bench.settings.headers = {{"X-Key", Secret::from_text("key")}};
    bench.call.headers = {{"Cookie", "c=1"}, {"Host", "asked.test"}, {"X-Plain", "p"}};
    const HttpAnswer answer = bench.answer();
    CHECK(answer.redirects == 2);
    for (const auto& seen : server.requests()) {
        CHECK_THAT(seen, Contains("Authorization: Basic bWU6cGFzcw==\r\n") &&
                             Contains("X-Key: key\r\n") && Contains("Cookie: c=1\r\n") &&
                             Contains("Host: asked.test\r\n"));
    }
    const auto theirs = other.requests().at(0);
    CHECK_THAT(theirs, !Contains("Authorization") && !Contains("X-Key") && !Contains("Cookie"));
    CHECK_THAT(theirs, Contains("X-Plain: p\r\n") && Contains("Host: other.test:"));
}

TEST_CASE("credentials come from the settings first and then from the URL", "[http_client]") {
    ScriptedServer server({answer_ok("")});
    Bench bench("http://u%3aser:p%40ss@127.0.0.1:" + std::to_string(server.port()) + "/");
    CHECK(bench.answer().final_url == server.url());
    CHECK_THAT(server.requests().back(), Contains("Authorization: Basic dTpzZXI6cEBzcw==\r\n"));
    bench.settings.authorization = Secret::from_text("token");
    bench.settings.authorization_type = "Bearer";
    bench.answer();
    CHECK_THAT(server.requests().back(),
               Contains("Authorization: Bearer token\r\n") && !Contains("Basic"));
    bench.settings.authorization = Secret::from_file("/nonexistent/token");
    CHECK_THAT(bench.failure(), Contains("/nonexistent/token"));
}

TEST_CASE("proxies of the environment are ignored, those of the settings are used",
          "[http_client]") {
    ScriptedServer server({answer_ok("direct")});
    ScriptedServer proxy({answer_ok("proxied")});
    const std::string bad = "http://127.0.0.1:" + std::to_string(refused_port());
    for (const char* name : {"http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"})
        ::setenv(name, bad.c_str(), 1);
    Bench bench(server.url("/x"));
    CHECK(bench.answer().body == "direct");
    ::setenv("no_proxy", "*", 1);
    bench.settings.proxy_url = "http://me:word@proxy.test:" + std::to_string(proxy.port());
    bench.resolver.names["proxy.test"] = {{"127.0.0.1", false}};
    bench.call.url = "http://far.test/x";
    CHECK(bench.answer().body == "proxied");
    CHECK_THAT(proxy.requests().back(),
               StartsWith("GET http://far.test/x HTTP/1.1\r\n") &&
                   Contains("Proxy-Authorization: Basic bWU6d29yZA==\r\n"));
    for (const char* name : {"http_proxy", "https_proxy", "all_proxy", "ALL_PROXY", "no_proxy"})
        ::unsetenv(name);
}

TEST_CASE("a good certificate is described and trusted", "[http_client][tls]") {
    const Papers papers;
    ScriptedServer server({papers.leaf.pem + papers.authority.pem, papers.leaf.key, "", false},
                          {answer_ok("safe")});
    Bench bench(server.url("/", GENERATE(as<std::string>(), "127.0.0.1", "shop.test")));
    bench.resolver.names["shop.test"] = {{"127.0.0.1", false}};
    bench.settings.tls.ca = papers.authority.pem;
    const HttpAnswer answer = bench.answer();
    CHECK(answer.body == "safe");
    REQUIRE(answer.tls);
    CHECK(answer.tls->version == "TLS 1.3");
    CHECK(answer.tls->cipher == "TLS_AES_256_GCM_SHA384");
    CHECK(answer.tls->leaf_subject == "CN=shop");
    CHECK(answer.tls->leaf_issuer == "CN=Test Authority");
    CHECK(answer.tls->leaf_names == "shop.test,www.shop.test");
    CHECK(answer.tls->leaf_sha256.size() == 64);
    CHECK(answer.tls->leaf_serial.size() == 2);
    const Timestamp now = SystemClock().now();
    CHECK(answer.tls->leaf_not_after > now + 24h * 29);
    CHECK(answer.tls->leaf_not_after < now + 24h * 31);
    CHECK(answer.tls->leaf_not_before < now);
    REQUIRE(answer.tls->verified_not_after);
    CHECK(*answer.tls->verified_not_after <= answer.tls->leaf_not_after);
    CHECK(answer.phases[2].took > 0ns);
    bench.settings.tls.insecure_skip_verify = true;
    const HttpAnswer unverified = bench.answer();
    REQUIRE(unverified.tls);
    CHECK_FALSE(unverified.tls->verified_not_after);
}

TEST_CASE("a bad certificate is refused with what is wrong about it", "[http_client][tls]") {
    const Papers papers;
    const Certificate stranger =
        make_certificate({.common_name = "Other Authority", .authority = true});
    const auto issue = [&](CertificateWish wish) {
        if (wish.addresses.empty() && wish.names.empty()) wish.addresses = {"127.0.0.1"};
        return make_certificate(wish);
    };
    struct Row {
        const char* what;
        Certificate leaf;
        const char* message;
    };
    const std::vector<Row> rows = {
        {"expired", issue({.from_days = -9, .until_days = -1, .issuer = &papers.authority}),
         "certificate has expired"},
        {"tomorrow's", issue({.from_days = 1, .issuer = &papers.authority}),
         "certificate is not valid yet"},
        {"another's", issue({.names = {"other.example"}, .issuer = &papers.authority}),
         "certificate is for other.example, not 127.0.0.1"},
        {"of nobody", issue({}), "self-signed certificate"},
        {"of a stranger", issue({.issuer = &stranger}),
         "certificate is signed by an unknown authority: Other Authority"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        ScriptedServer server({row.leaf.pem, row.leaf.key, "", false}, {answer_ok("safe")});
        Bench bench(server.url());
        bench.settings.tls.ca = papers.authority.pem;
        auto outcome = bench.run();
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().error == Error{Fault::Refused, row.message});
        CHECK(outcome.error().phase == "tls");
        REQUIRE(outcome.error().tls);  // what was wrong can still be shown
        CHECK(outcome.error().tls->leaf_not_after.ms != 0);
        bench.settings.tls.insecure_skip_verify = true;
        CHECK(bench.answer().body == "safe");
    }
}

TEST_CASE("`server_name` is what the certificate must be for, and the host header stays",
          "[http_client][tls]") {
    const Papers papers;
    ScriptedServer server(papers.tls(), {answer_ok("safe")});
    Bench bench(server.url());
    bench.settings.tls.ca = papers.authority.pem;
    bench.settings.tls.server_name = "www.shop.test";
    CHECK(bench.answer().address == "127.0.0.1");
    CHECK_THAT(server.requests().back(),
               Contains("Host: 127.0.0.1:" + std::to_string(server.port())));
    bench.settings.tls.server_name = "wrong.test";
    CHECK(bench.failure() ==
          "tls: certificate is for shop.test, www.shop.test, 127.0.0.1, not wrong.test");
}

TEST_CASE("TLS that does not come about is explained", "[http_client][tls]") {
    const Papers papers;
    ScriptedServer plain({{read_some(), send_bytes("HTTP/1.1 400 Bad\r\n\r\n")}});
    ScriptedServer closing({{read_some()}});
    ScriptedServer resetting({{read_some(), reset_connection()}});
    Bench bench("https" + plain.url().substr(4));
    CHECK(bench.failure() == "tls: the other side does not speak TLS");
    bench.call.url = "https" + closing.url().substr(4);
    CHECK(bench.failure() == "tls: TLS handshake failed: connection closed");
    bench.call.url = "https" + resetting.url().substr(4);
    CHECK(bench.failure() == "tls: TLS handshake failed: connection reset");
    ScriptedServer server(papers.tls(), {answer_ok("safe")});
    bench.call.url = server.url();
    bench.settings.tls.ca_file = "/nonexistent/ca.pem";
    CHECK(bench.failure() == "tls: the file of authorities cannot be read");
    bench.settings.tls.ca_file.clear();
    bench.settings.tls.ca = "no certificate";
    CHECK(bench.failure() == "tls: the file of authorities cannot be read");
}

TEST_CASE("a client certificate is shown, and its absence explained", "[http_client][tls]") {
    const Papers papers;
    const Certificate mine = make_certificate({.common_name = "me", .issuer = &papers.authority});
    ScriptedServer server({papers.leaf.pem, papers.leaf.key, papers.authority.pem, false},
                          {answer_ok("welcome")});
    Bench bench(server.url());
    bench.settings.tls.ca = papers.authority.pem;
    CHECK_THAT(bench.failure(),
               Catch::EndsWith(": the server requires a client certificate it trusts"));
    bench.settings.tls.cert = mine.pem;
    bench.settings.tls.key = Secret::from_text(mine.key);
    CHECK(bench.answer().body == "welcome");
    bench.settings.tls.key = Secret::from_text(papers.leaf.key);
    CHECK_THAT(bench.failure(),
               Catch::EndsWith("the client certificate or its key cannot be used"));
    bench.settings.tls.key = Secret::from_file("/nonexistent/key");
    CHECK_THAT(bench.failure(), Contains("/nonexistent/key"));
}

TEST_CASE("HTTP/2 is spoken when both sides want it", "[http_client][tls]") {
    const Papers papers;
    auto tls = papers.tls();
    tls.http2 = true;
    // SETTINGS; then on stream 1 HEADERS with `:status: 200` and DATA `two`, the last.
    const std::string answer(
        "\0\0\0\4\0\0\0\0\0"
        "\0\0\1\1\4\0\0\0\1\x88"
        "\0\0\3\0\1\0\0\0\1two",
        31);
    ScriptedServer server(tls, {{read_some(), send_bytes(answer), hold()}});
    Bench bench(server.url());
    bench.settings.tls.ca = papers.authority.pem;
    bench.call.http2 = true;
    const HttpAnswer got = bench.answer();
    CHECK(got.version == "2");
    CHECK(got.status == 200);
    CHECK(got.body == "two");
    ScriptedServer old(papers.tls(), {answer_ok("one")});
    bench.call.url = old.url();
    CHECK(bench.answer().version == "1.1");
}

TEST_CASE("connections are kept only when asked", "[http_client]") {
    const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    ScriptedServer server(
        {{read_request(), send_bytes(ok), read_request(), send_bytes(ok), hold()}});
    Bench bench(server.url());
    bench.call.fresh_connection = false;
    bench.answer();
    bench.answer();
    CHECK(server.connections() == 1);
    CHECK_THAT(server.requests().back(), !Contains("Connection: close"));
    bench.call.fresh_connection = true;
    bench.answer();
    CHECK(server.connections() == 2);
}

TEST_CASE("a client that goes tells all who wait, once", "[http_client]") {
    ScriptedServer server({{read_request(), hold()}});
    Bench bench(server.url());
    bench.resolver.names["shop.test"] = {{"127.0.0.1", false}};
    std::vector<std::string> told;
    const auto note = [&](HttpOutcome outcome) { told.push_back(outcome.error().error.message); };
    for (int i = 0; i < 3; ++i) bench.send(1h, note);
    while (server.requests().size() < 3) bench.loop.turn(10ms);
    bench.call.url = "http://shop.test/";
    bench.send(1h, note);  // still looking up
    bench.call.url = "nonsense";
    bench.send(1h, [&](HttpOutcome outcome) {
        note(std::move(outcome));
        bench.send(1h, note);  // asked for while all is going
    });
    CHECK(bench.client->in_flight() == 5);
    bench.client.reset();
    CHECK(told.size() == 5);
    for (int i = 0; i < 3; ++i) bench.loop.turn(0ms);
    CHECK(told == std::vector<std::string>(6, "the request was cancelled"));
}

TEST_CASE("a client may go from inside its own answer", "[http_client]") {
    ScriptedServer server({answer_ok("x")});
    Bench bench(server.url());
    int told = 0, answered = 0;
    for (int i = 0; i < 8; ++i)
        bench.send(10s, [&](HttpOutcome outcome) {
            ++told;
            if (outcome) {
                ++answered;
                bench.client.reset();
            }
        });
    while (told < 8) bench.loop.turn(1s);
    for (int i = 0; i < 3; ++i) bench.loop.turn(0ms);
    CHECK(told == 8);
    CHECK(answered == 1);
}

TEST_CASE("many at once are all answered, in one thread", "[http_client]") {
    ScriptedServer server({answer_ok("x")});
    Bench bench(server.url());
    int left = 0;
    for (int i = 0; i < 100; ++i) {
        ++left;
        bench.send(30s, [&](HttpOutcome outcome) {
            CHECK(outcome);
            --left;
        });
    }
    while (left > 0) bench.loop.turn(1s);
    CHECK(server.requests().size() == 100);
}
