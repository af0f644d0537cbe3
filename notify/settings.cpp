#include "notify/settings.h"

#include <algorithm>

namespace vedette::notify {
namespace {

/// `https://user:pass@hooks.example/secret?x` → `hooks.example`
std::string host_of(std::string_view url) {
    if (const auto at = url.find("://"); at != url.npos) url.remove_prefix(at + 3);
    url = url.substr(0, url.find_first_of("/?#"));
    if (const auto at = url.rfind('@'); at != url.npos) url.remove_prefix(at + 1);
    return std::string(url);
}

std::string target_of(const WebSettings& web) {
    for (const char* key : {"channel", "chat_id", "to", "room_id"})
        if (const auto text = web.text(key); !text.empty()) return std::string(text);
    for (const char* key : {"url", "webhook_url", "api_url"}) {
        if (web.kind != "webhook" && web.kind != "alertmanager") break;
        if (const auto url = web.secret(key).reveal(); url && !url->empty()) return host_of(*url);
    }
    return web.kind;
}

template <typename Map>
typename Map::mapped_type find_or(const Map& map, std::string_view key,
                                  typename Map::mapped_type otherwise) {
    const auto found = map.find(key);
    return found == map.end() ? otherwise : found->second;
}

}  // namespace

std::string_view WebSettings::text(std::string_view key) const {
    const auto found = texts.find(key);
    return found == texts.end() ? std::string_view() : found->second;
}

bool WebSettings::on(std::string_view key) const {
    return find_or(switches, key, false);
}

std::int64_t WebSettings::number(std::string_view key) const {
    return find_or(numbers, key, 0);
}

const ConfigNode* WebSettings::tree(std::string_view key) const {
    const auto found = trees.find(key);
    return found == trees.end() ? nullptr : &found->second;
}

const Secret& WebSettings::secret(std::string_view key) const {
    static const Secret none;
    const auto found = secrets.find(key);
    return found == secrets.end() ? none : found->second;
}

std::string_view Integration::kind() const {
    if (const auto* web = std::get_if<WebSettings>(&how)) return web->kind;
    return std::holds_alternative<EmailSettings>(how) ? "email" : "exec";
}

std::string Integration::target() const {
    if (const auto* web = std::get_if<WebSettings>(&how)) return target_of(*web);
    const auto* email = std::get_if<EmailSettings>(&how);
    if (email == nullptr) return std::get<ExecSettings>(how).command.front();
    std::string out;
    for (const std::string& one : email->to) out += (out.empty() ? "" : ", ") + one;
    return out;
}

const Receiver* Settings::receiver(std::string_view name) const {
    const auto found = std::ranges::find(receivers, name, &Receiver::name);
    return found == receivers.end() ? nullptr : &*found;
}

}  // namespace vedette::notify
