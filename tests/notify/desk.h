#pragma once

#include <fmt/format.h>

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "notify/dispatcher.h"
#include "tests/support/manual_clock.h"

namespace vedette::notify {

/// An alert for tests: `name` is its instance, all share alertname and job.
inline Alert make_alert(std::string_view name, AlertState state, Timestamp since,
                        std::string_view severity = "critical") {
    Alert out;
    out.labels = {{"alertname", "Down"}, {"instance", name}, {"job", "checkout"}, {"severity", severity}};
    out.annotations = {{"summary", "it is down"}, {"reason", "connection refused"}};
    out.id = {fingerprint(out.labels), since};
    out.state = state;
    out.value = 0;
    out.active_at = since;
    out.fired_at = since;
    out.generator_url = "http://vedette.example/graph?g0.expr=up";
    out.rule = "rules.yml;shop;Down";
    out.reason = "held for 1m";
    return out;
}

/// Plays the outside of a dispatcher on a clock wound by hand: takes alerts, answers attempts, and
/// writes one line for each message: `30s team 1 first notification: a b|c` (firing, then resolved).
class Desk {
public:
    explicit Desk(Settings settings)
        : dispatcher(std::make_shared<const Settings>(std::move(settings)), [] { return 1.0; }) {}

    Moment now() const { return Moment::of(clock); }
    void fire(std::string_view name, std::string_view severity = "critical") {
        give(make_alert(name, AlertState::Firing, clock.now(), severity));
    }
    void resolve(std::string_view name) {
        Alert alert = *last.at(std::string(name));
        alert.state = AlertState::Resolved;
        alert.resolved_at = clock.now();
        give(alert);
    }
    void give(const Alert& alert) {
        auto ref = std::make_shared<const Alert>(alert);
        last[std::string(alert.labels.get("instance"))] = ref;
        const AlertRef one[] = {ref};
        dispatcher.take(one, now());
        turn();
    }
    /// Lets time pass in the order of what is due.
    void wind(Milliseconds by) {
        const auto until = clock.steady() + by;
        for (;;) {
            const auto next = dispatcher.next_due();
            if (!next || *next > until) break;
            clock.wind(std::max(std::chrono::duration_cast<Milliseconds>(*next - clock.steady()), 0ms));
            turn();
        }
        clock.wind(std::chrono::duration_cast<Milliseconds>(until - clock.steady()));
    }
    void turn() {
        for (bool more = true; more;) {
            Dispatcher::Turn turn = dispatcher.due(now());
            more = !turn.sends.empty();
            entries.insert(entries.end(), turn.entries.begin(), turn.entries.end());
            for (const Dispatcher::Send& send : turn.sends) {
                said.push_back(describe(send));
                if (hold) held.push_back(send);
                else finish(send, answers.empty() ? Outcome{.sent = true, .status = 200} : next_answer());
            }
        }
    }
    void finish(const Dispatcher::Send& send, const Outcome& outcome) {
        dispatcher.finished(send.attempt, outcome, now());
    }
    std::vector<std::string> take_said() { return std::exchange(said, {}); }

    ManualClock clock;
    const Timestamp started = clock.now();
    Dispatcher dispatcher;
    std::vector<std::string> said;
    std::deque<Outcome> answers;  ///< of the next attempts; afterwards all succeed
    bool hold = false;            ///< attempts stay in flight, in `held`
    std::vector<Dispatcher::Send> held;
    std::vector<Entry> entries;
    std::map<std::string, AlertRef> last;

private:
    Outcome next_answer() {
        Outcome out = answers.front();
        answers.pop_front();
        return out;
    }
    std::string describe(const Dispatcher::Send& send) const {
        std::string firing, resolved;
        for (const AlertRef& one : send.message->alerts) {
            std::string& into = one->state == AlertState::Resolved ? resolved : firing;
            into += (into.empty() ? "" : " ") + std::string(one->labels.get("instance"));
        }
        return fmt::format("{} {} {} {}: {}{}{}", format_duration(clock.now() - started),
                           send.key.receiver, send.number, to_string(send.message->reason), firing,
                           resolved.empty() ? "" : "|", resolved);
    }
};

/// One receiver `team` with one webhook, grouped by alertname; waits as Alertmanager's defaults.
inline Settings one_route() {
    Settings out;
    out.enabled = true;
    Integration hook;
    WebSettings webhook;
    webhook.secrets["url"] = Secret::from_text("http://hooks.example/x");
    webhook.http = std::make_shared<HttpSettings>();
    hook.how = webhook;
    hook.send_resolved = true;
    out.receivers.push_back({"team", {hook}});
    out.route.receiver = "team";
    out.route.group_by = {"alertname"};
    return out;
}

}  // namespace vedette::notify
