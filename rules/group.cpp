#include "rules/group.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/template/functions.h"
#include "core/limits.h"
#include "promql/syntax/parse.h"
#include "rules/alert_text.h"
#include "rules/unmatched.h"

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
    settings.query = [=,
                      features = rules.features](const std::string& text) -> Result<TemplateValue> {
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
    iterations_ = before.iterations_;
    missed_ = before.missed_;
    catch_up_from_ = before.catch_up_from_;
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
        same->evaluations = old.evaluations;
        same->failures = old.failures;
        same->unmatched = std::move(old.unmatched);
        same->names_looked_at = old.names_looked_at;
    }
    for (Running& old : before.gone_) gone_.push_back(std::move(old));
}

void Group::clock_set(Milliseconds by, Timestamp now, const Clock& clock) {
    for (auto* rules : {&rules_, &gone_})
        for (Running& running : *rules)
            if (running.alerting) running.alerting->shift(by);
    next_ = schedule_.at_or_before(now) + schedule_.interval;
    if (std::chrono::abs(by) < limits::clock_step_large) return;
    quiet_until_ = clock.steady() +
                   std::min<Milliseconds>(2 * schedule_.interval, limits::clock_step_pause_max);
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
    if (catch_up_from_) make_up(due.at, with, stop);
    if (due.missed > 0) {
        missed_ += due.missed;
        with.numbers.missed.add(static_cast<double>(due.missed));
        with.log.warn(
            "rule group missed evaluations",
            {{"group", definition_.name}, {"file", definition_.file}, {"missed", due.missed}});
    }
    // Samples came, and what was due has been looked at with them.
    if (definition_.on_arrival && last_evaluation_ && *last_evaluation_ >= due.at) return false;
    evaluate(due.at, with, stop);
    return true;
}

bool Group::evaluate_arrived(Timestamp now, Surroundings& with, std::stop_token stop) {
    if (quiet_until_ || catch_up_from_) return false;
    if (last_evaluation_ && *last_evaluation_ >= now) return false;
    evaluate(now, with, stop);
    return true;
}

void Group::evaluate(Timestamp at, Surroundings& with, std::stop_token stop) {
    const auto begin = with.clock.steady();
    end_gone_alerts(at, with);
    for (Running& running : rules_) {
        if (stop.stop_requested()) return;
        evaluate_rule(running, at, with, stop);
    }
    end_gone_series(at, with);
    seconds_ = seconds_since(begin, with.clock);
    last_evaluation_ = at;
    ++iterations_;
    if (definition_.catch_up.count() > 0) mark(at, with);
}

void Group::evaluate_rule(Running& running, Timestamp at, Surroundings& with,
                          std::stop_token stop) {
    const auto begin = with.clock.steady();
    const Result<void> done = run(running, at, with, std::move(stop));
    running.seconds = seconds_since(begin, with.clock);
    running.last_evaluation = at;
    running.health = done ? RuleStatus::Health::Ok : RuleStatus::Health::Failed;
    ++running.evaluations;
    with.numbers.evaluations.add();
    with.numbers.seconds.observe(running.seconds);
    if (done) {
        running.last_error.clear();
        return;
    }
    ++running.failures;
    with.numbers.failures.add();
    with.log.warn("rule failed", {{"group", definition_.name},
                                  {"rule", running.rule.name},
                                  {"error", done.error().message}});
    running.last_error = done.error().message;
}

Result<QueryResult> Group::ask(Running& running, Timestamp at, Surroundings& with,
                               std::stop_token stop) {
    if (!running.prepared && with.prepare) running.prepared = with.prepare(*running.rule.expr);
    if (!running.prepared) return with.ask(*running.rule.expr, at, std::move(stop));
    promql::QueryStatistics statistics;
    auto result = running.prepared->instant(at, std::move(stop), statistics);
    running.samples = result ? std::optional(statistics.samples_read) : std::nullopt;
    running.series = result ? std::optional(statistics.series_read) : std::nullopt;
    if (result && statistics.series_read > 0) running.unmatched.clear();
    return result;
}

// ── after an outage ──

void Group::catch_up_from(Timestamp last) {
    if (!last_evaluation_) catch_up_from_ = last;
}

Labels Group::mark_labels() const {
    return Labels{{metric_name_label, "vedette_rules_group_evaluated_timestamp_seconds"},
                  {"file", definition_.file},
                  {"group", definition_.name}};
}

/// When it was last evaluated has to be known after the program was killed.
void Group::mark(Timestamp at, Surroundings& with) {
    const auto series = with.samples.series(mark_labels());
    Result<Appended> done = series ? with.samples.append({{{*series, {at, at.seconds()}}}, {}})
                                   : Result<Appended>(fail(series.error()));
    if (!done)
        with.log.warn("the time of an evaluation could not be kept",
                      {{"group", definition_.name}, {"error", done.error().message}});
}

void Group::make_up(Timestamp until, Surroundings& with, std::stop_token stop) {
    const Timestamp last = *std::exchange(catch_up_from_, std::nullopt);
    const Timestamp earliest = until - schedule_.interval * catch_up_evaluations_max;
    Timestamp at = schedule_.at_or_before(std::max(last, earliest)) + schedule_.interval;
    silent_ = true;
    std::int64_t count = 0;
    for (; at < until && !stop.stop_requested(); at = at + schedule_.interval, ++count)
        evaluate(at, with, stop);
    silent_ = false;
    if (count > 0)
        with.log.info(
            "evaluations of the time the program was down were made up for",
            {{"group", definition_.name}, {"file", definition_.file}, {"evaluations", count}});
}

// ── rules that select nothing ──

std::size_t Group::look_for_names(LabelSource& names, Window window, std::size_t most,
                                  Timestamp now, Log& log) {
    constexpr Milliseconds again_after = std::chrono::minutes(10);
    std::size_t looked = 0;
    for (Running& running : rules_) {
        if (looked == most) break;
        if (running.series != 0) continue;
        if (running.names_looked_at && now - *running.names_looked_at < again_after) continue;
        ++looked;
        running.names_looked_at = now;
        std::string why = why_nothing_matches(*running.rule.expr, names, window);
        if (!why.empty() && why != running.unmatched)
            log.warn("a rule selects nothing",
                     {{"group", definition_.name}, {"rule", running.rule.name}, {"why", why}});
        running.unmatched = std::move(why);
    }
    return looked;
}

Milliseconds Group::query_offset() const {
    return definition_.query_offset.value_or(settings_.query_offset);
}

Result<void> Group::run(Running& running, Timestamp at, Surroundings& with, std::stop_token stop) {
    auto result = ask(running, at - query_offset(), with, stop);
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
    // Only what is found has words.
    const TemplateFunctions functions =
        vector.series.empty() ? TemplateFunctions()
                              : functions_at(at - query_offset(), with.ask, settings_, stop);
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
    if (silent_) return true;
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
    out.on_arrival = definition_.on_arrival;
    for (const Running& running : rules_) {
        RuleStatus rule;
        rule.kind = running.rule.kind;
        rule.name = running.rule.name;
        rule.query = running.rule.expression;
        rule.own_key = running.rule.own_key;
        rule.holds = running.rule.holds;
        rule.labels = running.rule.labels;
        rule.annotations = running.rule.annotations;
        out.rules.push_back(std::move(rule));
    }
    update(out);
    return out;
}

void Group::Running::update(RuleStatus& status) const {
    if (alerting && !(status.alerts.empty() && alerting->is_quiet()))
        status.alerts = alerting->status();
    status.health = health;
    if (status.last_error != last_error) status.last_error = last_error;
    status.evaluation_seconds = seconds;
    status.last_evaluation = last_evaluation;
    status.samples = samples;
    status.series = series;
    status.evaluations = evaluations;
    status.failures = failures;
    if (status.unmatched != unmatched) status.unmatched = unmatched;
}

void Group::update(GroupStatus& status) const {
    status.evaluation_seconds = seconds_;
    status.last_evaluation = last_evaluation_;
    status.iterations = iterations_;
    status.missed = missed_;
    for (std::size_t i = 0; i < rules_.size(); ++i) rules_[i].update(status.rules[i]);
}

}  // namespace vedette::rules
