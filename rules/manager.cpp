#include "rules/manager.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "core/labels.h"
#include "core/limits.h"
#include "rules/group_metrics.h"
#include "rules/restore.h"

namespace vedette::rules {
namespace {

// The clock of the wall may be set at any time, so it is looked at this often at least.
constexpr Milliseconds look_at_clock_every = std::chrono::seconds(10);
// How soon alerts of a group that is gone are offered again to who did not take them.
constexpr Milliseconds end_again_after = std::chrono::seconds(1);
// A new name may take that long to be there; and so often, so many rules are looked into.
constexpr auto look_for_names_after = std::chrono::minutes(5);
constexpr auto look_for_names_every = std::chrono::minutes(1);
constexpr std::size_t looked_into_max = 50;
// What a name has to have been seen in.
constexpr Milliseconds names_window = std::chrono::hours(24);

Surroundings surroundings(const Doors& doors) {
    return {doors.ask,    doors.samples, doors.alerts,
            doors.clock,  doors.log,     Surroundings::Numbers::in(doors.metrics),
            doors.prepare};
}

}  // namespace

Manager::Manager(Doors doors) : doors_(std::move(doors)), with_(surroundings(doors_)) {}

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
    any_on_arrival_ = std::any_of(groups_.begin(), groups_.end(),
                                  [](const Group& group) { return group.on_arrival(); });
    names_from_ = doors_.clock.steady() + look_for_names_after;
    if (!restored_) {
        catch_up(now);
        restore(now);
    }
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
        bool catching_up = false;
        for (Group& group : groups_) {
            catching_up = group.catches_up();
            if ((rule = group.maker(alert))) break;
        }
        if (rule && rule->knows(alert.id, alert.labels)) continue;
        Restored decision{false, {}, "its rule was removed while the program was down"};
        if (rule) {
            std::optional<Timestamp> down_at;
            if (seen && seen->count(alert.labels) > 0) down_at = seen->at(alert.labels);
            decision = rules::restore(alert, rule->holds(), down_at, now, settings_);
            // Its evaluations are made up for: they see how long it held.
            if (catching_up) decision = {true, alert.active_at, {}};
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

void Manager::catch_up(Timestamp now) {
    for (Group& group : groups_) {
        if (group.catch_up().count() == 0) continue;
        std::vector<Matcher> matchers;
        for (const Label label : group.mark_labels())
            matchers.push_back(
                {Matcher::Op::Equal, std::string(label.name), std::string(label.value)});
        auto cursor = doors_.series.select(matchers, {now - group.catch_up(), now}, Hints{}, {});
        Column column;
        if (cursor && (*cursor)->next(column) && !column.times.empty())
            group.catch_up_from(column.times.back());
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
    const auto steady =
        std::chrono::duration_cast<Milliseconds>(doors_.clock.steady().time_since_epoch());
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
    const bool arrivals = take_arrivals();
    for (std::size_t i = 0; i < groups_.size(); ++i) {
        if (stop.stop_requested()) return;
        Group& group = groups_[i];
        // First: what is due is then looked at too.
        const bool came =
            arrivals && group.on_arrival() && group.evaluate_arrived(now, with_, stop);
        if (group.evaluate_if_due(now, with_, stop) || came) publish(i);
    }
    look_for_names(now);
}

void Manager::arrived() {
    if (!any_on_arrival_) return;
    {
        const Lock lock(sleep_);
        if (std::exchange(arrived_, true)) return;
    }
    wake_.notify_all();
}

bool Manager::take_arrivals() {
    const auto steady = doors_.clock.steady();
    if (steady < arrivals_from_) return false;
    const Lock lock(sleep_);
    if (!std::exchange(arrived_, false)) return false;
    arrivals_from_ = steady + arrivals_every;
    return true;
}

void Manager::look_for_names(Timestamp now) {
    const auto steady = doors_.clock.steady();
    if (doors_.names == nullptr || steady < names_from_) return;
    names_from_ = steady + look_for_names_every;
    std::size_t left = looked_into_max;
    for (std::size_t i = 0; i < groups_.size() && left > 0; ++i) {
        const std::size_t looked = groups_[i].look_for_names(
            *doors_.names, {now - names_window, now}, left, now, doors_.log);
        left -= looked;
        if (looked > 0) publish(i);
    }
}

void Manager::publish() {
    std::vector<GroupStatus> all;
    for (const Group& group : groups_) all.push_back(group.status());
    const Lock lock(published_mutex_);
    published_ = std::move(all);
}

void Manager::publish(std::size_t index) {
    const Lock lock(published_mutex_);
    groups_[index].update(published_[index]);
}

std::vector<GroupStatus> Manager::status() const {
    const Lock lock(published_mutex_);
    return published_;
}

std::vector<MetricFamily> Manager::families() const {
    const Lock lock(published_mutex_);
    return group_families(published_);
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
        const Milliseconds wait = until_next(now), rest = until_arrivals();
        const Lock lock(sleep_);
        const auto changed = [this]() VEDETTE_REQUIRES(sleep_) { return loaded_; };
        const auto woken = [this]() VEDETTE_REQUIRES(sleep_) { return loaded_ || arrived_; };
        // What came while the last is not long ago waits until it is.
        if (rest.count() > 0) wake_.wait_for(sleep_, stop, std::min(rest, wait), changed);
        if (wait > rest) wake_.wait_for(sleep_, stop, wait - rest, woken);
        loaded_ = false;
    }
}

Milliseconds Manager::until_next(Timestamp now) {
    const Lock lock(work_);
    Timestamp next = now + (ending_.empty() ? look_at_clock_every : end_again_after);
    for (const Group& group : groups_) next = std::min(next, group.next());
    return std::max<Milliseconds>(next - now, Milliseconds(1));
}

Milliseconds Manager::until_arrivals() {
    if (!any_on_arrival_) return Milliseconds(0);
    const Lock lock(work_);
    const auto rest = std::chrono::ceil<Milliseconds>(arrivals_from_ - doors_.clock.steady());
    return std::max(rest, Milliseconds(0));
}

}  // namespace vedette::rules
