#include <pthread.h>
#include <zlib.h>

#include <array>
#include <atomic>
#include <catch2/catch.hpp>

#include "exporter/http/quick_requests.h"
#include "tests/exporter_http/front_fixture.h"

using namespace vedette;
using namespace vedette::http;
using namespace vedette::http::test;

TEST_CASE("a route is answered, inline and on a worker, on one kept connection") {
    Site site;
    REQUIRE(site.started);
    Client client = site.client();
    for (const char* path : {"/hello", "/worker", "/hello"}) {
        const Reply reply = client.ask(get(path));
        CHECK(reply.status == 200);
        CHECK(reply.body == (std::string(path) == "/worker" ? "from a worker\n" : "hello\n"));
        CHECK(reply.headers.at("content-type") == "text/plain; charset=utf-8");
        CHECK(reply.headers.at("x-content-type-options") == "nosniff");
        CHECK(reply.headers.count("connection") == 0);
    }
    CHECK(eventually([&] { return site.metric("vedette_http_requests_total", "/hello") == 2; }));
    CHECK(site.metric("vedette_http_connections") == 1);
}

TEST_CASE("what is not served is said in one sentence, and the connection stays") {
    Site site;
    Client client = site.client();
    Reply reply = client.ask(get("/nowhere"));
    CHECK(reply.status == 404);
    CHECK(reply.body == "there is nothing at this path\n");
    reply = client.ask("DELETE /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(reply.status == 405);
    CHECK(reply.headers.at("allow") == "GET, HEAD");
    reply = client.ask("OPTIONS /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(reply.status == 204);
    CHECK(reply.headers.at("allow") == "GET, HEAD");
    CHECK(client.ask("BREW /hello HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 501);
}

TEST_CASE("HEAD is GET without the body") {
    Site site;
    Client client = site.client();
    const Reply reply = client.ask("HEAD /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", true);
    CHECK(reply.status == 200);
    CHECK(reply.headers.at("content-length") == "6");
    CHECK(client.held().empty());
    CHECK(client.ask(get("/hello")).body == "hello\n");
}

TEST_CASE("a connection that asks for its end gets it after the answer") {
    Site site;
    Client client = site.client();
    const Reply reply = client.ask(get("/hello", "Connection: close\r\n"));
    CHECK(reply.headers.at("connection") == "close");
    CHECK(client.wait_for_end());
    Client old = site.client();
    CHECK(old.ask("GET /hello HTTP/1.0\r\n\r\n").body == "hello\n");
    CHECK(old.wait_for_end());
}

TEST_CASE("a request reaches its handler with form before query, captures and peer") {
    std::string seen;
    std::vector<Route> routes;
    routes.push_back({"POST", "/api/{name}/values", Role::Nobody, PathGroup::Api, Weight::Inline,
                      [&](const Request& request) {
                          for (const auto& [name, value] : request.form)
                              seen += name + "=" + value + ";";
                          seen += std::string(request.capture("name")) + ";" + request.peer + ";" +
                                  request.path + ";" + std::string(request.header("x-thing"));
                          return text_response(200, "");
                      }});
    Site site(loopback(), std::move(routes));
    const std::string type = "Content-Type: application/x-www-form-urlencoded\r\nX-Thing: 7\r\n";
    Client client = site.client();
    CHECK(client.ask(post("/api/a%2Fb/values?q=1%2B1&m=a+b", "m=c%20d&e", type)).status == 200);
    CHECK(seen == "m=c d;e=;q=1+1;m=a b;a/b;127.0.0.1;/api/a/b/values;7");
}

TEST_CASE("a body comes with a length, in chunks, or compressed") {
    Site site;
    Client client = site.client();
    CHECK(client.ask(post("/echo", "abc")).body == "abc");
    CHECK(client
              .ask("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
              .body == "abcde");
    const std::string packed = [] {
        std::string out(100, '\0');
        z_stream z{};
        deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
        std::string text = "small and packed";
        z.next_in = reinterpret_cast<Bytef*>(text.data());
        z.avail_in = static_cast<uInt>(text.size());
        z.next_out = reinterpret_cast<Bytef*>(out.data());
        z.avail_out = 100;
        deflate(&z, Z_FINISH);
        out.resize(z.total_out);
        deflateEnd(&z);
        return out;
    }();
    CHECK(client.ask(post("/echo", packed, "Content-Encoding: gzip\r\n")).body ==
          "small and packed");
    CHECK(client.ask(post("/echo", packed, "Content-Encoding: snappy\r\n")).body == packed);
    CHECK(client.ask(post("/echo", "x", "Content-Encoding: br\r\n")).status == 415);
}

TEST_CASE("a caller who waits for 100 Continue is told to go on, and only when he may") {
    Site site;
    Client client = site.client();
    client.send(
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: "
        "100-continue\r\n\r\n");
    CHECK(client.read().status == 100);
    CHECK(client.ask("abc").body == "abc");
    Client large = site.client();
    large.send(
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\nExpect: "
        "100-continue\r\n\r\n");
    CHECK(large.read().status == 413);
}

TEST_CASE("a page that outlives the answer has a tag, and who has it already gets 304") {
    static const std::string page(5000, 'p');
    std::vector<Route> routes;
    routes.push_back(
        {"GET", "/page", Role::Nobody, PathGroup::Pages, Weight::Inline, [](const Request&) {
             Response response;
             response.content_type = "text/html";
             response.fixed_body = page;
             return response;
         }});
    Site site(loopback(), std::move(routes));
    Client client = site.client();
    const Reply first = client.ask(get("/page"));
    CHECK(first.body == page);
    const std::string tag = first.headers.at("etag");
    const Reply again = client.ask(get("/page", "If-None-Match: W/\"old\", " + tag + "\r\n"));
    CHECK(again.status == 304);
    CHECK(again.body.empty());
    CHECK(again.headers.count("content-length") == 0);
    const Reply packed = client.ask(get("/page", "Accept-Encoding: deflate, gzip\r\n"));
    CHECK(packed.headers.at("content-encoding") == "gzip");
    CHECK(packed.headers.at("vary") == "Accept-Encoding");
    CHECK(packed.body.size() < 100);
    CHECK(client.ask(get("/page", "Accept-Encoding: gzip;q=0\r\n"))
              .headers.count("content-encoding") == 0);
    CHECK(client.ask(get("/hello", "Accept-Encoding: gzip\r\n")).body == "hello\n");
}

TEST_CASE("a listener serves its path groups only") {
    ServerSettings settings = loopback();
    settings.listeners.push_back({"127.0.0.1:0", {PathGroup::Api}, {}});
    settings.listeners[1].address = "localhost:0";
    Site site(settings);
    REQUIRE(site.started);
    const auto addresses = site.front.addresses();
    REQUIRE(addresses.size() == 2);
    Client all(addresses[0]);
    CHECK(all.ask(get("/hello")).status == 200);
    if (addresses[1].starts_with("127.")) {
        Client api(addresses[1]);
        CHECK(api.ask(get("/hello")).status == 404);
        CHECK(api.ask(get("/worker")).status == 200);
    }
}

TEST_CASE("an address that is taken is named, and nothing is served") {
    Site site;
    ServerSettings settings;
    settings.listeners.push_back({site.address, {}, {}});
    Site other(settings);
    REQUIRE_FALSE(other.started);
    CHECK(other.started.error().message ==
          "cannot listen on " + site.address + ": Address already in use");
}

TEST_CASE("a caller who hangs up stops his request") {
    std::atomic<bool> began = false, stopped = false;
    std::vector<Route> routes;
    routes.push_back(
        {"GET", "/slow", Role::Nobody, PathGroup::Api, Weight::Worker, [&](const Request& request) {
             began = true;
             while (!request.stop.stop_requested()) std::this_thread::yield();
             stopped = true;
             return text_response(200, "too late");
         }});
    Site site(loopback(), std::move(routes));
    Client client = site.client();
    client.send(get("/slow"));
    REQUIRE(eventually([&] { return began.load(); }));
    client.hang_up();
    CHECK(eventually([&] { return stopped.load(); }));
    CHECK(site.client().ask(get("/worker")).status == 200);
}

TEST_CASE("a measured route is answered in the loop once it was quick, and never when it is slow") {
    const auto thread_name = [] {
        std::array<char, 16> name{};
        pthread_getname_np(pthread_self(), name.data(), name.size());
        return text_response(200, name.data());
    };
    std::vector<Route> routes;
    routes.push_back({"GET", "/quick", Role::Nobody, PathGroup::Api, Weight::Measured,
                      [&](const Request&) { return thread_name(); }});
    routes.push_back({"GET", "/waits", Role::Nobody, PathGroup::Api, Weight::Measured,
                      [&](const Request&) {
                          Response response = thread_name();
                          response.waited = true;
                          return response;
                      }});
    routes.push_back(
        {"GET", "/slow", Role::Nobody, PathGroup::Api, Weight::Measured, [&](const Request&) {
             const auto end = std::chrono::steady_clock::now() + 2 * QuickRequests::quick;
             while (std::chrono::steady_clock::now() < end) std::this_thread::yield();
             return thread_name();
         }});
    Site site(loopback(), std::move(routes));
    Client client = site.client();
    CHECK(client.ask(get("/quick")).body == "http-worker");
    // On a busy machine even a quick one takes long now and then.
    CHECK(eventually([&] { return client.ask(get("/quick")).body == "http-front"; }));
    for (int i = 0; i < 5; ++i) CHECK(client.ask(get("/slow")).body == "http-worker");
    CHECK(client.ask(get("/quick?other=parameter")).body == "http-worker");
    for (int i = 0; i < 5; ++i) CHECK(client.ask(get("/waits")).body == "http-worker");
}

TEST_CASE("a stop lets the request in flight finish and closes the idle connection") {
    std::atomic<bool> began = false, go_on = false;
    std::vector<Route> routes;
    routes.push_back(
        {"GET", "/slow", Role::Nobody, PathGroup::Api, Weight::Worker, [&](const Request&) {
             began = true;
             while (!go_on) std::this_thread::yield();
             return text_response(200, "finished");
         }});
    Site site(loopback(), std::move(routes));
    Client idle = site.client(), busy = site.client();
    CHECK(idle.ask(get("/hello")).status == 200);
    busy.send(get("/slow"));
    REQUIRE(eventually([&] { return began.load(); }));
    std::thread stopping([&] { site.front.stop(5s); });
    CHECK(idle.wait_for_end());
    CHECK_FALSE(site.client().connected());
    go_on = true;
    const Reply reply = busy.read();
    CHECK(reply.body == "finished");
    CHECK(reply.headers.at("connection") == "close");
    busy.hang_up();
    stopping.join();
}

TEST_CASE("a stop without grace stops the handlers") {
    std::atomic<bool> began = false;
    std::vector<Route> routes;
    routes.push_back(
        {"GET", "/slow", Role::Nobody, PathGroup::Api, Weight::Worker, [&](const Request& request) {
             began = true;
             while (!request.stop.stop_requested()) std::this_thread::yield();
             return text_response(200, "");
         }});
    Site site(loopback(), std::move(routes));
    Client client = site.client();
    client.send(get("/slow"));
    REQUIRE(eventually([&] { return began.load(); }));
    site.front.stop(0ms);
    CHECK(client.wait_for_end());
}

TEST_CASE("a reload takes users over and keeps connections, or changes nothing") {
    std::vector<Route> routes;
    routes.push_back({"GET", "/read", Role::Viewer, PathGroup::Api, Weight::Inline,
                      [](const Request&) { return text_response(200, "read"); }});
    ServerSettings settings = loopback();
    Site site(settings, std::move(routes));
    Client client = site.client();
    CHECK(client.ask(get("/read")).status == 200);
    settings.anonymous = Role::Nobody;
    REQUIRE(site.front.reload(settings));
    CHECK(client.ask(get("/read")).status == 401);
    CHECK(site.front.addresses().front() == site.address);
    settings.anonymous = Role::Viewer;
    settings.listeners.push_back({"127.0.0.1:1x", {}, {}});
    const auto failed = site.front.reload(settings);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().message ==
          "`127.0.0.1:1x` is no address to listen on; expected host:port, [::1]:port or :port");
    CHECK(client.ask(get("/read")).status == 401);
}

TEST_CASE("more requests at once than may wait are turned away with 503") {
    std::atomic<bool> go_on = false;
    std::vector<Route> routes;
    routes.push_back(
        {"GET", "/slow", Role::Nobody, PathGroup::Api, Weight::Worker, [&](const Request&) {
             while (!go_on) std::this_thread::yield();
             return text_response(200, "");
         }});
    ServerSettings settings = loopback();
    settings.limits.requests_in_flight = 2;
    settings.limits.workers = 1;
    Site site(settings, std::move(routes));
    Client one = site.client(), two = site.client(), three = site.client();
    one.send(get("/slow"));
    two.send(get("/slow"));
    // Each is at work or waiting before the third comes: one connection, one order.
    CHECK(eventually([&] { return site.metric("vedette_http_connections") == 3; }));
    Reply reply;
    CHECK(eventually([&] {
        Client late = site.client();
        late.send(get("/slow"));
        if (!late.more(50ms)) return false;
        reply = late.read();
        return true;
    }));
    CHECK(reply.status == 503);
    CHECK(reply.headers.at("retry-after") == "1");
    go_on = true;
    CHECK(one.read().status == 200);
    CHECK(two.read().status == 200);
}
