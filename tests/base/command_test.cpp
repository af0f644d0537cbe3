#include "base/command.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <optional>

using namespace vedette;
using namespace std::chrono_literals;

namespace {

struct Bench {
    Loop loop;
    Commands commands{loop};

    CommandEnd run(std::vector<std::string> words, std::string input = {}, Milliseconds timeout = 10s) {
        std::optional<CommandEnd> out;
        commands.start({std::move(words), std::move(input), timeout}, [&](CommandEnd end) { out = std::move(end); });
        for (int i = 0; i < 2000 && !out; ++i) loop.turn(10ms);
        REQUIRE(out);
        CHECK(commands.running() == 0);
        return *out;
    }
};

}  // namespace

TEST_CASE("a command reads its input whole, and its first words are kept", "[base][command]") {
    Bench bench;
    const CommandEnd end = bench.run({"/usr/bin/wc", "-c"}, std::string(1'000'000, 'x'));
    CHECK(end.started);
    CHECK(end.error == "");
    CHECK(end.output == "1000000\n");
    CHECK(bench.run({"/bin/sh", "-c", "yes | head -c 100000"}).output.size() == 4096);
    // It does not want to know, and that is no failure.
    CHECK(bench.run({"/bin/true"}, std::string(1'000'000, 'x')).error == "");
}

TEST_CASE("how a command failed is one sentence", "[base][command]") {
    Bench bench;
    CHECK(bench.run({"/nowhere/x"}).error == "/nowhere/x cannot be started: No such file or directory");
    CHECK(bench.run({"/bin/sh", "-c", "echo no such shop >&2; exit 3"}).error == "/bin/sh ended with 3: no such shop");
    CHECK(bench.run({"/bin/sh", "-c", "kill -9 $$"}).error == "/bin/sh died of signal 9");
    const CommandEnd late = bench.run({"/bin/sleep", "60"}, {}, 100ms);
    CHECK(late.timed_out);
    CHECK(late.error == "/bin/sleep took too long and was killed");
}

TEST_CASE("a command gets nothing of ours but its three descriptors and a path", "[base][command]") {
    Bench bench;
    const int open = ::dup(1);  // not close-on-exec
    const CommandEnd end = bench.run({"/bin/sh", "-c", "pwd; env | cut -d= -f1 | sort | tr '\\n' ' '; ls /proc/self/fd | wc -l"});
    ::close(open);
    // PWD and `_` are the shell's own; the fourth descriptor is the folder that ls reads.
    CHECK(end.output.substr(0, 2) == "/\n");
    CHECK(end.output.find("HOME") == std::string::npos);
    CHECK(end.output.find("PATH") != std::string::npos);
    CHECK(end.output.ends_with("4\n"));
}

TEST_CASE("what a command leaves behind goes with it, and all go with their owner", "[base][command]") {
    Bench bench;
    const CommandEnd end = bench.run({"/bin/sh", "-c", "sleep 61 & echo $!"});
    const int left = std::stoi(end.output);
    // Killed, and in a moment reaped by init.
    bool gone = false;
    for (int i = 0; i < 500 && !gone; ++i) {
        gone = ::access(("/proc/" + std::to_string(left) + "/exe").c_str(), F_OK) != 0;
        bench.loop.turn(10ms);
    }
    CHECK(gone);
    bool called = false;
    {
        Commands others(bench.loop);
        others.start({{"/bin/sleep", "62"}, {}, 1min}, [&](const CommandEnd&) { called = true; });
        CHECK(others.running() == 1);
    }
    bench.loop.turn(10ms);
    CHECK_FALSE(called);
}
