#include <sys/resource.h>
#include <zlib.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <stdexcept>

#include "tests/exporter_http/front_fixture.h"

using namespace vedette;
using namespace vedette::http;
using namespace vedette::http::test;

// Each attack says what the caller sees and how far memory may grow while it lasts. One front takes
// at most one head and one 32 kB piece of each connection that is sending, and one body within its
// limit.

namespace {

/// Lets this process hold two ends of many connections.
void allow_many_descriptors() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 8192);
    setrlimit(RLIMIT_NOFILE, &limit);
}

std::string gzip_of_zeros(std::size_t bytes) {
    const std::string text(bytes, '\0');
    std::string out(compressBound(bytes) + 100, '\0');
    z_stream z{};
    deflateInit2(&z, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    z.avail_in = static_cast<uInt>(text.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    deflate(&z, Z_FINISH);
    out.resize(z.total_out);
    deflateEnd(&z);
    return out;
}

std::string chunked_head(std::string_view more = {}) {
    return "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n" +
           std::string(more) + "\r\n";
}

}  // namespace

TEST_CASE("with 1000 idle connections the next caller is answered within 500 ms and 8 MiB") {
    allow_many_descriptors();
    Site site;
    REQUIRE(site.started);
    const MemoryBound memory;
    std::vector<Client> idle;
    idle.reserve(1000);
    for (int i = 0; i < 1000; ++i) {
        idle.push_back(site.client());
        REQUIRE(idle.back().ask(get("/hello")).status == 200);
    }
    const auto before = std::chrono::steady_clock::now();
    CHECK(site.client().ask(get("/hello")).status == 200);
    CHECK(site.client().ask(get("/worker")).status == 200);
    CHECK(std::chrono::steady_clock::now() - before < 500ms);
    CHECK(memory.holds(8 * mib));
}

TEST_CASE("when every place is taken the longest idle make room, and senders do not") {
    ServerSettings settings = loopback();
    settings.limits.connections = 3;
    Site site(settings);
    Client a = site.client(), b = site.client(), c = site.client();
    for (Client* client : {&a, &b, &c}) REQUIRE(client->ask(get("/hello")).status == 200);
    for (Client* client : {&a, &b}) REQUIRE(client->send("GET /hello HTTP/1.1\r\nHost: loc"));
    REQUIRE(a.ask("alhost\r\n\r\n").status == 200);
    REQUIRE(a.send("GET /hello HTTP/1.1\r\nHost: loc"));
    Client d = site.client();
    CHECK(d.ask(get("/hello")).status == 200);
    CHECK(site.metric("vedette_http_refused_total", "idle_evicted") == 1);
    CHECK(c.wait_for_end());
    CHECK(b.ask("alhost\r\n\r\n").status == 200);
}

TEST_CASE("slow headers end at the deadline while others are served, within 4 MiB") {
    ServerSettings settings = loopback();
    settings.limits.head_deadline = 300ms;
    Site site(settings);
    const MemoryBound memory;
    std::vector<Client> slow;
    for (int i = 0; i < 64; ++i) slow.push_back(site.client());
    for (Client& client : slow) REQUIRE(client.send("GET /hello HTTP/1.1\r\n"));
    CHECK(site.client().ask(get("/hello")).status == 200);
    CHECK(site.client().ask(get("/worker")).status == 200);
    // Drops of one byte do not buy more time: the deadline is for the whole head.
    const auto end = std::chrono::steady_clock::now() + 5s;
    bool over = false;
    while (!over && std::chrono::steady_clock::now() < end) {
        slow.front().send("X");
        over = slow.front().more(20ms);
    }
    for (Client& client : slow) {
        const Reply reply = client.read();
        CHECK(reply.status == 408);
        CHECK(reply.body == "the headers did not come in time\n");
    }
    CHECK(memory.holds(4 * mib));
}

TEST_CASE("a slow body ends at the deadline, within 2 MiB") {
    ServerSettings settings = loopback();
    settings.limits.body_deadline = 200ms;
    Site site(settings);
    const MemoryBound memory;
    Client client = site.client();
    client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc");
    CHECK(site.client().ask(get("/hello")).status == 200);
    const Reply reply = client.read();
    CHECK(reply.status == 408);
    CHECK(reply.body == "the body did not come in time\n");
    CHECK(memory.holds(2 * mib));
}

TEST_CASE("a line of 200 MB is cut at its limit, within 4 MiB") {
    Site site;
    const std::string piece(mib, 'a');
    const MemoryBound memory;
    for (const char* beginning : {"GET /", "GET /hello HTTP/1.1\r\nHost: localhost\r\nX: "}) {
        Client client = site.client();
        client.send(beginning);
        std::size_t sent = 0;
        while (sent < 200 && client.send(piece)) ++sent;
        CHECK(sent < 100);
        client.more(1s);
        const int expected = std::string_view(beginning) == "GET /" ? 414 : 431;
        // The answer may have been lost to the reset; the count is not.
        if (!client.held().empty()) CHECK(client.read().status == expected);
    }
    CHECK(site.metric("vedette_http_refused_total", "line_bytes") == 2);
    CHECK(memory.holds(4 * mib));
    Client client = site.client();
    CHECK(client.ask("GET /" + std::string(9000, 'a')).status == 414);
}

TEST_CASE("20,000 headers are refused, by count and by bytes, within 2 MiB") {
    Site site;
    std::string head = "GET /hello HTTP/1.1\r\nHost: localhost\r\n";
    for (int i = 0; i < 20'000; ++i) head += "A: b\r\n";
    head += "\r\n";
    const MemoryBound memory;
    Client many = site.client();
    many.send(head);
    Reply reply = many.read();
    CHECK(reply.status == 431);
    CHECK(reply.body == "there are too many headers\n");
    Client large = site.client();
    std::string few = "GET /hello HTTP/1.1\r\nHost: localhost\r\n";
    for (int i = 0; i < 10; ++i) few += "A: " + std::string(4000, 'b') + "\r\n";
    large.send(few);
    reply = large.read();
    CHECK(reply.status == 431);
    CHECK(reply.body == "the headers are too long\n");
    CHECK(memory.holds(2 * mib));
}

TEST_CASE("a chunked body without end is cut at the limit, within 4 MiB") {
    Site site;
    const MemoryBound memory;
    Client client = site.client();
    client.send(chunked_head());
    const std::string chunk = "10000\r\n" + std::string(65536, 'x') + "\r\n";
    int sent = 0;
    while (sent < 1000 && client.send(chunk)) ++sent;
    CHECK(sent < 200);
    if (client.more(1s)) {
        const Reply reply = client.read();
        CHECK(reply.status == 413);
        CHECK(reply.body == "the body is larger than 1048576 bytes\n");
    }
    CHECK(site.metric("vedette_http_refused_total", "body_bytes") == 1);
    CHECK(memory.holds(4 * mib));
}

TEST_CASE("a gzip bomb of 200 MB stops at the limit, within 4 MiB") {
    const std::string bomb = gzip_of_zeros(200 * mib);
    Site site;
    const MemoryBound memory;
    Client client = site.client();
    client.send(post("/echo", bomb, "Content-Encoding: gzip\r\n"));
    CHECK(client.read().status == 413);
    Client chunked = site.client();
    chunked.send(chunked_head("Content-Encoding: gzip\r\n") + "10000\r\n" + bomb.substr(0, 65536) +
                 "\r\n");
    CHECK(chunked.read().status == 413);
    CHECK(memory.holds(4 * mib));
    Client torn = site.client();
    CHECK(torn.ask(post("/echo", bomb.substr(0, 100), "Content-Encoding: gzip\r\n")).body ==
          "the compressed body ends too early\n");
    Client no_gzip = site.client();
    CHECK(no_gzip.ask(post("/echo", "plain text", "Content-Encoding: gzip\r\n")).body ==
          "the body is not what its Content-Encoding says\n");
}

TEST_CASE("odd chunk framing is refused, within 2 MiB") {
    struct Row {
        const char* what;
        const char* body;
        const char* says;
    };
    const auto row = GENERATE(values<Row>({
        {"negative", "-1\r\n", "a chunk does not begin with its size in hexadecimal digits\n"},
        {"a plus", "+1\r\n", "a chunk does not begin with its size in hexadecimal digits\n"},
        {"garbage", "zz\r\n", "a chunk does not begin with its size in hexadecimal digits\n"},
        {"0x", "0x1\r\n", "a chunk does not begin with its size in hexadecimal digits\n"},
        {"empty", "\r\n", "a chunk does not begin with its size in hexadecimal digits\n"},
        {"blank", "1 \r\n", "a chunk does not begin with its size in hexadecimal digits\n"},
        {"extension", "1;a=b\r\n", "a chunk does not begin with its size in hexadecimal digits\n"},
        {"overlong", "000000001\r\n", "a chunk's size has too many digits\n"},
        {"wraps at 64 bits", "10000000000000001\r\n", "a chunk's size has too many digits\n"},
        {"bare LF", "1\n", "a chunk does not begin with its size in hexadecimal digits\n"},
        {"bare CR", "1\rx", "a chunk's size does not end in CR LF\n"},
        {"no CR LF", "1\r\nab\r\n", "a chunk is longer than it said, or lacks its CR LF\n"},
        {"LF after data", "1\r\na\n", "a chunk is longer than it said, or lacks its CR LF\n"},
        {"CR alone after data", "1\r\na\rb", "a chunk does not end in CR LF\n"},
        {"trailers", "0\r\nX: y\r\n\r\n", "trailers after a chunked body are not taken\n"},
        {"bad end", "0\r\n\rx", "the last chunk does not end in CR LF\n"},
    }));
    CAPTURE(row.what);
    Site site;
    const MemoryBound memory;
    Client client = site.client();
    const Reply reply = client.ask(chunked_head() + row.body);
    CHECK(reply.status == 400);
    CHECK(reply.body == row.says);
    CHECK(client.wait_for_end());
    CHECK(memory.holds(2 * mib));
}

TEST_CASE("framing that two readers could read differently is refused, within 2 MiB") {
    struct Row {
        const char* what;
        const char* headers;
        int status;
        const char* says;
    };
    const auto row = GENERATE(values<Row>({
        {"both", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400,
         "Content-Length and Transfer-Encoding at once\n"},
        {"both, other order", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", 400,
         "Content-Length and Transfer-Encoding at once\n"},
        {"two lengths", "Content-Length: 3\r\nContent-Length: 4\r\n", 400,
         "more than one Content-Length\n"},
        {"a list", "Content-Length: 3, 3\r\n", 400, "Content-Length is not a plain number\n"},
        {"a sign", "Content-Length: +3\r\n", 400, "Content-Length is not a plain number\n"},
        {"negative", "Content-Length: -3\r\n", 400, "Content-Length is not a plain number\n"},
        {"wraps", "Content-Length: 18446744073709551619\r\n", 400,
         "Content-Length is not a plain number\n"},
        {"other coding", "Transfer-Encoding: gzip, chunked\r\n", 501,
         "the only Transfer-Encoding understood here is chunked\n"},
        {"twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 501,
         "the only Transfer-Encoding understood here is chunked\n"},
        {"blank before colon", "Content-Length : 3\r\n", 400,
         "a header line is not `Name: value`\n"},
        {"folded", "X: a\r\n b\r\n", 400, "a header line is folded, which is no longer allowed\n"},
        {"bare LF", "X: a\nContent-Length: 3\r\n", 400,
         "a line of the head does not end in CR LF\n"},
        {"bare CR", "X: a\rContent-Length: 3\r\n", 400,
         "a header value holds control characters\n"},
        {"second Host", "Host: localhost\r\n", 400, "expected exactly one Host header\n"},
    }));
    CAPTURE(row.what);
    Site site;
    const MemoryBound memory;
    Client client = site.client();
    const Reply reply = client.ask("POST /echo HTTP/1.1\r\nHost: localhost\r\n" +
                                   std::string(row.headers) + "\r\nabc");
    CHECK(reply.status == row.status);
    CHECK(reply.body == row.says);
    CHECK(client.wait_for_end());
    CHECK(memory.holds(2 * mib));
}

TEST_CASE("a header cannot pose as the caller's address") {
    std::string seen;
    std::vector<Route> routes;
    routes.push_back(
        {"GET", "/who", Role::Nobody, PathGroup::Api, Weight::Inline, [&](const Request& request) {
             seen = request.peer + "|" + std::string(request.header("remote_addr")) + "|" +
                    std::string(request.header("local_addr"));
             return text_response(200, "");
         }});
    Site site(loopback(), std::move(routes));
    const MemoryBound memory;
    Client client = site.client();
    CHECK(
        client
            .ask(get("/who",
                     "REMOTE_ADDR: 6.6.6.6\r\nLOCAL_ADDR: 6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\n"))
            .status == 200);
    CHECK(seen == "127.0.0.1||");
    CHECK(memory.holds(2 * mib));
}

TEST_CASE("what a handler throws stays in the log") {
    std::vector<Route> routes;
    const auto route = [&](const char* path, Weight weight,
                           std::function<Response(const Request&)> answer) {
        routes.push_back({"GET", path, Role::Nobody, PathGroup::Api, weight, std::move(answer)});
    };
    route("/throws", Weight::Inline,
          [](const Request&) -> Response { throw std::runtime_error("secret-42"); });
    route("/throws-there", Weight::Worker,
          [](const Request&) -> Response { throw std::runtime_error("secret-42"); });
    route("/throws-odd", Weight::Worker, [](const Request&) -> Response { throw 42; });
    route("/splits", Weight::Inline, [](const Request&) {
        Response response = text_response(200, "x");
        response.headers.emplace_back("X-Echo", "a\r\nSet-Cookie: b");
        return response;
    });
    Site site(loopback(), std::move(routes));
    const MemoryBound memory;
    Client client = site.client();
    for (const char* path : {"/throws", "/throws-there", "/throws-odd", "/splits"}) {
        CAPTURE(path);
        client.send(get(path));
        REQUIRE(client.more());
        CHECK(client.held().find("secret") == std::string::npos);
        CHECK(client.held().find("EXCEPTION") == std::string::npos);
        CHECK(client.held().find("Set-Cookie") == std::string::npos);
        const Reply reply = client.read();
        CHECK(reply.status == 500);
        CHECK(reply.body.starts_with("something went wrong here; the log has it as request "));
    }
    CHECK(client.ask(get("/hello")).status == 200);
    CHECK(memory.holds(2 * mib));
}

TEST_CASE("100 requests in one write are answered in order, inline ones and others, within 2 MiB") {
    std::vector<Route> routes;
    const auto say = [](const Request& request) {
        return text_response(200, std::string(request.param("n")));
    };
    routes.push_back({"GET", "/now", Role::Nobody, PathGroup::Api, Weight::Inline, say});
    routes.push_back({"GET", "/later", Role::Nobody, PathGroup::Api, Weight::Worker, say});
    Site site(loopback(), std::move(routes));
    std::string all;
    for (int i = 0; i < 100; ++i)
        all += get((i % 3 == 0 ? "/later?n=" : "/now?n=") + std::to_string(i));
    const MemoryBound memory;
    Client client = site.client();
    client.send(all);
    for (int i = 0; i < 100; ++i) CHECK(client.read().body == std::to_string(i));
    CHECK(memory.holds(2 * mib));
}

TEST_CASE("somebody who pipelines and never reads is held back, then cut, within 8 MiB") {
    std::vector<Route> routes;
    static const std::string large(256 * 1024, 'x');
    routes.push_back({"GET", "/large", Role::Nobody, PathGroup::Api, Weight::Inline,
                      [](const Request&) { return text_response(200, large); }});
    ServerSettings settings = loopback();
    settings.limits.response_deadline = 300ms;
    Site site(settings, std::move(routes));
    std::string all;
    for (int i = 0; i < 300; ++i) all += get("/large");
    const MemoryBound memory;
    Client client = site.client();
    client.send(all);
    CHECK(
        eventually([&] { return site.metric("vedette_http_refused_total", "slow_reader") == 1; }));
    CHECK(site.metric("vedette_http_requests_total", "/large") < 100);
    CHECK(memory.holds(8 * mib));
}

TEST_CASE("a name that somebody else's DNS points here is refused, within 2 MiB") {
    struct Row {
        const char* host;
        int status;
    };
    const auto row = GENERATE(values<Row>({
        {"localhost", 200},
        {"LocalHost:7887", 200},
        {"127.0.0.1:80", 200},
        {"[::1]:80", 200},
        {"status.example.org", 200},
        {"evil.example", 421},
        {"localhost.evil.example", 421},
        {"127.0.0.1.evil.example", 421},
        {"", 200},  // no name, nothing rebound
    }));
    CAPTURE(row.host);
    ServerSettings settings = loopback();
    settings.allowed_hosts = {"status.example.org"};
    Site site(settings);
    const MemoryBound memory;
    Client client = site.client();
    const Reply reply =
        client.ask("GET /hello HTTP/1.1\r\nHost: " + std::string(row.host) + "\r\n\r\n");
    CHECK(reply.status == row.status);
    if (row.status == 421) {
        CHECK(reply.body ==
              "this server does not answer to the name in the Host header; it can be added to "
              "server.allowed_hosts\n");
    }
    CHECK(memory.holds(2 * mib));
}

TEST_CASE("a page of another site can change nothing, within 2 MiB") {
    struct Row {
        const char* what;
        const char* headers;
        int status;
    };
    const auto row = GENERATE(values<Row>({
        {"no browser", "Content-Type: application/json\r\n", 200},
        {"our own page", "Content-Type: application/json\r\nOrigin: http://localhost\r\n", 200},
        {"another site", "Content-Type: application/json\r\nOrigin: http://evil.example\r\n", 403},
        {"another port", "Content-Type: application/json\r\nOrigin: http://localhost:8080\r\n",
         403},
        {"a hidden origin", "Content-Type: application/json\r\nOrigin: null\r\n", 403},
        {"said by the browser", "Content-Type: application/json\r\nSec-Fetch-Site: cross-site\r\n",
         403},
        {"a form's type", "Content-Type: text/plain\r\n", 415},
        {"no type", "", 415},
        {"with a charset", "Content-Type: application/json; charset=utf-8\r\n", 200},
    }));
    CAPTURE(row.what);
    std::vector<Route> routes;
    Route route{"POST",         "/change",
                Role::Nobody,   PathGroup::Api,
                Weight::Inline, [](const Request&) { return text_response(200, "changed"); }};
    route.content_type = "application/json";
    routes.push_back(route);
    Site site(loopback(), std::move(routes));
    const MemoryBound memory;
    Client client = site.client();
    CHECK(client.ask(post("/change", "{}", row.headers)).status == row.status);
    CHECK(memory.holds(2 * mib));
}

TEST_CASE("many bodies at once stop at one budget") {
    ServerSettings settings = loopback();
    settings.limits.buffered_bytes = 2 * mib;
    Site site(settings);
    const std::string most(mib - 1, 'x');
    const std::string head =
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\r\n";
    const MemoryBound memory;
    std::vector<Client> clients;
    for (int i = 0; i < 8; ++i) {
        clients.push_back(site.client());
        clients.back().send(head);
        clients.back().send(most);
    }
    CHECK(eventually(
        [&] { return site.metric("vedette_http_refused_total", "buffered_bytes") >= 5; }));
    CHECK(
        memory.holds(12 * mib));  // one budget of body, twice its size in growing strings, 8 pieces
    for (Client& client : clients) client.hang_up();
    CHECK(site.client().ask(post("/echo", "abc")).body == "abc");
}
