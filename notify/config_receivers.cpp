#include "notify/config_receivers.h"

#include <fmt/format.h>

#include <algorithm>

#include "notify/senders/service.h"

namespace vedette::notify {
namespace {

constexpr std::pair<std::string_view, std::string_view> refused_kinds[] = {
    {"googlechat_configs", "expected `webhook_configs` with a `payload`"},
    {"jira_configs", "expected `webhook_configs` to an automation rule of Jira"},
    {"pushover_configs", "expected `telegram_configs` or `twilio_configs`"},
    {"sns_configs", "expected `webhook_configs`; requests are not signed for AWS"},
    {"wechat_configs", "expected `webhook_configs`"}};

std::shared_ptr<const HttpSettings> read_http(MapReader& map, const GlobalSettings& global) {
    const ConfigNode* node = map.node("http_config");
    if (node == nullptr) return global.http;
    MapReader http(*node, map.problems(), "http_config");
    return std::make_shared<HttpSettings>(read_http_settings(http));
}

Milliseconds read_timeout(MapReader& map, Milliseconds otherwise) {
    const Milliseconds timeout = map.duration("timeout", otherwise);
    return timeout == 0ms ? otherwise : timeout;
}

/// `send_resolved`, `on`, `at_most`, `per`: what every integration may say.
void read_when(MapReader& map, Integration& out, bool send_resolved) {
    out.send_resolved = map.boolean("send_resolved", send_resolved);
    if (map.node("on") != nullptr) {
        if (map.node("send_resolved") != nullptr)
            map.problem("on", "`on` and `send_resolved` say the same; keep one of them");
        out.send_firing = out.send_resolved = false;
        for (const std::string& word : map.strings("on")) {
            if (word == "firing") out.send_firing = true;
            else if (word == "resolved") out.send_resolved = true;
            else map.problem("on", fmt::format("`on` has `{}`; expected `firing` or `resolved`", word));
        }
        if (!out.send_firing && !out.send_resolved) map.problem("on", "`on` is empty; nothing would be sent");
    }
    out.rate.at_most = static_cast<std::uint64_t>(map.integer("at_most", 0, 0, 1'000'000));
    out.rate.per = map.duration("per", out.rate.per);
    if (out.rate.per <= 0ms) map.problem("per", "`per` cannot be zero");
}

/// One key of a service; true when it was there.
bool read_key(MapReader& map, const Key& key, WebSettings& web) {
    const std::string name(key.name);
    const ConfigNode* node = map.node(key.name);
    switch (key.is) {
        case Key::Is::Text:
            if (node != nullptr) web.texts[name] = map.string(key.name);
            break;
        case Key::Is::Secret:
            if (Secret secret = read_secret(map, key.name); secret.is_set()) web.secrets[name] = std::move(secret);
            return web.secrets.contains(name);
        case Key::Is::Switch:
            web.switches[name] = map.boolean(key.name, key.otherwise == "true");
            break;
        case Key::Is::Number:
            web.numbers[name] = map.integer(key.name, 0, 0, std::int64_t{1} << 53);
            break;
        case Key::Is::Tree:
            if (node != nullptr) web.trees[name] = *node;
            break;
    }
    return node != nullptr;
}

void fill_defaults(const Service& service, const GlobalSettings& global, WebSettings& web) {
    const bool has_secret = !web.secrets.empty();
    for (const Key& key : service.keys) {
        const std::string name(key.name);
        if (key.is == Key::Is::Secret && !key.global.empty() && !web.secrets.contains(name) &&
            !(service.secrets_exclude && has_secret))
            if (const auto found = global.secrets.find(key.global); found != global.secrets.end())
                web.secrets[name] = found->second;
        if (key.is != Key::Is::Text || web.texts.contains(name)) continue;
        const auto found = global.texts.find(key.global);
        if (!key.global.empty() && found != global.texts.end()) web.texts[name] = found->second;
        else if (!key.otherwise.empty() && (key.part == Key::Part::Operation || !web.own_words))
            web.texts[name] = key.otherwise;
    }
}

Integration read_web(const Service& service, const ConfigNode& node, const GlobalSettings& global,
                     Problems& problems) {
    MapReader map(node, problems, fmt::format("{}_configs", service.kind));
    Integration out;
    WebSettings web;
    web.kind = service.kind;
    read_when(map, out, service.send_resolved);
    web.http = read_http(map, global);
    web.timeout = read_timeout(map, 10s);
    bool says_words = false;
    for (const Key& key : service.keys)
        if (read_key(map, key, web) && key.part == Key::Part::Words) says_words = true;
    const std::string style = map.choice("style", {"vedette", "alertmanager"},
                                         global.own_words && !says_words ? "vedette" : "alertmanager");
    if (style == "vedette" && says_words)
        map.problem("style", "`style: vedette` writes the message itself; remove it, or the texts given beside it");
    web.own_words = style == "vedette";
    fill_defaults(service, global, web);
    if (service.check != nullptr) service.check(map, web);
    out.how = std::move(web);
    return out;
}

Integration read_exec(const ConfigNode& node, const GlobalSettings&, Problems& problems) {
    MapReader map(node, problems, "exec_configs");
    Integration out;
    ExecSettings exec;
    read_when(map, out, false);
    exec.command = map.strings("command");
    exec.timeout = read_timeout(map, 30s);
    const auto is_template = [](const std::string& word) { return word.find("{{") != word.npos; };
    if (exec.command.empty() || !exec.command.front().starts_with('/'))
        map.problem("command", "`command` must be a list that starts with the absolute path of a program");
    else if (std::ranges::any_of(exec.command, is_template))
        map.problem("command", "`command` is no template: what fires reaches it as JSON on its standard input");
    if (exec.command.empty()) exec.command = {"/"};
    out.how = std::move(exec);
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

/// Alertmanager's switch: with `thread_by_date: daily` a day's mails are one thread. Without it mails of
/// one group are: they always thread here.
void read_threading(MapReader& map, EmailSettings& email) {
    const ConfigNode* node = map.node("threading");
    if (node == nullptr) return;
    MapReader threading(*node, map.problems(), "threading");
    const bool enabled = threading.boolean("enabled", false);
    const std::string by = threading.choice("thread_by_date", {"none", "daily"}, "daily");
    if (enabled && by == "daily") email.thread = EmailSettings::Thread::Day;
}

Integration read_email(const ConfigNode& node, const GlobalSettings& global, Problems& problems) {
    MapReader map(node, problems, "email_configs");
    Integration out;
    EmailSettings email;
    read_when(map, out, false);
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
    read_threading(map, email);
    if (map.boolean("force_implicit_tls", global.smtp_force_implicit_tls) &&
        !email.smtp.smarthost.ends_with(":465"))
        map.problem("force_implicit_tls", "`force_implicit_tls` is supported on port 465 only, where TLS is "
                                          "spoken from the start anyway");
    const std::string style = map.choice("style", {"vedette", "alertmanager"},
                                         global.own_words && email.html.empty() && email.text.empty() ? "vedette"
                                                                                                      : "alertmanager");
    email.own_words = style == "vedette";
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
    for (const Service* service : services())
        for (const Key& key : service->keys) {
            if (key.global.empty()) continue;
            const std::string name(key.global);
            if (key.is == Key::Is::Text && map.node(name) != nullptr) out.texts[name] = map.string(name);
            if (key.is != Key::Is::Secret) continue;
            if (Secret secret = read_secret(map, name); secret.is_set()) out.secrets[name] = std::move(secret);
        }
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
    out.smtp_force_implicit_tls = map.boolean("smtp_force_implicit_tls", false);
    // Of receivers that are refused by name where they are asked for.
    map.also_known({"wechat_api_url", "wechat_api_secret", "wechat_api_secret_file",
                    "wechat_api_corp_id", "jira_api_url"});
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
    for (const Service* service : services())
        each(fmt::format("{}_configs", service->kind),
             [&](const ConfigNode& item, const GlobalSettings& all, Problems& into) {
                 return read_web(*service, item, all, into);
             });
    each("email_configs", read_email);
    each("exec_configs", read_exec);
    for (const auto& [kind, instead] : refused_kinds)
        if (map.node(kind) != nullptr)
            map.problem(kind, fmt::format("`{}` is not supported; {}", kind, instead));
    return out;
}

}  // namespace vedette::notify
