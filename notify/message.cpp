#include "notify/message.h"

#include <fmt/format.h>

#include <algorithm>

namespace vedette::notify {
namespace {

std::string upper(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return out;
}

std::string one_line(std::string_view text) {
    std::string out;
    for (const char c : text) out += (c == '\n' || c == '\r' || c == '\t') ? ' ' : c;
    return out;
}

/// Who it is about: the probe or job, and its target where that says more.
std::string subject(const Alert& alert) {
    const std::string_view job = alert.labels.get("job");
    const std::string_view instance = alert.labels.get("instance");
    if (!job.empty()) return std::string(job);
    return std::string(instance);
}

/// An alert about a probe's reachability reads as `checkout down`; any other by its summary or name.
bool is_about_reachability(const Alert& alert) {
    const std::string_view name = alert.labels.get("alertname");
    return !subject(alert).empty() &&
           (name.ends_with("Down") || name.ends_with("Unreachable") || name.ends_with("Unavailable"));
}

std::string what(const Alert& alert) {
    if (is_about_reachability(alert))
        return subject(alert) + (alert.state == AlertState::Resolved ? " up" : " down");
    const std::string_view summary = alert.annotations.get("summary");
    if (!summary.empty()) return one_line(summary);
    const std::string_view name = alert.labels.get("alertname");
    const std::string about = subject(alert);
    return about.empty() ? std::string(name) : fmt::format("{} {}", about, name);
}

bool is_web_address(std::string_view url) {
    return url.starts_with("http://") || url.starts_with("https://");
}

}  // namespace

Timestamp starts_at(const Alert& alert) {
    return alert.fired_at.value_or(alert.active_at);
}

bool comes_before(const Alert& a, const Alert& b) {
    for (const char* name : {"job", "instance"})
        if (const auto x = a.labels.get(name), y = b.labels.get(name); x != y)
            return y.empty() || (!x.empty() && x < y);
    return labels_come_before(a.labels, b.labels);
}

bool labels_come_before(const Labels& a, const Labels& b) {
    if (a.size() != b.size()) return a.size() < b.size();
    auto one = a.begin(), other = b.begin();
    for (; one != a.end() && other != b.end(); ++one, ++other) {
        if ((*one).name != (*other).name) return (*one).name > (*other).name;
        if ((*one).value != (*other).value) return (*one).value < (*other).value;
    }
    return false;
}

bool Message::firing() const {
    return count(AlertState::Firing) > 0;
}

std::size_t Message::count(AlertState state) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(alerts, [&](const AlertRef& one) { return one->state == state; }));
}

Labels Message::common_labels() const {
    if (alerts.empty()) return {};
    LabelsBuilder shared(alerts.front()->labels);
    for (const Label label : alerts.front()->labels)
        for (const AlertRef& other : alerts)
            if (other->labels.get(label.name) != label.value) shared.del(label.name);
    return shared.build();
}

Annotations Message::common_annotations() const {
    if (alerts.empty()) return {};
    Annotations::Texts shared = alerts.front()->annotations.texts();
    for (const AlertRef& other : alerts)
        std::erase_if(shared, [&](const auto& text) {
            return other->annotations.get(text.first) != text.second;
        });
    return Annotations(std::move(shared));
}

std::string headline(const Alert& alert, Timestamp now) {
    if (alert.state == AlertState::Resolved) {
        const auto lasted = alert.resolved_at.value_or(now) - alert.active_at;
        return fmt::format("RESOLVED {} · was {} {}", what(alert),
                           is_about_reachability(alert) ? "down" : "firing",
                           humanize_duration(std::max(lasted, Milliseconds(0))));
    }
    const std::string_view severity = alert.labels.get("severity");
    std::string out = fmt::format("{} {} · {}", severity.empty() ? "FIRING" : upper(severity),
                                  what(alert),
                                  humanize_duration(std::max(now - alert.active_at, Milliseconds(0))));
    const std::string_view cause = alert.annotations.get("reason");
    if (!cause.empty()) out += " · " + one_line(cause);
    return out;
}

std::string headline(const Message& message) {
    if (message.alerts.empty()) return "nothing fires";
    // The oldest that still fires leads; when all is over, the last to resolve.
    const auto lead = std::ranges::min_element(message.alerts, [](const auto& a, const auto& b) {
        const bool a_over = a->state == AlertState::Resolved, b_over = b->state == AlertState::Resolved;
        if (a_over != b_over) return b_over;
        return starts_at(*a) < starts_at(*b);
    });
    std::string out = headline(**lead, message.at);
    const std::size_t others = message.count((*lead)->state) - 1;
    if (others > 0) out += fmt::format(" ({} more)", others);
    return out;
}

std::vector<Link> links(const Message& message, const Alert& alert) {
    std::vector<Link> out;
    const auto add = [&](std::string name, std::string_view url) {
        if (is_web_address(url)) out.push_back({std::move(name), std::string(url)});
    };
    add("page", message.external_url);
    add("rule", alert.generator_url);
    add("runbook", alert.annotations.get("runbook_url"));
    add("dashboard", alert.annotations.get("dashboard_url"));
    return out;
}

}  // namespace vedette::notify
