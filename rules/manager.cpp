#include "rules/manager.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "core/labels.h"
#include "core/limits.h"
#include "rules/restore.h"

namespace vedette::rules {
namespace {

// The clock of the wall may be set at any time, so it is looked at this often at least.
constexpr auto look_at_clock_every = std::chrono::seconds(10);
// How soon alerts of a group that is gone are offered again to who did not take them.
constexpr auto end_again_after = std::chrono::seconds(1);

Surroundings surroundings(const Doors& doors) {
    return {doors.ask,   doors.samples, doors.alerts,
            doors.clock, doors.log,     Surroundings::Numbers::in(doors.metrics)};
}

}  // namespace

Manager::Manager(Doors doors)
    : doors_(std::move(doors)),
      with_(surroundings(doors_)),
      published_(std::make_shared<const std::vector<GroupStatus>>()) {}

Manager::~Manager() {
    stop();
}

Result<void> Manager::load(std::vector<RuleGroup> definitions, const RuleSettings& settings) {
    std::set<std::string> keys;
    for (const auto& group : definitions) {
        if (!keys.insert(group.file + ";" + group.name).second)
            return fail(Fault::BadInput,
                        fmt::format("{}: group {} stands here twice; expected one of each name",
                                    group.file, quote(group.name)));
    }
    const Lock lock(work_);
    const Timestamp now = doors_.clock.now();
    std::vector<Group> groups;
    for (auto& definition : definitions) groups.emplace_back(std::move(definition), settings, now);
    for (Group& old : groups_) {
        const auto same = std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
            return group.key() == old.key();
        });
        if (same != groups.end())
            same->continue_from(std::move(old));
        else
            ending_.push_back(std::move(old));
    }
    groups_ = std::move(groups);
    settings_ = settings;
    if (!restored_) restore(now);
    end_groups(now);
    publish();
    {
        const Lock sleep_lock(sleep_);
        loaded_ = true;
    }
    wake_.notify_all();
    return {};
}

void Manager::restore(Timestamp now) {
    auto open = doors_.memory.open_alerts();
    if (!open) {
        doors_.log.error("open alerts could not be read; `for` is waited out anew",
                         {{"error", open.error().message}});
        return;
    }
    restored_ = true;
    auto seen = last_seen(doors_.series, {now - settings_.for_outage_tolerance, now});
    if (!seen)
        doors_.log.warn("times of alerts before the restart could not be read",
                        {{"error", seen.error().message}});
    std::vector<Alert> ended;
    for (Alert& alert : *open) {
        AlertingRule* rule = nullptr;
        for (Group& group : groups_) {
            if ((rule = group.maker(alert))) break;
        }
        if (rule && rule->knows(alert.id, alert.labels)) continue;
        Restored decision{false, {}, "its rule was removed while the program was down"};
        if (rule) {
            std::optional<Timestamp> down_at;
            if (seen && seen->count(alert.labels) > 0) down_at = seen->at(alert.labels);
            decision = rules::restore(alert, rule->holds(), down_at, now, settings_);
        }
        if (decision.continues) {
            rule->restore(alert, decision.active_at);
            continue;
        }
        alert.state = AlertState::Resolved;
        alert.resolved_at = now;
        alert.reason = decision.reason;
        ended.push_back(std::move(alert));
    }
    if (ended.empty()) return;
    const Result<void> took = doors_.alerts.take(ended);
    // What was not taken is still open in the memory, so the next load tries again.
    if (!took) {
        doors_.log.error("ended alerts were not taken", {{"error", took.error().message}});
        restored_ = false;
    }
}

void Manager::end_groups(Timestamp now) {
    std::vector<Group> left;
    for (Group& group : ending_) {
        if (!group.end(now, with_)) left.push_back(std::move(group));
    }
    ending_ = std::move(left);
}

void Manager::look_at_clock() {
    const Timestamp now = doors_.clock.now();
    const auto steady = std::chrono::duration_cast<Milliseconds>(
        doors_.clock.steady().time_since_epoch());
    const Milliseconds ahead = now - Timestamp{steady.count()};
    const Milliseconds by = ahead - ahead_.value_or(ahead);
    ahead_ = ahead;
    if (std::chrono::abs(by) < limits::clock_step_min) return;
    doors_.log.warn("the clock was set; what alerts have waited counts on",
                    {{"by_seconds", std::chrono::duration<double>(by).count()}});
    for (auto* groups : {&groups_, &ending_})
        for (Group& group : *groups) group.clock_set(by, now, doors_.clock);
}

void Manager::evaluate_due(Timestamp now, std::stop_token stop) {
    const Lock lock(work_);
    look_at_clock();
    end_groups(now);
    bool evaluated = false;
    for (Group& group : groups_) {
        if (stop.stop_requested()) return;
        evaluated |= group.evaluate_if_due(now, with_, stop);
    }
    if (evaluated) publish();
}

void Manager::publish() {
    auto status = std::make_shared<std::vector<GroupStatus>>();
    for (const Group& group : groups_) status->push_back(group.status());
    const Lock lock(published_mutex_);
    published_ = std::move(status);
}

std::vector<GroupStatus> Manager::status() const {
    std::shared_ptr<const std::vector<GroupStatus>> published;
    {
        const Lock lock(published_mutex_);
        published = published_;
    }
    return *published;
}

void Manager::start() {
    if (!thread_.joinable()) thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
}

void Manager::stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
}

void Manager::run(std::stop_token stop) {
    while (!stop.stop_requested()) {
        evaluate_due(doors_.clock.now(), stop);
        const Timestamp now = doors_.clock.now();
        Timestamp next = now + look_at_clock_every;
        {
            const Lock lock(work_);
            if (!ending_.empty()) next = now + end_again_after;
            for (const Group& group : groups_) next = std::min(next, group.next());
        }
        const auto wait = std::max<Milliseconds>(next - now, Milliseconds(1));
        const Lock lock(sleep_);
        wake_.wait_for(sleep_, stop, wait, [this]() VEDETTE_REQUIRES(sleep_) { return loaded_; });
        loaded_ = false;
    }
}

}  // namespace vedette::rules
