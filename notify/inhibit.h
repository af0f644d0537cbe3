#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/alert.h"
#include "notify/settings.h"

namespace vedette::notify {

/// Which firing alerts are sources of which inhibit rules, by the values of the rule's `equal` labels,
/// so that asking costs one look-up a rule. One thread.
class Inhibitor {
public:
    explicit Inhibitor(std::span<const InhibitRule> rules);

    /// Notes what became of an alert: a firing one may be a source from now on, any other is none.
    void note(const Alert& alert);

    /// What keeps an alert from being told.
    struct Verdict {
        const InhibitRule* rule = nullptr;
        std::uint64_t source = 0;  ///< fingerprint of the alert that does it
    };
    /// The first rule that mutes `labels`; `rule` is null when none does. An alert that is source and
    /// target of one rule is not muted by another such alert, itself included.
    Verdict inhibiting(const Labels& labels) const;

private:
    struct Entry {
        std::uint64_t fingerprint;
        bool is_target_too;  ///< matches both sides of the rule
        auto operator<=>(const Entry&) const = default;
    };
    std::span<const InhibitRule> rules_;
    /// One a rule: fingerprint of the equal labels → its sources.
    std::vector<std::unordered_map<std::uint64_t, std::set<Entry>>> sources_;
};

}  // namespace vedette::notify
