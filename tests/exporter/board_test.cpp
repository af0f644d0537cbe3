#include "exporter/api/board.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/manual_clock.h"
#include "tests/support/memory_source.h"

using namespace vedette;
using namespace vedette::exporter;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// Remembers what a page was told.
class SpyStream final : public EventStream {
public:
    bool send(std::string_view event, std::string_view data) override {
        if (!open_) return false;
        told.emplace_back(event, data);
        return true;
    }
    bool open() const override { return open_; }

    std::vector<std::pair<std::string, std::string>> told;
    bool open_ = true;
};

struct World {
    World() {
        target.probe = "shop";
        target.instance = "http://shop/";
        target.group = "services";
        target.labels = Labels{{"job", "shop"}, {"instance", "http://shop/"}};
    }
    Board board() {
        const auto news = [this](std::uint64_t since) {
            const auto read = static_cast<std::uint64_t>(target.latest ? target.latest->at.ms : 0);
            probes::Book::News out{{}, read};
            if (read > since) out.targets.push_back(target);
            return out;
        };
        return Board({[this] { return std::vector{target}; }, news, [this] { return deliveries; },
                      [this] { return std::vector{rules}; }, source, clock, "0.1.0", clock.now()});
    }
    std::shared_ptr<SpyStream> listen(Board& board) {
        auto stream = std::make_shared<SpyStream>();
        for (const Route& route : board.routes())
            if (route.path == "/api/vedette/v1/events") route.answer({}).on_open(stream);
        return stream;
    }

    ManualClock clock{{1'790'000'000'000}};
    MemorySource source;
    probes::TargetStatus target;
    notify::Snapshot deliveries;
    rules::GroupStatus rules;
};

rules::AlertStatus pending_alert() {
    rules::AlertStatus alert;
    alert.id = {0xabc, {1'789'999'990'000}};
    alert.labels = Labels{{"alertname", "ShopDown"}, {"job", "shop"}, {"severity", "critical"}};
    alert.annotations = {{"summary", "shop is down"}};
    return alert;
}

}  // namespace

TEST_CASE("a target that was never asked has no state, no share and empty bars",
          "[exporter][board]") {
    World world;
    Board board = world.board();
    const json target = json::parse(board.document()).at("targets").at(0);
    CHECK(target["state"] == "unknown");
    CHECK(target["since"].is_null());
    CHECK(target["latest"].is_null());
    CHECK(target["availability"].is_null());
    CHECK(target["bars"].size() == 48);
    CHECK(target["bars"][47] == json{0, 0});
}

TEST_CASE("readings of the store fall into bars that stand on the clock", "[exporter][board]") {
    World world;
    const Labels up{{"__name__", "up"}, {"job", "shop"}, {"instance", "http://shop/"}};
    const std::int64_t now = world.clock.now().ms, half_hour = 30 * 60 * 1000;
    const std::int64_t bar_begins = now / half_hour * half_hour;
    world.source.add(up, {now - 25 * 3'600'000}, 0.0);  // before the first bar
    world.source.add(up, {bar_begins - 1}, 0.0);
    world.source.add(up, {bar_begins}, 1.0);
    world.source.add(up, {now - 1}, 1.0);
    world.source.add(up, {now}, stale_marker());
    Board board = world.board();
    const json target = json::parse(board.document()).at("targets").at(0);
    CHECK(target["bars"][46] == json{0, 1});
    CHECK(target["bars"][47] == json{2, 0});
    CHECK(target["availability"].get<double>() == Approx(2.0 / 3));
}

TEST_CASE("a pending alert is on the board, and its target knows it", "[exporter][board]") {
    World world;
    rules::RuleStatus rule;
    rule.kind = rules::Rule::Kind::Alerting;
    rule.alerts = {pending_alert()};
    world.rules.rules = {rule};
    Board board = world.board();
    const json document = json::parse(board.document());
    const json& alert = document["alerts"][0];
    CHECK(alert["id"] == "0000000000000abc-1789999990000");
    CHECK(alert["state"] == "pending");
    CHECK(alert["headline"] == "shop is down");
    CHECK(alert["deliveries"].empty());
    CHECK(document["targets"][0]["alerts"] == json{"0000000000000abc-1789999990000"});
    CHECK(document["rules"] == 1);
    CHECK(json::parse(board.alerts_document()) == document["alerts"]);
}

TEST_CASE("an open page hears of each reading once, and a closed one is forgotten",
          "[exporter][board]") {
    World world;
    Board board = world.board();
    CHECK_FALSE(board.anybody_looks());
    board.publish_readings();
    const auto stream = world.listen(board);
    CHECK(board.anybody_looks());
    board.publish_readings();
    CHECK(stream->told.empty());
    world.target.state = probes::State::Up;
    world.target.latest = probes::Moment{world.clock.now(), 84ms, true};
    board.publish_readings();
    board.publish_readings();
    REQUIRE(stream->told.size() == 1);
    CHECK(stream->told[0].first == "readings");
    const json reading = json::parse(stream->told[0].second).at(0);
    CHECK(reading["probe"] == "shop");
    CHECK(reading["latest"]["seconds"] == 0.084);
    stream->open_ = false;
    CHECK_FALSE(board.anybody_looks());
}

TEST_CASE("scraped targets stand on the board beside probes, those that are down first",
          "[exporter][board]") {
    World world;
    const auto scraped = [](const char* job, scrape::TargetStatus::Health health) {
        scrape::TargetStatus out;
        out.job = job;
        out.labels = Labels{{"job", job}, {"instance", "i"}};
        out.url = "http://i/metrics";
        out.interval = 15s;
        out.health = health;
        out.since = {1'789'999'000'000};
        out.last_scrape = Timestamp{1'789'999'999'000};
        out.took = 5ms;
        return out;
    };
    scrape::JobStatus job;
    job.active = {scraped("good", scrape::TargetStatus::Health::Up),
                  scraped("bad", scrape::TargetStatus::Health::Down),
                  scraped("bad", scrape::TargetStatus::Health::Down)};
    job.active[1].last_error = "server returned HTTP status 503 Service Unavailable";
    job.active[1].scrape = 7;
    const auto nobody = [](std::uint64_t) { return probes::Book::News{}; };
    Board board({[&] { return std::vector{world.target}; }, nobody,
                 [&] { return world.deliveries; }, [&] { return std::vector{world.rules}; },
                 world.source, world.clock, "0.1.0", world.clock.now(),
                 [&] { return std::vector{job}; },
                 [&](std::uint64_t since) {
                     scrape::ScrapeNews news{{}, 7};
                     if (since < 7) news.targets.push_back(job.active[1]);
                     return news;
                 }});
    const json document = json::parse(board.document());
    REQUIRE(document["targets"].size() == 3);
    const json& bad = document["targets"][1];
    CHECK(bad["probe"] == "bad");
    CHECK(bad["type"] == "scrape");
    CHECK(bad["group"] == "scraped");
    CHECK(bad["state"] == "down");
    CHECK(bad["since"] == 1'789'999'000);
    CHECK(bad["reason"] == "server returned HTTP status 503 Service Unavailable");
    CHECK(bad["latest"] == json::parse(R"({"at":1789999999,"seconds":0.005})"));
    CHECK(document["targets"][2]["probe"] == "good");
    CHECK(document["scraped_hidden"] == 1);  // one that would be the same line
    const auto page = world.listen(board);
    board.publish_readings();
    board.publish_readings();
    REQUIRE(page->told.size() == 1);
    CHECK(json::parse(page->told[0].second)[0]["probe"] == "bad");
}
