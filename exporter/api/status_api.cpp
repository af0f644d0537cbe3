#include "exporter/api/status_api.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <set>
#include <tuple>

#include "exporter/api/answer.h"

namespace vedette::exporter {

namespace {

// ── targets
// ────────────────────────────────────────────────────────────────────────────────────────

void write_target(JsonWriter& json, const probes::TargetStatus& target) {
    json.begin_object().key("discoveredLabels").begin_object();
    json.field("__address__", target.address).field("job", target.probe).end_object();
    json.key("labels").labels(target.labels);
    json.field("scrapePool", target.probe)
        .field("scrapeUrl", target.address)
        .field("globalUrl", target.address);
    json.field("lastError", target.reason);
    json.field("lastScrape",
               target.latest ? format_rfc3339(target.latest->at) : "0001-01-01T00:00:00Z");
    json.field("lastScrapeDuration", target.latest ? in_seconds(target.latest->took) : 0.0);
    json.field("health", to_string(target.state));
    json.field("scrapeInterval", format_duration(target.every))
        .field("scrapeTimeout", format_duration(target.timeout));
    json.end_object();
}

std::string_view health_word(scrape::TargetStatus::Health health) {
    switch (health) {
        case scrape::TargetStatus::Health::Up:
            return "up";
        case scrape::TargetStatus::Health::Down:
            return "down";
        case scrape::TargetStatus::Health::Unknown:
            break;
    }
    return "unknown";
}

void write_target(JsonWriter& json, const scrape::TargetStatus& target) {
    json.begin_object().key("discoveredLabels").labels(target.discovered);
    json.key("labels").labels(target.labels);
    json.field("scrapePool", target.job)
        .field("scrapeUrl", target.url)
        .field("globalUrl", target.url);
    json.field("lastError", target.last_error);
    json.field("lastScrape",
               target.last_scrape ? format_rfc3339(*target.last_scrape) : "0001-01-01T00:00:00Z");
    json.field("lastScrapeDuration", in_seconds(target.took));
    json.field("health", health_word(target.health));
    json.field("scrapeInterval", format_duration(target.interval))
        .field("scrapeTimeout", format_duration(target.timeout));
    json.end_object();
}

void write_dropped(JsonWriter& json, const scrape::JobStatus& job) {
    for (const Labels& labels : job.dropped) {
        json.begin_object().key("discoveredLabels").labels(labels);
        json.field("scrapePool", job.name).end_object();
    }
}

std::vector<scrape::JobStatus> scraped_jobs(const StatusSources& sources) {
    return sources.scraped ? sources.scraped() : std::vector<scrape::JobStatus>();
}

Response targets(const StatusSources& sources, const Request& request) {
    const std::string_view state = request.param("state");
    const bool active = state.empty() || state == "active" || state == "any";
    const std::string_view pool = request.param("scrapePool");
    const bool dropped = state.empty() || state == "dropped" || state == "any";
    std::vector<scrape::JobStatus> jobs = scraped_jobs(sources);
    std::erase_if(jobs, [&](const auto& job) { return !pool.empty() && pool != job.name; });
    return api_success([&](JsonWriter& json) {
        json.begin_object().key("activeTargets").begin_list();
        if (active) {
            for (const probes::TargetStatus& target : sources.targets())
                if (pool.empty() || pool == target.probe) write_target(json, target);
            for (const scrape::JobStatus& job : jobs)
                for (const scrape::TargetStatus& target : job.active) write_target(json, target);
        }
        json.end_list().key("droppedTargets").begin_list();
        if (dropped)
            for (const scrape::JobStatus& job : jobs) write_dropped(json, job);
        json.end_list().key("droppedTargetCounts").begin_object();
        if (dropped)
            for (const scrape::JobStatus& job : jobs)
                json.field(job.name, static_cast<std::int64_t>(job.dropped_count));
        json.end_object().end_object();
    });
}

Response scrape_pools(const StatusSources& sources) {
    std::set<std::string> names;
    for (const probes::TargetStatus& target : sources.targets()) names.insert(target.probe);
    for (const scrape::JobStatus& job : scraped_jobs(sources)) names.insert(job.name);
    return api_success([&](JsonWriter& json) {
        json.begin_object().key("scrapePools").begin_list();
        for (const std::string& name : names) json.value(name);
        json.end_list().end_object();
    });
}

// ── rules and alerts
// ───────────────────────────────────────────────────────────────────────────────

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
        .labels(alert.annotations);
    json.field("state", to_string(alert.state)).field("activeAt", format_rfc3339(alert.active_at));
    if (alert.keep_firing_since)
        json.field("keepFiringSince", format_rfc3339(*alert.keep_firing_since));
    json.field("value", format_scientific(alert.value)).end_object();
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

void write_rule(JsonWriter& json, const rules::RuleStatus& rule) {
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
        json.key("alerts").begin_list();
        for (const rules::AlertStatus& alert : rule.alerts) write_alert(json, alert);
        json.end_list();
    }
    json.field("health", to_string(rule.health));
    if (!rule.last_error.empty()) json.field("lastError", rule.last_error);
    json.field("evaluationTime", rule.evaluation_seconds)
        .field("lastEvaluation", time_text(rule.last_evaluation));
    json.field("type", is_alerting(rule) ? "alerting" : "recording").end_object();
}

/// `type=alert|record`, `rule_name[]`, `rule_group[]`, `file[]`: empty lists let all through.
struct RuleFilter {
    std::vector<std::string_view> names, groups, files;
    std::string_view type;

    static bool in(const std::vector<std::string_view>& list, std::string_view one) {
        return list.empty() || std::find(list.begin(), list.end(), one) != list.end();
    }
    bool takes(const rules::GroupStatus& group) const {
        return in(groups, group.name) && in(files, group.file);
    }
    bool takes(const rules::RuleStatus& rule) const {
        return in(names, rule.name) && (type.empty() || (type == "alert") == is_alerting(rule));
    }
};

void write_group(JsonWriter& json, const rules::GroupStatus& group, const RuleFilter& filter) {
    json.begin_object()
        .field("name", group.name)
        .field("file", group.file)
        .key("rules")
        .begin_list();
    for (const rules::RuleStatus& rule : group.rules)
        if (filter.takes(rule)) write_rule(json, rule);
    json.end_list()
        .field("interval", static_cast<double>(group.interval.count()) / 1000)
        .field("limit", static_cast<std::int64_t>(group.limit));
    json.field("evaluationTime", group.evaluation_seconds)
        .field("lastEvaluation", time_text(group.last_evaluation))
        .end_object();
}

Response rules_of(const StatusSources& sources, const Request& request) {
    const RuleFilter filter{request.params("rule_name[]"), request.params("rule_group[]"),
                            request.params("file[]"), request.param("type")};
    if (!filter.type.empty() && filter.type != "alert" && filter.type != "record")
        return bad_parameter("type", "not supported value " + quote(filter.type));
    // Prometheus's order.
    std::vector<rules::GroupStatus> groups = sources.groups();
    std::stable_sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) {
        return std::tie(a.file, a.name) < std::tie(b.file, b.name);
    });
    return api_success([&](JsonWriter& json) {
        json.begin_object().key("groups").begin_list();
        for (const rules::GroupStatus& group : groups) {
            const bool any = std::any_of(group.rules.begin(), group.rules.end(),
                                         [&](const auto& rule) { return filter.takes(rule); });
            if (filter.takes(group) && (any || group.rules.empty()))
                write_group(json, group, filter);
        }
        json.end_list().end_object();
    });
}

Response alerts(const StatusSources& sources) {
    return api_success([&](JsonWriter& json) {
        json.begin_object().key("alerts").begin_list();
        for (const rules::GroupStatus& group : sources.groups())
            for (const rules::RuleStatus& rule : group.rules)
                for (const rules::AlertStatus& alert : rule.alerts) write_alert(json, alert);
        json.end_list().end_object();
    });
}

Response build_info(const StatusSources& sources) {
    return api_success([&](JsonWriter& json) {
        json.begin_object()
            .field("version", sources.prometheus_version)
            .field("revision", "")
            .field("branch", "");
        json.field("buildUser", "")
            .field("buildDate", "")
            .field("goVersion", "")
            .field("vedette", sources.version)
            .end_object();
    });
}

}  // namespace

std::vector<Route> status_routes(StatusSources given) {
    const auto sources = std::make_shared<const StatusSources>(std::move(given));
    std::vector<Route> routes;
    const auto add = [&](std::string_view path, std::function<Response(const Request&)> answer) {
        routes.push_back({.method = "GET",
                          .path = std::string(path),
                          .role = Role::Viewer,
                          .group = PathGroup::Api,
                          .weight = Weight::Worker,
                          .answer = std::move(answer)});
    };
    add("/api/v1/targets",
        [sources](const Request& request) { return targets(*sources, request); });
    add("/api/v1/scrape_pools", [sources](const Request&) { return scrape_pools(*sources); });
    add("/api/v1/rules", [sources](const Request& request) { return rules_of(*sources, request); });
    add("/api/v1/alerts", [sources](const Request&) { return alerts(*sources); });
    add("/api/v1/status/buildinfo", [sources](const Request&) { return build_info(*sources); });
    return routes;
}

}  // namespace vedette::exporter
