#include "rules/testing/backtest.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/log.h"
#include "base/metrics.h"
#include "promql/engine.h"
#include "rules/group.h"
#include "rules/testing/ahead.h"
#include "rules/testing/shadowed.h"
#include "store/forgetful_files.h"
#include "store/store.h"

namespace vedette::rules::testing {
namespace {

constexpr Milliseconds week = std::chrono::hours(24 * 7);

/// Stands where the test has come to.
class BacktestClock final : public Clock {
public:
    Timestamp now() const override { return now_; }
    std::chrono::steady_clock::time_point steady() const override {
        return std::chrono::steady_clock::now();
    }
    void set(Timestamp at) { now_ = at; }

private:
    Timestamp now_;
};

store::StoreSettings memory_only() {
    store::StoreSettings settings;
    settings.lock_folder = settings.own_thread = false;
    settings.retention = std::chrono::hours(24 * 365 * 200);
    return settings;
}

/// Hears of alerts, and keeps who fired from when to when.
class Listener final : public AlertSink {
public:
    Result<void> take(std::span<const Alert> alerts) override {
        for (const Alert& alert : alerts) {
            if (alert.state == AlertState::Pending || !alert.fired_at) continue;
            Firing& firing = firings_[alert.rule][alert.id];
            firing = {alert.labels, *alert.fired_at, alert.resolved_at};
        }
        return {};
    }

    /// In the window, of one rule and in the order of time.
    std::vector<Firing> of(const std::string& rule, Window window) const {
        std::vector<Firing> out;
        const auto found = firings_.find(rule);
        if (found == firings_.end()) return out;
        for (const auto& [id, firing] : found->second)
            if (firing.from <= window.to && (!firing.until || *firing.until > window.from))
                out.push_back(firing);
        std::stable_sort(out.begin(), out.end(),
                         [](const Firing& a, const Firing& b) { return a.from < b.from; });
        return out;
    }

private:
    std::map<std::string, std::map<AlertId, Firing>> firings_;
};

std::set<std::string> names_of(const std::vector<RuleGroup>& groups) {
    std::set<std::string> out{"ALERTS", "ALERTS_FOR_STATE"};
    for (const RuleGroup& group : groups)
        for (const Rule& rule : group.rules)
            if (rule.kind == Rule::Kind::Recording) out.insert(rule.name);
    return out;
}

Milliseconds longest_for(const std::vector<RuleGroup>& groups) {
    Milliseconds longest{0};
    for (const RuleGroup& group : groups)
        for (const Rule& rule : group.rules) longest = std::max(longest, rule.holds.before_firing);
    return longest;
}

/// One walk of all groups through the window.
class Walk {
public:
    Walk(const std::vector<RuleGroup>& groups, SeriesSource& source,
         const BacktestSettings& settings)
        : definitions_(groups),
          settings_(settings),
          files_(store::make_forgetful_files()),
          engine_(engine_settings(settings), clock_),
          source_(source) {}

    Result<std::vector<AlertHistory>> walk(std::stop_token stop) {
        auto opened = store::Store::open(*files_, "", memory_only(), clock_, log_, metrics_);
        if (!opened) return fail(opened.error());
        recorded_ = std::move(*opened);
        all_.emplace(source_, *recorded_, names_of(definitions_));
        ahead_.emplace(engine_, *all_);
        make_groups();
        const Ask ask = [this](const promql::Expr& expr, Timestamp at, std::stop_token stops) {
            return ahead_->ask(expr, at, std::move(stops));
        };
        Surroundings with{
            ask, *recorded_, listener_, clock_, log_, Surroundings::Numbers::in(metrics_), nullptr};
        while (auto* next = first_due()) {
            if (stop.stop_requested()) return fail(Fault::Cancelled, "the back-test was stopped");
            clock_.set(next->group.next());
            next->group.evaluate_if_due(clock_.now(), with, stop);
            note_errors(*next);
        }
        return histories();
    }

private:
    struct Running {
        Group group;
        GroupStatus status;
        std::vector<std::string> errors;  // of each rule the first
    };

    static promql::EngineSettings engine_settings(const BacktestSettings& settings) {
        promql::EngineSettings out;
        out.features = settings.features;
        return out;
    }

    void make_groups() {
        RuleSettings with;
        with.evaluation_interval = settings_.evaluation_interval;
        with.external_labels = settings_.external_labels;
        with.features = settings_.features;
        with.resend_delay = std::chrono::hours(24 * 365);  // told once is enough
        const Timestamp begin = settings_.window.from - longest_for(definitions_);
        clock_.set(begin);
        for (const RuleGroup& definition : definitions_) {
            Group group(definition, with, begin);
            GroupStatus status = group.status();
            running_.push_back({std::move(group), std::move(status), {}});
            running_.back().errors.resize(definition.rules.size());
            const Milliseconds step = definition.interval.value_or(settings_.evaluation_interval);
            for (const Rule& rule : definition.rules)
                if (!all_->reads_above(*rule.expr))
                    ahead_->expect(*rule.expr, step, settings_.window.to);
        }
    }

    /// Null when the end is reached. Of several the first in the files.
    Running* first_due() {
        const auto first = std::min_element(
            running_.begin(), running_.end(),
            [](const Running& a, const Running& b) { return a.group.next() < b.group.next(); });
        if (first == running_.end() || first->group.next() > settings_.window.to) return nullptr;
        return &*first;
    }

    void note_errors(Running& running) {
        running.group.update(running.status);
        for (std::size_t i = 0; i < running.errors.size(); ++i)
            if (running.errors[i].empty()) running.errors[i] = running.status.rules[i].last_error;
    }

    std::vector<AlertHistory> histories() const {
        std::vector<AlertHistory> out;
        for (std::size_t g = 0; g < definitions_.size(); ++g)
            for (std::size_t r = 0; r < definitions_[g].rules.size(); ++r) {
                const Rule& rule = definitions_[g].rules[r];
                if (rule.kind != Rule::Kind::Alerting) continue;
                out.push_back(
                    {definitions_[g].name, rule.name,
                     listener_.of(running_[g].group.key() + ";" + rule.name, settings_.window),
                     running_[g].errors[r], running_[g].status.rules[r].failures});
            }
        return out;
    }

    const std::vector<RuleGroup>& definitions_;
    const BacktestSettings& settings_;
    BacktestClock clock_;
    Log log_{LogSettings{.level = LogLevel::Error, .file = "/dev/null"}};
    Metrics metrics_;
    std::unique_ptr<Files> files_;
    promql::Engine engine_;
    SeriesSource& source_;
    std::unique_ptr<store::Store> recorded_;
    std::optional<Shadowed> all_;
    std::optional<Ahead> ahead_;
    Listener listener_;
    std::vector<Running> running_;
};

}  // namespace

std::size_t AlertHistory::pages() const {
    std::set<Timestamp> begins;
    for (const Firing& firing : firings) begins.insert(firing.from);
    return begins.size();
}

double AlertHistory::pages_per_week(Window window) const {
    const auto length = static_cast<double>((window.to - window.from).count());
    return length > 0 ? static_cast<double>(pages()) * static_cast<double>(week.count()) / length
                      : 0;
}

Result<std::vector<AlertHistory>> backtest(const std::vector<RuleGroup>& groups,
                                           SeriesSource& source, const BacktestSettings& settings,
                                           std::stop_token stop) {
    return Walk(groups, source, settings).walk(std::move(stop));
}

Result<std::vector<AlertHistory>> as_it_was(SeriesSource& source, Window window, Milliseconds gap) {
    const std::vector<Matcher> matchers = {
        {Matcher::Op::Equal, std::string(metric_name_label), "ALERTS"},
        {Matcher::Op::Equal, "alertstate", "firing"}};
    auto cursor = source.select(matchers, window, Hints{}, {});
    if (!cursor) return fail(cursor.error());
    std::map<std::string, AlertHistory> by_name;
    Column column;
    while ((*cursor)->next(column)) {
        LabelsBuilder builder(*column.labels);
        const Labels labels = builder.del(metric_name_label).del("alertstate").build();
        std::vector<Firing> firings;
        std::optional<Timestamp> last;
        for (std::size_t i = 0; i < column.times.size(); ++i) {
            const Timestamp at = column.times[i];
            const bool open = !firings.empty() && !firings.back().until;
            if (open && at - *last > gap) firings.back().until = *last + gap;
            const bool still_open = !firings.empty() && !firings.back().until;
            const bool stale = i < column.floats.size() && is_stale(column.floats[i]);
            if (stale && still_open) firings.back().until = at;
            if (!stale && !still_open) firings.push_back({labels, at, std::nullopt});
            last = at;
        }
        if (!firings.empty() && !firings.back().until && window.to - *last > gap)
            firings.back().until = *last + gap;
        AlertHistory& history = by_name[std::string(labels.get("alertname"))];
        history.name = labels.get("alertname");
        history.firings.insert(history.firings.end(), firings.begin(), firings.end());
    }
    std::vector<AlertHistory> out;
    for (auto& [name, history] : by_name) {
        std::stable_sort(history.firings.begin(), history.firings.end(),
                         [](const Firing& a, const Firing& b) { return a.from < b.from; });
        out.push_back(std::move(history));
    }
    return out;
}

}  // namespace vedette::rules::testing
