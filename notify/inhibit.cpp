#include "notify/inhibit.h"

namespace vedette::notify {
namespace {

/// A label that neither side has counts as equal, as in Alertmanager.
std::uint64_t key_of(const InhibitRule& rule, const Labels& labels) {
    LabelsBuilder kept(labels);
    kept.keep(rule.equal);
    return fingerprint(kept.build());
}

}  // namespace

Inhibitor::Inhibitor(std::span<const InhibitRule> rules) : rules_(rules), sources_(rules.size()) {}

void Inhibitor::note(const Alert& alert) {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        const InhibitRule& rule = rules_[i];
        if (!match_all(rule.source, alert.labels)) continue;
        const std::uint64_t key = key_of(rule, alert.labels);
        const Entry entry{alert.id.fingerprint, match_all(rule.target, alert.labels)};
        if (alert.state == AlertState::Firing) {
            sources_[i][key].insert(entry);
        } else if (auto found = sources_[i].find(key); found != sources_[i].end()) {
            found->second.erase(entry);
            if (found->second.empty()) sources_[i].erase(found);
        }
    }
}

Inhibitor::Verdict Inhibitor::inhibiting(const Labels& labels) const {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        const InhibitRule& rule = rules_[i];
        if (sources_[i].empty() || !match_all(rule.target, labels)) continue;
        const auto found = sources_[i].find(key_of(rule, labels));
        if (found == sources_[i].end()) continue;
        const bool is_source_too = match_all(rule.source, labels);
        for (const Entry& entry : found->second)
            if (!(is_source_too && entry.is_target_too)) return {&rule, entry.fingerprint};
    }
    return {};
}

}  // namespace vedette::notify
