#include "notify/settings.h"

#include <algorithm>

namespace vedette::notify {

std::string_view Integration::kind() const {
    static constexpr std::string_view kinds[] = {"webhook", "slack", "email"};
    return kinds[how.index()];
}

std::string Integration::target() const {
    if (const auto* slack = std::get_if<SlackSettings>(&how))
        return slack->channel.empty() ? "Slack" : slack->channel;
    if (const auto* email = std::get_if<EmailSettings>(&how)) {
        std::string out;
        for (const std::string& one : email->to) out += (out.empty() ? "" : ", ") + one;
        return out;
    }
    const auto url = std::get<WebhookSettings>(how).url.reveal();
    if (!url) return "webhook";
    std::string_view host = *url;
    if (const auto at = host.find("://"); at != host.npos) host.remove_prefix(at + 3);
    host = host.substr(0, host.find_first_of("/?#"));
    if (const auto at = host.rfind('@'); at != host.npos) host.remove_prefix(at + 1);
    return std::string(host);
}

const Receiver* Settings::receiver(std::string_view name) const {
    const auto found = std::ranges::find(receivers, name, &Receiver::name);
    return found == receivers.end() ? nullptr : &*found;
}

}  // namespace vedette::notify
