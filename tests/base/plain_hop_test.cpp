// What is asked over our own sockets must look as it looks over libcurl: the same calls through
// both, told apart only by a header that libcurl alone takes.
#include <catch2/catch.hpp>
#include <optional>
#include <string>

#include "base/http/client.h"
#include "core/limits.h"
#include "tests/support/memory_resolver.h"
#include "tests/support/scripted_server.h"

using namespace vedette;
using namespace std::chrono_literals;

namespace {

std::string told(const HttpOutcome& outcome) {
    std::string out;
    if (!outcome) {
        out = outcome.error().phase + ": " + outcome.error().error.message + " (" +
              std::string(to_string(outcome.error().error.fault)) + "), " +
              std::to_string(outcome.error().redirects) + " redirects";
        for (const Phase& phase : outcome.error().phases) out += " " + std::string(phase.name);
        return out;
    }
    out = "HTTP/" + outcome->version + " " + std::to_string(outcome->status) + " [" +
          outcome->body.substr(0, 100) + "] " + std::to_string(outcome->body_bytes) +
          (outcome->body_cut ? " cut" : "") + " of " +
          (outcome->content_length ? std::to_string(*outcome->content_length) : "?") + ", " +
          std::to_string(outcome->redirects) + " redirects";
    for (const auto& [name, value] : outcome->headers) out += "\n" + name + ": " + value;
    for (const Phase& phase : outcome->phases) out += " " + std::string(phase.name);
    return out;
}

/// Asks once; `curl`: so that libcurl has to do it. `request` is what the server saw, less that.
std::string ask(const std::vector<std::vector<Step>>& scripts, HttpCall call, bool curl,
                std::string& request) {
    ScriptedServer server(scripts);
    Loop loop;
    MemoryResolver resolver(loop);
    resolver.names["shop.test"] = {{"127.0.0.1", false}};
    HttpClient client(loop, resolver);
    const std::string mark = "Connection: close\r\n";
    if (curl) call.headers.emplace_back("Connection", "close");
    const std::string host = call.url;
    call.url = server.url("/a?b=c", host.empty() ? "127.0.0.1" : host);
    if (!call.settings) call.settings = std::make_shared<HttpSettings>();
    std::optional<std::string> out;
    client.send(call, Deadline::after(loop.now(), 10s),
                [&](const HttpOutcome& outcome) { out = told(outcome); });
    while (!out) loop.turn(1s);
    request.clear();
    for (std::string seen : server.requests()) {
        while (seen.find(mark) != seen.npos) seen.erase(seen.find(mark), mark.size());
        const std::string port = std::to_string(server.port());
        while (seen.find(port) != seen.npos) seen.replace(seen.find(port), port.size(), "PORT");
        request += seen;
    }
    return *out;
}

void same_through_both(const std::vector<std::vector<Step>>& scripts, const HttpCall& call = {}) {
    std::string own_request, curl_request;
    const std::string own = ask(scripts, call, false, own_request);
    CHECK(own == ask(scripts, call, true, curl_request));
    CHECK(own_request == curl_request);
}

const std::string ok = "HTTP/1.1 200 OK\r\n";

}  // namespace

TEST_CASE("an answer looks the same through our own sockets and through libcurl", "[plain_hop]") {
    const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
    const auto answer = GENERATE_COPY(values<std::string>({
        ok + "Content-Length: 5\r\nX-Two: a\r\nX-Two:\tb \r\n\r\nhello",
        ok + "\r\nuntil closed",
        "HTTP/1.0 503 Busy\r\nContent-Length: 2\r\n\r\nno",
        chunked + "5;x=y\r\nhello\r\n0\r\nTrailer: 1\r\n\r\n",
        chunked + "5\r\nhel",
        chunked + "5\r\nhello",
        chunked + "zz\r\nhello",
        chunked + "3\r\nhello\r\n",
        ok + "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        ok + "Content-Length: 9\r\n\r\nhalf",
        ok + "Content-Length: 2\r\n\r\nhalf",
        ok + "Content-Length: 9\r\nA: b",
        ok + "A: b\r\n",
        ok + "No colon\r\n\r\n",
        std::string("HTTP/1.1 100 Continue\r\n\r\n") + ok + "Content-Length: 2\r\n\r\nhi",
        std::string("HTTP/1.1 103 Hints\r\nLink: a\r\n\r\n") + ok + "Content-Length: 2\r\n\r\nhi",
        std::string("HTTP/1.1 204 None\r\nContent-Length: 9\r\n\r\n"),
        std::string("HTTP/1.1 304 Same\r\nETag: x\r\n\r\n"),
        std::string("HTTP/1.1 302 Found\r\nContent-Length: 2\r\n\r\nhi"),
        std::string("HTTP/1.1 2000 No\r\n\r\n"),
        std::string("HTTP/1.1 099 No\r\n\r\n"),
        std::string("HTTP/2 200 Yes\r\nContent-Length: 0\r\n\r\n"),
        std::string("HTTP/7.1 200 No\r\n\r\n"),
        std::string("HTTP/1.1 20"),
        std::string("<html>hello</html>"),
        std::string(),
        ok + "A: b\r\n  c\r\n\td\r\nContent-Length: 3\r\n\r\nabc",
    }));
    CAPTURE(answer);
    same_through_both({{read_request(), send_bytes(answer)}});
}

TEST_CASE("a request looks the same through our own sockets and through libcurl", "[plain_hop]") {
    HttpCall call;
    call.method = GENERATE(as<std::string>(), "GET", "HEAD", "POST", "DELETE", "OPTIONS");
    auto settings = std::make_shared<HttpSettings>();
    const int which = GENERATE(range(0, 8));
    CAPTURE(call.method, which);
    if (which == 1) call.body = "a=b";
    if (which == 2) call.headers = {{"User-Agent", "other"}, {"accept", "text/x"}, {"X", ""}};
    if (which == 3) call.headers = {{"Host", "else.test"}, {"Cookie", "a=b"}};
    if (which == 4) settings->basic_auth = {{"me", Secret::from_text("word")}};
    if (which == 5) {
        settings->authorization_type = "Bearer";
        settings->authorization = Secret::from_text("token");
        settings->headers = {{"X-Key", Secret::from_text("k")}};
    }
    if (which == 6) call.url = "Shop.TEST";
    if (which == 7) {
        call.body = std::string(100'000, 'x');
        call.headers = {{"Content-Type", "text/plain"}};
    }
    call.settings = settings;
    const std::string body = call.method == "HEAD" ? "" : "ok";
    same_through_both({answer_with(ok + "Content-Length: 2\r\n\r\n" + body)}, call);
}

TEST_CASE("redirects look the same through our own sockets and through libcurl", "[plain_hop]") {
    HttpCall call;
    call.method = "POST";
    call.body = "payload";
    call.headers = {{"Content-Type", "text/x"}, {"Cookie", "a=b"}};
    const std::string location = GENERATE(as<std::string>(), "/there?x=1", "../up", "?only=query");
    const std::string status = GENERATE(as<std::string>(), "301 Moved", "307 Again");
    CAPTURE(location, status);
    same_through_both(
        {answer_ok("moved", status, "Location: " + location + "\r\n"), answer_ok("x")}, call);
    call.redirects_max = 0;
    same_through_both(
        {answer_ok("moved", status, "Location: " + location + "\r\n"), answer_ok("x")}, call);
}

TEST_CASE("an answer that comes before all is sent counts", "[plain_hop]") {
    HttpCall call;
    call.method = "POST";
    call.body = std::string(8 << 20, 'x');
    std::string request;
    CHECK(ask({{read_some(), send_bytes("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"),
                hold()}},
              call, false, request)
              .substr(0, 17) == "HTTP/1.1 413 [no]");
}

TEST_CASE("a large request and a large answer go through whole", "[plain_hop]") {
    HttpCall call;
    call.method = "PUT";
    call.body = std::string(3'000'000, 'q');
    std::string request;
    const std::string got = ask({answer_ok(std::string(5'000'000, 'a'))}, call, false, request);
    CHECK(got.find("5000000 of 5000000") != got.npos);
    CHECK(request.size() > call.body.size());
}

TEST_CASE("a connection broken while asking is told", "[plain_hop]") {
    HttpCall call;
    call.method = "POST";
    call.body = std::string(8 << 20, 'x');
    std::string request;
    const std::string got = ask({{read_some(), reset_connection()}}, call, false, request);
    CHECK(got.substr(0, 30) == "processing: connection reset (");
}

TEST_CASE("a target that dribbles byte by byte is read to its end", "[plain_hop]") {
    std::vector<Step> script = {read_request()};
    for (const char c : ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
        script.push_back(send_bytes(std::string(1, c)));
    std::string request;
    CHECK(ask({script}, {}, false, request).substr(0, 17) == "HTTP/1.1 200 [hi]");
}

TEST_CASE("an IPv6 target is asked by its literal", "[plain_hop]") {
    Loop loop;
    MemoryResolver resolver(loop);
    HttpClient client(loop, resolver);
    HttpCall call;
    call.url = "http://[::1]:" + std::to_string(refused_port()) + "/";
    call.settings = std::make_shared<HttpSettings>();
    std::string out;
    client.send(call, Deadline::after(loop.now(), 10s),
                [&](const HttpOutcome& outcome) { out = told(outcome); });
    while (out.empty()) loop.turn(1s);
    // Refused where the machine has IPv6, unreachable where it has none.
    CHECK(out.substr(0, 9) == "connect: ");
}
