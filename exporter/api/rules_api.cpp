#include "exporter/api/rules_api.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <memory>
#include <tuple>

#include "exporter/api/answer.h"
#include "exporter/api/parameters.h"
#include "notify/matcher.h"

namespace vedette::exporter {

namespace {

// ── what is written
// ─────────────────────────────────────────────────────────────────────────────────

/// `1e+00`, `NaN`: every digit, always with an exponent.
std::string format_scientific(double value) {
    if (!std::isfinite(value)) return format_value(value);
    char text[40];
    return {text,
            std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr};
}

void write_alert(JsonWriter& json, const rules::AlertStatus& alert) {
    json.begin_object()
        .key("labels")
        .labels(alert.labels)
        .key("annotations")
        .annotations(alert.annotations);
    json.field("state", to_string(alert.state)).field("activeAt", format_rfc3339(alert.active_at));
    if (alert.keep_firing_since)
        json.field("keepFiringSince", format_rfc3339(*alert.keep_firing_since));
    json.field("value", format_scientific(alert.value)).end_object();
}

void write_alerts(JsonWriter& json, const std::vector<rules::AlertStatus>& alerts) {
    json.begin_list();
    for (const rules::AlertStatus& alert : alerts) write_alert(json, alert);
    json.end_list();
}

void write_texts(JsonWriter& json, std::string_view key, const rules::TextMap& texts) {
    json.key(key).begin_object();
    for (const auto& [name, value] : texts) json.field(name, value);
    json.end_object();
}

bool is_alerting(const rules::RuleStatus& rule) {
    return rule.kind == rules::Rule::Kind::Alerting;
}

/// Nothing yet is Go's zero time.
std::string time_text(const std::optional<Timestamp>& at) {
    return at ? format_rfc3339(*at) : "0001-01-01T00:00:00Z";
}

void write_rule(JsonWriter& json, const rules::RuleStatus& rule, bool with_alerts) {
    json.begin_object();
    if (is_alerting(rule)) json.field("state", rule.state());
    json.field("name", rule.name).field("query", rule.query);
    // Only where there is one, so that plain rules read exactly as Prometheus's.
    if (!rule.own_key.empty()) json.field("ownKey", rule.own_key);
    if (is_alerting(rule)) {
        json.field("duration", static_cast<double>(rule.holds.before_firing.count()) / 1000);
        json.field("keepFiringFor", static_cast<double>(rule.holds.keep_firing.count()) / 1000);
    }
    write_texts(json, "labels", rule.labels);
    if (is_alerting(rule)) {
        write_texts(json, "annotations", rule.annotations);
        json.key("alerts");
        if (with_alerts)
            write_alerts(json, rule.alerts);
        else
            json.null();
    }
    json.field("health", to_string(rule.health));
    if (!rule.last_error.empty()) json.field("lastError", rule.last_error);
    json.field("evaluationTime", rule.evaluation_seconds)
        .field("lastEvaluation", time_text(rule.last_evaluation));
    // Two of vmalert's names, and one of ours; Prometheus has no such fields.
    if (rule.samples) json.field("lastSamples", *rule.samples);
    if (rule.series) json.field("lastSeriesFetched", *rule.series);
    if (!rule.unmatched.empty()) json.field("unmatched", rule.unmatched);
    json.field("type", is_alerting(rule) ? "alerting" : "recording").end_object();
}

// ── which of them
// ───────────────────────────────────────────────────────────────────────────────────

/// The filters and the page of one request; an empty list lets all through.
struct RuleChoice {
    std::vector<std::string_view> names, groups, files;
    std::vector<notify::AlertMatchers> selectors;  // one of them holds
    std::string type;                              // `alert`, `record`, or empty
    bool with_alerts = true;
    std::size_t page = 0;         // groups; 0: all
    std::string_view page_begin;  // the token of its first group; empty: the first

    static bool in(const std::vector<std::string_view>& list, std::string_view one) {
        return list.empty() || std::find(list.begin(), list.end(), one) != list.end();
    }
    bool takes(const rules::GroupStatus& group) const {
        return in(groups, group.name) && in(files, group.file) &&
               std::any_of(group.rules.begin(), group.rules.end(),
                           [&](const rules::RuleStatus& rule) { return takes(rule); });
    }
    bool takes(const rules::RuleStatus& rule) const {
        return in(names, rule.name) && (type.empty() || (type == "alert") == is_alerting(rule)) &&
               selected(rule);
    }

private:
    /// By the labels that the rule's file gives, before any template.
    bool selected(const rules::RuleStatus& rule) const {
        if (selectors.empty()) return true;
        LabelsBuilder labels;
        for (const auto& [name, value] : rule.labels) labels.set(name, value);
        const Labels built = labels.build();
        return std::any_of(selectors.begin(), selectors.end(), [&](const auto& matchers) {
            return notify::match_all(matchers, built);
        });
    }
};

Parameter<std::vector<notify::AlertMatchers>> rule_selectors(const Request& request) {
    const auto refuse = [](const Error& error) {
        return tl::unexpected(api_error(ApiError::BadData, error.message));
    };
    const auto selectors = match_parameters(request);
    if (!selectors) return refuse(selectors.error());
    std::vector<notify::AlertMatchers> out;
    for (const std::vector<Matcher>& selector : *selectors) {
        notify::AlertMatchers& matchers = out.emplace_back();
        for (const Matcher& matcher : selector) {
            auto made = notify::AlertMatcher::make(matcher);
            if (!made) return refuse(made.error());
            matchers.push_back(std::move(*made));
        }
    }
    return out;
}

Parameter<bool> alerts_excluded(const Request& request) {
    const std::string_view text = request.param("exclude_alerts");
    if (text.empty()) return false;
    constexpr std::array<std::string_view, 6> yes{"1", "t", "T", "true", "TRUE", "True"};
    constexpr std::array<std::string_view, 6> no{"0", "f", "F", "false", "FALSE", "False"};
    if (std::find(yes.begin(), yes.end(), text) != yes.end()) return true;
    if (std::find(no.begin(), no.end(), text) != no.end()) return false;
    return tl::unexpected(bad_parameter(
        "exclude_alerts",
        fmt::format("error converting exclude_alerts: strconv.ParseBool: parsing {}: invalid "
                    "syntax",
                    quote(text))));
}

Parameter<std::size_t> page_size(const Request& request) {
    const std::string_view text = request.param("group_limit");
    if (text.empty()) {
        if (request.param("group_next_token").empty()) return std::size_t{0};
        return tl::unexpected(bad_parameter("group_next_token",
                                            "group_limit needs to be present in order to paginate "
                                            "over the groups"));
    }
    const Result<std::int64_t> size = parse_integer(text, "ParseInt");
    if (!size)
        return tl::unexpected(bad_parameter(
            "group_limit", "group_limit needs to be a valid number: " + size.error().message));
    if (*size <= 0)
        return tl::unexpected(
            bad_parameter("group_limit", "group_limit needs to be greater than 0"));
    return static_cast<std::size_t>(*size);
}

Parameter<RuleChoice> read_choice(const Request& request) {
    RuleChoice choice;
    choice.names = request.params("rule_name[]");
    choice.groups = request.params("rule_group[]");
    choice.files = request.params("file[]");
    auto selectors = rule_selectors(request);
    if (!selectors) return tl::unexpected(std::move(selectors.error()));
    choice.selectors = std::move(*selectors);
    choice.type = request.param("type");
    std::transform(choice.type.begin(), choice.type.end(), choice.type.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (!choice.type.empty() && choice.type != "alert" && choice.type != "record")
        return tl::unexpected(bad_parameter("type", "not supported value " + quote(choice.type)));
    const auto excluded = alerts_excluded(request);
    if (!excluded) return tl::unexpected(excluded.error());
    choice.with_alerts = !*excluded;
    const auto page = page_size(request);
    if (!page) return tl::unexpected(page.error());
    choice.page = *page;
    choice.page_begin = request.param("group_next_token");
    return choice;
}

/// Names a group for the next request, as Prometheus does.
std::string token_of(const rules::GroupStatus& group) {
    const std::string text = group.file + ';' + group.name;
    std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    std::string out;
    for (const unsigned char byte : digest) out += fmt::format("{:02x}", byte);
    return out;
}

struct RulePage {
    std::vector<const rules::GroupStatus*> groups;
    std::string next;  // the token of the first group that is not on it
};

Parameter<RulePage> turn_page(const std::vector<rules::GroupStatus>& groups,
                              const RuleChoice& choice) {
    RulePage page;
    auto at = groups.begin();
    if (!choice.page_begin.empty()) {
        at = std::find_if(groups.begin(), groups.end(), [&](const rules::GroupStatus& group) {
            return token_of(group) == choice.page_begin;
        });
        if (at == groups.end())
            return tl::unexpected(bad_parameter(
                "group_next_token",
                fmt::format("invalid group_next_token '{}'. were rule groups changed?",
                            choice.page_begin)));
    }
    for (; at != groups.end(); ++at) {
        if (!choice.takes(*at)) continue;
        if (choice.page > 0 && page.groups.size() == choice.page) {
            page.next = token_of(*at);
            break;
        }
        page.groups.push_back(&*at);
    }
    return page;
}

void write_group(JsonWriter& json, const rules::GroupStatus& group, const RuleChoice& choice) {
    json.begin_object()
        .field("name", group.name)
        .field("file", group.file)
        .key("rules")
        .begin_list();
    for (const rules::RuleStatus& rule : group.rules)
        if (choice.takes(rule)) write_rule(json, rule, choice.with_alerts);
    json.end_list()
        .field("interval", static_cast<double>(group.interval.count()) / 1000)
        .field("limit", static_cast<std::int64_t>(group.limit));
    json.field("evaluationTime", group.evaluation_seconds)
        .field("lastEvaluation", time_text(group.last_evaluation));
    if (group.on_arrival) json.field("evaluate", "on_arrival");
    json.end_object();
}

Response rules_of(std::vector<rules::GroupStatus> groups, const Request& request) {
    const auto choice = read_choice(request);
    if (!choice) return choice.error();
    // Prometheus's order.
    std::stable_sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) {
        return std::tie(a.file, a.name) < std::tie(b.file, b.name);
    });
    const auto page = turn_page(groups, *choice);
    if (!page) return page.error();
    return api_success([&](JsonWriter& json) {
        json.begin_object().key("groups").begin_list();
        for (const rules::GroupStatus* group : page->groups) write_group(json, *group, *choice);
        json.end_list();
        if (!page->next.empty()) json.field("groupNextToken", page->next);
        json.end_object();
    });
}

Response alerts(const std::vector<rules::GroupStatus>& groups) {
    return api_success([&](JsonWriter& json) {
        json.begin_object().key("alerts").begin_list();
        for (const rules::GroupStatus& group : groups)
            for (const rules::RuleStatus& rule : group.rules)
                for (const rules::AlertStatus& alert : rule.alerts) write_alert(json, alert);
        json.end_list().end_object();
    });
}

}  // namespace

std::vector<Route> rules_routes(std::function<std::vector<rules::GroupStatus>()> groups) {
    std::vector<Route> routes;
    const auto add = [&](std::string_view path, std::function<Response(const Request&)> answer) {
        routes.push_back(api_get(path, std::move(answer)));
    };
    add("/api/v1/rules", [groups](const Request& request) { return rules_of(groups(), request); });
    add("/api/v1/alerts", [groups](const Request&) { return alerts(groups()); });
    return routes;
}

}  // namespace vedette::exporter
