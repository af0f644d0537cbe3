#include "rules/alerting_rule.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/template/functions.h"
#include "core/histogram.h"
#include "core/limits.h"

namespace vedette::rules {
namespace {

std::vector<std::pair<std::string, AlertText>> compile(const std::string& alert,
                                                       const TextMap& texts) {
    std::vector<std::pair<std::string, AlertText>> out;
    for (const auto& [name, text] : texts) {
        auto compiled = AlertText::compile(alert, text);
        check(compiled.has_value(), "a rule's texts were checked when its file was read");
        out.emplace_back(name, *std::move(compiled));
    }
    return out;
}

/// As a number a histogram counts as zero; templates show it.
double number_of(const Value& value) {
    const double* number = std::get_if<double>(&value);
    return number != nullptr ? *number : 0;
}

}  // namespace

AlertingRule::AlertingRule(const Rule& rule, std::string key)
    : name_(rule.name),
      key_(std::move(key)),
      expression_(rule.expression),
      generator_path_(table_link(rule.expression)),
      holds_(rule.holds),
      label_texts_(rule.labels),
      labels_(compile(rule.name, rule.labels)),
      annotations_(compile(rule.name, rule.annotations)) {}

Result<std::map<Labels, AlertingRule::Observed>> AlertingRule::observe(
    const QueryResult& vector, const AlertScene& scene) const {
    std::map<Labels, Observed> seen;
    for (const auto& series : vector.series) {
        const Value& value = series.samples.front().value;
        const TemplateValue data = alert_data(series.labels, scene.external_labels,
                                              scene.external_url, template_value(value));
        LabelsBuilder labels(series.labels);
        Annotations::Texts annotations;
        labels.del(metric_name_label);
        for (const auto& [name, text] : labels_)
            labels.set(name, text.expand(data, scene.functions));
        labels.set("alertname", name_);
        for (const auto& [name, text] : annotations_)
            annotations.emplace(name, text.expand(data, scene.functions));
        const Observed observed{Annotations(std::move(annotations)), number_of(value)};
        if (!seen.emplace(labels.build(), observed).second)
            return fail(
                Fault::BadInput,
                "vector contains metrics with the same labelset after applying alert labels");
    }
    return seen;
}

Result<void> AlertingRule::evaluate(const QueryResult& vector, Timestamp at, std::size_t limit,
                                    const AlertScene& scene) {
    external_url_ = scene.external_url;
    auto seen = observe(vector, scene);
    if (!seen) return fail(seen.error());
    for (const auto& [labels, observed] : *seen) step(labels, &observed, at);
    for (auto next = active_.begin(); next != active_.end();) {
        const Labels labels = (next++)->first;
        if (seen->find(labels) == seen->end()) step(labels, nullptr, at);
    }
    const std::size_t count = open();
    if (limit == 0 || count <= limit) return {};
    const std::string reason = fmt::format("exceeded limit of {} with {} alerts", limit, count);
    give_up(at, reason);
    return fail(Fault::Limit, reason);
}

void AlertingRule::step(const Labels& labels, const Observed* seen, Timestamp at) {
    const auto found = active_.find(labels);
    const bool known = found != active_.end();
    const Decision decision = decide(known ? std::optional(found->second.progress) : std::nullopt,
                                     seen != nullptr, at, holds_);
    if (!decision.progress) {
        if (known && decision.transition == Transition::Cleared) {
            Active ended = found->second;
            ended.progress.state = AlertState::Resolved;
            ended.progress.resolved_at = at;
            ended.reason = decision.reason;
            note(labels, ended);
        }
        if (known) active_.erase(found);
        return;
    }
    const bool begins = !known || found->second.progress.active_at != decision.progress->active_at;
    Active& active = active_[labels];
    if (begins)
        active = Active{{fingerprint(labels), decision.progress->active_at}, {}, 0, {}, {}, {}};
    active.progress = *decision.progress;
    if (seen) {
        active.annotations = seen->annotations;
        active.value = seen->value;
    }
    if (decision.transition == Transition::None) return;
    active.reason = decision.reason;
    note(labels, active);
}

void AlertingRule::note(const Labels& labels, const Active& active) {
    if (untold_.size() >= limits::alerts_open_max) untold_.erase(untold_.begin());
    untold_.insert_or_assign(active.id, make_alert(labels, active));
}

Alert AlertingRule::make_alert(const Labels& labels, const Active& active) const {
    Alert alert;
    alert.id = active.id;
    alert.labels = labels;
    alert.annotations = active.annotations;
    alert.state = active.progress.state;
    alert.value = active.value;
    alert.active_at = active.progress.active_at;
    alert.fired_at = active.progress.fired_at;
    alert.resolved_at = active.progress.resolved_at;
    alert.generator_url = external_url_ + generator_path_;
    alert.rule = key_;
    alert.reason = active.reason;
    return alert;
}

std::size_t AlertingRule::open() const {
    return static_cast<std::size_t>(std::count_if(
        active_.begin(), active_.end(),
        [](const auto& entry) { return entry.second.progress.state != AlertState::Resolved; }));
}

std::vector<Recorded> AlertingRule::series() const {
    std::vector<Recorded> rows;
    for (const auto& [labels, active] : active_) {
        if (active.progress.state == AlertState::Resolved) continue;
        LabelsBuilder state(labels), since(labels);
        state.set(metric_name_label, "ALERTS").set("alertstate", to_string(active.progress.state));
        since.set(metric_name_label, "ALERTS_FOR_STATE");
        rows.push_back({state.build(), 1.0});
        rows.push_back({since.build(), static_cast<double>(active.progress.active_at.ms / 1000)});
    }
    return rows;
}

std::vector<Alert> AlertingRule::due(Timestamp now, Milliseconds resend_delay) const {
    std::vector<Alert> alerts;
    for (const auto& [id, alert] : untold_) alerts.push_back(alert);
    for (const auto& [labels, active] : active_) {
        const bool silent =
            active.progress.state == AlertState::Pending || untold_.count(active.id) > 0;
        const bool told_lately = active.told_at && now - *active.told_at < resend_delay;
        if (!silent && !told_lately) alerts.push_back(make_alert(labels, active));
    }
    return alerts;
}

void AlertingRule::taken(const std::vector<Alert>& alerts, Timestamp now) {
    for (const auto& alert : alerts) {
        untold_.erase(alert.id);
        const auto active = active_.find(alert.labels);
        if (active != active_.end() && active->second.id == alert.id) active->second.told_at = now;
    }
}

void AlertingRule::give_up(Timestamp now, const std::string& reason) {
    for (auto& [labels, active] : active_) {
        if (active.progress.state == AlertState::Resolved) continue;
        active.progress.state = AlertState::Resolved;
        active.progress.resolved_at = now;
        active.reason = reason;
        note(labels, active);
    }
    active_.clear();
}

bool AlertingRule::knows(const AlertId& id, const Labels& labels) const {
    const auto found = active_.find(labels);
    return found != active_.end() && found->second.id == id;
}

bool AlertingRule::made(const Alert& alert) const {
    if (alert.rule != key_) return false;
    return std::all_of(label_texts_.begin(), label_texts_.end(), [&](const auto& label) {
        const bool fixed =
            label.second.find("{{") == std::string::npos && label.first != "alertname";
        return !fixed || alert.labels.get(label.first) == label.second;
    });
}

void AlertingRule::restore(const Alert& alert, Timestamp active_at) {
    Active active;
    active.id = alert.id;
    active.annotations = alert.annotations;
    active.value = alert.value;
    active.progress = {alert.state, active_at, alert.fired_at, std::nullopt, std::nullopt};
    active.reason = alert.reason;
    active_.emplace(alert.labels, std::move(active));
}

void AlertingRule::shift(Milliseconds by) {
    const auto move = [&](std::optional<Timestamp>& time) {
        if (time) time = *time + by;
    };
    for (auto& [labels, active] : active_) {
        active.progress.active_at = active.progress.active_at + by;
        move(active.progress.fired_at);
        move(active.progress.resolved_at);
        move(active.progress.keep_firing_since);
        move(active.told_at);
    }
}

void AlertingRule::continue_from(AlertingRule&& before) {
    active_ = std::move(before.active_);
    untold_ = std::move(before.untold_);
    external_url_ = std::move(before.external_url_);
}

std::vector<AlertStatus> AlertingRule::status() const {
    std::vector<AlertStatus> out;
    for (const auto& [labels, active] : active_) {
        if (active.progress.state == AlertState::Resolved) continue;
        out.push_back({active.id, labels, active.annotations, active.progress.state,
                       active.progress.active_at, active.progress.keep_firing_since, active.value,
                       active.reason});
    }
    return out;
}

}  // namespace vedette::rules
