#include "notify/config_receivers.h"

#include <fmt/format.h>

#include <algorithm>

namespace vedette::notify {
namespace {

constexpr std::string_view refused_kinds[] = {
    "discord_configs", "googlechat_configs", "incidentio_configs", "jira_configs",
    "mattermost_configs", "msteams_configs", "msteamsv2_configs", "opsgenie_configs",
    "pagerduty_configs", "pushover_configs", "rocketchat_configs", "sns_configs",
    "telegram_configs", "victorops_configs", "webex_configs", "wechat_configs"};

std::shared_ptr<const HttpSettings> read_http(MapReader& map, const GlobalSettings& global) {
    const ConfigNode* node = map.node("http_config");
    if (node == nullptr) return global.http;
    MapReader http(*node, map.problems(), "http_config");
    return std::make_shared<HttpSettings>(read_http_settings(http));
}

Milliseconds read_timeout(MapReader& map) {
    const Milliseconds timeout = map.duration("timeout", 10s);
    return timeout == 0ms ? 10s : timeout;
}

Integration read_webhook(const ConfigNode& node, const GlobalSettings& global, Problems& problems) {
    MapReader map(node, problems, "webhook_configs");
    Integration out;
    WebhookSettings webhook;
    out.send_resolved = map.boolean("send_resolved", true);
    webhook.http = read_http(map, global);
    webhook.url = read_secret(map, "url");
    if (!webhook.url.is_set()) problems.add(node, "a webhook needs `url` or `url_file`");
    webhook.max_alerts = static_cast<std::uint64_t>(map.integer("max_alerts", 0, 0, 1'000'000));
    webhook.timeout = read_timeout(map);
    webhook.delivery_headers = map.boolean("delivery_headers", false);
    webhook.signing_secret = read_secret(map, "signing_secret");
    if (map.node("payload") != nullptr)
        map.problem("payload", "`payload` is not supported yet; the body is Alertmanager's version 4");
    out.how = std::move(webhook);
    return out;
}

Integration read_slack(const ConfigNode& node, const GlobalSettings& global, Problems& problems) {
    MapReader map(node, problems, "slack_configs");
    Integration out;
    SlackSettings slack;
    out.send_resolved = map.boolean("send_resolved", false);
    slack.http = read_http(map, global);
    slack.api_url = read_secret(map, "api_url");
    if (!slack.api_url.is_set()) slack.api_url = global.slack_api_url;
    if (!slack.api_url.is_set())
        problems.add(node, "Slack needs `api_url` or `api_url_file`, here or in `global` as `slack_api_url`");
    slack.timeout = read_timeout(map);
    slack.channel = map.string("channel");
    slack.username = map.string("username");
    slack.icon_emoji = map.string("icon_emoji");
    slack.icon_url = map.string("icon_url");
    slack.color = map.string("color");
    slack.title = map.string("title");
    slack.title_link = map.string("title_link");
    slack.pretext = map.string("pretext");
    slack.text = map.string("text");
    slack.footer = map.string("footer");
    slack.fallback = map.string("fallback");
    slack.image_url = map.string("image_url");
    slack.thumb_url = map.string("thumb_url");
    slack.mrkdwn_in = map.strings("mrkdwn_in");
    slack.link_names = map.boolean("link_names", false);
    slack.short_fields = map.boolean("short_fields", false);
    map.list("fields", [&](const ConfigNode& item) {
        MapReader field(item, problems, "field of slack_configs");
        slack.fields.push_back({field.required_string("title"), field.required_string("value"),
                                field.boolean("short", slack.short_fields)});
    });
    for (const char* key : {"actions", "app_token", "app_token_file", "app_url", "update_message"})
        if (map.node(key) != nullptr)
            map.problem(key, fmt::format("`{}` is not supported yet: this version posts to incoming "
                                         "webhooks", key));
    map.also_known({"callback_id"});
    out.how = std::move(slack);
    return out;
}

/// `Ops <ops@shop.example>, ceo@shop.example` → the addresses.
std::vector<std::string> split_addresses(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const std::size_t comma = std::min(text.find(','), text.size());
        std::string_view one = text.substr(0, comma);
        text.remove_prefix(std::min(comma + 1, text.size()));
        if (const auto open = one.find('<'); open != one.npos)
            one = one.substr(open + 1, one.find('>') - open - 1);
        while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
        while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
        if (!one.empty()) out.emplace_back(one);
    }
    return out;
}

bool is_address(std::string_view text) {
    const auto at = text.find('@');
    return at != text.npos && at > 0 && at + 1 < text.size() &&
           std::ranges::none_of(text, [](unsigned char c) { return c <= ' ' || c == '<' || c == '>'; });
}

void read_smtp(MapReader& map, SmtpSettings& smtp) {
    smtp.smarthost = map.string("smarthost", smtp.smarthost);
    smtp.hello = map.string("hello", smtp.hello);
    smtp.username = map.string("auth_username", smtp.username);
    if (Secret password = read_secret(map, "auth_password"); password.is_set())
        smtp.password = std::move(password);
    smtp.identity = map.string("auth_identity", smtp.identity);
    smtp.require_tls = map.boolean("require_tls", smtp.require_tls);
    if (const ConfigNode* tls = map.node("tls_config"))
        smtp.tls = read_tls_settings(*tls, map.problems());
    if (map.node("auth_secret") != nullptr || map.node("auth_secret_file") != nullptr)
        map.problem("auth_secret", "`auth_secret` (CRAM-MD5) is not supported; use `auth_password`");
}

Integration read_email(const ConfigNode& node, const GlobalSettings& global, Problems& problems) {
    MapReader map(node, problems, "email_configs");
    Integration out;
    EmailSettings email;
    out.send_resolved = map.boolean("send_resolved", false);
    email.smtp = global.smtp;
    read_smtp(map, email.smtp);
    email.to = split_addresses(map.required_string("to"));
    email.from = map.string("from", global.smtp_from);
    for (const std::string& one : email.to)
        if (!is_address(one)) map.problem("to", fmt::format("`{}` is no mail address", one));
    const auto from = split_addresses(email.from);
    if (from.size() != 1 || !is_address(from[0]))
        map.problem("from", email.from.empty()
                                ? "an e-mail needs `from`, here or in `global` as `smtp_from`"
                                : fmt::format("`{}` is no mail address", email.from));
    if (email.smtp.smarthost.find(':') == std::string::npos)
        map.problem("smarthost", email.smtp.smarthost.empty()
                        ? "an e-mail needs `smarthost`, here or in `global` as `smtp_smarthost`"
                        : fmt::format("`{}` has no port; expected host:port", email.smtp.smarthost));
    email.headers = map.string_map("headers");
    const ConfigNode* html = map.node("html");
    const ConfigNode* text = map.node("text");
    email.html = map.string("html");
    email.text = map.string("text");
    email.html_off = html != nullptr && email.html.empty();
    email.text_off = text != nullptr && email.text.empty();
    if (email.html_off && email.text_off)
        problems.add(node, "`html` and `text` are both empty; nothing would be sent");
    for (const char* key : {"threading", "force_implicit_tls"})
        if (map.node(key) != nullptr)
            map.problem(key, fmt::format("`{}` is not supported: mails of one group always thread, and "
                                         "port 465 speaks TLS from the start", key));
    out.how = std::move(email);
    return out;
}

}  // namespace

GlobalSettings read_global_settings(const ConfigNode& node, Problems& problems) {
    GlobalSettings out;
    if (node.is_null()) return out;
    MapReader map(node, problems, "global");
    out.resolve_timeout = map.duration("resolve_timeout", out.resolve_timeout);
    if (const ConfigNode* http = map.node("http_config")) {
        MapReader reader(*http, problems, "http_config");
        out.http = std::make_shared<HttpSettings>(read_http_settings(reader));
    }
    out.slack_api_url = read_secret(map, "slack_api_url");
    out.smtp_from = map.string("smtp_from");
    out.smtp.smarthost = map.string("smtp_smarthost");
    out.smtp.hello = map.string("smtp_hello", out.smtp.hello);
    out.smtp.username = map.string("smtp_auth_username");
    out.smtp.password = read_secret(map, "smtp_auth_password");
    out.smtp.identity = map.string("smtp_auth_identity");
    out.smtp.require_tls = map.boolean("smtp_require_tls", true);
    if (const ConfigNode* tls = map.node("smtp_tls_config"))
        out.smtp.tls = read_tls_settings(*tls, problems);
    if (map.node("smtp_auth_secret") != nullptr)
        map.problem("smtp_auth_secret", "`smtp_auth_secret` (CRAM-MD5) is not supported; use "
                                        "`smtp_auth_password`");
    // Of receivers that are refused by name where they are asked for.
    map.also_known({"pagerduty_url", "opsgenie_api_url", "opsgenie_api_key", "opsgenie_api_key_file",
                    "wechat_api_url", "wechat_api_secret", "wechat_api_secret_file",
                    "wechat_api_corp_id", "victorops_api_url", "victorops_api_key",
                    "victorops_api_key_file", "telegram_api_url", "telegram_bot_token",
                    "telegram_bot_token_file", "webex_api_url", "jira_api_url",
                    "rocketchat_api_url", "rocketchat_token", "rocketchat_token_file",
                    "rocketchat_token_id", "rocketchat_token_id_file", "slack_app_token",
                    "slack_app_token_file", "slack_app_url", "mattermost_webhook_url",
                    "mattermost_webhook_url_file"});
    // Of Prometheus's `global`, read elsewhere.
    map.also_known({"scrape_interval", "scrape_timeout", "evaluation_interval", "rule_query_offset",
                    "external_labels", "query_log_file", "scrape_failure_log_file",
                    "body_size_limit", "sample_limit", "label_limit", "label_name_length_limit",
                    "label_value_length_limit", "target_limit", "keep_dropped_targets",
                    "metric_name_validation_scheme", "metric_name_escaping_scheme",
                    "scrape_protocols", "always_scrape_classic_histograms",
                    "convert_classic_histograms_to_nhcb", "scrape_native_histograms", "runtime"});
    return out;
}

Receiver read_receiver(const ConfigNode& node, const GlobalSettings& global, Problems& problems) {
    MapReader map(node, problems, "receiver");
    Receiver out;
    out.name = map.required_string("name");
    const auto each = [&](std::string_view key, auto read) {
        map.list(key, [&](const ConfigNode& item) {
            out.integrations.push_back(read(item, global, problems));
        });
    };
    each("webhook_configs", read_webhook);
    each("slack_configs", read_slack);
    each("email_configs", read_email);
    for (const std::string_view kind : refused_kinds)
        if (map.node(kind) != nullptr)
            map.problem(kind, fmt::format("`{}` is not supported yet; this version speaks "
                                          "webhook_configs, slack_configs and email_configs", kind));
    return out;
}

}  // namespace vedette::notify
