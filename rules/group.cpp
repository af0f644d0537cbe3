#include "rules/group.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/template/functions.h"
#include "core/limits.h"
#include "promql/syntax/parse.h"
#include "rules/alert_text.h"

namespace vedette::rules {
namespace {

double seconds_since(std::chrono::steady_clock::time_point begin, const Clock& clock) {
    return std::chrono::duration<double>(clock.steady() - begin).count();
}

/// A vector stays; a scalar is one sample without labels, as in Prometheus's rules.
Result<QueryResult> as_vector(QueryResult result) {
    using Kind = QueryResult::Kind;
    if (result.kind == Kind::Scalar) result.kind = Kind::Vector;
    if (result.kind != Kind::Vector)
        return fail(Fault::BadInput, "rule result is not a vector or scalar");
    return result;
}

/// The template function `query` at one time.
TemplateFunctions functions_at(Timestamp at, const Ask& ask, const RuleSettings& rules,
                               std::stop_token stop) {
    PrometheusFunctionSettings settings;
    settings.external_url = rules.external_url;
    settings.query = [=, features = rules.features](const std::string& text) -> Result<TemplateValue> {
        const auto expr = promql::parse(text, nullptr, features);
        if (!expr) return fail(expr.error());
        auto result = ask(**expr, at, stop);
        if (!result) return fail(result.error());
        const auto vector = as_vector(*std::move(result));
        if (!vector) return fail(vector.error());
        TemplateList samples;
        for (const auto& series : vector->series) {
            TemplateMap labels;
            for (const Label label : series.labels)
                labels.emplace(label.name, TemplateValue(label.value));
            samples.push_back(
                template_sample(std::move(labels), template_value(series.samples.front().value)));
        }
        return template_query_result(std::move(samples));
    };
    TemplateFunctions all = prometheus_functions(settings), out;
    for (const char* name : {"query", "externalURL", "pathPrefix"})
        out[name] = std::move(all[name]);
    return out;
}

}  // namespace

Surroundings::Numbers Surroundings::Numbers::in(Metrics& metrics) {
    return {metrics.counter("vedette_rules_evaluations_total", "Evaluations of single rules."),
            metrics.counter("vedette_rules_evaluation_failures_total",
                            "Evaluations of single rules that failed."),
            metrics.counter("vedette_rules_missed_iterations_total",
                            "Evaluations of groups that were skipped because they came too late."),
            metrics.counter("vedette_rules_rejected_samples_total",
                            "Samples of rules that the store did not keep."),
            metrics.counter("vedette_rules_untaken_alerts_total",
                            "Alerts that were not taken and are offered again."),
            metrics.histogram("vedette_rules_evaluation_seconds", "Time one rule took.",
                              {0.0001, 0.001, 0.01, 0.1, 1, 10})};
}

Group::Group(RuleGroup definition, const RuleSettings& settings, Timestamp now)
    : definition_(std::move(definition)),
      settings_(settings),
      key_(definition_.file + ";" + definition_.name),
      schedule_(make_schedule(definition_.file, definition_.name,
                              definition_.interval.value_or(settings.evaluation_interval))),
      next_(schedule_.at_or_before(now) + schedule_.interval) {
    for (const Rule& rule : definition_.rules) {
        Running running;
        running.rule = rule;
        if (rule.kind == Rule::Kind::Alerting)
            running.alerting = std::make_unique<AlertingRule>(rule, key_ + ";" + rule.name);
        rules_.push_back(std::move(running));
    }
}

void Group::continue_from(Group&& before) {
    if (before.schedule_.interval == schedule_.interval) next_ = before.next_;
    last_evaluation_ = before.last_evaluation_;
    seconds_ = before.seconds_;
    for (Running& old : before.rules_) {
        const auto same = std::find_if(rules_.begin(), rules_.end(), [&](const Running& running) {
            return running.rule.kind == old.rule.kind && running.rule.name == old.rule.name &&
                   running.rule.labels == old.rule.labels && !running.continued;
        });
        if (same == rules_.end()) {
            gone_.push_back(std::move(old));
            continue;
        }
        same->continued = true;
        if (same->alerting) same->alerting->continue_from(std::move(*old.alerting));
        same->recorder = std::move(old.recorder);
        same->health = old.health;
        same->last_error = std::move(old.last_error);
        same->seconds = old.seconds;
        same->last_evaluation = old.last_evaluation;
    }
    for (Running& old : before.gone_) gone_.push_back(std::move(old));
}

void Group::clock_set(Milliseconds by, Timestamp now, const Clock& clock) {
    for (auto* rules : {&rules_, &gone_})
        for (Running& running : *rules)
            if (running.alerting) running.alerting->shift(by);
    next_ = schedule_.at_or_before(now) + schedule_.interval;
    if (std::chrono::abs(by) < limits::clock_step_large) return;
    quiet_until_ = clock.steady() + std::min<Milliseconds>(2 * schedule_.interval,
                                                           limits::clock_step_pause_max);
}

bool Group::evaluate_if_due(Timestamp now, Surroundings& with, std::stop_token stop) {
    if (quiet_until_) {
        next_ = schedule_.at_or_before(now);
        if (with.clock.steady() < *quiet_until_) {
            next_ = next_ + schedule_.interval;
            return false;
        }
        quiet_until_.reset();
    }
    const Due due = look(schedule_, next_, now);
    next_ = due.next;
    if (!due.due) return false;
    if (due.missed > 0) {
        with.numbers.missed.add(static_cast<double>(due.missed));
        with.log.warn(
            "rule group missed evaluations",
            {{"group", definition_.name}, {"file", definition_.file}, {"missed", due.missed}});
    }
    evaluate(due.at, with, stop);
    return true;
}

void Group::evaluate(Timestamp at, Surroundings& with, std::stop_token stop) {
    const auto begin = with.clock.steady();
    end_gone_alerts(at, with);
    for (Running& running : rules_) {
        if (stop.stop_requested()) return;
        const auto rule_begin = with.clock.steady();
        const Result<void> done = run(running, at, with, stop);
        running.seconds = seconds_since(rule_begin, with.clock);
        running.last_evaluation = at;
        running.health = done ? RuleStatus::Health::Ok : RuleStatus::Health::Failed;
        with.numbers.evaluations.add();
        with.numbers.seconds.observe(running.seconds);
        if (!done) {
            with.numbers.failures.add();
            with.log.warn("rule failed", {{"group", definition_.name},
                                          {"rule", running.rule.name},
                                          {"error", done.error().message}});
        }
        running.last_error = done ? "" : done.error().message;
    }
    end_gone_series(at, with);
    seconds_ = seconds_since(begin, with.clock);
    last_evaluation_ = at;
}

Milliseconds Group::query_offset() const {
    return definition_.query_offset.value_or(settings_.query_offset);
}

Result<void> Group::run(Running& running, Timestamp at, Surroundings& with, std::stop_token stop) {
    auto result = with.ask(*running.rule.expr, at - query_offset(), stop);
    if (!result) return fail(result.error());
    auto vector = as_vector(*std::move(result));
    if (!vector) return fail(vector.error());
    if (running.alerting) return run_alerting(running, *vector, at, with, stop);
    return run_recording(running, *vector, at, with);
}

Result<void> Group::run_recording(Running& running, const QueryResult& vector, Timestamp at,
                                  Surroundings& with) {
    std::vector<Recorded> rows;
    std::set<Labels> seen;
    for (const auto& series : vector.series) {
        LabelsBuilder labels(series.labels);
        labels.set(metric_name_label, running.rule.name);
        for (const auto& [name, value] : running.rule.labels) labels.set(name, value);
        rows.push_back({labels.build(), series.samples.front().value});
        if (!seen.insert(rows.back().labels).second)
            return fail(
                Fault::BadInput,
                "vector contains metrics with the same labelset after applying rule labels");
    }
    if (definition_.limit > 0 && rows.size() > definition_.limit)
        return fail(Fault::Limit, fmt::format("exceeded limit of {} with {} series",
                                              definition_.limit, rows.size()));
    return write(running, rows, at, with);
}

Result<void> Group::run_alerting(Running& running, const QueryResult& vector, Timestamp at,
                                 Surroundings& with, std::stop_token stop) {
    const TemplateFunctions functions =
        functions_at(at - query_offset(), with.ask, settings_, stop);
    const AlertScene scene{settings_.external_labels, settings_.external_url, functions};
    const Result<void> walked = running.alerting->evaluate(vector, at, definition_.limit, scene);
    // Told before anything is written: a full disk must not keep an alert from people.
    tell(running, at, with);
    // As in Prometheus, a rule that fails writes nothing, and ends nothing either.
    if (!walked) return walked;
    return write(running, running.alerting->series(), at, with);
}

Result<void> Group::write(Running& running, const std::vector<Recorded>& rows, Timestamp at,
                          Surroundings& with) {
    const auto appended = running.recorder.write(with.samples, rows, at - query_offset());
    if (!appended) return fail(appended.error());
    const std::size_t rejected = appended->out_of_order + appended->duplicate + appended->too_old;
    if (rejected == 0) return {};
    with.numbers.rejected_samples.add(static_cast<double>(rejected));
    with.log.warn(
        "samples of a rule were rejected",
        {{"rule", running.rule.name}, {"samples", rejected}, {"first", appended->first_rejection}});
    // Prometheus's words.
    return fail(Fault::BadInput, appended->duplicate > 0      ? "duplicate sample for timestamp"
                                 : appended->out_of_order > 0 ? "out of order sample"
                                                              : "too old sample");
}

bool Group::tell(Running& running, Timestamp now, Surroundings& with) {
    const std::vector<Alert> alerts = running.alerting->due(now, settings_.resend_delay);
    if (alerts.empty()) return true;
    const Result<void> took = with.alerts.take(alerts);
    if (took) {
        running.alerting->taken(alerts, now);
        return true;
    }
    with.numbers.untaken.add(static_cast<double>(alerts.size()));
    with.log.error(
        "alerts were not taken and will be offered again",
        {{"rule", running.rule.name}, {"alerts", alerts.size()}, {"error", took.error().message}});
    return false;
}

bool Group::end_gone_alerts(Timestamp now, Surroundings& with) {
    bool told = true;
    for (Running& old : gone_) {
        if (!old.alerting) continue;
        old.alerting->give_up(now, "its rule was removed");
        told = tell(old, now, with) && told;
    }
    return told;
}

void Group::end_gone_series(Timestamp now, Surroundings& with) {
    const auto over = [&](Running& old) {
        for (const Running& running : rules_) old.recorder.leave_to(running.recorder);
        const auto ended = old.recorder.end(with.samples, now - query_offset());
        if (!ended)
            with.log.warn("series of a rule that is gone could not be ended",
                          {{"rule", old.rule.name}, {"error", ended.error().message}});
        return !old.alerting || old.alerting->due(now, settings_.resend_delay).empty();
    };
    gone_.erase(std::remove_if(gone_.begin(), gone_.end(), over), gone_.end());
}

bool Group::end(Timestamp now, Surroundings& with) {
    for (Running& running : rules_) gone_.push_back(std::move(running));
    rules_.clear();
    end_gone_alerts(now, with);
    end_gone_series(now, with);
    return gone_.empty();
}

AlertingRule* Group::maker(const Alert& alert) {
    for (Running& running : rules_) {
        if (running.alerting && running.alerting->made(alert)) return running.alerting.get();
    }
    return nullptr;
}

GroupStatus Group::status() const {
    GroupStatus out;
    out.name = definition_.name;
    out.file = definition_.file;
    out.interval = schedule_.interval;
    out.limit = definition_.limit;
    out.evaluation_seconds = seconds_;
    out.last_evaluation = last_evaluation_;
    for (const Running& running : rules_) {
        RuleStatus rule;
        rule.kind = running.rule.kind;
        rule.name = running.rule.name;
        rule.query = running.rule.expression;
        rule.own_key = running.rule.own_key;
        rule.holds = running.rule.holds;
        rule.labels = running.rule.labels;
        rule.annotations = running.rule.annotations;
        if (running.alerting) rule.alerts = running.alerting->status();
        rule.health = running.health;
        rule.last_error = running.last_error;
        rule.evaluation_seconds = running.seconds;
        rule.last_evaluation = running.last_evaluation;
        out.rules.push_back(std::move(rule));
    }
    return out;
}

}  // namespace vedette::rules
