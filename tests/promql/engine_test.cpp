#include "promql/engine.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "core/histogram.h"
#include "tests/promql/recorded_answers.h"

using namespace vedette;
using namespace vedette::promql;
using namespace std::chrono_literals;

namespace {

/// An answer on one line: `{a="1"} 2@60 3@120; …`, or the error.
std::string shown(const Result<QueryResult>& result) {
    if (!result) return result.error().message;
    std::string out;
    for (const auto& series : result->series) {
        out += (out.empty() ? "" : "; ") + to_string(series.labels);
        for (const Sample& sample : series.samples)
            out += ' ' +
                   (std::holds_alternative<double>(sample.value)
                        ? format_value(std::get<double>(sample.value))
                        : to_string(*std::get<HistogramRef>(sample.value))) +
                   '@' + format_value(sample.at.seconds());
    }
    return out;
}

struct Bench {
    MemorySource source;
    ManualClock clock;
    EngineSettings settings;

    explicit Bench(std::string_view lines = {}, Milliseconds step = 1min) {
        source.load(lines, {0}, step);
    }
    Result<QueryResult> at(std::string_view query, Timestamp when, std::stop_token stop = {}) {
        return Engine(settings, clock).instant(*parse(query).value(), when, source, stop);
    }
    Result<QueryResult> over(std::string_view query, Timestamp from, Timestamp to,
                             Milliseconds step) {
        return Engine(settings, clock).range(*parse(query).value(), from, to, step, source);
    }
};

/// A clock on which a second passes whenever somebody looks.
class HurryingClock final : public Clock {
public:
    Timestamp now() const override { return {0}; }
    std::chrono::steady_clock::time_point steady() const override {
        return std::chrono::steady_clock::time_point(std::chrono::seconds(++looks_));
    }

private:
    mutable std::int64_t looks_ = 0;
};

}  // namespace

TEST_CASE("random queries on random data are answered as Prometheus 3.5.3 answered them",
          "[promql][engine]") {
    std::ifstream file("tests/promql/recorded/answers.json");
    const auto recorded = nlohmann::json::parse(file);
    REQUIRE(recorded["version"] == "3.5.3");
    CAPTURE(recorded["seed"]);
    MemorySource source = recorded_data(recorded);
    for (const auto& row : recorded["cases"]) {
        CAPTURE(row["query"].get<std::string>());
        CHECK(difference(row, ask(row, source), 0) == "");
    }
}

TEST_CASE("native histograms are computed with as Prometheus 3.5.3 computes with them",
          "[promql][engine]") {
    std::ifstream file("tests/promql/recorded/native.json");
    const auto recorded = nlohmann::json::parse(file);
    REQUIRE(recorded["version"] == "3.5.3");
    MemorySource source = recorded_data(recorded);
    for (const auto& row : recorded["cases"]) {
        CAPTURE(row.dump());
        CHECK(difference(row, ask(row, source), 0) == "");
    }
}

TEST_CASE("what was once found to differ from Prometheus 3.5.3 differs no more",
          "[promql][engine]") {
    std::ifstream file("tests/promql/recorded/found.json");
    const auto recorded = nlohmann::json::parse(file);
    REQUIRE(recorded["version"] == "3.5.3");
    MemorySource source = recorded_data(recorded);
    for (const auto& row : recorded["cases"]) {
        CAPTURE(row["what"].get<std::string>(), row["query"].get<std::string>());
        const auto got = ask(row, source);
        CHECK(difference(row, got, 0) == "");
        if (!row.value("in_order", false)) continue;
        for (std::size_t i = 0; i < row["series"].size(); ++i)
            CHECK(got->series.at(i).labels == recorded_labels(row["series"][i][0]));
    }
}

TEST_CASE("a sample is current for less than five minutes, and not after a stale marker",
          "[promql][engine]") {
    Bench bench("up 1\nended 1 stale");
    CHECK(shown(bench.at("up", {299'999})) == "up 1@299.999");
    CHECK(shown(bench.at("up", {300'000})) == "");
    CHECK(shown(bench.at("ended", {59'999})) == "ended 1@59.999");
    CHECK(shown(bench.at("ended", {60'000})) == "");
}

TEST_CASE("a window is open on the left", "[promql][engine]") {
    Bench bench("x 0+1x10");
    CHECK(shown(bench.at("count_over_time(x[2m])", {240'000})) == "{} 2@240");
    CHECK(shown(bench.at("count_over_time(x[2m])", {239'999})) == "{} 2@239.999");
    CHECK(shown(bench.at("count_over_time(x[2m1ms])", {240'000})) == "{} 3@240");
    CHECK(shown(bench.at("x[2m]", {240'000})) == "x 3@180 4@240");
    CHECK(shown(bench.at("x[2m] offset 1m", {240'000})) == "x 2@120 3@180");
}

TEST_CASE("a rate makes good a counter's resets and reaches to the window's edges",
          "[promql][engine]") {
    Bench bench("c_total 0 60 120 30 90");
    CHECK(shown(bench.at("rate(c_total[4m])", {240'000})) == "{} 0.8333333333333333@240");
    CHECK(shown(bench.at("increase(c_total[5m])", {240'000})) == "{} 210@240");
    CHECK(shown(bench.at("irate(c_total[5m])", {180'000})) == "{} 0.5@180");
    CHECK(bench.at("rate(c_total[4m])", {240'000})->infos.empty());
    CHECK(
        Bench("g 1 2 3").at("1 +\n rate(g[3m])", {120'000})->infos ==
        std::vector<std::string>{"PromQL info: metric might not be a counter, name does not end in "
                                 "_total/_sum/_count/_bucket: \"g\" (2:7)"});
}

TEST_CASE("@ fixes the time for all steps, offset then goes back from there", "[promql][engine]") {
    Bench bench("x 0+1x10");
    CHECK(shown(bench.over("x @ 60", {0}, {120'000}, 1min)) == "x 1@0 1@60 1@120");
    CHECK(shown(bench.over("x @ end() offset 1m", {0}, {120'000}, 1min)) == "x 1@0 1@60 1@120");
    CHECK(shown(bench.over("x @ start()", {60'000}, {120'000}, 1min)) == "x 1@60 1@120");
    CHECK(shown(bench.over("sum_over_time(x[2m] @ 120)", {0}, {60'000}, 1min)) == "{} 3@0 3@60");
    CHECK(shown(bench.over("x offset -1m", {0}, {60'000}, 1min)) == "x 1@0 2@60");
}

TEST_CASE("a subquery steps at whole multiples of its step", "[promql][engine]") {
    Bench bench("x 0+1x10");
    CHECK(shown(bench.at("x[2m:1m]", {150'000})) == "x 1@60 2@120");
    CHECK(shown(bench.at("max_over_time((x * 2)[3m:])", {210'000})) == "{} 6@210");
}

TEST_CASE("operators join series by their labels", "[promql][engine]") {
    struct Row {
        const char *what, *query, *answer;
    };
    const auto row = GENERATE(values<Row>({
        {"the name goes with arithmetic", "a + b", R"({l="1"} 11@0; {l="2"} 22@0)"},
        {"a filter keeps name and value", "a > 1", R"(a{l="2"} 2@0)"},
        {"bool answers 0 or 1", "a > bool 1", R"({l="1"} 0@0; {l="2"} 1@0)"},
        {"a scalar on the left filters too", "1 < a", R"(a{l="2"} 2@0)"},
        {"and keeps what the right has", "a and b{l=\"1\"}", R"(a{l="1"} 1@0)"},
        {"unless keeps the rest", "a unless b{l=\"1\"}", R"(a{l="2"} 2@0)"},
        {"or adds what the left has not", "a{l=\"1\"} or b", R"(a{l="1"} 1@0; b{l="2"} 20@0)"},
        {"group_left copies labels", "a * on () group_left (k) one",
         R"({k="v", l="1"} 5@0; {k="v", l="2"} 10@0)"},
        {"many on both sides are refused", "a + on () b",
         R"(found duplicate series for the match group {} on the right hand-side of the operation: [{__name__="b", l="2"}, {__name__="b", l="1"}];many-to-many matching not allowed: matching labels must be unique on one side)"},
        {"many must be said to be many", "a + on () one",
         "multiple matches for labels: many-to-one matching must be explicit "
         "(group_left/group_right)"},
        {"two names that fall together are refused", "abs({l=\"1\"})",
         "vector cannot contain metrics with the same labelset"},
    }));
    CAPTURE(row.what);
    Bench bench("a{l=\"1\"} 1\na{l=\"2\"} 2\nb{l=\"1\"} 10\nb{l=\"2\"} 20\none{k=\"v\"} 5");
    CHECK(shown(bench.at(row.query, {0})) == row.answer);
}

TEST_CASE("aggregations fold series of equal labels", "[promql][engine]") {
    struct Row {
        const char *query, *answer;
    };
    const auto row = GENERATE(values<Row>({
        {"sum(x)", "{} 10@0"},
        {"sum by (j) (x)", R"({j="a"} 3@0; {j="b"} 7@0)"},
        {"sum without (i) (x)", R"({j="a"} 3@0; {j="b"} 7@0)"},
        {"avg(x)", "{} 2.5@0"},
        {"min(x)", "{} 1@0"},
        {"max(x)", "{} 4@0"},
        {"count(x)", "{} 4@0"},
        {"group(x)", "{} 1@0"},
        {"stdvar(x)", "{} 1.25@0"},
        {"quantile(0.5, x)", "{} 2.5@0"},
        {"topk(1, x)", R"(x{i="4", j="b"} 4@0)"},
        {"bottomk(2, x)", R"(x{i="1", j="a"} 1@0; x{i="2", j="a"} 2@0)"},
        {"topk by (j) (1, x)", R"(x{i="2", j="a"} 2@0; x{i="4", j="b"} 4@0)"},
        {"topk(0, x)", ""},
        {"count_values(\"v\", x > 3)", R"({v="4"} 1@0)"},
        {"sort_desc(x{j=\"a\"})", R"(x{i="2", j="a"} 2@0; x{i="1", j="a"} 1@0)"},
    }));
    CAPTURE(row.query);
    Bench bench(
        "x{i=\"1\",j=\"a\"} 1\nx{i=\"2\",j=\"a\"} 2\nx{i=\"3\",j=\"b\"} 3\nx{i=\"4\",j=\"b\"} 4");
    CHECK(shown(bench.at(row.query, {0})) == row.answer);
}

TEST_CASE("a query that asks for too much is stopped with the limit's name", "[promql][engine]") {
    Bench bench("x{a=\"1\"} 0+1x100\nx{a=\"2\"} 0+1x100");
    bench.settings.samples_max = 100;
    const auto much = bench.at("sum_over_time(x[2h])", {6'000'000});
    REQUIRE(!much);
    CHECK(much.error() == Error{Fault::Limit,
                                "query processing would load too many samples into memory "
                                "in query execution"});
    const auto steps = bench.over("x", {0}, {11'001'000}, 1s);
    REQUIRE(!steps);
    CHECK(steps.error() == Error{Fault::Limit,
                                 "exceeded maximum resolution of 11,000 points per timeseries. "
                                 "Try decreasing the query resolution (?step=XX)"});
    CHECK(bench.over("nothing", {0}, {11'000'000}, 1s));
}

TEST_CASE("a query is refused by the most samples it holds at once, not by all it read",
          "[promql][engine]") {
    Bench bench("x{a=\"1\"} 0+1x100\nx{a=\"2\"} 0+1x100");
    // At each of 101 steps: 11 samples of a window, and the results; of both series in the end.
    const auto ask = [&] {
        QueryStatistics cost;
        const auto got = Engine(bench.settings, bench.clock)
                             .range(*parse("sum_over_time(x[11m])").value(), {0}, {6'000'000},
                                    Milliseconds(60'000), bench.source, {}, &cost);
        CHECK(cost.samples_read == (got ? 2 * (55 + 91 * 11) : 0));
        return shown(got);
    };
    bench.settings.samples_max = 2 * 101 + 11;
    CHECK(ask().starts_with("{a=\"1\"}"));
    bench.settings.samples_max -= 1;
    CHECK(ask() == "query processing would load too many samples into memory in query execution");
}

TEST_CASE("count_values of values that are all new is refused before it fills the memory",
          "[promql][engine]") {
    Bench bench("x 0+1x3000");
    bench.settings.samples_max = 100'000;
    CHECK(shown(bench.over("count_values(\"v\", x)", {0}, {180'000'000}, 1min)) ==
          "query processing would load too many samples into memory in query execution");
    CHECK(bench.over("count_values(\"v\", x)", {0}, {1'800'000}, 1min));
}

TEST_CASE("a histogram counts by its size against what a query may read", "[promql][engine]") {
    Bench bench;
    auto histogram = std::make_shared<Histogram>();
    histogram->positive_spans = {{0, 800}};
    histogram->positive_buckets.resize(800, 1);
    for (std::int64_t at = 0; at < 5; ++at)
        bench.source.add(series_name("h"), {at * 60'000}, histogram);
    bench.settings.samples_max = 2'000;
    CHECK(bench.at("h", {0}));
    CHECK(shown(bench.at("count_over_time(h[10m])", {300'000})) ==
          "query processing would load too many samples into memory in query execution");
}

TEST_CASE("a query stops when its caller goes away or its time is over", "[promql][engine]") {
    Bench bench("x 1");
    std::stop_source caller;
    caller.request_stop();
    CHECK(bench.at("x", {0}, caller.get_token()).error() ==
          Error{Fault::Cancelled, "query was canceled in expression evaluation"});
    bench.settings.timeout = -1ms;
    CHECK(bench.at("x", {0}).error() ==
          Error{Fault::Timeout, "query timed out in expression evaluation"});
}

TEST_CASE("a query is given up in the middle of one series with long windows",
          "[promql][engine]") {
    MemorySource source;
    const HurryingClock clock;
    EngineSettings settings;
    settings.timeout = 15s;
    const ExprPtr expr =
        std::move(parse("quantile_over_time(0.5, (vector(time()))[1d:10s])").value());
    const auto got =
        Engine(settings, clock).range(*expr, {0}, {60'000'000}, Milliseconds(60'000), source);
    REQUIRE(!got);
    CHECK(got.error() == Error{Fault::Timeout, "query timed out in expression evaluation"});
}

TEST_CASE("a query nested as deep as the parser allows is answered", "[promql][engine]") {
    const auto repeated = [](std::string_view text, std::size_t times) {
        std::string out;
        for (std::size_t i = 0; i < times; ++i) out += text;
        return out;
    };
    struct Row {
        const char *open, *close;
        std::size_t levels;
    };
    const auto row = GENERATE(values<Row>({{"(", ")", 4999},
                                           {"-", "", 4999},
                                           {"", "+x", 4999},
                                           {"abs(", ")", 4999},
                                           {"sum(", ")", 4999},
                                           {"clamp_min(", ", 1)", 4999},
                                           {"max_over_time(", "[1m:1m])", 2400}}));
    CAPTURE(row.open, row.close);
#if defined(__SANITIZE_THREAD__)
    // It keeps the whole stack of every allocation: the deepest would take 19 GiB.
    const std::size_t levels = row.levels / 10;
#else
    const std::size_t levels = row.levels;
#endif
    Bench bench("x 1x5");
    const auto answer =
        bench.at(repeated(row.open, levels) + "x" + repeated(row.close, levels), {240'000});
    REQUIRE(answer);
    CHECK(answer->series.size() == 1);
}

TEST_CASE("a native histogram goes through a query beside floats", "[promql][engine]") {
    struct Row {
        const char *query, *answer;
    };
    const auto row = GENERATE(values<Row>({
        {"h", R"(h{a="1"} {count:3, sum:5, [-1,1]:1, (1,2]:2}@60; h{a="2"} 7@60)"},
        {"abs(h)", R"({a="2"} 7@60)"},
        {"histogram_count(h)", R"({a="1"} 3@60)"},
        {"timestamp(h)", R"({a="1"} 60@60; {a="2"} 60@60)"},
        {"2 * h", R"({a="1"} {count:6, sum:10, [-1,1]:2, (1,2]:4}@60; {a="2"} 14@60)"},
        {"h + on (a) h", R"({a="1"} {count:6, sum:10, [-1,1]:2, (1,2]:4}@60; {a="2"} 14@60)"},
        {"count(h)", "{} 2@60"},
        {"max(h)", "{} 7@60"},
        {"sum(h)", ""},
        {"sum by (a) (h)", R"({a="1"} {count:3, sum:5, [-1,1]:1, (1,2]:2}@60; {a="2"} 7@60)"},
        {"last_over_time(h[1m:])",
         R"(h{a="1"} {count:3, sum:5, [-1,1]:1, (1,2]:2}@60; h{a="2"} 7@60)"},
        {"h @ 0", R"(h{a="1"} {count:3, sum:5, [-1,1]:1, (1,2]:2}@60; h{a="2"} 7@60)"},
        {"topk(2, h)", R"(h{a="2"} 7@60)"},
        {"h and h", R"(h{a="1"} {count:3, sum:5, [-1,1]:1, (1,2]:2}@60; h{a="2"} 7@60)"},
    }));
    CAPTURE(row.query);
    Bench bench("h{a=\"2\"} 7x1");
    auto histogram = std::make_shared<Histogram>();
    histogram->count = 3;
    histogram->sum = 5;
    histogram->zero_threshold = histogram->zero_count = 1;
    histogram->positive_spans = {{1, 1}};
    histogram->positive_buckets = {2};
    for (const std::int64_t at : {0, 60'000})
        bench.source.add(series_name("h{a=\"1\"}"), {at}, histogram);
    CHECK(shown(bench.at(row.query, {60'000})) == row.answer);
}
