#include "notify/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/config_text.h"
#include "base/files.h"
#include "notify/config_receivers.h"

namespace vedette::notify {
namespace {

AlertMatchers read_matchers(MapReader& map, std::string_view list, std::string_view equal,
                            std::string_view pattern) {
    AlertMatchers out;
    const auto add = [&](std::string_view key, Result<AlertMatcher> made) {
        if (made) out.push_back(std::move(*made));
        else map.problem(key, made.error().message);
    };
    for (const std::string& text : map.strings(list)) {
        auto parsed = parse_matchers(text);
        if (!parsed) map.problem(list, parsed.error().message);
        else out.insert(out.end(), parsed->begin(), parsed->end());
    }
    for (auto& [name, value] : map.string_map(equal))
        add(equal, AlertMatcher::make({Matcher::Op::Equal, name, value}));
    for (auto& [name, value] : map.string_map(pattern))
        add(pattern, AlertMatcher::make({Matcher::Op::Match, name, value}));
    return out;
}

void read_group_by(MapReader& map, RouteNode& route) {
    // An empty list is one too: all alerts of the route are one group.
    if (map.node("group_by") == nullptr) return;
    const std::vector<std::string> names = map.strings("group_by");
    route.group_by.clear();
    route.group_by_all = false;
    std::set<std::string> seen;
    for (const std::string& name : names) {
        if (name == "...") route.group_by_all = true;
        else if (name.empty()) map.problem("group_by", "`group_by` holds an empty label name");
        else if (!seen.insert(name).second)
            map.problem("group_by", fmt::format("`{}` stands in `group_by` twice", name));
        else route.group_by.push_back(name);
    }
    if (route.group_by_all && !route.group_by.empty())
        map.problem("group_by", "`...` means all labels; it stands alone in `group_by`");
}

/// Of Alertmanager 0.33; others of the same map are Prometheus's.
bool is_alertmanager_global(std::string_view key) {
    constexpr std::string_view begins[] = {"smtp_",     "slack_",      "pagerduty_", "opsgenie_",
                                           "wechat_",   "victorops_",  "telegram_",  "webex_",
                                           "jira_",     "rocketchat_", "mattermost_"};
    return key == "resolve_timeout" || key == "http_config" ||
           std::ranges::any_of(begins, [key](auto prefix) { return key.starts_with(prefix); });
}

bool is_alertmanager_receiver(std::string_view key) {
    constexpr std::string_view known[] = {
        "name",             "labels",           "discord_configs",    "email_configs",
        "incidentio_configs", "jira_configs",   "mattermost_configs", "msteams_configs",
        "msteamsv2_configs", "opsgenie_configs", "pagerduty_configs", "pushover_configs",
        "rocketchat_configs", "slack_configs",  "sns_configs",        "telegram_configs",
        "victorops_configs", "webex_configs",   "webhook_configs",    "wechat_configs"};
    return std::ranges::find(known, key) != std::end(known);
}

void keep_alertmanager_global(ConfigNode& global) {
    std::erase_if(global.entries, [](const auto& one) { return !is_alertmanager_global(one.key); });
}

void keep_alertmanager_receivers(ConfigNode& receivers) {
    for (ConfigNode& receiver : receivers.items) {
        std::erase_if(receiver.entries,
                      [](const auto& one) { return !is_alertmanager_receiver(one.key); });
        for (ConfigNode::Entry& kind : receiver.entries)
            for (ConfigNode& integration : kind.value.items)
                std::erase_if(integration.entries, [](const auto& one) {
                    constexpr std::string_view ours[] = {"delivery_headers", "on", "at_most", "per",
                                                         "style"};
                    return one.key.starts_with("signing_secret") ||
                           std::ranges::find(ours, one.key) != std::end(ours);
                });
    }
}

InhibitRule read_inhibit_rule(const ConfigNode& node, Problems& problems) {
    MapReader map(node, problems, "inhibit rule");
    InhibitRule rule;
    rule.name = map.string("name");
    rule.source = read_matchers(map, "source_matchers", "source_match", "source_match_re");
    rule.target = read_matchers(map, "target_matchers", "target_match", "target_match_re");
    rule.equal = map.strings("equal");
    if (map.node("sources") != nullptr)
        map.problem("sources", "`sources` (several source classes) is not supported yet");
    if (rule.target.empty())
        problems.warn(node, "an inhibit rule without `target_matchers` mutes every alert that its "
                            "source does not match");
    return rule;
}

}  // namespace

ConfigReader::ConfigReader(std::string folder, ReadFile read)
    : folder_(std::move(folder)), read_(std::move(read)) {}

std::vector<ConfigSection> ConfigReader::sections() {
    const auto keep = [](ConfigNode& into) {
        return [&into](const ConfigNode& node, Problems&) { into = node; };
    };
    return {
        {"route", "Who is told about which alerts, and when; Alertmanager's tree.", keep(route_)},
        {"receivers", "Ways to be told: Slack, e-mail, PagerDuty, Teams …", keep(receivers_)},
        {"timezone", "Of every time that people read: `Europe/Paris`.", keep(timezone_)},
        {"inhibit_rules", "Alerts that need not be told while others fire.", keep(inhibit_rules_)},
        {"time_intervals", "Named times at which routes are mute or active.", keep(time_intervals_)},
        {"mute_time_intervals", "The old name of `time_intervals`.", keep(mute_time_intervals_)},
        {"templates", "Files with templates for messages.", keep(templates_)},
    };
}

ConfigSection ConfigReader::own_section() {
    return {"notify", "Whether messages are sent or only recorded; the greatest length of silences.",
            [this](const ConfigNode& node, Problems&) { own_ = node; }};
}

void ConfigReader::read_own(Settings& settings, Problems& problems) const {
    if (own_.is_null()) return;
    MapReader map(own_, problems, "notify");
    settings.record_only = map.choice("mode", {"send", "record"}, "send") == "record";
    settings.silence_longest = map.duration("silence_longest", settings.silence_longest);
}

/// What an Alertmanager would have been given: its programs read this and know no key of ours.
std::string ConfigReader::shown() const {
    ConfigNode root;
    root.kind = ConfigNode::Kind::Map;
    const std::pair<const char*, const ConfigNode*> parts[] = {
        {"global", &global_},
        {"route", &route_},
        {"inhibit_rules", &inhibit_rules_},
        {"receivers", &receivers_},
        {"templates", &templates_},
        {"mute_time_intervals", &mute_time_intervals_},
        {"time_intervals", &time_intervals_}};
    for (const auto& [key, node] : parts) {
        if (node->is_null()) continue;
        ConfigNode part = *node;
        if (node == &global_) keep_alertmanager_global(part);
        if (node == &receivers_) keep_alertmanager_receivers(part);
        if (!part.is_map() || !part.entries.empty()) root.entries.push_back({key, {}, std::move(part)});
    }
    std::string text = config_text(root);
    // amtool before 0.26 wants a webhook's URL to be one, hidden or not.
    constexpr std::string_view hidden = " url: <secret>", shown = " url: http://secret.invalid";
    for (std::size_t at = 0; (at = text.find(hidden, at)) != text.npos; at += shown.size())
        text.replace(at, hidden.size(), shown);
    return text;
}

void ConfigReader::global(const ConfigNode& node) {
    global_ = node;
}

Settings ConfigReader::finish(Problems& problems) {
    Settings settings;
    GlobalSettings global = read_global_settings(global_, problems);
    global.own_words = own_words_;
    if (!timezone_.is_null()) {
        const std::string name = scalar_string(timezone_, problems, "`timezone`");
        if (auto zone = find_time_zone(name); zone) settings.timezone = std::move(*zone);
        else problems.add(timezone_, fmt::format("`timezone` is `{}`, which this machine does not know; expected "
                                                 "a name such as `Europe/Paris`", name));
    }
    settings.resolve_timeout = global.resolve_timeout;
    if (receivers_.is_list())
        for (const ConfigNode& node : receivers_.items) {
            Receiver receiver = read_receiver(node, global, problems);
            if (settings.receiver(receiver.name) != nullptr)
                problems.add(node, fmt::format("receiver `{}` is defined twice", receiver.name));
            settings.receivers.push_back(std::move(receiver));
        }
    else if (!receivers_.is_null())
        problems.add(receivers_, "`receivers` must be a list");
    read_intervals(mute_time_intervals_, "mute_time_intervals", problems);
    read_intervals(time_intervals_, "time_intervals", problems);
    if (inhibit_rules_.is_list())
        for (const ConfigNode& node : inhibit_rules_.items)
            settings.inhibit_rules.push_back(read_inhibit_rule(node, problems));
    else if (!inhibit_rules_.is_null())
        problems.add(inhibit_rules_, "`inhibit_rules` must be a list");
    read_templates(settings, problems);
    read_own(settings, problems);
    settings.shown = shown();
    if (!route_.is_null()) {
        settings.enabled = true;
        settings.route = read_route(route_, nullptr, settings, problems);
    }
    return settings;
}

RouteNode ConfigReader::read_route(const ConfigNode& node, const RouteNode* parent,
                                   const Settings& settings, Problems& problems) {
    RouteNode route;
    if (parent != nullptr) {
        route = *parent;
        route.matchers.clear();
        route.routes.clear();
        route.muted.clear();
        route.active.clear();
    }
    MapReader map(node, problems, "route");
    route.continue_to_next = map.boolean("continue", false);
    route.matchers = read_matchers(map, "matchers", "match", "match_re");
    route.receiver = map.string("receiver", route.receiver);
    read_group_by(map, route);
    route.group_wait = map.duration("group_wait", route.group_wait);
    route.group_interval = map.duration("group_interval", route.group_interval);
    route.repeat_interval = map.duration("repeat_interval", route.repeat_interval);
    read_route_times(map, parent == nullptr, route);
    if (route.group_interval <= 0ms) map.problem("group_interval", "`group_interval` cannot be zero");
    if (route.repeat_interval <= 0ms)
        map.problem("repeat_interval", "`repeat_interval` cannot be zero");
    if (parent == nullptr) {
        if (route.receiver.empty()) problems.add(node, "the first route needs a `receiver`");
        if (!route.matchers.empty())
            problems.add(node, "the first route takes every alert; it cannot have matchers");
        if (route.continue_to_next)
            problems.add(node, "the first route has no sibling to `continue` to");
    } else {
        route.key = parent->key + "/" + to_string(route.matchers);
    }
    if (!route.receiver.empty() && settings.receiver(route.receiver) == nullptr) {
        std::vector<std::string> names;
        for (const Receiver& one : settings.receivers) names.push_back(one.name);
        const std::string_view near = nearest(route.receiver, names);
        map.problem("receiver", fmt::format("there is no receiver `{}`{}", route.receiver,
                                            near.empty() ? "" : fmt::format("; did you mean `{}`?", near)));
    }
    std::vector<const ConfigNode*> children;
    map.list("routes", [&](const ConfigNode& child) { children.push_back(&child); });
    const RouteNode inherited = route;
    for (const ConfigNode* child : children)
        route.routes.push_back(read_route(*child, &inherited, settings, problems));
    return route;
}

void ConfigReader::read_intervals(const ConfigNode& list, std::string_view key, Problems& problems) {
    if (list.is_null()) return;
    if (!list.is_list()) return problems.add(list, fmt::format("`{}` must be a list", key));
    for (const ConfigNode& node : list.items) {
        NamedInterval read = read_named_interval(node, problems);
        if (std::ranges::any_of(intervals_, [&](const auto& one) { return one->name == read.name; }))
            problems.add(node, fmt::format("time interval `{}` is defined twice", read.name));
        intervals_.push_back(std::make_shared<const NamedInterval>(std::move(read)));
    }
}

void ConfigReader::read_route_times(MapReader& map, bool is_root, RouteNode& route) {
    const auto read = [&](std::string_view key, auto& into) {
        const std::vector<std::string> names = map.strings(key);
        if (is_root && !names.empty())
            map.problem(key, fmt::format("the first route takes every alert at any time; it cannot "
                                         "have `{}`", key));
        for (const std::string& name : names) {
            const auto found =
                std::ranges::find_if(intervals_, [&](const auto& one) { return one->name == name; });
            if (found != intervals_.end()) {
                into.push_back(*found);
                continue;
            }
            std::vector<std::string> known;
            for (const auto& one : intervals_) known.push_back(one->name);
            const std::string_view near = nearest(name, known);
            map.problem(key, fmt::format("there is no time interval `{}`{}", name,
                                         near.empty() ? "" : fmt::format("; did you mean `{}`?", near)));
        }
    };
    read("mute_time_intervals", route.muted);
    read("active_time_intervals", route.active);
}

void ConfigReader::read_templates(Settings& settings, Problems& problems) {
    if (templates_.is_null()) return;
    if (!templates_.is_list()) return problems.add(templates_, "`templates` must be a list of files");
    for (const ConfigNode& node : templates_.items) {
        const std::string pattern = scalar_string(node, problems, "templates");
        for (const std::string& path : expand_glob(folder_, pattern)) {
            if (auto text = read_(path); text) settings.templates.emplace_back(path, std::move(*text));
            else problems.add(node, text.error().message);
        }
    }
}

}  // namespace vedette::notify
