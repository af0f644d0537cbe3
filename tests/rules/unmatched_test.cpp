#include "rules/unmatched.h"

#include <catch2/catch.hpp>

#include "base/log.h"
#include "base/metrics.h"
#include "promql/syntax/parse.h"
#include "store/store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_folder.h"

using namespace vedette;

namespace {

struct Shop {
    Shop() {
        store::StoreSettings settings;
        settings.own_thread = false;
        store =
            std::move(*store::Store::open(*files, folder.path(), settings, clock, log, *metrics));
        for (const char* job : {"shop", "till"})
            for (const char* zone : {"eu", "us"})
                if (job != std::string("till") || zone != std::string("us"))
                    add(Labels{{"__name__", "up"}, {"job", job}, {"zone", zone}});
        add(Labels{{"__name__", "node_cpu_seconds_total"}, {"mode", "idle"}});
    }
    void add(const Labels& labels) {
        (void)store->append({{{*store->series(labels), {clock.now(), 1.0}}}, {}});
    }
    std::string why(const char* text) {
        const auto expr = promql::parse(text);
        return rules::why_nothing_matches(**expr, *store,
                                          {clock.now() - std::chrono::hours(1), clock.now()});
    }

    TempFolder folder;
    std::unique_ptr<Files> files = make_files();
    ManualClock clock;
    Log log{LogSettings{.level = LogLevel::Error, .file = "/dev/null"}};
    std::unique_ptr<Metrics> metrics = std::make_unique<Metrics>();
    std::unique_ptr<store::Store> store;
};

}  // namespace

TEST_CASE("a rule that can match nothing is told the nearest name", "[rules][unmatched]") {
    Shop shop;
    struct Row {
        const char* expr;
        const char* why;
    };
    const auto row = GENERATE(values<Row>({
        {"up == 0", ""},
        {"up{job=\"shop\"} == 0", ""},
        {"rate(node_cpu_second_total[5m]) > 1",
         "no series is named \"node_cpu_second_total\"; did you mean \"node_cpu_seconds_total\"?"},
        {"quite_another_thing > 1", "no series is named \"quite_another_thing\""},
        {"up{job=\"shopp\"} == 0", "no series of \"up\" has job=\"shopp\"; did you mean \"shop\"?"},
        {"up{job=\"till\", zone=\"us\"} == 0", "nothing matches up{job=\"till\", zone=\"us\"}"},
        {"up{job=~\"x.*\"} == 0", "nothing matches up{job=~\"x.*\"}"},
        {"{job=\"shopp\"} == 0", "no series has job=\"shopp\"; did you mean \"shop\"?"},
        {"absent(up{job=\"gone\"})", ""},
        {"up == 0 or absent_over_time(upp[5m])", ""},
        {"up == 0 and on (job) downn", "no series is named \"downn\""},
        {"vector(1)", ""},
    }));
    CAPTURE(row.expr);
    CHECK(shop.why(row.expr) == row.why);
}
