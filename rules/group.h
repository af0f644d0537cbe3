#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "core/query.h"
#include "core/series.h"
#include "promql/prepared.h"
#include "rules/alerting_rule.h"
#include "rules/recorder.h"
#include "rules/rule_file.h"
#include "rules/schedule.h"
#include "rules/status.h"

namespace vedette::rules {

/// Prepares an expression that is asked again and again; it must not outlive the expression.
using Prepare = std::function<std::unique_ptr<promql::PreparedQuery>(const promql::Expr&)>;

/// Answers an expression at one time: the engine over the store, or over another Prometheus.
using Ask = std::function<Result<QueryResult>(const promql::Expr&, Timestamp, std::stop_token)>;

struct RuleSettings {
    Milliseconds evaluation_interval{60'000};      ///< of groups that name none
    Milliseconds query_offset{0};                  ///< questions look this far back
    Milliseconds resend_delay{60'000};             ///< before a firing alert is told again
    Milliseconds for_outage_tolerance{3'600'000};  ///< a longer outage starts `for` anew
    Milliseconds for_grace_period{600'000};  ///< the least a pending alert waits after a restart
    std::string external_url;                ///< without a slash at the end
    promql::Features features;               ///< of queries in templates
    Labels external_labels;
};

/// What groups work with; outlives them.
struct Surroundings {
    Ask ask;
    SampleSink& samples;
    AlertSink& alerts;
    const Clock& clock;
    Log& log;
    struct Numbers {
        /// Finds or makes them.
        static Numbers in(Metrics& metrics);

        Counter& evaluations;
        Counter& failures;
        Counter& missed;
        Counter& rejected_samples;
        Counter& untaken;
        HistogramMetric& seconds;
    } numbers;
    Prepare prepare = nullptr;  ///< for the expressions of rules; without it `ask` answers them
};

/// A group as it runs: its rules one after the other, each seeing what those before it wrote.
/// Used by one thread at a time.
class Group {
public:
    Group(RuleGroup definition, const RuleSettings& settings, Timestamp now);

    /// Takes over what the same group knew before a reload; what is gone from it ends next time.
    void continue_from(Group&& before);

    /// The wall clock was set by so much. After a large step it is not evaluated for two intervals
    /// (at most limits::clock_step_pause_max): in the new time there are no readings yet, and what
    /// is missing must not resolve, or raise, anything.
    void clock_set(Milliseconds by, Timestamp now, const Clock& clock);

    /// Evaluates when the time has come, and says whether it did.
    bool evaluate_if_due(Timestamp now, Surroundings& with, std::stop_token stop);
    void evaluate(Timestamp at, Surroundings& with, std::stop_token stop);
    bool on_arrival() const { return definition_.on_arrival; }
    /// Samples came: evaluates for `now`, unless it did already, or waits for the clock.
    bool evaluate_arrived(Timestamp now, Surroundings& with, std::stop_token stop);

    /// The program last evaluated this group at `last` and starts again: evaluations since then
    /// are made up for at the next one that is due. Nobody is told meanwhile; what became of
    /// alerts is told with the next evaluation.
    void catch_up_from(Timestamp last);
    Milliseconds catch_up() const { return definition_.catch_up; }
    bool catches_up() const { return catch_up_from_.has_value(); }
    /// What `mark` writes, of a group that may catch up.
    Labels mark_labels() const;

    /// Says of rules whose last evaluation read no series why that is; at most `most` of them, and
    /// none again within ten minutes. Returns how many were looked into.
    std::size_t look_for_names(LabelSource& names, Window window, std::size_t most, Timestamp now,
                               Log& log);

    /// Resolves its alerts, ends its series: it is no longer in the rules. False when the sink did
    /// not take the alerts; to be called again then.
    bool end(Timestamp now, Surroundings& with);

    /// The rule that made `alert`, or null.
    AlertingRule* maker(const Alert& alert);

    Timestamp next() const { return next_; }
    const std::string& key() const { return key_; }
    GroupStatus status() const;
    /// Brings what `status` gave up to date.
    void update(GroupStatus& status) const;

private:
    struct Running {
        Rule rule;
        std::unique_ptr<AlertingRule> alerting;  ///< null for a recording rule
        std::unique_ptr<promql::PreparedQuery> prepared;
        Recorder recorder;
        RuleStatus::Health health = RuleStatus::Health::Unknown;
        std::string last_error;
        double seconds = 0;
        std::optional<Timestamp> last_evaluation;
        std::optional<std::int64_t> samples, series;
        std::uint64_t evaluations = 0, failures = 0;
        std::string unmatched;
        std::optional<Timestamp> names_looked_at;
        bool continued = false;  ///< took over from before a reload

        void update(RuleStatus& status) const;
    };

    void evaluate_rule(Running& running, Timestamp at, Surroundings& with, std::stop_token stop);
    Result<QueryResult> ask(Running& running, Timestamp at, Surroundings& with,
                            std::stop_token stop);
    void make_up(Timestamp until, Surroundings& with, std::stop_token stop);
    void mark(Timestamp at, Surroundings& with);
    Result<void> run(Running& running, Timestamp at, Surroundings& with, std::stop_token stop);
    Result<void> run_recording(Running& running, const QueryResult& vector, Timestamp at,
                               Surroundings& with);
    Result<void> run_alerting(Running& running, const QueryResult& vector, Timestamp at,
                              Surroundings& with, std::stop_token stop);
    Result<void> write(Running& running, const std::vector<Recorded>& rows, Timestamp at,
                       Surroundings& with);
    bool tell(Running& running, Timestamp now, Surroundings& with);
    Milliseconds query_offset() const;
    /// Before the rules that are left: one of them may begin an alert with the same labels. False
    /// when the sink did not take them.
    bool end_gone_alerts(Timestamp now, Surroundings& with);
    /// After the rules that are left, as a series that one of them now writes goes on. Forgets the
    /// rules whose alerts were taken.
    void end_gone_series(Timestamp now, Surroundings& with);

    RuleGroup definition_;
    RuleSettings settings_;
    std::string key_;
    Schedule schedule_;
    Timestamp next_;
    std::optional<std::chrono::steady_clock::time_point> quiet_until_;
    std::vector<Running> rules_;
    std::vector<Running>
        gone_;  ///< of before a reload; ended at the next evaluation, or when the sink takes it
    double seconds_ = 0;
    std::optional<Timestamp> last_evaluation_;
    std::optional<Timestamp> catch_up_from_;
    bool silent_ = false;  ///< what happens is told later
    std::uint64_t iterations_ = 0, missed_ = 0;
};

}  // namespace vedette::rules
