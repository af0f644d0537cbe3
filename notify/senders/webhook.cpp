// Alertmanager's webhook, version 4: what it posts, receivers of ours get.
#include <fmt/format.h>
#include <openssl/hmac.h>

#include <nlohmann/json.hpp>

#include "core/limits.h"
#include "notify/senders/senders.h"

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
    return out.dump(-1, ' ', false, Json::error_handler_t::replace);
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

void send_webhook(const WebhookSettings& settings, const Attempt& attempt, const Doors& doors,
                  OutcomeDone done) {
    const auto url = settings.url.reveal();
    if (!url) return done(local_failure(url.error()));
    HttpCall call = post_call(*url, settings.http, "application/json",
                              webhook_body(*attempt.message, settings.max_alerts));
    if (attempt.message->possible_repeat) call.headers.push_back({"X-Vedette-Possible-Repeat", "true"});
    if (settings.delivery_headers) {
        call.headers.push_back({"X-Vedette-Delivery", fmt::format("{}", attempt.id)});
        call.headers.push_back({"Idempotency-Key", idempotency_key(*attempt.message)});
    }
    if (settings.signing_secret.is_set()) {
        const auto secret = settings.signing_secret.reveal();
        if (!secret) return done(local_failure(secret.error()));
        call.headers.push_back({"X-Vedette-Signature", "sha256=" + sign(call.body, *secret)});
    }
    doors.http.send(std::move(call), Deadline::after(doors.clock.steady(), settings.timeout),
                    [done, &clock = doors.clock](const HttpOutcome& outcome) {
                        done(judge_http(outcome, service("webhook"), clock.now()));
                    });
}

}  // namespace vedette::notify
