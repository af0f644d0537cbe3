#include "exporter/egress/write_queue.h"

#include <snappy.h>

#include <catch2/catch.hpp>

#include "base/snappy.h"
#include "exporter/ingest/write_request.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_files.h"

using namespace vedette;
using namespace vedette::exporter;

namespace {

/// A log of rows, one a place, and a receiver that answers as it is told.
struct Desk {
    explicit Desk(RemoteWriteSettings given = {}) : settings(std::move(given)) {
        settings.name = "far";
        settings.url = "http://far/push";
        settings.send_metadata = false;
        REQUIRE(files.make_folders("positions"));
    }

    WriteDoors doors() {
        return {[this] { return store::LogPlace{1, rows.size()}; },
                [this](store::LogPlace from, std::size_t) { return read(from); },
                [this](std::uint64_t) { return held; },
                [] { return std::vector<NamedMetadata>(); },
                [this](const RemoteWriteSettings&, const std::string& body,
                       const std::vector<Header>&, const std::stop_token&) { return post(body); },
                files,
                "positions",
                clock,
                log,
                metrics};
    }
    store::LogBite read(store::LogPlace from) {
        store::LogBite bite;
        for (std::size_t i = from.offset; i < rows.size() && bite.rows.size() < bite_rows; ++i)
            bite.rows.push_back(rows[i]);
        bite.next = {1, from.offset + bite.rows.size()};
        bite.at_end = bite.next.offset == rows.size();
        return bite;
    }
    PostOutcome post(const std::string& body) {
        const std::string bytes = uncompress_snappy(body, 1 << 20).value();
        std::string seen;
        const WriteRequest request = read_write_request(bytes).value();
        for (const auto& series : request.series)
            for (const Sample& sample : series.samples) seen += std::to_string(sample.at.ms) + " ";
        posts.push_back(seen);
        if (answers.empty()) return {204, {}, {}};
        const PostOutcome answer = answers.front();
        answers.erase(answers.begin());
        return answer;
    }
    void add(std::int64_t from, std::int64_t to) {
        for (std::int64_t at = from; at <= to; ++at)
            rows.push_back({Labels{{"__name__", "up"}}, {{at}, 1.0}});
    }
    std::unique_ptr<WriteQueue> open() {
        auto queue = std::make_unique<WriteQueue>(settings, Labels(), doors());
        REQUIRE(queue->open());
        return queue;
    }
    /// Steps until nothing is due for longer than a back-off.
    void run(WriteQueue& queue, int steps = 50) {
        for (int i = 0; i < steps; ++i) (void)queue.step(stop.get_token());
    }

    RemoteWriteSettings settings;
    MemoryFiles files;
    ManualClock clock;
    Log log{{}};
    Metrics metrics;
    std::vector<store::LogBite::Row> rows;
    std::size_t bite_rows = 7;
    std::uint64_t held = 0;
    std::vector<std::string> posts;
    std::vector<PostOutcome> answers;
    std::stop_source stop;
};

RemoteWriteSettings in_threes() {
    RemoteWriteSettings settings;
    settings.samples_a_request = 3;
    return settings;
}

}  // namespace

TEST_CASE("a queue that is new sends what comes after it began, in full requests, the rest in time",
          "[exporter][remote_write]") {
    Desk desk(in_threes());
    desk.add(1, 5);
    const auto queue = desk.open();
    desk.add(6, 12);
    desk.run(*queue);
    CHECK(desk.posts == std::vector<std::string>{"6 7 8 ", "9 10 11 "});
    desk.clock.wind(Milliseconds(5'000));
    desk.run(*queue);
    CHECK(desk.posts.back() == "12 ");
}

TEST_CASE("what was not answered is sent again as it was, whatever came meanwhile",
          "[exporter][remote_write]") {
    Desk desk(in_threes());
    const auto queue = desk.open();
    desk.add(1, 2);
    desk.answers = {{0, {}, "connection refused"}, {503, {}, {}}};
    desk.run(*queue, 2);
    desk.clock.wind(Milliseconds(5'000));
    CHECK(queue->step({}) == Milliseconds(30));
    desk.add(3, 4);
    CHECK(queue->step({}) == Milliseconds(60));
    CHECK(queue->step({}) == Milliseconds(0));
    CHECK(desk.posts == std::vector<std::string>{"1 2 ", "1 2 ", "1 2 "});
    desk.clock.wind(Milliseconds(5'000));
    desk.run(*queue);
    CHECK(desk.posts.back() == "3 4 ");
}

TEST_CASE("a killed queue goes on with the very request that it had begun",
          "[exporter][remote_write]") {
    Desk desk(in_threes());
    auto queue = desk.open();
    desk.add(1, 8);
    desk.answers = {{204, {}, {}}, {0, {}, "no answer"}};
    desk.run(*queue, 2);
    REQUIRE(desk.posts == std::vector<std::string>{"1 2 3 ", "4 5 6 "});
    queue = desk.open();  // nothing was saved in between but what was noted before sending
    desk.add(9, 9);
    // The receiver had it after all, and refuses it.
    desk.answers = {{400, {}, "out of order"}};
    desk.run(*queue);
    CHECK(std::vector(desk.posts.begin() + 2, desk.posts.end()) ==
          std::vector<std::string>{"4 5 6 ", "7 8 9 "});
}

TEST_CASE("a queue killed anywhere sends every sample, and none twice that was answered",
          "[exporter][remote_write]") {
    for (std::size_t bite_rows : {1, 2, 5, 100}) {
        for (int kill_every = 1; kill_every < 9; ++kill_every) {
            CAPTURE(bite_rows, kill_every);
            Desk desk(in_threes());
            desk.bite_rows = bite_rows;
            auto queue = desk.open();
            desk.add(1, 60);
            for (int step = 1; step < 400; ++step) {
                (void)queue->step({});
                if (step % kill_every == 0) queue = desk.open();
                desk.clock.wind(Milliseconds(2'600));
            }
            std::string all;
            for (const std::string& post : desk.posts) all += post;
            std::string expected;
            for (int at = 1; at <= 60; ++at) expected += std::to_string(at) + " ";
            if (kill_every > 2)
                CHECK(all == expected);
            else
                CHECK(expected.starts_with(all));  // no time to read as much as a request
        }
    }
}

TEST_CASE("a receiver is asked again when it wants to be", "[exporter][remote_write]") {
    Desk desk(in_threes());
    const auto queue = desk.open();
    desk.add(1, 3);
    desk.answers = {{503, "7", {}}, {429, "100000", {}}, {503, "soon", {}}};
    CHECK(queue->step({}) == Milliseconds(7'000));
    CHECK(queue->step({}) == Milliseconds(300'000));
    CHECK(queue->step({}) == Milliseconds(120));
    desk.settings.retry_429 = false;
    const auto strict = desk.open();
    desk.answers = {{429, {}, {}}};
    CHECK(strict->step({}) == Milliseconds(0));
    CHECK(desk.posts.size() == 4);
    CHECK(strict->step({}) > Milliseconds(0));
    CHECK(desk.posts.size() == 4);
}

TEST_CASE("samples past their age, and a log too long for a dead receiver, are dropped and counted",
          "[exporter][remote_write]") {
    Desk desk(in_threes());
    const std::int64_t now = desk.clock.now().ms;
    desk.settings.age_max = Milliseconds(1'000);
    auto queue = desk.open();
    desk.add(now - 1'002, now - 997);
    desk.run(*queue);
    CHECK(desk.posts ==
          std::vector<std::string>{std::to_string(now - 1'000) + " " + std::to_string(now - 999) +
                                   " " + std::to_string(now - 998) + " "});
    desk.add(now, now + 20);
    desk.held = std::uint64_t{1} << 40;
    desk.answers = {{0, {}, "no answer"}};
    (void)queue->step({});
    double dropped = 0;
    for (const MetricFamily& family : desk.metrics.collect())
        if (family.name == "prometheus_remote_storage_samples_dropped_total")
            for (const auto& point : family.points) dropped += point.value;
    CHECK(dropped >= 2 + 6);
}

TEST_CASE("a file of positions cut anywhere or flipped gives an earlier position or none",
          "[exporter][remote_write]") {
    const WritePosition first{{3, 77}, 0, 12}, second{{3, 1'234}, 5, 0};
    const std::string title = "vedette remote write position 1\n";
    const std::string file = title + position_line(first) + position_line(second);
    CHECK(last_position(file) == second);
    CHECK_FALSE(last_position(title));
    CHECK_FALSE(last_position("vedette remote write position 2\n" + position_line(first)));
    for (std::size_t size = 0; size < file.size(); ++size) {
        const auto cut = last_position(file.substr(0, size));
        CHECK((!cut || *cut == first));
        for (int bit = 0; bit < 8; ++bit) {
            std::string flipped = file;
            flipped[size] = static_cast<char>(file[size] ^ 1 << bit);
            const auto found = last_position(flipped);
            CHECK((!found || *found == first || *found == second));
        }
    }
}

TEST_CASE("a position that cannot be read means that all of the log is sent",
          "[exporter][remote_write]") {
    Desk desk(in_threes());
    desk.add(1, 3);
    auto queue = desk.open();
    REQUIRE(desk.files.write_atomically(queue->path(), "nonsense"));
    queue = desk.open();
    desk.run(*queue);
    CHECK(desk.posts == std::vector<std::string>{"1 2 3 "});
}
