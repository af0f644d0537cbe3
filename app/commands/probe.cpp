#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "app/commands/commands.h"
#include "app/configuration.h"
#include "app/terminal.h"
#include "base/http/client.h"
#include "exporter/exposition.h"
#include "exporter/json_writer.h"
#include "probes/measure.h"
#include "probes/settings.h"

namespace vedette::app {

namespace {

std::string took_text(std::chrono::nanoseconds took) {
    const double ms = std::chrono::duration<double, std::milli>(took).count();
    return ms < 10     ? fmt::format("{:.2f} ms", ms)
           : ms < 1000 ? fmt::format("{:.0f} ms", ms)
                       : fmt::format("{:.2f} s", ms / 1000);
}

/// Phases one after the other, as long as they took:
///
///   resolve     ▏                                0.04 ms
///   connect     ▇▇▇                              0.31 ms
///   processing     ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇     3.10 ms
std::string waterfall(const std::vector<Phase>& phases) {
    constexpr int width = 48;
    std::chrono::nanoseconds total{0};
    for (const Phase& phase : phases) total += phase.took;
    if (total.count() == 0) return {};
    std::string out;
    std::chrono::nanoseconds before{0};
    for (const Phase& phase : phases) {
        if (phase.took.count() == 0) continue;  // `tls` of a plain connection
        const auto column = [&](std::chrono::nanoseconds at) {
            return static_cast<int>(static_cast<double>(at.count()) /
                                    static_cast<double>(total.count()) * width);
        };
        const int begin = column(before), end = column(before + phase.took);
        std::string bar(static_cast<std::size_t>(begin), ' ');
        for (int i = begin; i < end; ++i) bar += "▇";
        if (begin == end) bar += "▏";
        const int used = begin == end ? begin + 1 : end;
        bar += std::string(static_cast<std::size_t>(std::max(0, width + 1 - used)), ' ');
        out += fmt::format("  {:<11} {} {:>9}\n", phase.name, bar, took_text(phase.took));
        before += phase.took;
    }
    return out;
}

void print_json(const probes::Measured& measured, const std::string& target) {
    exporter::JsonWriter json;
    json.begin_object()
        .field("target", target)
        .field("up", measured.reading.up)
        .field("reason", measured.reading.reason);
    json.key("seconds")
        .value(std::chrono::duration<double>(measured.took).count())
        .key("phases")
        .begin_object();
    for (const Phase& phase : measured.reading.phases)
        json.field(phase.name, std::chrono::duration<double>(phase.took).count());
    json.end_object().key("metrics").begin_list();
    for (const Reading::Metric& metric : measured.reading.metrics)
        json.begin_object()
            .field("name", metric.name)
            .key("labels")
            .labels(metric.labels)
            .field("value", metric.value)
            .end_object();
    json.end_list().end_object();
    fmt::print("{}\n", json.take());
}

void print_human(const probes::Measured& measured, const std::string& target) {
    const bool colours = has_colours(STDOUT_FILENO);
    const Reading& reading = measured.reading;
    fmt::print("{}  {}  {}\n", target,
               ink(reading.up ? Ink::Good : Ink::Bad, reading.up ? "up" : "down", colours),
               took_text(measured.took));
    if (!reading.up) fmt::print("  {}\n", reading.reason);
    fmt::print("{}", waterfall(reading.phases));
}

/// The settings of one probe of a configuration, asking `target` instead of its own targets.
Result<probes::ProbeSettings> configured(const ProbeOptions& options) {
    Problems problems;
    const Configuration configuration = load_configuration(options.config, {}, problems);
    if (problems.any()) return fail(Fault::BadInput, problems.text());
    const auto& all = configuration.probes.probes;
    const auto at = std::find_if(all.begin(), all.end(),
                                 [&](const auto& probe) { return probe.name == options.name; });
    if (at == all.end()) {
        std::vector<std::string> names;
        for (const auto& probe : all) names.push_back(probe.name);
        const std::string_view near = nearest(options.name, names);
        return fail(Fault::NotFound,
                    fmt::format("no probe `{}` in {}{}", options.name, options.config,
                                near.empty() ? "" : fmt::format("; did you mean `{}`?", near)));
    }
    probes::ProbeSettings probe = *at;
    probe.targets.resize(1);
    probe.targets[0].address = probe.targets[0].instance = options.target;
    return probe;
}

}  // namespace

Exit probe(const ProbeOptions& options) {
    Result<probes::ProbeSettings> settings =
        options.name.empty() ? probes::probe_of(options.type, options.target) : configured(options);
    if (!settings) {
        fmt::print(stderr, "probe: {}\n", settings.error().message);
        return Exit::Usage;
    }
    settings->timeout = options.timeout;
    Loop loop;
    const auto resolver = make_system_resolver(loop);
    HttpClient http(loop, *resolver);
    SystemClock clock;
    const probes::World world{loop, http, clock, options.transcript};
    const probes::Measured measured = probes::run_once(world, *settings, settings->targets.at(0));
    if (options.metrics)
        fmt::print("{}", exporter::write_exposition(probes::families_of(measured, Labels{}), {}));
    else if (options.json)
        print_json(measured, options.target);
    else
        print_human(measured, options.target);
    if (options.transcript) fmt::print("\n{}\n", measured.reading.transcript);
    return measured.reading.up ? Exit::Fine : Exit::Wrong;
}

}  // namespace vedette::app
