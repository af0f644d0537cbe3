#pragma once

#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "promql/engine.h"
#include "rules/manager.h"
#include "rules/rule_file.h"
#include "store/store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_folder.h"

namespace vedette::rules {

/// Rules over a real store and a clock that is wound; the manager can be stopped and started.
class StoreWorld : public AlertSink, public AlertMemory {
public:
    StoreWorld() {
        store::StoreSettings settings;
        settings.own_thread = false;
        store = std::move(
            *store::Store::open(*files_, folder_.path(), settings, clock, log_, *metrics_));
    }

    void start(const std::string& rules) {
        manager.reset();
        rule_metrics_ = std::make_unique<Metrics>();
        manager = std::make_unique<Manager>(
            Doors{[this](const promql::Expr& expr, Timestamp at, std::stop_token stop) {
                      return engine_.instant(expr, at, *store, stop);
                  },
                  *store, *store, *this, *this, clock, log_, *rule_metrics_,
                  [this](const promql::Expr& expr) {
                      return std::make_unique<promql::PreparedQuery>(engine_, expr, *store, *store);
                  },
                  store.get()});
        Problems problems;
        auto groups = read_rules("rules.yml", rules, problems, Dialect::Vedette);
        REQUIRE(problems.text() == "");
        REQUIRE(manager->load(std::move(groups), settings));
    }
    void stop() { manager.reset(); }

    void write(const Labels& labels, double value, Milliseconds ago = Milliseconds(0)) {
        REQUIRE(store->append({{{*store->series(labels), {clock.now() - ago, value}}}, {}}));
    }
    void evaluate() { manager->evaluate_due(clock.now()); }
    /// Times and values of one series, `0s=1 15s=2`, from `begin` on.
    std::string written(const std::string& name, Timestamp begin) {
        const std::vector<Matcher> matchers{{Matcher::Op::Equal, "__name__", name}};
        auto cursor = store->select(matchers, {begin - Milliseconds(1), clock.now()}, {}, {});
        std::string out;
        for (Column column; (*cursor)->next(column);)
            for (std::size_t i = 0; i < column.times.size(); ++i)
                out += (out.empty() ? "" : " ") + format_duration(column.times[i] - begin) + "=" +
                       (is_stale(column.floats[i]) ? "stale" : format_value(column.floats[i]));
        return out;
    }
    /// `Down pending, Down firing`, and forgets them.
    std::string heard() {
        std::string out;
        for (const Alert& alert : std::exchange(taken, {}))
            out += (out.empty() ? "" : ", ") + std::string(alert.labels.get("alertname")) + " " +
                   std::string(to_string(alert.state));
        return out;
    }

    Result<void> take(std::span<const Alert> alerts) override {
        for (const Alert& alert : alerts) {
            taken.push_back(alert);
            if (alert.state == AlertState::Resolved)
                open.erase(alert.id);
            else
                open[alert.id] = alert;
        }
        return {};
    }
    Result<std::vector<Alert>> open_alerts() override {
        std::vector<Alert> out;
        for (const auto& entry : open) out.push_back(entry.second);
        return out;
    }

    ManualClock clock;
    RuleSettings settings;
    std::vector<Alert> taken;
    std::map<AlertId, Alert> open;

private:
    TempFolder folder_;
    std::unique_ptr<Files> files_ = make_files();
    Log log_{LogSettings{.level = LogLevel::Error, .file = "/dev/null"}};
    std::unique_ptr<Metrics> metrics_ = std::make_unique<Metrics>(), rule_metrics_;
    promql::Engine engine_{{}, clock};

public:
    std::unique_ptr<store::Store> store;  // after what it is made of
    std::unique_ptr<Manager> manager;
};

}  // namespace vedette::rules
