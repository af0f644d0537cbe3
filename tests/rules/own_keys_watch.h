#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "promql/engine.h"
#include "rules/group.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_source.h"

/// A group of rules in our words, evaluated by the real engine over series in memory; what it
/// writes (ALERTS) it sees at its next evaluation.
namespace vedette::rules {

class Watch final : public SampleSink, public AlertSink {
public:
    /// `rules`: the items of a group's `rules`, one a line, in YAML's braces.
    explicit Watch(const std::string& rules, const std::string& group = "")
        : log_(LogSettings{.level = LogLevel::Error, .file = "/dev/null"}),
          engine_(promql::EngineSettings{}, clock_),
          group_(read("groups:\n- name: g\n  interval: 1m\n" + group + "  rules:\n" + rules),
                 RuleSettings{}, Timestamp{0}) {}

    MemorySource data;

    /// Evaluates once a minute; one character an evaluation, of the worst alert: `.` none, `p`
    /// pending, `F` firing, `!` the rule failed.
    std::string walk(Timestamp from, int evaluations) {
        std::string out;
        for (int i = 0; i < evaluations; ++i) {
            evaluate(from + std::chrono::minutes(i));
            char worst = '.';
            for (const RuleStatus& rule : group_.status().rules) {
                if (rule.state() == "firing") worst = 'F';
                if (rule.state() == "pending" && worst != 'F') worst = 'p';
                if (!rule.last_error.empty()) worst = '!';
            }
            out += worst;
        }
        return out;
    }
    std::string walk(int evaluations) { return walk(Timestamp{0}, evaluations); }

    /// What is open: `Name{label="x"} firing 5`, in the rules' order and then by labels.
    std::vector<std::string> open() const {
        std::vector<std::string> out;
        for (const RuleStatus& rule : group_.status().rules)
            for (const AlertStatus& alert : rule.alerts) {
                LabelsBuilder labels(alert.labels);
                const Labels rest = labels.del("alertname").build();
                out.push_back(rule.name + to_string(rest) + " " +
                              std::string(to_string(alert.state)) + " " +
                              format_value(alert.value));
            }
        return out;
    }

private:
    static RuleGroup read(const std::string& text) {
        Problems problems;
        auto groups = read_rules("rules.yml", text, problems, Dialect::Vedette);
        REQUIRE(problems.text() == "");
        return groups.at(0);
    }
    void evaluate(Timestamp at) {
        Surroundings with{[this](const promql::Expr& expr, Timestamp when, std::stop_token stop) {
                              return engine_.instant(expr, when, data, stop);
                          },
                          *this,
                          *this,
                          clock_,
                          log_,
                          {metrics_.counter("a_total", "A."), metrics_.counter("b_total", "B."),
                           metrics_.counter("c_total", "C."), metrics_.counter("d_total", "D."),
                           metrics_.counter("e_total", "E."), metrics_.histogram("f", "F.", {1})}};
        group_.evaluate(at, with, {});
    }

    Result<SeriesRef> series(const Labels& labels) override {
        series_.push_back(labels);
        return SeriesRef{series_.size() - 1};
    }
    std::uint64_t generation() const override { return 1; }
    void metadata(std::string_view, std::string_view, std::string_view, std::string_view) override {
    }
    Result<Appended> append(const Batch& batch) override {
        for (const auto& row : batch.rows)
            data.add(series_[row.series.id], row.sample.at, row.sample.value);
        return Appended{.stored = batch.rows.size(), .first_rejection = {}};
    }
    Result<void> take(std::span<const Alert>) override { return {}; }

    ManualClock clock_;
    Log log_;
    Metrics metrics_;
    promql::Engine engine_;
    std::vector<Labels> series_;
    Group group_;
};

}  // namespace vedette::rules
