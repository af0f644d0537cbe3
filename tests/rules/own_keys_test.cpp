// Each of our keys at both sides of its edges: the value, the time, the labels.
#include "tests/rules/own_keys_watch.h"

using namespace vedette;
using namespace vedette::rules;
using namespace std::chrono_literals;

namespace {

using Lines = std::vector<std::string>;

constexpr Milliseconds week = 24h * 7;

/// Six samples that lie in the hour that begins at `hour`, the last at its very end.
void fill_hour(MemorySource& data, const char* name, Timestamp hour, double value) {
    for (int i = 1; i <= 6; ++i)
        data.add(series_name(name), hour + std::chrono::minutes(10 * i), value);
}

}  // namespace

// ── threshold

TEST_CASE("a threshold fires beyond its level and stays lit until it has recovered",
          "[rules][own_keys]") {
    // One value and one evaluation a minute.
    struct Row {
        const char *what, *threshold, *values, *states;
    };
    const auto row = GENERATE(values<Row>({
        {"at the level is not above it", "above: 100", "100 100.5 100", ".F."},
        {"nor below it", "below: 5", "5 4.9 5", ".F."},
        {"nor outside", "outside: [5, 100]", "5 100 4.9 50 100.1", "..F.F"},
        {"above, back at recover", "above: 100, recover: 80", "90 101 90 80.5 80 90 101",
         ".FFF..F"},
        {"below, back at recover", "below: 5, recover: 8", "7 4.9 5 7.9 8 7 4", ".FFF..F"},
        {"outside, back inside", "outside: [0, 10], recover: [2, 8]", "1 -1 1 2 1 11 9 8 9",
         ".FF..FF.."},
        {"from one side to the other", "outside: [0, 10], recover: [2, 8]", "-1 1 9 5 9", "FFF.."},
        {"NaN is no value above or below", "above: 100, recover: 80", "101 NaN 90", "F.."},
        {"negative levels", "above: -5, recover: -8", "-5 -4 -7 -8", ".FF."},
    }));
    CAPTURE(row.what);
    Watch watch(std::string("  - {alert: A, threshold: {metric: x, ") + row.threshold + "}}\n");
    watch.data.load(std::string("x ") + row.values);
    CHECK(watch.walk(static_cast<int>(std::string(row.states).size())) == row.states);
}

TEST_CASE("recover does not hold an alert that is only pending", "[rules][own_keys]") {
    Watch watch("  - {alert: A, for: 2m, threshold: {metric: x, above: 100, recover: 80}}\n");
    watch.data.load("x 101 90 101 101 101 90 81 80 101");
    CHECK(watch.walk(9) == "p.ppFFF.p");
}

TEST_CASE("recover holds while the alert is kept firing", "[rules][own_keys]") {
    Watch watch(
        "  - {alert: A, keep_firing_for: 2m, threshold: {metric: x, above: 100, recover: 80}}\n");
    watch.data.load("x 101 70 90 70 70 70 90");
    CHECK(watch.walk(7) == "FFFFF..");
}

TEST_CASE("recover holds the series that fires, not its neighbour", "[rules][own_keys]") {
    Watch watch("  - {alert: A, threshold: {metric: x, above: 100, recover: 80}}\n");
    watch.data.load("x{q=\"a\"} 101 90\nx{q=\"b\"} 90 90\n");
    CHECK(watch.walk(2) == "FF");
    CHECK(watch.open() == Lines{R"(A{q="a"} firing 90)"});
}

TEST_CASE("recover finds its alert again whatever labels the rule adds", "[rules][own_keys]") {
    struct Row {
        const char *what, *labels, *series;
    };
    const auto row = GENERATE(values<Row>({
        {"a label", "severity: critical", "x{q=\"a\"}"},
        {"one that the metric has with another value", "severity: critical", "x{severity=\"low\"}"},
        {"a template", "severity: '{{ .Labels.q }}!'", "x{q=\"a\"}"},
        {"an empty one, which takes the metric's away", "q: ''", "x{q=\"a\"}"},
        {"a name that has to be quoted", "my.team: \"a\\\"b\"", "x{q=\"a\"}"},
        {"one that ALERTS overwrites", "alertstate: pending, alertname: B", "x{alertstate=\"c\"}"},
    }));
    CAPTURE(row.what);
    Watch watch(std::string("  - {alert: A, labels: {") + row.labels +
                "}, threshold: {metric: x, above: 100, recover: 80}}\n");
    watch.data.load(std::string(row.series) + " 101 90 80");
    CHECK(watch.walk(3) == "FF.");
}

TEST_CASE("recover knows the labels that come from the group", "[rules][own_keys]") {
    Watch watch("  - {alert: A, threshold: {metric: x, above: 100, recover: 80}}\n",
                "  labels: {team: web}\n");
    watch.data.load("x{team=\"old\"} 101 90 80");
    CHECK(watch.walk(3) == "FF.");
}

TEST_CASE("of two alerts with one name, each recovers at its own level", "[rules][own_keys]") {
    Watch watch(
        "  - {alert: A, labels: {severity: warning}, threshold: {metric: x, above: 50}}\n"
        "  - {alert: A, labels: {severity: critical}, threshold: {metric: x, above: 100, recover: "
        "80}}\n");
    watch.data.load("x 90 101 90");
    watch.walk(1);
    CHECK(watch.open() == Lines{R"(A{severity="warning"} firing 90)"});
    watch.walk(Timestamp{60'000}, 2);
    CHECK(watch.open() ==
          Lines{R"(A{severity="warning"} firing 90)", R"(A{severity="critical"} firing 90)"});
}

TEST_CASE("absent_for fires when a series has had no sample for that long", "[rules][own_keys]") {
    struct Row {
        const char *what, *metric, *series, *states;
    };
    // The last sample is at minute 3; a window of 4 minutes is open on the left.
    const auto row = GENERATE(values<Row>({
        {"a selector", "x", "x 1 1 1 1", ".......FFF"},
        {"a stale marker is no sample", "x", "x 1 1 1 1 stale", ".......FFF"},
        {"it is back", "x", "x 1 1 1 1 _x5 1 1", ".......FF."},
        {"one with an offset", "x offset 1m", "x 1 1 1 1", "F.......FF"},
        {"an expression stays for five minutes and is looked at in steps", "sum(x)", "x 1 1 1 1",
         "............F"},
        {"an expression with a marker", "sum(x)", "x 1 1 1 1 stale", "........FF"},
        {"a threshold that is passed", "x", "x 9 1 9 9", "F.FFFFFFFF"},
    }));
    CAPTURE(row.what);
    Watch watch(std::string("  - {alert: A, absent_for: 4m, threshold: {metric: '") + row.metric +
                "', above: 5}}\n");
    watch.data.load(row.series);
    CHECK(watch.walk(static_cast<int>(std::string(row.states).size())) == row.states);
}

TEST_CASE("an absent series keeps its labels, for a day; then the selector's stand for all",
          "[rules][own_keys]") {
    Watch watch(
        "  - {alert: A, absent_for: 10m, threshold: {metric: 'x{job=\"j\", q=~\".+\"}', above: "
        "5}}\n");
    watch.data.load("x{job=\"j\", q=\"a\"} 1\nx{job=\"j\", q=\"b\"} 1\n");
    watch.data.load("x{job=\"j\", q=\"b\"} 1", Timestamp{600'000});
    const auto at = [](Milliseconds time) { return Timestamp{0} + time; };
    CHECK(watch.walk(at(9min), 2) == ".F");
    CHECK(watch.open() == Lines{R"(A{job="j", q="a"} firing NaN)"});
    watch.walk(at(20min), 1);
    CHECK(watch.open() ==
          Lines{R"(A{job="j", q="a"} firing NaN)", R"(A{job="j", q="b"} firing NaN)"});
    watch.walk(at(24h + 9min), 1);
    CHECK(watch.open().size() == 2);
    watch.walk(at(24h + 10min), 1);
    CHECK(watch.open() == Lines{R"(A{job="j", q="b"} firing NaN)"});
    watch.walk(at(24h + 20min), 1);
    CHECK(watch.open() == Lines{R"(A{job="j"} firing NaN)"});
}

TEST_CASE("what never was there is absent at once", "[rules][own_keys]") {
    Watch watch(
        "  - {alert: A, absent_for: 10m, threshold: {metric: 'x{job=\"j\"}', above: 5}}\n"
        "  - {alert: B, absent_for: 10m, threshold: {metric: sum(x), above: 5}}\n");
    watch.walk(1);
    CHECK(watch.open() == Lines{R"(A{job="j"} firing NaN)", R"(B{} firing NaN)"});
}

// ── forecast

TEST_CASE("a forecast fires while the line leads across", "[rules][own_keys]") {
    // A minute a value; the line leads 5 minutes ahead.
    struct Row {
        const char *what, *crosses, *values, *states;
    };
    const auto row = GENERATE(values<Row>({
        {"falling through nothing: 51 - 10 a minute from now is below it at minute 6", "0",
         "101-10x12", "......FFFFF.."},
        {"rising through nothing", "0", "-101+10x12", "......FFFFF.."},
        {"rising through a level", "100", "-1+10x12", "......FFFFF.."},
        {"one value is no line", "0", "1 _ _ _", "...."},
        {"two are", "0", "5 1 _ _", ".FFF"},
        {"away from it", "0", "1+10x5", "......"},
        {"steady near it", "0", "1x5", "......"},
        {"steady at it", "0", "0x5", "......"},
        {"falling, and there", "0", "20 10 0 0", ".F.."},
    }));
    CAPTURE(row.what);
    Watch watch(
        std::string("  - {alert: A, forecast: {metric: x, over: 5m, within: 5m, crosses: ") +
        row.crosses + "}}\n");
    watch.data.load(std::string("x ") + row.values);
    CHECK(watch.walk(static_cast<int>(std::string(row.states).size())) == row.states);
}

TEST_CASE("a forecast of an expression looks at it in steps, and says the present value",
          "[rules][own_keys]") {
    Watch watch("  - {alert: A, forecast: {metric: x * 2, over: 5m, within: 5m, crosses: 0}}\n");
    watch.data.load("x{q=\"a\"} 101-10x12");
    CHECK(watch.walk(7) == "......F");
    CHECK(watch.open() == Lines{R"(A{q="a"} firing 82)"});
}

// ── burn_rate

namespace {

/// Ten requests a minute; of the last `minutes` so many fail.
std::string traffic(int calm_minutes, int failing_a_minute, int minutes) {
    const int good = 10 * calm_minutes;
    return "requests_total{code=\"200\"} 0+10x" + std::to_string(calm_minutes) + " " +
           std::to_string(good + 10 - failing_a_minute) + "+" +
           std::to_string(10 - failing_a_minute) + "x" + std::to_string(minutes) +
           "\nrequests_total{code=\"500\"} 0x" + std::to_string(calm_minutes) + " " +
           std::to_string(failing_a_minute) + "+" + std::to_string(failing_a_minute) + "x" +
           std::to_string(minutes);
}

/// More than 5 times the budget of 10%: over half of the requests fail.
constexpr const char* burns =
    "  - alert: A\n"
    "    burn_rate:\n"
    "      {good: 'requests_total{code=\"200\"}', total: requests_total, objective: 90%,\n"
    "       windows: [{long: 10m, short: 3m, factor: 5}]}\n";

}  // namespace

TEST_CASE("a burn rate fires when both windows burn more than the factor", "[rules][own_keys]") {
    Watch watch(burns);
    // 60% fail from minute 12 on. The long window counts nine minutes: 0.6 * 7 / 9 is less than
    // half, 0.6 * 8 / 9 is more.
    watch.data.load(traffic(11, 6, 20));
    CHECK(watch.walk(12 + 10) == "...................FFF");
}

TEST_CASE("half is not over half, and a short window that is calm again ends it",
          "[rules][own_keys]") {
    Watch calm(burns);
    calm.data.load("requests_total{code=\"200\"} 0+51x40\nrequests_total{code=\"500\"} 0+49x40");
    CHECK(calm.walk(12) == "............");
    Watch over(burns);
    over.data.load(
        "requests_total{code=\"200\"} 0+49x15 784+100x9\n"
        "requests_total{code=\"500\"} 0+51x15 765x9");
    CHECK(over.walk(20) == ".FFFFFFFFFFFFFFF....");
}

TEST_CASE("when nothing good was ever counted all has failed; without traffic nothing has",
          "[rules][own_keys]") {
    Watch broken(burns);
    broken.data.load("requests_total{code=\"500\"} 0+10x20");
    CHECK(broken.walk(4) == ".FFF");
    CHECK(broken.open() == Lines{R"(A{} firing 1)"});
    Watch idle(burns);
    idle.data.load("requests_total{code=\"200\"} 5x20\nrequests_total{code=\"500\"} 5x20");
    CHECK(idle.walk(4) == "....");
}

TEST_CASE("a burn rate by a label is one alert for each", "[rules][own_keys]") {
    Watch watch(
        "  - alert: A\n    burn_rate: {good: good_total, total: all_total, objective: 0.9, by: "
        "[job], windows: [{long: 10m, short: 3m, factor: 5}]}\n");
    watch.data.load(
        "all_total{job=\"a\"} 0+10x20\ngood_total{job=\"a\"} 0+4x20\n"
        "all_total{job=\"b\"} 0+10x20\ngood_total{job=\"b\"} 0+6x20\n");
    CHECK(watch.walk(3) == ".FF");
    CHECK(watch.open() == Lines{R"(A{job="a"} firing 0.6)"});
}

TEST_CASE("the first window that burns gives the alert its labels", "[rules][own_keys]") {
    Watch watch(
        "  - alert: A\n    burn_rate: {good: good_total, total: all_total, objective: 0.9, "
        "windows: [{long: 10m, short: 3m, factor: 7, labels: {severity: critical}}, "
        "{long: 10m, short: 3m, factor: 2, labels: {severity: $1 warning}}]}\n");
    watch.data.load("all_total 0+8x40\ngood_total 0+2x10 24+4x20\n");
    watch.walk(4);
    CHECK(watch.open() == Lines{R"(A{severity="critical"} firing 0.75)"});
    watch.walk(Timestamp{25 * 60'000}, 1);
    CHECK(watch.open() == Lines{R"(A{severity="$1 warning"} firing 0.5)"});
}

TEST_CASE("without windows there are four, up to three days", "[rules][own_keys]") {
    Watch watch(
        "  - {alert: A, burn_rate: {good: good_total, total: all_total, objective: 99%}}\n");
    // Three days with a little more than one in a hundred failing burns the last window only.
    const auto at = [](Milliseconds time) { return Timestamp{0} + time; };
    watch.data.load("all_total 0+1000x900\ngood_total 0+989x900", Timestamp{0}, 5min);
    CHECK(watch.walk(at(73h), 1) == "F");
    Watch calm("  - {alert: A, burn_rate: {good: good_total, total: all_total, objective: 99%}}\n");
    calm.data.load("all_total 0+1000x900\ngood_total 0+991x900", Timestamp{0}, 5min);
    CHECK(calm.walk(at(73h), 1) == ".");
}

// ── baseline

TEST_CASE("a baseline fires beyond its deviation from the median of four weeks",
          "[rules][own_keys]") {
    // The median of 100, 110, 90, 200 is 105.
    struct Row {
        const char* what;
        const char* deviates;
        double now;
        const char* state;
    };
    const auto row = GENERATE(values<Row>({
        {"a little less than 30% more", "deviates: 30%", 136.4, "."},
        {"a little more than 30% more", "deviates: 30%", 136.6, "F"},
        {"a little less than 30% less", "deviates: 30%", 73.6, "."},
        {"a little more than 30% less", "deviates: 30%", 73.4, "F"},
        {"ten more", "deviates: 10", 115, "."},
        {"over ten more", "deviates: 10", 115.5, "F"},
        {"ten less", "deviates: 10", 95, "."},
        {"over ten less", "deviates: 10", 94.5, "F"},
        {"above only, and above", "deviates: 10, direction: above", 115.5, "F"},
        {"above only, and below", "deviates: 10, direction: above", 94.5, "."},
        {"below only, and above", "deviates: 10, direction: below", 115.5, "."},
        {"below only, and below", "deviates: 10, direction: below", 94.5, "F"},
        {"30% above only, and above", "deviates: 30%, direction: above", 136.6, "F"},
        {"30% above only, and below", "deviates: 30%, direction: above", 73.4, "."},
        {"30% below only, and above", "deviates: 30%, direction: below", 136.6, "."},
        {"30% below only, and below", "deviates: 30%, direction: below", 73.4, "F"},
    }));
    CAPTURE(row.what);
    Watch watch(std::string("  - {alert: A, baseline: {metric: x, ") + row.deviates + "}}\n");
    const Timestamp hour = Timestamp{0} + 5 * week;
    for (const auto& [ago, value] : {std::pair{4, 200.0}, {3, 90.0}, {2, 110.0}, {1, 100.0}}) {
        const Timestamp then = hour - ago * week;
        fill_hour(watch.data, "x", then - 1h, 5000);
        fill_hour(watch.data, "x", then, value);
        fill_hour(watch.data, "x", then + 1h, 5000);
    }
    for (int i = 0; i < 60; ++i)
        watch.data.add(series_name("x"), hour + std::chrono::minutes(i), row.now);
    // The hour from its first moment to its last: its neighbours, with 5000, never count.
    for (const int minute : {0, 1, 30, 59})
        CHECK(watch.walk(hour + std::chrono::minutes(minute), 1) == row.state);
}

TEST_CASE("a baseline is silent under three values, each of its own hour", "[rules][own_keys]") {
    const int known = GENERATE(0, 1, 2, 3, 4);
    CAPTURE(known);
    Watch watch("  - {alert: A, baseline: {metric: x, deviates: 30%}}\n");
    const Timestamp hour = Timestamp{0} + 5 * week;
    for (int ago = 4; ago >= 1; --ago) {
        // A day, an hour, and with NaN: none of them is this hour of this weekday.
        fill_hour(watch.data, "x", hour - ago * week - 24h, 100);
        fill_hour(watch.data, "x", hour - ago * week - 1h, 100);
        fill_hour(watch.data, "x", hour - ago * week, ago <= known ? 100 : NAN);
    }
    watch.data.add(series_name("x"), hour + 1min, 200.0);
    CHECK(watch.walk(hour + 1min, 1) == (known >= 3 ? "F" : "."));
}

TEST_CASE("a baseline takes each series for itself, and negative values as they are",
          "[rules][own_keys]") {
    const std::string direction = GENERATE("both", "above", "below");
    CAPTURE(direction);
    Watch watch("  - {alert: A, baseline: {metric: x, deviates: 30%, direction: " + direction +
                "}}\n");
    const Timestamp hour = Timestamp{0} + 5 * week;
    for (int ago = 4; ago >= 1; --ago) {
        fill_hour(watch.data, "x{q=\"a\"}", hour - ago * week, -100);
        fill_hour(watch.data, "x{q=\"b\"}", hour - ago * week, -100);
        fill_hour(watch.data, "x{q=\"c\"}", hour - ago * week, 0);
    }
    watch.data.add(series_name("x{q=\"a\"}"), hour, -131.0);
    watch.data.add(series_name("x{q=\"b\"}"), hour, -69.0);
    watch.data.add(series_name("x{q=\"c\"}"), hour, 1.0);
    watch.walk(hour, 1);
    const std::string a = R"(A{q="a"} firing -131)", b = R"(A{q="b"} firing -69)",
                      c = R"(A{q="c"} firing 1)";
    if (direction == "both") CHECK(watch.open() == Lines{a, b, c});
    if (direction == "above") CHECK(watch.open() == Lines{b, c});
    if (direction == "below") CHECK(watch.open() == Lines{a});
}

TEST_CASE("a baseline of an expression has its hours too", "[rules][own_keys]") {
    Watch watch(
        "  - {alert: A, baseline: {metric: sum without (q) (x), deviates: 30%, direction: "
        "above}}\n");
    const Timestamp hour = Timestamp{0} + 5 * week;
    for (int ago = 4; ago >= 1; --ago)
        for (int minute = 0; minute <= 60; ++minute)
            for (const char* name : {"x{job=\"j\", q=\"a\"}", "x{job=\"j\", q=\"b\"}"})
                watch.data.add(series_name(name), hour - ago * week + std::chrono::minutes(minute),
                               50.0);
    watch.data.add(series_name("x{job=\"j\", q=\"a\"}"), hour, 129.0);
    CHECK(watch.walk(hour, 1) == ".");
    watch.data.add(series_name("x{job=\"j\", q=\"a\"}"), hour + 1min, 131.0);
    CHECK(watch.walk(hour + 1min, 1) == "F");
    CHECK(watch.open() == Lines{R"(A{job="j"} firing 131)"});
}
