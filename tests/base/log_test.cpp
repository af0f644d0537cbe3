#include "base/log.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "tests/support/manual_clock.h"
#include "tests/support/temp_folder.h"

using namespace vedette;
using namespace std::chrono_literals;

namespace {

constexpr Timestamp at{1'790'000'000'120};
using Format = LogSettings::Format;

std::string content(const std::string& path) {
    std::ifstream stream(path);
    return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

TEST_CASE("a line looks as its format says", "[base][log]") {
    const auto line = [](Format format, LogLevel level) {
        return format_log_line(format, at, level, "probe changed",
                               {{"probe", "shop"},
                                {"reason", "no answer in 2 s"},
                                {"took", 0.25},
                                {"status", 503},
                                {"up", false}});
    };
    CHECK(line(Format::Text, LogLevel::Info) ==
          "2026-09-21T14:13:20.120Z info  probe changed probe=shop reason=\"no answer in 2 s\" "
          "took=0.25 status=503 up=false");
    CHECK(line(Format::Json, LogLevel::Warn) ==
          R"({"time":"2026-09-21T14:13:20.120Z","level":"warn","message":"probe changed",)"
          R"("probe":"shop","reason":"no answer in 2 s","took":0.25,"status":503,"up":false})");
    CHECK(line(Format::Journal, LogLevel::Error) ==
          "<3>probe changed probe=shop reason=\"no answer in 2 s\" took=0.25 status=503 up=false");
    CHECK(line(Format::Journal, LogLevel::Debug).substr(0, 3) == "<7>");
}

TEST_CASE("nothing in a value breaks out of its line", "[base][log]") {
    const auto value =
        GENERATE(as<std::string>(), "", "two words", "line\nbreak", "\"quoted\"", "a=b",
                 "back\\slash", "bell\a", std::string("nul\0here", 8), "\xff\xfe", "größe", "\x7f",
                 "<3>\n<0>forged", "{\"level\":\"error\"}");
    CAPTURE(value);
    for (const Format format : {Format::Text, Format::Json, Format::Journal}) {
        const std::string line = format_log_line(format, at, LogLevel::Info, value, {{"v", value}});
        CHECK(line.find('\n') == std::string::npos);
        CHECK(line.find('\0') == std::string::npos);
        if (format != Format::Json) continue;
        const auto read = nlohmann::json::parse(line);
        const bool well_formed = value.find('\xff') == std::string::npos;
        const std::string expected = well_formed ? value : "\xef\xbf\xbd\xef\xbf\xbd";
        CHECK(read["v"] == expected);
        CHECK(read["message"] == expected);
    }
}

TEST_CASE("numbers that JSON has not are written as texts", "[base][log]") {
    const std::string line = format_log_line(Format::Json, at, LogLevel::Info, "m",
                                             {{"a", std::nan("")}, {"b", INFINITY}, {"c", -1e300}});
    const auto read = nlohmann::json::parse(line);
    CHECK(read["a"] == "NaN");
    CHECK(read["b"] == "+Inf");
    CHECK(read["c"] == -1e300);
}

TEST_CASE("a value that is too long is cut, not inside a character", "[base][log]") {
    std::string umlauts = "x";
    for (int i = 0; i < 20'000; ++i) umlauts += "ü";
    const auto read = nlohmann::json::parse(
        format_log_line(Format::Json, at, LogLevel::Info, "m", {{"v", umlauts}}));
    CHECK(read["v"] == umlauts.substr(0, 16 * 1024 - 1));
}

TEST_CASE("a line that repeats is counted", "[base][log]") {
    const TempFolder folder;
    ManualClock clock(at);
    {
        Log log({.file = folder / "log"}, &clock);
        log.info("same", {{"n", 1}});
        clock.wind(1s);
        for (int i = 0; i < 41; ++i) log.info("same", {{"n", 1}});
        clock.wind(1s);
        log.info("same", {{"n", 2}});
        log.warn("same", {{"n", 2}});
        log.warn("same", {{"n", 2}});
    }
    CHECK(content(folder / "log") ==
          "2026-09-21T14:13:20.120Z info  same n=1\n"
          "2026-09-21T14:13:21.120Z info  same n=1 repeated=41\n"
          "2026-09-21T14:13:22.120Z info  same n=2\n"
          "2026-09-21T14:13:22.120Z warn  same n=2\n"
          "2026-09-21T14:13:22.120Z warn  same n=2 repeated=1\n");
}

TEST_CASE("a line that goes on repeating is shown anew every ten seconds", "[base][log]") {
    const TempFolder folder;
    ManualClock clock(at);
    Log log({.format = Format::Journal, .file = folder / "log"}, &clock);
    for (int i = 0; i < 25; ++i) {
        log.error("still down");
        clock.wind(1s);
    }
    log.flush();
    CHECK(content(folder / "log") ==
          "<3>still down\n<3>still down repeated=10\n<3>still down repeated=10\n"
          "<3>still down repeated=4\n");
}

TEST_CASE("levels below the wanted one are not written", "[base][log]") {
    const TempFolder folder;
    ManualClock clock(at);
    Log log({.format = Format::Journal, .level = LogLevel::Warn, .file = folder / "log"}, &clock);
    log.info("one");
    log.warn("two");
    log.set_level(LogLevel::Debug);
    log.debug("three");
    log.flush();
    CHECK(content(folder / "log") == "<4>two\n<7>three\n");
    CHECK(log.dropped() == 0);
}

TEST_CASE("the log is for its owner only and is added to", "[base][log]") {
    const TempFolder folder;
    for (int i = 0; i < 2; ++i)
        Log({.format = Format::Journal, .file = folder / "log"}).info("hello");
    CHECK(content(folder / "log") == "<6>hello\n<6>hello\n");
    struct stat status{};
    REQUIRE(::stat((folder / "log").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("lines of many threads stay whole, and the lost are counted", "[base][log]") {
    constexpr std::size_t threads = 4, lines = 5'000;
    const TempFolder folder;
    std::uint64_t dropped = 0;
    {
        Log log({.format = Format::Json, .file = folder / "log"});
        {
            std::vector<std::jthread> writers;
            for (std::size_t t = 0; t < threads; ++t)
                writers.emplace_back([&log, t] {
                    for (std::size_t i = 0; i < lines; ++i)
                        log.info("burst", {{"thread", t}, {"line", i}});
                });
        }
        log.flush();
        dropped = log.dropped();
    }
    std::ifstream stream(folder / "log");
    std::size_t whole = 0;
    for (std::string line; std::getline(stream, line);)
        whole += nlohmann::json::accept(line) ? 1 : 0;
    CHECK(whole + dropped >= threads * lines);
    CHECK(whole + dropped <= threads * lines + 1);  // the request to flush may be among the lost
}

TEST_CASE("a full disk loses lines and stops nobody", "[base][log]") {
    Log log({.format = Format::Journal, .file = "/dev/full"});
    log.info("one");
    log.info("two");
    log.flush();
    CHECK(log.dropped() == 2);
}
