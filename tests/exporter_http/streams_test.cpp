#include <catch2/catch.hpp>
#include <mutex>

#include "exporter/http/event_stream.h"
#include "tests/exporter_http/front_fixture.h"

using namespace vedette;
using namespace vedette::http;
using namespace vedette::http::test;

namespace {

/// A route whose streams a test can write to.
struct Streams {
    std::vector<Route> routes() {
        Route route{"GET",
                    "/events",
                    Role::Nobody,
                    PathGroup::Pages,
                    Weight::Stream,
                    [this](const Request&) {
                        Response response;
                        response.on_open = [this](std::shared_ptr<EventStream> stream) {
                            const std::lock_guard lock(mutex);
                            open.push_back(std::move(stream));
                        };
                        return response;
                    }};
        return {route};
    }
    std::shared_ptr<EventStream> wait_for(std::size_t count) {
        std::shared_ptr<EventStream> last;
        eventually([&] {
            const std::lock_guard lock(mutex);
            if (open.size() < count) return false;
            last = open.back();
            return true;
        });
        return last;
    }

    std::mutex mutex;
    std::vector<std::shared_ptr<EventStream>> open;
};

bool reads_up_to(Client& client, std::string_view text) {
    return eventually([&] {
        client.more(10ms);
        return client.held().find(text) != std::string::npos;
    });
}

}  // namespace

TEST_CASE("an event is one frame, whatever line ends its data holds") {
    CHECK(event_text("state", "a\nb\r\nc\rd") ==
          "event: state\ndata: a\ndata: b\ndata: c\ndata: d\n\n");
    CHECK(event_text("", "") == "data: \n\n");
    CHECK(event_text("x\nid: 7", "a") == "event: x\ndata: a\n\n");
}

TEST_CASE("events reach their listener in order and hold no worker") {
    Streams streams;
    ServerSettings settings = loopback();
    settings.limits.workers = 1;
    Site site(settings, streams.routes());
    std::vector<Client> clients;
    for (std::size_t i = 1; i <= 20; ++i) {
        clients.push_back(site.client());
        clients.back().send(get("/events"));
        REQUIRE(streams.wait_for(i));
    }
    for (int i = 0; i < 100; ++i) CHECK(streams.open.back()->send("n", std::to_string(i)));
    CHECK(reads_up_to(clients.back(), "event: n\ndata: 99\n\n"));
    const std::string& got = clients.back().held();
    CHECK(got.find("Content-Type: text/event-stream") != std::string::npos);
    CHECK(got.find("Content-Length") == std::string::npos);
    CHECK(got.find("Connection: close") != std::string::npos);
    CHECK(got.find("data: 41\n\nevent: n\ndata: 42\n\n") != std::string::npos);
    CHECK(site.client().ask(get("/worker")).status == 200);
    CHECK(site.metric("vedette_http_event_streams") == 20);
}

TEST_CASE("a listener who does not read is cut and counted, within 4 MiB") {
    Streams streams;
    Site site(loopback(), streams.routes());
    Client client = site.client();
    client.send(get("/events"));
    const auto stream = streams.wait_for(1);
    REQUIRE(stream);
    const MemoryBound memory;
    const std::string data(10'000, 'e');
    int sent = 0;
    while (sent < 100'000 && stream->send("e", data)) ++sent;
    CHECK(sent < 100'000);
    CHECK_FALSE(stream->open());
    CHECK(eventually([&] { return site.metric("vedette_http_event_streams_cut_total") == 1; }));
    CHECK(memory.holds(4 * mib));
    CHECK(eventually([&] { return site.metric("vedette_http_event_streams") == 0; }));
}

TEST_CASE("a listener who leaves closes the stream, and a quiet stream is pinged") {
    Streams streams;
    ServerSettings settings = loopback();
    settings.limits.event_ping = 50ms;
    Site site(settings, streams.routes());
    Client client = site.client();
    client.send(get("/events"));
    const auto stream = streams.wait_for(1);
    REQUIRE(stream);
    CHECK(reads_up_to(client, ":\n\n:\n\n"));
    client.hang_up();
    CHECK(eventually([&] { return !stream->open(); }));
    CHECK_FALSE(stream->send("e", "too late"));
}

TEST_CASE("streams have a number of their own") {
    Streams streams;
    ServerSettings settings = loopback();
    settings.limits.event_streams = 1;
    Site site(settings, streams.routes());
    Client one = site.client(), two = site.client();
    one.send(get("/events"));
    REQUIRE(streams.wait_for(1));
    CHECK(two.ask(get("/events")).status == 503);
}

TEST_CASE("a stream may be held longer than the front lives") {
    Streams streams;
    std::shared_ptr<EventStream> stream;
    {
        Site site(loopback(), streams.routes());
        Client client = site.client();
        client.send(get("/events"));
        stream = streams.wait_for(1);
        REQUIRE(stream);
        site.front.stop(1s);
        CHECK(client.wait_for_end());
    }
    CHECK_FALSE(stream->open());
    CHECK_FALSE(stream->send("e", "nobody"));
}
