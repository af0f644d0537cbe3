#include "exporter/api/query_api.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/limits.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_source.h"

using namespace vedette;
using namespace vedette::exporter;
using nlohmann::json;

namespace {

/// Names and values of a MemorySource, by asking it for the series. As a store that answers for
/// whole chunks it does not look at the window.
class MemoryLabels final : public LabelSource {
public:
    explicit MemoryLabels(MemorySource& source) : source_(source) {}

    Result<std::vector<Labels>> series_in(Selectors selectors, Window) override {
        constexpr Window window{{-1}, {4'000'000'000'000}};
        std::set<Labels> found;
        const std::vector<std::vector<Matcher>> all{{{Matcher::Op::NotEqual, "__name__", ""}}};
        for (const auto& matchers : selectors.empty() ? Selectors(all) : selectors) {
            auto cursor = source_.select(matchers, window, {}, {});
            if (!cursor) return fail(cursor.error());
            for (Column column; (*cursor)->next(column);) found.insert(*column.labels);
        }
        return std::vector<Labels>(found.begin(), found.end());
    }
    Result<std::vector<std::string>> label_names(Selectors selectors, Window window) override {
        return texts(selectors, window, [](Label label) { return std::string(label.name); });
    }
    Result<std::vector<std::string>> label_values(std::string_view name, Selectors selectors,
                                                  Window window) override {
        return texts(selectors, window, [&](Label label) {
            return label.name == name ? std::string(label.value) : std::string();
        });
    }

private:
    template <typename Pick>
    Result<std::vector<std::string>> texts(Selectors selectors, Window window, Pick pick) {
        const auto series = series_in(selectors, window);
        if (!series) return fail(series.error());
        std::set<std::string> found;
        for (const Labels& labels : *series)
            for (const Label label : labels)
                if (std::string text = pick(label); !text.empty()) found.insert(std::move(text));
        return std::vector<std::string>(found.begin(), found.end());
    }

    MemorySource& source_;
};

struct Api {
    MemorySource source;
    MemoryLabels labels{source};
    ManualClock clock;
    promql::Engine engine{{.features = {.per_step_stats = true}}, clock};
    std::vector<Route> routes = query_routes({engine, source, labels, clock});

    using Parameters = std::vector<std::pair<std::string, std::string>>;

    Response ask(const std::string& method, const std::string& path, Parameters parameters) {
        Request request;
        request.method = method;
        request.path = "/api/v1/" + path;
        request.form = std::move(parameters);
        std::string pattern = request.path;
        if (path.starts_with("label/")) {
            request.captures = {{"name", path.substr(6, path.rfind('/') - 6)}};
            pattern = "/api/v1/label/{name}/values";
        }
        for (const Route& route : routes)
            if (route.method == method && route.path == pattern) return route.answer(request);
        FAIL("no route for " << method << ' ' << pattern);
        return {};
    }
    std::string get(const std::string& path, Parameters parameters) {
        const Response response = ask("GET", path, std::move(parameters));
        return std::to_string(response.status) + ' ' + response.body;
    }
};

/// Where we answer otherwise than Prometheus 3.5.3 on purpose.
const std::map<std::string, std::string> otherwise = {
    // RFC 3339 itself allows small letters.
    {"time as RFC 3339 in small letters",
     R"({"status":"success","data":{"resultType":"scalar","result":[1700000300,"1700000300"]}})"},
    // What is no moment is refused, not answered with nothing.
    {"time with an underscore",
     R"({"status":"error","errorType":"bad_data","error":"invalid parameter \"time\": invalid time value for 'time': cannot parse \"1_000\" to a valid timestamp"})"},
    {"infinite time",
     R"({"status":"error","errorType":"bad_data","error":"invalid parameter \"time\": invalid time value for 'time': cannot parse \"Inf\" to a valid timestamp"})"},
    {"time NaN",
     R"({"status":"error","errorType":"bad_data","error":"invalid parameter \"time\": invalid time value for 'time': cannot parse \"NaN\" to a valid timestamp"})"},
    {"huge time",
     R"({"status":"error","errorType":"bad_data","error":"invalid parameter \"time\": invalid time value for 'time': cannot parse \"1e300\" to a valid timestamp"})"},
    // There it divides by zero.
    {"tiny step",
     R"({"status":"error","errorType":"bad_data","error":"invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer"})"},
};

json recorded() {
    std::ifstream file("tests/exporter/recorded/query_api.json");
    return json::parse(file);
}

void load(const json& data, MemorySource& source) {
    for (const json& series : data) {
        LabelsBuilder labels;
        for (const auto& [name, value] : series[0].items())
            labels.set(name, value.get<std::string>());
        const Labels built = labels.build();
        for (const json& sample : series[1])
            source.add(built, {sample[0].get<std::int64_t>()}, sample[1].get<double>());
    }
}

/// Which of two duplicates is named first depends on the order in which series came to be stored;
/// and time passes.
json without_chance(json body) {
    if (body.contains("data") && body["data"].is_object() && body["data"].contains("stats"))
        for (json& took : body["data"]["stats"]["timings"]) took = 0;
    if (body.contains("error") &&
        body["error"].get<std::string>().starts_with("found duplicate series"))
        body["error"] = "found duplicate series";
    return body;
}

}  // namespace

TEST_CASE("good and bad requests are answered as Prometheus 3.5.3 answered them", "[api][query]") {
    const json file = recorded();
    REQUIRE(file["version"] == "3.5.3");
    Api api;
    load(file["data"], api.source);
    for (const json& row : file["cases"]) {
        const auto what = row["what"].get<std::string>();
        CAPTURE(what);
        const Response response =
            api.ask(row["method"], row["path"], row["parameters"].get<Api::Parameters>());
        CHECK(response.content_type == "application/json");
        if (const auto ours = otherwise.find(what); ours != otherwise.end()) {
            CHECK(response.body == ours->second);
            CHECK(json::parse(response.body) != row["body"]);
            continue;
        }
        CHECK(response.status == row["status"]);
        CHECK(without_chance(json::parse(response.body)) == without_chance(row["body"]));
    }
}

TEST_CASE("a query that has no time is timed out, when nothing else is wrong with it",
          "[api][query]") {
    // Prometheus says one of three things, as it happens; this is one of them.
    Api api;
    const auto timeout = GENERATE(as<std::string>(), "0", "-1", "0s", "NaN", "1e-9");
    CAPTURE(timeout);
    const std::string over =
        R"(503 {"status":"error","errorType":"timeout","error":"query timed out in query execution"})";
    CHECK(api.get("query", {{"query", "up"}, {"timeout", timeout}}) == over);
    CHECK(api.get("query_range", {{"query", "up"},
                                  {"start", "0"},
                                  {"end", "1"},
                                  {"step", "1"},
                                  {"timeout", timeout}}) == over);
    CHECK(api.get("query", {{"query", "up{"}, {"timeout", timeout}}).starts_with("400 "));
}

TEST_CASE("what each step read is told only with the feature and the word all", "[api][query]") {
    Api api;
    const auto samples = [&](const std::string& word) {
        return json::parse(
            api.ask("GET", "query", {{"query", "1"}, {"stats", word}}).body)["data"]["stats"];
    };
    CHECK(samples("all")["samples"].contains("totalQueryableSamplesPerStep"));
    CHECK(samples("true")["samples"] ==
          json::parse(R"({"totalQueryableSamples":0,"peakSamples":1})"));
    CHECK(samples("").is_null());
    const promql::Engine plain({}, api.clock);
    api.routes = query_routes({plain, api.source, api.labels, api.clock});
    CHECK(!samples("all")["samples"].contains("totalQueryableSamplesPerStep"));
}

TEST_CASE("a query without a time is asked of now", "[api][query]") {
    Api api;
    api.source.load("up 1", api.clock.now());
    CHECK(
        api.get("query", {{"query", "up"}}) ==
        R"(200 {"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up"},"value":[1790000000,"1"]}]}})");
}

TEST_CASE("a wish for more time than the engine gives is no error", "[api][query]") {
    Api api;
    api.source.load("up 1", api.clock.now());
    CHECK(api.ask("GET", "query", {{"query", "up"}, {"timeout", "9e9"}}).status == 200);
}

TEST_CASE("label names that no path can hold are refused or taken as they stand", "[api][query]") {
    Api api;
    CHECK(
        api.get("label/\xff/values", {}) ==
        R"(400 {"status":"error","errorType":"bad_data","error":"invalid label name: \"\\xff\""})");
    CHECK(api.get("label/U__a_110000_/values", {}) == R"(200 {"status":"success","data":[]})");
}

TEST_CASE("what runs beside too many others is refused, and nothing is held back afterwards",
          "[api][query]") {
    /// Asks again from inside the question, as deep as it is told.
    struct Nested final : SeriesSource {
        Api* api = nullptr;
        std::size_t depth = 0;
        std::string innermost;
        Result<std::unique_ptr<SeriesCursor>> select(std::span<const Matcher> matchers,
                                                     Window window, const Hints& hints,
                                                     std::stop_token stop) override {
            if (++depth <= limits::queries_in_flight_max) {
                const std::string answer = api->get("query", {{"query", "up"}});
                if (innermost.empty()) innermost = answer;
            }
            return api->source.select(matchers, window, hints, stop);
        }
    };
    Nested nested;
    Api api;
    nested.api = &api;
    api.routes = query_routes({api.engine, nested, api.labels, api.clock});
    CHECK(api.ask("GET", "query", {{"query", "up"}}).status == 200);
    CHECK(nested.innermost ==
          "503 {\"status\":\"error\",\"errorType\":\"unavailable\",\"error\":\"" +
              std::to_string(limits::queries_in_flight_max) +
              " queries are running already; try again\"}");
    CHECK(api.ask("GET", "query", {{"query", "up"}}).status == 200);
}
