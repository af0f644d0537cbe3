#include "rules/testing/test_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "base/template/value.h"
#include "core/histogram.h"
#include "promql/engine.h"
#include "promql/series_notation.h"
#include "promql/syntax/parse.h"
#include "promql/syntax/text.h"
#include "rules/group.h"
#include "rules/testing/series.h"
#include "rules/testing/test_text.h"
#include "store/forgetful_files.h"
#include "store/store.h"

namespace vedette::rules::testing {
namespace {

constexpr Timestamp beginning{0};

/// Stands where the test has come to.
class TestClock final : public Clock {
public:
    Timestamp now() const override { return now_; }
    std::chrono::steady_clock::time_point steady() const override {
        return std::chrono::steady_clock::time_point(Milliseconds(now_.ms));
    }
    void set(Timestamp at) { now_ = at; }

private:
    Timestamp now_ = beginning;
};

/// Nobody is told of the alerts of a test.
class NobodyListens final : public AlertSink {
public:
    Result<void> take(std::span<const Alert>) override { return {}; }
};

LogSettings quiet() {
    LogSettings settings;
    settings.level = LogLevel::Error;
    return settings;
}

store::StoreSettings memory_only() {
    store::StoreSettings settings;
    settings.lock_folder = settings.own_thread = false;
    settings.retention = std::chrono::hours(24 * 365 * 200);
    return settings;
}

promql::EngineSettings engine_settings(const TestFile& file, const TestSettings& with) {
    promql::EngineSettings settings;
    settings.features = with.features;
    settings.subquery_step = file.evaluation_interval;
    return settings;
}

RuleSettings rule_settings(const TestGroup& group, Milliseconds interval) {
    RuleSettings settings;
    settings.evaluation_interval = interval;
    settings.external_url = group.external_url;
    LabelsBuilder labels;
    for (const auto& [name, value] : group.external_labels) labels.set(name, value);
    settings.external_labels = labels.build();
    return settings;
}

bool same_value(double a, double b, bool fuzzy) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    return a == b ||
           (fuzzy && (std::nextafter(a, -infinity) == b || std::nextafter(a, infinity) == b));
}

Annotations words_of(const Labels& labels) {
    Annotations::Texts out;
    for (const Label label : labels) out.emplace(label.name, label.value);
    return Annotations(std::move(out));
}

/// A value as a dump of samples shows it.
std::string value_text(const Value& value) {
    const double* number = std::get_if<double>(&value);
    return number ? promql::plain_number(*number) : to_string(*std::get<HistogramRef>(value));
}

/// One test on its own store, from 1970 on.
class Run {
public:
    Run(const TestFile& file, const TestGroup& group, const TestSettings& settings)
        : file_(file),
          group_(group),
          settings_(settings),
          log_(quiet()),
          files_(store::make_forgetful_files()),
          engine_(engine_settings(file, settings), clock_) {}

    std::vector<std::string> run(const std::vector<RuleGroup>& rule_groups) {
        if (!open() || !load_series() || !know_alertnames()) return std::move(failures_);
        make_groups(rule_groups);
        if (!evaluate()) return std::move(failures_);
        for (const ExprTest& test : group_.exprs) check_expression(test);
        if (settings_.debug) tell_everything();
        return std::move(failures_);
    }

private:
    struct Feed {
        SeriesRef series;
        std::vector<std::optional<Value>> values;
        std::size_t next = 0;
    };

    bool open() {
        auto opened = store::Store::open(*files_, "", memory_only(), clock_, log_, metrics_);
        if (!opened) return failed(opened.error().message);
        store_ = std::move(*opened);
        return true;
    }

    bool failed(std::string text) {
        failures_.push_back(std::move(text));
        return false;
    }

    Milliseconds interval() const { return group_.interval.value_or(file_.evaluation_interval); }

    bool load_series() {
        std::map<Labels, Feed> feeds;
        for (const InputSeries& input : group_.input) {
            auto read = read_series(input.series, input.values);
            if (!read) return failed(read.error().message);
            const auto series = store_->series(read->labels);
            if (!series) return failed(series.error().message);
            // A series written twice is as it is written last.
            feeds.insert_or_assign(read->labels, Feed{*series, std::move(read->values)});
        }
        for (auto& [labels, feed] : feeds) feeds_.push_back(std::move(feed));
        return true;
    }

    bool know_alertnames() {
        for (const AlertTest& test : group_.alerts) {
            if (test.alertname.empty())
                return failed(fmt::format(
                    "an item under alert_rule_test misses required attribute alertname at "
                    "eval_time {}{}",
                    format_duration(test.at),
                    group_.name.empty() ? "" : fmt::format(" (in TestGroup {})", group_.name)));
            alert_tests_[test.at].push_back(&test);
        }
        return true;
    }

    void make_groups(const std::vector<RuleGroup>& rule_groups) {
        std::map<std::string, std::size_t> order;
        for (const std::string& name : file_.group_eval_order) order.emplace(name, order.size());
        std::vector<const RuleGroup*> sorted;
        for (const RuleGroup& group : rule_groups) sorted.push_back(&group);
        const auto place = [&](const RuleGroup* group) {
            const auto found = order.find(group->name);
            return found == order.end() ? std::size_t{0} : found->second;
        };
        std::stable_sort(sorted.begin(), sorted.end(),
                         [&](auto* a, auto* b) { return place(a) < place(b); });
        const RuleSettings with = rule_settings(group_, interval());
        for (const RuleGroup* group : sorted) groups_.emplace_back(*group, with, beginning);
    }

    Milliseconds last_time() const {
        Milliseconds last{0};
        for (const AlertTest& test : group_.alerts) last = std::max(last, test.at);
        for (const ExprTest& test : group_.exprs) last = std::max(last, test.at);
        return last;
    }

    bool evaluate() {
        const Ask ask = [this](const promql::Expr& expr, Timestamp at, std::stop_token stop) {
            return engine_.instant(expr, at, *store_, stop);
        };
        Surroundings with{ask, *store_, nobody_, clock_, log_, Surroundings::Numbers::in(metrics_)};
        const Timestamp end = beginning + last_time();
        for (Timestamp at = beginning; at <= end; at = at + file_.evaluation_interval) {
            clock_.set(at);
            if (!feed_until(at)) return false;
            bool fine = true;
            for (Group& group : groups_) {
                group.evaluate(at, with, {});
                fine = note_errors(group, at) && fine;
            }
            if (!fine) return false;
            const auto from = alert_tests_.lower_bound(at - beginning);
            const auto to = alert_tests_.lower_bound(at + file_.evaluation_interval - beginning);
            for (auto tests = from; tests != to; ++tests)
                for (const AlertTest* test : tests->second) check_alerts(*test);
        }
        return true;
    }

    bool feed_until(Timestamp at) {
        for (Feed& feed : feeds_) {
            Batch batch;
            for (; feed.next < feed.values.size(); ++feed.next) {
                const Timestamp when =
                    beginning + interval() * static_cast<std::int64_t>(feed.next);
                if (when > at) break;
                if (feed.values[feed.next])
                    batch.rows.push_back({feed.series, {when, *feed.values[feed.next]}});
            }
            if (batch.rows.empty()) continue;
            const auto appended = store_->append(batch);
            if (!appended) return failed(appended.error().message);
        }
        return true;
    }

    bool note_errors(const Group& group, Timestamp at) {
        bool fine = true;
        for (const RuleStatus& rule : group.status().rules) {
            if (rule.last_error.empty()) continue;
            fine = failed(fmt::format("    rule: {}, time: {}, err: {}", rule.name,
                                      format_go_duration(at - beginning), rule.last_error));
        }
        return fine;
    }

    std::vector<AlertWords> firing(const std::string& alertname) const {
        std::vector<AlertWords> out;
        for (const Group& group : groups_) {
            for (const RuleStatus& rule : group.status().rules) {
                if (rule.kind != Rule::Kind::Alerting || rule.name != alertname) continue;
                for (const AlertStatus& alert : rule.alerts)
                    if (alert.state == AlertState::Firing)
                        out.push_back({words_of(alert.labels), alert.annotations});
            }
        }
        std::sort(out.begin(), out.end());
        return out;
    }

    void check_alerts(const AlertTest& test) {
        const std::vector<AlertWords> got = firing(test.alertname);
        std::vector<AlertWords> expected;
        for (const ExpectedAlert& alert : test.expected) {
            Annotations::Texts labels(alert.labels.begin(), alert.labels.end());
            // What every alert has need not be written.
            labels.insert_or_assign("alertname", test.alertname);
            Annotations::Texts annotations(alert.annotations.begin(), alert.annotations.end());
            expected.push_back(
                {Annotations(std::move(labels)), Annotations(std::move(annotations))});
        }
        std::sort(expected.begin(), expected.end());
        if (got == expected) return;
        std::string text = group_.name.empty() ? "" : fmt::format("    name: {},\n", group_.name);
        text += fmt::format("    alertname: {}, time: {}, \n", test.alertname,
                            format_duration(test.at));
        constexpr std::string_view indent = "            ";
        if (settings_.diff)
            text += "        diff: " + indent_lines(alerts_difference(expected, got), indent);
        else
            text += fmt::format("        exp:{}, \n        got:{}",
                                indent_lines(alerts_text(expected), indent),
                                indent_lines(alerts_text(got), indent));
        failures_.push_back(std::move(text));
    }

    Result<std::vector<SampleWords>> ask(const ExprTest& test) {
        const auto expr = promql::parse(test.expression, nullptr, settings_.features);
        if (!expr) return fail(expr.error());
        const auto result = engine_.instant(**expr, beginning + test.at, *store_);
        if (!result) return fail(result.error());
        using Kind = QueryResult::Kind;
        if (result->kind != Kind::Vector && result->kind != Kind::Scalar)
            return fail(Fault::BadInput, "rule result is not a vector or scalar");
        std::vector<SampleWords> out;
        for (const auto& series : result->series)
            out.push_back(sample_words(series.labels, series.samples.front().value));
        return out;
    }

    static SampleWords sample_words(const Labels& labels, const Value& value) {
        if (const double* number = std::get_if<double>(&value)) return {labels, *number, {}};
        return {labels, 0, promql::histogram_notation(*std::get<HistogramRef>(value))};
    }

    static Result<std::vector<SampleWords>> expected_samples(const ExprTest& test) {
        std::vector<SampleWords> out;
        for (const ExpectedSample& sample : test.expected) {
            const auto labels = read_labels(sample.labels);
            std::string histogram, problem;
            if (!labels) problem = labels.error().message;
            if (labels && !sample.histogram.empty()) {
                const auto read = promql::parse_histogram(sample.histogram);
                if (read)
                    histogram = promql::histogram_notation(**read);
                else
                    problem = read.error().message;
            }
            if (!problem.empty())
                return fail(Fault::BadInput,
                            fmt::format("labels {}: {}", quote(sample.labels), problem));
            out.push_back({*labels, sample.value, std::move(histogram)});
        }
        return out;
    }

    bool same_samples(const std::vector<SampleWords>& a, const std::vector<SampleWords>& b) const {
        return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                          [&](const auto& x, const auto& y) {
                              return x.labels == y.labels && x.histogram == y.histogram &&
                                     same_value(x.value, y.value, file_.fuzzy_compare);
                          });
    }

    void check_expression(const ExprTest& test) {
        auto got = ask(test);
        auto expected = got ? expected_samples(test) : got;
        const std::string head = fmt::format("    expr: {}, time: {},", quote(test.expression),
                                             format_duration(test.at));
        if (!expected) {
            failures_.push_back(fmt::format("{} err: {}", head, expected.error().message));
            return;
        }
        for (auto* samples : {&*got, &*expected})
            std::stable_sort(samples->begin(), samples->end(),
                             [](const auto& a, const auto& b) { return a.labels < b.labels; });
        if (same_samples(*got, *expected)) return;
        failures_.push_back(fmt::format("{}\n        exp: {}\n        got: {}", head,
                                        samples_text(*expected), samples_text(*got)));
    }

    /// Every sample there was, for `--debug`.
    void tell_everything() {
        const Milliseconds second(1000);
        const Milliseconds until = (last_time() + second) / second * second;
        settings_.debug(fmt::format("DEBUG: Dump of all data (input_series and rules) at {}:",
                                    format_go_duration(until)));
        const Matcher all{Matcher::Op::Match, std::string(metric_name_label), ".+"};
        auto cursor = store_->select({&all, 1}, {beginning, beginning + until}, {}, {});
        std::string text;
        Column column;
        while (cursor && (*cursor)->next(column)) {
            std::string floats, histograms;
            for (std::size_t i = 0; i < column.times.size(); ++i) {
                const bool is_histogram = !column.histograms.empty() && column.histograms[i];
                const Value value =
                    is_histogram ? Value(column.histograms[i]) : Value(column.floats[i]);
                if (is_stale(value)) continue;
                (is_histogram ? histograms : floats) +=
                    fmt::format("\n{} @[{}]", value_text(value), column.times[i].ms);
            }
            if (floats.empty() && histograms.empty()) continue;
            text += fmt::format("{}{} =>{}{}", text.empty() ? "" : "\n",
                                label_set_text(*column.labels), floats, histograms);
        }
        settings_.debug(text);
    }

    const TestFile& file_;
    const TestGroup& group_;
    const TestSettings& settings_;
    TestClock clock_;
    Log log_;
    Metrics metrics_;
    NobodyListens nobody_;
    std::unique_ptr<Files> files_;
    std::unique_ptr<store::Store> store_;
    promql::Engine engine_;

    std::vector<Feed> feeds_;
    std::map<Milliseconds, std::vector<const AlertTest*>> alert_tests_;
    std::vector<Group> groups_;
    std::vector<std::string> failures_;
};

}  // namespace

std::vector<std::string> run_test_group(const TestFile& file, const TestGroup& group,
                                        const std::string& name,
                                        const std::vector<RuleGroup>& rule_groups,
                                        const TestSettings& settings) {
    const auto begin = std::chrono::steady_clock::now();
    if (settings.debug) settings.debug(fmt::format("DEBUG: Starting test {}", name));
    std::vector<std::string> failures = Run(file, group, settings).run(rule_groups);
    if (settings.debug)
        settings.debug(fmt::format("DEBUG: Test {} finished, took {}", name,
                                   format_go_duration(std::chrono::steady_clock::now() - begin)));
    return failures;
}

}  // namespace vedette::rules::testing
