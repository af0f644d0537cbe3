// Alertmanager's webhook, version 4: what it posts, receivers of ours get. And incident.io, which takes the
// same with a token.
#include <fmt/format.h>
#include <openssl/hmac.h>

#include <nlohmann/json.hpp>

#include "core/limits.h"
#include "notify/senders/sender.h"
#include "notify/senders/services/services.h"

namespace vedette::notify {
namespace {

using Json = nlohmann::ordered_json;

/// RFC 3339 as Go prints it: no trailing zeros in the fraction.
std::string go_time(Timestamp at) {
    std::string out = format_rfc3339(at);
    const auto dot = out.find('.');
    if (dot == out.npos) return out;
    std::size_t end = out.size() - 1;  // of the fraction; behind it stands Z
    while (out[end - 1] == '0') --end;
    if (end - 1 == dot) --end;
    return out.substr(0, end) + "Z";
}

/// Of labels, or of annotations.
template <typename Texts>
Json texts_json(const Texts& texts) {
    Json out = Json::object();
    for (const auto& [name, text] : texts) out[std::string(name)] = text;
    return out;
}

Json alert_json(const Alert& alert) {
    const bool over = alert.state == AlertState::Resolved;
    Json out;
    out["status"] = over ? "resolved" : "firing";
    out["labels"] = texts_json(alert.labels);
    out["annotations"] = texts_json(alert.annotations);
    out["startsAt"] = go_time(starts_at(alert));
    out["endsAt"] = over ? go_time(alert.resolved_at.value_or(starts_at(alert))) : "0001-01-01T00:00:00Z";
    out["generatorURL"] = alert.generator_url;
    out["fingerprint"] = format_fingerprint(alert.id.fingerprint);
    return out;
}

/// What lets a receiver know a repeat, and that it was us.
void add_delivery_headers(Filler& filler, const Draft& draft, Post& post) {
    if (draft.message.possible_repeat) post.headers.push_back({"X-Vedette-Possible-Repeat", "true"});
    if (draft.settings.on("delivery_headers")) {
        post.headers.push_back({"X-Vedette-Delivery", fmt::format("{}", draft.attempt)});
        post.headers.push_back({"Idempotency-Key", idempotency_key(draft.message)});
    }
    if (const std::string secret = filler.secret("signing_secret"); !secret.empty())
        post.headers.push_back({"X-Vedette-Signature", "sha256=" + sign(post.body, secret)});
}

std::uint64_t max_alerts(const Draft& draft) {
    return static_cast<std::uint64_t>(draft.settings.number("max_alerts"));
}

Result<std::vector<Post>> webhook_posts(const Draft& draft) {
    Filler filler(draft);
    Post post;
    post.url = filler.secret("url");
    const ConfigNode* payload = draft.settings.tree("payload");
    post.body = payload != nullptr ? print_json(filler.typed_tree(*payload))
                                   : webhook_body(draft.message, max_alerts(draft));
    add_delivery_headers(filler, draft, post);
    return filler.finish({std::move(post)});
}

Result<std::vector<Post>> incidentio_posts(const Draft& draft) {
    Filler filler(draft);
    Json body = Json::parse(webhook_body(draft.message, max_alerts(draft)));
    body["version"] = "1";
    Post post;
    post.url = filler.secret("url");
    post.body = print_json(body);
    if (const std::string token = filler.secret("alert_source_token"); !token.empty())
        post.headers.push_back({"Authorization", "Bearer " + token});
    return filler.finish({std::move(post)});
}

void needs_url(MapReader& map, const WebSettings& settings) {
    if (!settings.secret("url").is_set())
        map.problems().add(map.map(), "a webhook needs `url` or `url_file`");
}

constexpr Key webhook_keys[] = {
    {"url", Key::Is::Secret},
    {"max_alerts", Key::Is::Number},
    {"payload", Key::Is::Tree},
    {"delivery_headers", Key::Is::Switch},
    {"signing_secret", Key::Is::Secret},
};
constexpr Key incidentio_keys[] = {
    {"url", Key::Is::Secret},
    {"alert_source_token", Key::Is::Secret},
    {"max_alerts", Key::Is::Number},
};

}  // namespace

std::string webhook_body(const Message& message, std::uint64_t max_alerts) {
    Message shown = message;
    std::uint64_t truncated = 0;
    if (max_alerts > 0 && shown.alerts.size() > max_alerts) {
        truncated = shown.alerts.size() - max_alerts;
        shown.alerts.resize(max_alerts);
    }
    Json out;
    out["receiver"] = shown.receiver;
    out["status"] = shown.firing() ? "firing" : "resolved";
    out["alerts"] = Json::array();
    for (const AlertRef& alert : shown.alerts) out["alerts"].push_back(alert_json(*alert));
    out["notification_reason"] = to_string(shown.reason);
    out["groupLabels"] = texts_json(shown.group_labels);
    out["commonLabels"] = texts_json(shown.common_labels());
    out["commonAnnotations"] = texts_json(shown.common_annotations());
    out["externalURL"] = shown.external_url;
    out["version"] = "4";
    out["groupKey"] = shown.group_key;
    out["truncatedAlerts"] = truncated;
    return print_json(out);
}

std::string sign(std::string_view body, std::string_view secret) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest, &size);
    std::string out;
    for (unsigned int i = 0; i < size; ++i) out += fmt::format("{:02x}", digest[i]);
    return out;
}

const Service webhook_service{.kind = "webhook", .name = "a webhook", .send_resolved = true,
                              .keys = webhook_keys, .posts = webhook_posts, .check = needs_url};
const Service incidentio_service{.kind = "incidentio", .name = "incident.io", .send_resolved = true,
                                 .keys = incidentio_keys, .posts = incidentio_posts, .check = needs_url};

}  // namespace vedette::notify
