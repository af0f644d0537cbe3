#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/terminal.h"
#include "base/http_client.h"
#include "core/labels.h"

namespace vedette::app {

namespace {

std::string url_encode(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ||
                           c == '.' || c == '~';
        out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

std::string form_of(const QueryOptions& options) {
    std::string form = "query=" + url_encode(options.expression);
    const auto add = [&](std::string_view name, const std::string& value) {
        if (!value.empty()) form += fmt::format("&{}={}", name, url_encode(value));
    };
    if (!options.range) {
        add("time", options.time);
        return form;
    }
    const double now = SystemClock().now().seconds();
    const std::string start =
        options.start.empty() ? fmt::format("{:.3f}", now - 3600) : options.start;
    const std::string end = options.end.empty() ? fmt::format("{:.3f}", now) : options.end;
    add("start", start);
    add("end", end);
    add("step", options.step.empty() ? "60" : options.step);
    return form;
}

/// Sends one call and waits for its answer.
HttpOutcome ask(HttpCall call) {
    Loop loop;
    const auto resolver = make_system_resolver(loop);
    HttpClient client(loop, *resolver);
    std::optional<HttpOutcome> outcome;
    client.send(std::move(call),
                Deadline::after(loop.now(), std::chrono::minutes(2) + std::chrono::seconds(5)),
                [&](HttpOutcome answer) { outcome = std::move(answer); });
    while (!outcome) loop.turn(std::chrono::seconds(1));
    return std::move(*outcome);
}

std::string series_name(const nlohmann::json& metric) {
    std::vector<Label> labels;
    for (const auto& [name, value] : metric.items())
        labels.push_back({name, value.get_ref<const std::string&>()});
    return to_string(Labels(std::move(labels)));
}

std::string value_text(const nlohmann::json& point) {
    if (point.is_array() && point.size() == 2 && point[1].is_string())
        return point[1].get<std::string>();
    return point.dump();
}

/// `{count:3, sum:5, (1,2]:2}`, as the expression language shows a histogram.
std::string histogram_text(const nlohmann::json& point) {
    const auto text = [](const nlohmann::json& value) { return value.get<std::string>(); };
    const nlohmann::json& histogram = point.at(1);
    std::string out =
        fmt::format("{{count:{}, sum:{}", text(histogram.at("count")), text(histogram.at("sum")));
    for (const auto& bucket : histogram.value("buckets", nlohmann::json::array())) {
        // 0: closed above, 1: closed below, 2: open, 3: closed on both sides
        const int rule = bucket.at(0).get<int>();
        out +=
            fmt::format(", {}{},{}{}:{}", rule == 1 || rule == 3 ? '[' : '(', text(bucket.at(1)),
                        text(bucket.at(2)), rule == 0 || rule == 3 ? ']' : ')', text(bucket.at(3)));
    }
    return out + '}';
}

void print_vector(const nlohmann::json& result) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& series : result)
        rows.push_back({series_name(series.at("metric")),
                        series.contains("value") ? value_text(series["value"])
                                                 : histogram_text(series.at("histogram"))});
    std::fputs(table(rows, {false, true}).c_str(), stdout);
}

void print_matrix(const nlohmann::json& result) {
    for (const auto& series : result) {
        fmt::print("{}\n", series_name(series.at("metric")));
        std::map<std::int64_t, std::string> texts;
        const auto at = [](const nlohmann::json& point) {
            return static_cast<std::int64_t>(std::llround(point.at(0).get<double>() * 1000));
        };
        for (const auto& point : series.value("values", nlohmann::json::array()))
            texts[at(point)] = value_text(point);
        for (const auto& point : series.value("histograms", nlohmann::json::array()))
            texts[at(point)] = histogram_text(point);
        std::vector<std::vector<std::string>> rows;
        for (const auto& [ms, text] : texts) rows.push_back({"  " + format_rfc3339({ms}), text});
        std::fputs(table(rows, {false, true}).c_str(), stdout);
    }
}

Exit print_answer(const nlohmann::json& answer) {
    if (answer.value("status", "") != "success") {
        fmt::print(stderr, "query: {}\n", answer.value("error", "the server did not say why"));
        return Exit::Wrong;
    }
    for (const char* kind : {"warnings", "infos"})
        for (const auto& text : answer.value(kind, nlohmann::json::array()))
            fmt::print(stderr, "{}: {}\n", kind, text.get<std::string>());
    const nlohmann::json& data = answer.at("data");
    const std::string type = data.value("resultType", "");
    const nlohmann::json& result = data.at("result");
    if (type == "vector")
        print_vector(result);
    else if (type == "matrix")
        print_matrix(result);
    else
        fmt::print("{}\n", value_text(result));
    if (result.empty()) fmt::print(stderr, "no series matches\n");
    return Exit::Fine;
}

}  // namespace

Exit query(const QueryOptions& options) {
    std::string url = options.url;
    while (url.ends_with('/')) url.pop_back();
    HttpCall call;
    call.method = "POST";
    call.url = url + (options.range ? "/api/v1/query_range" : "/api/v1/query");
    call.headers = {{"content-type", "application/x-www-form-urlencoded"}};
    call.body = form_of(options);
    call.body_bytes_max = std::size_t{256} << 20;
    call.settings = std::make_shared<HttpSettings>();
    const HttpOutcome outcome = ask(std::move(call));
    if (!outcome) {
        fmt::print(stderr, "query: {} does not answer: {}\n", options.url,
                   outcome.error().error.message);
        return Exit::Wrong;
    }
    const nlohmann::json answer = nlohmann::json::parse(outcome->body, nullptr, false);
    if (answer.is_discarded() || !answer.is_object()) {
        fmt::print(stderr,
                   "query: {} answered {} with something that is no JSON; is it a Prometheus?\n",
                   options.url, outcome->status);
        return Exit::Wrong;
    }
    if (options.json) {
        fmt::print("{}\n", outcome->body);
        return answer.value("status", "") == "success" ? Exit::Fine : Exit::Wrong;
    }
    try {
        return print_answer(answer);
    } catch (const nlohmann::json::exception&) {
        fmt::print(stderr, "query: {} answered in a shape that is not Prometheus's\n", options.url);
        return Exit::Wrong;
    }
}

}  // namespace vedette::app
