#include "base/loop.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace vedette;
using namespace std::chrono_literals;

namespace {

struct Pair {
    std::array<int, 2> fd{-1, -1};
    Pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd.data()) == 0); }
    ~Pair() {
        for (const int one : fd)
            if (one >= 0) ::close(one);
    }
};

}  // namespace

TEST_CASE("due timers run in the order of their times, equal ones as they were set", "[loop]") {
    Loop loop;
    std::string ran;
    const auto now = loop.now();
    loop.at(now - 1ms, [&] { ran += 'c'; });
    loop.at(now - 3ms, [&] { ran += 'a'; });
    loop.at(now - 1ms, [&] { ran += 'd'; });
    loop.at(now - 2ms, [&] { ran += 'b'; });
    loop.at(now + 1h, [&] { ran += 'x'; });
    loop.turn(0ms);
    CHECK(ran == "abcd");
}

TEST_CASE("a timer that sets itself again does not keep the turn for itself", "[loop]") {
    Loop loop;
    int ran = 0;
    std::function<void()> again = [&] {
        ++ran;
        loop.after(0ms, again);
    };
    loop.after(0ms, again);
    loop.turn(0ms);
    CHECK(ran == 1);
    loop.turn(0ms);
    CHECK(ran == 2);
}

TEST_CASE("a cancelled timer does not run, even when it is due in the same turn", "[loop]") {
    Loop loop;
    std::string ran;
    const auto past = loop.now() - 1ms;
    Loop::TimerId second;
    loop.at(past, [&] {
        ran += 'a';
        loop.cancel(second);
    });
    second = loop.at(past, [&] { ran += 'b'; });
    Loop::TimerId own;
    own = loop.at(past, [&] {
        loop.cancel(own);
        ran += 'c';
    });
    loop.cancel({});
    loop.turn(0ms);
    CHECK(ran == "ac");
    // An id that was used up does not meet the timer that took its place.
    loop.at(past, [&] { ran += 'd'; });
    loop.cancel(second);
    loop.turn(0ms);
    CHECK(ran == "acd");
}

TEST_CASE("many timers set and cancelled at random run as a sorted list would", "[loop]") {
    Loop loop;
    std::mt19937 random(7);
    const auto base = loop.now() - 1h;
    std::vector<std::pair<int, int>> expected, ran;  // time, order of setting
    std::vector<Loop::TimerId> ids;
    std::vector<bool> cancelled;
    for (int i = 0; i < 2000; ++i) {
        const int when = static_cast<int>(random() % 500);
        ids.push_back(
            loop.at(base + Milliseconds(when), [&ran, when, i] { ran.push_back({when, i}); }));
        cancelled.push_back(false);
        expected.push_back({when, i});
        if (random() % 3 == 0) {
            const auto victim = random() % ids.size();
            loop.cancel(ids[victim]);
            cancelled[victim] = true;
        }
    }
    std::erase_if(expected,
                  [&](const auto& e) { return cancelled[static_cast<std::size_t>(e.second)]; });
    std::sort(expected.begin(), expected.end());
    loop.turn(0ms);
    CHECK(ran == expected);
}

TEST_CASE("work posted from other threads wakes a waiting loop and runs on it", "[loop]") {
    LoopThread thread("test-loop");
    std::atomic<int> ran = 0, elsewhere = 0;
    {
        std::vector<std::jthread> posters;
        for (int t = 0; t < 4; ++t)
            posters.emplace_back([&] {
                for (int i = 0; i < 500; ++i)
                    thread.loop().post([&] {
                        ++ran;
                        if (!thread.loop().on_loop_thread()) ++elsewhere;
                    });
            });
    }
    thread.call([] {});
    CHECK(ran == 2000);
    CHECK(elsewhere == 0);
    CHECK_FALSE(thread.loop().on_loop_thread());
}

TEST_CASE("work posted before a stop still runs", "[loop]") {
    int ran = 0;
    {
        LoopThread thread("test-loop");
        for (int i = 0; i < 100; ++i) thread.loop().post([&] { ++ran; });
    }
    CHECK(ran == 100);
    Loop loop;
    loop.stop();
    loop.run();  // returns: the stop came before
    CHECK(ran == 100);
}

TEST_CASE("an exception in a call reaches the caller", "[loop]") {
    LoopThread thread("test-loop");
    CHECK_THROWS_WITH(thread.call([] { throw std::runtime_error("no"); }), "no");
    int ran = 0;
    thread.call([&] { ++ran; });
    CHECK(ran == 1);
}

TEST_CASE("a socket is told what it was watched for, and both when the other end is gone",
          "[loop]") {
    Loop loop;
    Pair pair;
    std::vector<unsigned> seen;
    loop.watch(pair.fd[0], Loop::readable, [&](unsigned events) { seen.push_back(events); });
    loop.turn(0ms);
    CHECK(seen.empty());
    REQUIRE(::write(pair.fd[1], "x", 1) == 1);
    loop.turn(1s);
    loop.turn(1s);  // level-triggered: nobody read
    CHECK(seen == std::vector<unsigned>{Loop::readable, Loop::readable});
    seen.clear();
    loop.watch(pair.fd[0], Loop::writable, [&](unsigned events) { seen.push_back(events); });
    loop.turn(1s);
    CHECK(seen == std::vector<unsigned>{Loop::writable});
    seen.clear();
    loop.watch(pair.fd[0], Loop::readable, [&](unsigned events) { seen.push_back(events); });
    ::close(std::exchange(pair.fd[1], -1));
    loop.turn(1s);
    CHECK(seen == std::vector<unsigned>{Loop::readable | Loop::writable});
    loop.unwatch(pair.fd[0]);
    loop.unwatch(pair.fd[0]);
    loop.turn(0ms);
    CHECK(seen.size() == 1);
}

TEST_CASE("an event of a descriptor unwatched in the same turn goes nowhere", "[loop]") {
    Loop loop;
    Pair a, b;
    int ran = 0;
    const auto either = [&](unsigned) {
        ++ran;
        loop.unwatch(a.fd[0]);
        loop.unwatch(b.fd[0]);
        // The number may come back as another descriptor; its watch must not get the old event.
        loop.watch(a.fd[0], 0, [&](unsigned) { ran += 100; });
        loop.watch(b.fd[0], 0, [&](unsigned) { ran += 100; });
    };
    loop.watch(a.fd[0], Loop::readable, either);
    loop.watch(b.fd[0], Loop::readable, either);
    REQUIRE(::write(a.fd[1], "x", 1) == 1);
    REQUIRE(::write(b.fd[1], "x", 1) == 1);
    loop.turn(1s);
    CHECK(ran == 1);
}

TEST_CASE("a descriptor closed and opened again without a word can be watched", "[loop]") {
    Loop loop;
    int fd = -1;
    {
        Pair pair;
        fd = pair.fd[0];
        loop.watch(fd, Loop::readable, [](unsigned) {});
    }
    Pair again;
    REQUIRE(again.fd[0] == fd);
    int ran = 0;
    loop.watch(fd, Loop::writable, [&](unsigned) { ++ran; });
    loop.turn(1s);
    CHECK(ran == 1);
    loop.unwatch(fd);
}

TEST_CASE("lag tells how late timers ran and the longest callback, once", "[loop]") {
    Loop loop;
    loop.at(loop.now() - 50ms, [] {
        const auto until = std::chrono::steady_clock::now() + 2ms;
        while (std::chrono::steady_clock::now() < until) {
        }
    });
    loop.turn(0ms);
    const auto lag = loop.take_lag();
    CHECK(lag.timer >= 50ms);
    CHECK(lag.callback >= 2ms);
    CHECK(loop.take_lag().timer == 0ns);
}
