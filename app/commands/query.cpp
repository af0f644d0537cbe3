#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <ctime>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/plot.h"
#include "app/terminal.h"
#include "base/http/client.h"
#include "base/http/form.h"
#include "core/labels.h"
#include "core/sample.h"

namespace vedette::app {

namespace {

/// Seconds of an RFC 3339 time or of a number; nothing when it is neither.
std::optional<double> seconds_of(const std::string& text) {
    if (const auto number = parse_value(text)) return *number;
    if (const auto time = parse_rfc3339(text)) return time->seconds();
    return std::nullopt;
}

/// What nobody said: the last hour, in sixty steps.
void fill_in(QueryOptions& options) {
    if (!options.range) return;
    const double now = SystemClock().now().seconds();
    if (options.end.empty()) options.end = fmt::format("{:.3f}", now);
    if (options.start.empty())
        options.start = fmt::format("{:.3f}", seconds_of(options.end).value_or(now) - 3600);
    const auto start = seconds_of(options.start), end = seconds_of(options.end);
    if (options.step.empty())
        options.step =
            start && end ? fmt::format("{:.3f}", std::max(1.0, (*end - *start) / 60)) : "60";
}

std::string form_of(const QueryOptions& options) {
    std::string form;
    add_field(form, "query", options.expression);
    const auto add = [&](std::string_view name, const std::string& value) {
        if (!value.empty()) add_field(form, name, value);
    };
    if (!options.range) {
        add("time", options.time);
        return form;
    }
    add("start", options.start);
    add("end", options.end);
    add("step", options.step);
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

double step_seconds(const std::string& text) {
    const auto duration = parse_duration(text);
    return duration ? static_cast<double>(duration->count()) / 1000 : seconds_of(text).value_or(60);
}

/// Draws floats over time. The axis goes from the first to the last point there is, or over what
/// was asked for when that is known.
void print_plot(const nlohmann::json& result, const QueryOptions& options) {
    std::vector<PlotSeries> lines;
    std::size_t histograms = 0;
    PlotSettings settings;
    settings.start = std::numeric_limits<double>::infinity();
    settings.end = -settings.start;
    settings.step = 0;
    for (const auto& series : result) {
        histograms += series.contains("histograms") ? 1 : 0;
        PlotSeries line{series_name(series.at("metric")), {}};
        for (const auto& point : series.value("values", nlohmann::json::array())) {
            const auto value = parse_value(value_text(point));
            const double at = point.at(0).get<double>();
            line.points.emplace_back(at, value ? *value : std::nan(""));
            settings.start = std::min(settings.start, at);
            settings.end = std::max(settings.end, at);
        }
        if (!line.points.empty()) lines.push_back(std::move(line));
    }
    if (const auto start = seconds_of(options.start)) settings.start = *start;
    if (const auto end = seconds_of(options.end)) settings.end = *end;
    settings.step = step_seconds(options.step);
    const TerminalSize size = terminal_size(STDOUT_FILENO);
    settings.width = size.columns;
    settings.height =
        std::clamp<std::size_t>(size.rows - std::min<std::size_t>(size.rows, 9), 8, 20);
    settings.colours = has_colours(STDOUT_FILENO);
    settings.ascii = options.ascii || !speaks_utf8();
    const auto end = static_cast<std::time_t>(std::isfinite(settings.end) ? settings.end : 0);
    std::tm local{};
    localtime_r(&end, &local);
    settings.utc_offset_seconds = local.tm_gmtoff;
    std::fputs(plot(lines, settings).c_str(), stdout);
    if (histograms > 0)
        fmt::print(stderr, "{} of native histograms cannot be drawn; --format table shows them\n",
                   counted(histograms, "series", "series"));
}

bool wants_plot(const QueryOptions& options) {
    if (options.format.empty()) return options.range && isatty(STDOUT_FILENO) == 1;
    return options.format == "plot";
}

Exit print_answer(const nlohmann::json& answer, const QueryOptions& options) {
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
    else if (type == "matrix" && wants_plot(options))
        print_plot(result, options);
    else if (type == "matrix")
        print_matrix(result);
    else
        fmt::print("{}\n", value_text(result));
    if (result.empty()) fmt::print(stderr, "no series matches\n");
    return Exit::Fine;
}

}  // namespace

Exit query(QueryOptions options) {
    fill_in(options);
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
    if (options.json || options.format == "json") {
        fmt::print("{}\n", outcome->body);
        return answer.value("status", "") == "success" ? Exit::Fine : Exit::Wrong;
    }
    try {
        return print_answer(answer, options);
    } catch (const nlohmann::json::exception&) {
        fmt::print(stderr, "query: {} answered in a shape that is not Prometheus's\n", options.url);
        return Exit::Wrong;
    }
}

}  // namespace vedette::app
