#include "rules/status.h"

namespace vedette::rules {

std::string_view RuleStatus::state() const {
    std::string_view worst = "inactive";
    for (const auto& alert : alerts) {
        if (alert.state == AlertState::Firing) return "firing";
        worst = "pending";
    }
    return worst;
}

std::string_view to_string(RuleStatus::Health health) {
    switch (health) {
        case RuleStatus::Health::Unknown:
            return "unknown";
        case RuleStatus::Health::Ok:
            return "ok";
        case RuleStatus::Health::Failed:
            return "err";
    }
    return "unknown";
}

}  // namespace vedette::rules
