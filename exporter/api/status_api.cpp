#include "exporter/api/status_api.h"

#include <algorithm>
#include <memory>
#include <set>

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
    std::string state(request.param("state"));
    std::transform(state.begin(), state.end(), state.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
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
        json.end_list().key("droppedTargetCounts");
        if (!dropped) {
            json.null().end_object();
            return;
        }
        json.begin_object();
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
        routes.push_back(api_get(path, std::move(answer)));
    };
    add("/api/v1/targets",
        [sources](const Request& request) { return targets(*sources, request); });
    add("/api/v1/scrape_pools", [sources](const Request&) { return scrape_pools(*sources); });
    add("/api/v1/status/buildinfo", [sources](const Request&) { return build_info(*sources); });
    return routes;
}

}  // namespace vedette::exporter
