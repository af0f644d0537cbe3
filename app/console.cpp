#include "app/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

#include "app/terminal.h"
#include "core/limits.h"

namespace vedette::app {

namespace {

std::string local_clock(Timestamp at) {
    const std::time_t seconds = at.ms / 1000;
    std::tm parts{};
    localtime_r(&seconds, &parts);
    return fmt::format("{:02}:{:02}:{:02}", parts.tm_hour, parts.tm_min, parts.tm_sec);
}

/// One write, so that lines of several threads do not mix.
void print_line(std::string line) {
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
}

Ink ink_of(AlertState state) {
    switch (state) {
        case AlertState::Firing:
            return Ink::Bad;
        case AlertState::Resolved:
            return Ink::Good;
        case AlertState::Pending:
            return Ink::Strong;
    }
    return Ink::Plain;
}

}  // namespace

void print_summary(const Configuration& configuration, const std::vector<std::string>& addresses) {
    std::size_t targets = 0, alerts = 0, recordings = 0;
    for (const auto& probe : configuration.probes.probes) targets += probe.targets.size();
    for (const auto& group : configuration.groups)
        for (const auto& rule : group.rules)
            ++(rule.kind == rules::Rule::Kind::Alerting ? alerts : recordings);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        const char* scheme = configuration.server.listeners[i].tls ? "https" : "http";
        const std::string url = fmt::format("{}://{}", scheme, addresses[i]);
        print_line(fmt::format("  pages     {:<30} metrics   {}/metrics", url, url));
    }
    print_line(fmt::format(
        "  watching  {:<30} rules     {}, {}", counted(targets, "target", "targets"),
        counted(alerts, "alert", "alerts"), counted(recordings, "recording", "recordings")));
}

void print_change(const probes::Change& change) {
    // That what works was found working is no news.
    if (change.from == probes::State::Unknown && change.to == probes::State::Up) return;
    std::string line = probes::to_line(change);
    const bool colours = has_colours(STDOUT_FILENO);
    if (change.to == probes::State::Down) line = ink(Ink::Bad, line, colours);
    print_line(std::move(line));
}

void print_change(const Alert& alert) {
    const Timestamp at = alert.state == AlertState::Resolved && alert.resolved_at
                             ? *alert.resolved_at
                         : alert.state == AlertState::Firing && alert.fired_at ? *alert.fired_at
                                                                               : alert.active_at;
    print_line(
        fmt::format("{}  → {}  {}  {}", local_clock(at), alert.labels.get("alertname"),
                    ink(ink_of(alert.state), to_string(alert.state), has_colours(STDOUT_FILENO)),
                    alert.annotations.get("summary")));
}

bool News::is_new(const Alert& alert, std::chrono::steady_clock::time_point now) {
    const Lock lock(mutex_);
    // Told again for `resolved_alert_kept`; twice that, because evaluations may be late.
    for (; !resolved_.empty() && now - resolved_.front().first > 2 * limits::resolved_alert_kept;
         resolved_.pop_front())
        told_.erase(resolved_.front().second);
    const auto [at, inserted] = told_.try_emplace(alert.id, alert.state);
    if (!inserted && at->second == alert.state) return false;
    at->second = alert.state;
    if (alert.state == AlertState::Resolved) resolved_.emplace_back(now, alert.id);
    return true;
}

std::size_t News::remembered() const {
    const Lock lock(mutex_);
    return told_.size();
}

}  // namespace vedette::app
