#include "notify/decide.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>

#include "core/limits.h"

namespace vedette::notify {
namespace {

constexpr std::pair<Reason, std::string_view> words[] = {
    {Reason::FirstNotification, "first notification"},
    {Reason::NewAlerts, "new alerts added"},
    {Reason::SomeResolved, "some alerts resolved"},
    {Reason::AllResolved, "all alerts resolved"},
    {Reason::RepeatElapsed, "repeat interval elapsed"},
    {Reason::NothingNew, "nothing new"},
    {Reason::NothingFiring, "nothing fires"},
    {Reason::ResolvedUnasked, "resolved, not asked for"},
    {Reason::FiringUnasked, "fires, not asked for"},
    {Reason::Inhibited, "inhibited"},
    {Reason::Silenced, "silenced"},
    {Reason::TimeMuted, "route is within mute time"},
    {Reason::TimeInactive, "route is not within active time"},
    {Reason::NoReceiver, "receiver without integration"},
    {Reason::Sent, "sent"},
    {Reason::Recorded, "recorded, not sent"},
    {Reason::Unfinished, "outcome unknown"},
    {Reason::TryAgain, "to be tried again"},
    {Reason::Refused, "refused"},
    {Reason::GivenUp, "given up"},
    {Reason::ReceiverGone, "receiver gone"},
};

bool subset(const Fingerprints& some, const Fingerprints& all) {
    return std::ranges::includes(all, some);
}

}  // namespace

std::string_view to_string(Reason reason) {
    for (const auto& [one, word] : words)
        if (one == reason) return word;
    return "unknown reason";
}

std::optional<Reason> parse_reason(std::string_view text) {
    for (const auto& [one, word] : words)
        if (word == text) return one;
    return std::nullopt;
}

bool tells(Reason reason) {
    return reason <= Reason::RepeatElapsed;
}

Reason needs_update(const Told* last, const Fingerprints& firing, const Fingerprints& resolved,
                    bool send_resolved, Milliseconds repeat_interval, Moment now) {
    // What nobody heard of need not be taken back: it came and went inside the group's wait.
    if (last == nullptr) return firing.empty() ? Reason::NothingFiring : Reason::FirstNotification;
    if (!subset(firing, last->firing)) return Reason::NewAlerts;
    // The last word was bad news: say that it is over, whatever the receiver thinks of single resolves.
    if (firing.empty()) return last->firing.empty() ? Reason::NothingNew : Reason::AllResolved;
    if (send_resolved && !subset(resolved, last->resolved)) return Reason::SomeResolved;
    if (now.steady - last->at.steady > repeat_interval) return Reason::RepeatElapsed;
    return Reason::NothingNew;
}

RetryPlan after_failure(const Outcome& outcome, unsigned failures, Milliseconds owed_for,
                        Milliseconds group_interval, double jitter) {
    if (owed_for >= limits::notify_owed_max) return {Reason::GivenUp, {}};
    if (!outcome.retry) return {Reason::Refused, group_interval};
    const unsigned doublings = std::min(failures == 0 ? 0U : failures - 1, 20U);
    const Milliseconds ceiling =
        std::min<Milliseconds>(Milliseconds(limits::notify_backoff_first) * (1LL << doublings),
                               limits::notify_backoff_max);
    const auto drawn = static_cast<double>(ceiling.count()) * (0.5 + 0.5 * jitter);
    Milliseconds wait = std::min(Milliseconds(std::llround(drawn)), group_interval);
    if (outcome.retry_after)
        wait = std::max(wait, std::min<Milliseconds>(*outcome.retry_after, limits::retry_after_max));
    return {Reason::TryAgain, wait};
}

std::optional<Milliseconds> parse_retry_after(std::string_view text, Timestamp now) {
    const auto clamp = [](double ms) {
        return Milliseconds(std::llround(
            std::clamp(ms, 0.0, double(Milliseconds(limits::retry_after_max).count()))));
    };
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    if (text.empty() || text.size() > 64) return std::nullopt;
    double seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (end == text.data() + text.size() && (error == std::errc() || error == std::errc::result_out_of_range))
        return std::isnan(seconds) ? std::nullopt : std::optional(clamp(seconds * 1000.0));
    // "Fri, 20 Nov 2026 09:00:00 GMT": the one form that RFC 9110 lets a server write.
    std::tm parts{};
    const std::string copy(text);  // `rest` points into it
    const char* rest = strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (rest == nullptr || *rest != '\0') return std::nullopt;
    return clamp(static_cast<double>(timegm(&parts)) * 1000.0 - static_cast<double>(now.ms));
}

}  // namespace vedette::notify
