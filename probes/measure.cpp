#include "probes/measure.h"

#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "base/loop.h"
#include "core/limits.h"
#include "probes/series_writer.h"

namespace vedette::probes {
namespace {

/// One attempt under way; shared by its guard and by whatever the attempt left behind.
struct Running {
    World world;
    Milliseconds timeout;
    std::function<void(Measured)> then;
    Measured measured;
    std::chrono::steady_clock::time_point began;
    Loop::TimerId guard;
    bool starting = true;
    bool over = false;
};

void stamp(Measured& measured) {
    Reading& reading = measured.reading;
    if (reading.up)
        reading.reason.clear();
    else if (reading.reason.empty())
        reading.reason = "the probe gave no reason";
    const double up = reading.up ? 1 : 0;
    std::vector<Reading::Metric> stamped;
    stamped.reserve(reading.metrics.size() + 3);
    stamped.push_back({"up", {}, up, "Whether the target answered as expected"});
    stamped.push_back({"probe_success", {}, up, "Displays whether or not the probe was a success"});
    stamped.push_back({"probe_duration_seconds",
                       {},
                       std::chrono::duration<double>(measured.took).count(),
                       "Returns how long the probe took to complete in seconds"});
    for (Reading::Metric& metric : reading.metrics) {
        if (stamped.size() == limits::probe_metrics_per_reading_max) break;
        stamped.push_back(std::move(metric));
    }
    reading.metrics = std::move(stamped);
}

void finish(const std::shared_ptr<Running>& running, Reading reading, bool cut_off) {
    if (std::exchange(running->over, true)) return;
    Loop& loop = running->world.loop;
    loop.cancel(running->guard);
    Measured& measured = running->measured;
    measured.took = running->world.clock.steady() - running->began;
    measured.reading = std::move(reading);
    measured.cut_off = cut_off;
    stamp(measured);
    if (running->starting) {
        loop.post(
            [running] { std::exchange(running->then, nullptr)(std::move(running->measured)); });
        return;
    }
    std::exchange(running->then, nullptr)(std::move(measured));
}

void cut_off(const std::shared_ptr<Running>& running) {
    Reading reading;
    reading.reason = "timed out after " + humanize_duration(running->timeout);
    finish(running, std::move(reading), true);
}

}  // namespace

void measure(const World& world, const Attempt& attempt, const std::string& target,
             Milliseconds timeout, std::function<void(Measured)> then) {
    auto running = std::make_shared<Running>(Running{world, timeout, std::move(then), {}, {}, {}});
    running->measured.at = world.clock.now();
    running->began = world.clock.steady();
    running->guard = world.loop.after(timeout + Milliseconds(limits::probe_overrun_grace),
                                      [running] { cut_off(running); });
    try {
        attempt(world, target, Deadline::after(world.loop.now(), timeout),
                [running](Reading reading) { finish(running, std::move(reading), false); });
    } catch (const std::exception& thrown) {
        Reading reading;
        reading.reason = std::string("the probe failed: ") + thrown.what();
        finish(running, std::move(reading), false);
    }
    running->starting = false;
}

std::vector<MetricFamily> families_of(const Measured& measured, const Labels& labels) {
    FamilyCollector families;
    for (const Reading::Metric& metric : measured.reading.metrics)
        families.add(metric.name, metric.help, joined(labels, metric.labels), metric.value);
    return families.take();
}

Measured run_once(const World& world, const ProbeSettings& probe, const Target& target) {
    std::optional<Measured> out;
    measure(world, *probe.attempt, target.address, probe.timeout,
            [&out](Measured measured) { out = std::move(measured); });
    while (!out) world.loop.turn(std::chrono::milliseconds(100));
    return std::move(*out);
}

}  // namespace vedette::probes
