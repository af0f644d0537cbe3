#include "probes/http/http.h"

#include <catch2/catch.hpp>

#include "base/loop.h"
#include "base/yaml.h"
#include "probes/http/transcript.h"
#include "probes/measure.h"
#include "tests/support/memory_resolver.h"
#include "tests/support/scripted_server.h"

using namespace std::chrono_literals;
using namespace vedette;
using namespace vedette::probes;

namespace {

struct Fixture {
    Loop loop;
    MemoryResolver resolver{loop};
    HttpClient http{loop, resolver};
    SystemClock clock;
    World world{loop, http, clock};

    /// One reading of `url` with the settings of a probe, as YAML.
    Reading ask(const std::string& url, const std::string& yaml = "{}",
                Milliseconds timeout = 10s) {
        Problems problems;
        const ConfigNode node = read_yaml("probe.yml", yaml, problems);
        ProbeSettings probe;
        {
            MapReader map(node, problems, "probe \"shop\"");
            probe.attempt = std::make_shared<const Attempt>(read_http(map));
        }
        INFO(problems.text());
        REQUIRE_FALSE(problems.any());
        probe.timeout = timeout;
        return run_once(world, probe, {url, url, {}}).reading;
    }
};

double value(const Reading& reading, std::string_view name) {
    for (const Reading::Metric& metric : reading.metrics)
        if (metric.name == name) return metric.value;
    return -1;
}

}  // namespace

TEST_CASE("a healthy answer is up, with its phases and without a transcript", "[probes][http]") {
    Fixture f;
    ScriptedServer server({answer_ok("ok")});
    const Reading reading = f.ask(server.url("/health"));
    CHECK(reading.reason.empty());
    CHECK(reading.up);
    CHECK(value(reading, "probe_http_status_code") == 200);
    CHECK(value(reading, "probe_http_content_length") == 2);
    REQUIRE(reading.phases.size() == 5);
    CHECK(reading.phases[0].name == "resolve");
    CHECK(reading.phases[4].name == "transfer");
    CHECK(reading.transcript.empty());
}

TEST_CASE("what is down says why in few words", "[probes][http]") {
    Fixture f;
    Gate never;
    ScriptedServer unwell({answer_ok("no", "503 Service Unavailable")});
    CHECK(f.ask(unwell.url()).reason == "status 503, expected 2xx");

    ScriptedServer silent(std::vector<std::vector<Step>>{{read_request(), wait_for(never)}});
    const Reading slow = f.ask(silent.url(), "{}", 30ms);
    CHECK(slow.reason == "timed out waiting for the answer");
    CHECK(value(slow, "probe_http_status_code") == 0);
    CHECK(value(slow, "probe_ip_protocol") == 4);

    CHECK(f.ask("http://nobody.example/").reason == "name not found: nobody.example");
}

TEST_CASE("a port where nobody listens is a refused connection", "[probes][http]") {
    Fixture f;
    std::string url;
    {
        ScriptedServer gone({answer_ok("ok")});
        url = gone.url();
    }
    const Reading reading = f.ask(url);
    CHECK_FALSE(reading.up);
    CHECK(reading.reason == "connection refused");
    CHECK_FALSE(reading.transcript.empty());
}

TEST_CASE("a probe makes one attempt", "[probes][http]") {
    Fixture f;
    ScriptedServer server({{read_request(), reset_connection()}, answer_ok("ok")});
    CHECK_FALSE(f.ask(server.url()).up);
    CHECK(server.connections() == 1);
}

TEST_CASE("the request is what the settings say", "[probes][http]") {
    Fixture f;
    ScriptedServer server({answer_ok("ok")});
    CHECK(f.ask(server.url("/x?a=b"), "{method: POST, body: ping, headers: {X-Team: red}}").up);
    REQUIRE(server.requests().size() == 1);
    const std::string request = server.requests()[0];
    CHECK(request.starts_with("POST /x?a=b HTTP/1.1\r\n"));
    CHECK(request.find("\r\nX-Team: red\r\n") != std::string::npos);
    CHECK(request.ends_with("\r\n\r\nping"));
}

TEST_CASE("a transcript shows both sides and no secret, even one the server repeats",
          "[probes][http]") {
    Fixture f;
    ScriptedServer server({answer_ok(
        "you said Bearer hunter2hunter2 and c2hvcDpzZXNhbWVzZXNhbWU=", "500 Internal Server Error",
        "Set-Cookie: session=abc\r\nX-Echo: sesamesesame\r\n")});
    const Reading reading = f.ask(server.url("/health?token=t0ken"),
                                  "{headers: {X-Api-Key: hunter2hunter2}, basic_auth: {username: "
                                  "shop, password: sesamesesame}}");
    const std::string& said = reading.transcript;
    INFO(said);
    CHECK(said.starts_with("> GET http://127.0.0.1:"));
    CHECK(said.find("> X-Api-Key: <secret>\n") != std::string::npos);
    CHECK(said.find("> authorization: <secret>\n") != std::string::npos);
    CHECK(said.find("< HTTP/1.1 500\n") != std::string::npos);
    CHECK(said.find("< set-cookie: <secret>\n") != std::string::npos);
    CHECK(said.find("< x-echo: <secret>\n") != std::string::npos);
    CHECK(said.find("you said Bearer <secret> and <secret>") != std::string::npos);
    for (const char* secret : {"hunter2", "sesame", "t0ken", "session=abc", "c2hvcDpz"})
        CHECK(said.find(secret) == std::string::npos);
}

TEST_CASE("a reason repeats no secret either", "[probes][http]") {
    Fixture f;
    ScriptedServer server({answer_ok("ok", "200 OK", "X-Echo: hunter2hunter2\r\n")});
    CHECK(f.ask(server.url(),
                "{headers: {X-Api-Key: hunter2hunter2}, "
                "expect: {headers: [{name: X-Echo, absent: true}]}}")
              .reason == "header `x-echo` is \"<secret>\", expected none");
}

TEST_CASE("a long transcript is cut, and never inside a secret or a character", "[probes][http]") {
    HttpProbeSettings settings;
    settings.headers = {{"X-Api-Key", "hunter2hunter2"}};
    HttpAnswer answer;
    answer.status = 500;
    answer.version = "1.1";
    answer.body = std::string(4090, 'x') + "hunter2hunter2" + std::string(100, 'y');
    answer.body_bytes = answer.body.size();
    const Hidden hidden(settings);
    const std::string said = http_transcript(settings, "http://a/", answer, hidden);
    CHECK(said.find("hunter") == std::string::npos);
    CHECK(said.ends_with("<secre\n(4204 bytes in all)\n"));

    answer.headers.assign(1000, {"x-long", "ä ö ü ä ö ü ä ö ü ä ö ü"});
    const std::string cut = http_transcript(settings, "http://a/", answer, hidden);
    CHECK(cut.size() <= limits::transcript_bytes_max);
    CHECK(cut.ends_with("\n(cut)\n"));
    CHECK(is_utf8(cut));
    answer.headers.clear();
    answer.body = std::string("\0\1\2", 3);
    answer.body_bytes = 3;
    CHECK(http_transcript(settings, "http://a/", answer, hidden)
              .ends_with("\n(3 bytes that are no text)\n"));
}
