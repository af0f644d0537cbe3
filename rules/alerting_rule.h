#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/template/value.h"
#include "core/alert.h"
#include "core/query.h"
#include "rules/alert_text.h"
#include "rules/recorder.h"
#include "rules/rule_file.h"
#include "rules/status.h"

namespace vedette::rules {

/// What a rule's words may say about the program they come from.
struct AlertScene {
    const Labels& external_labels;
    const std::string& external_url;
    const TemplateFunctions& functions;  ///< `query` among them
};

/// The alerts of one alerting rule, from evaluation to evaluation. Used by one thread at a time.
///
/// Invariants: (A1) alerts are told apart by their labels, never two with the same; (A2) every
/// transition is in `due` until it was taken; (A3) an alert's id never changes, also when its
/// `active_at` is moved after a restart, or when the clock is set.
class AlertingRule {
public:
    /// `rule` passed `read_rules`, so that its texts compile. `key` is `file;group;alertname`.
    AlertingRule(const Rule& rule, std::string key);

    /// Walks every alert one step, given what the expression gave at `at`. Fails with BadInput when
    /// two elements give the same labels (nothing changes then), and with Limit when more than
    /// `limit` (0: any number) are open; then all are resolved, as Prometheus drops them.
    Result<void> evaluate(const QueryResult& vector, Timestamp at, std::size_t limit,
                          const AlertScene& scene);

    /// `ALERTS` and `ALERTS_FOR_STATE` of what is open.
    std::vector<Recorded> series() const;

    /// What the sink should hear at `now`: transitions not taken yet, and alerts that were last
    /// told `resend_delay` ago or longer.
    std::vector<Alert> due(Timestamp now, Milliseconds resend_delay) const;
    /// The sink took what `due` gave.
    void taken(const std::vector<Alert>& alerts, Timestamp now);

    /// Resolves everything: the rule is gone, or may not go on.
    void give_up(Timestamp now, const std::string& reason);

    /// Whether `alert` can have come from this rule: its key and its labels without templates.
    bool made(const Alert& alert) const;
    bool knows(const AlertId& id, const Labels& labels) const;
    /// Continues an alert that was open before a restart, from `active_at` on; one that is known
    /// stays.
    void restore(const Alert& alert, Timestamp active_at);
    /// The wall clock was set by so much: what was waited for goes on from where it was.
    void shift(Milliseconds by);
    /// Takes over the alerts of the same rule as it was before a reload.
    void continue_from(AlertingRule&& before);

    std::vector<AlertStatus> status() const;
    /// Nothing is open, resolved lately, or still to be told.
    bool is_quiet() const { return active_.empty() && untold_.empty(); }
    const std::string& key() const { return key_; }
    const Holds& holds() const { return holds_; }

private:
    struct Active {
        AlertId id;
        Annotations annotations;
        double value = 0;
        AlertProgress progress;
        std::string reason;
        std::optional<Timestamp> told_at;
    };
    struct Observed {
        Annotations annotations;
        double value = 0;
    };
    using Texts = std::vector<std::pair<std::string, AlertText>>;

    Result<std::map<Labels, Observed>> observe(const QueryResult& vector,
                                               const AlertScene& scene) const;
    void step(const Labels& labels, const Observed* seen, Timestamp at);
    void note(const Labels& labels, const Active& active);
    Alert make_alert(const Labels& labels, const Active& active) const;
    std::size_t open() const;

    std::string name_, key_, expression_;
    std::string generator_path_;  ///< behind the external URL
    std::string external_url_;    ///< as of the last evaluation
    Holds holds_;
    TextMap label_texts_;
    Texts labels_, annotations_;
    std::map<Labels, Active> active_;
    std::map<AlertId, Alert> untold_;  ///< transitions the sink has not taken
};

}  // namespace vedette::rules
