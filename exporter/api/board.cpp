#include "exporter/api/board.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <unordered_map>

#include "core/limits.h"
#include "core/mutex.h"
#include "exporter/api/scraped_targets.h"
#include "exporter/json_writer.h"

namespace vedette::exporter {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t bar_count = 48;
constexpr Milliseconds bar_width = 30min;
constexpr Milliseconds bars_kept_for = 10s;

/// A target's name on the wire and in maps.
std::string key_of(std::string_view probe, std::string_view instance) {
    return std::string(probe) + '\n' + std::string(instance);
}

// ── availability
// ───────────────────────────────────────────────────────────────────────────────────

struct Bars {
    std::array<std::uint32_t, bar_count> up{}, down{};

    double availability() const {
        double good = 0, all = 0;
        for (std::size_t i = 0; i < bar_count; ++i) {
            good += up[i];
            all += up[i] + down[i];
        }
        return all == 0 ? NAN : good / all;
    }
};

using BarsByTarget = std::unordered_map<std::string, Bars>;

/// Counts readings of `up` in halves of an hour that stand on the clock, so that a bar does not
/// change its meaning while one looks.
BarsByTarget count_bars(SeriesSource& store, Timestamp now) {
    BarsByTarget out;
    const std::int64_t width = bar_width.count();
    const std::int64_t last = now.ms / width;  // number of the bar that now stands in
    const std::int64_t first = last - static_cast<std::int64_t>(bar_count) + 1;
    const std::vector<Matcher> matchers{{Matcher::Op::Equal, std::string(metric_name_label), "up"}};
    auto cursor = store.select(matchers, {{first * width - 1}, now}, {}, {});
    if (!cursor) return out;
    Column column;
    while ((*cursor)->next(column)) {
        Bars& bars = out[key_of(column.labels->get("job"), column.labels->get("instance"))];
        for (std::size_t i = 0; i < column.times.size(); ++i) {
            const double value = column.floats[i];
            if (std::isnan(value)) continue;
            const auto bar = static_cast<std::size_t>(
                std::clamp<std::int64_t>(column.times[i].ms / width - first, 0, bar_count - 1));
            ++(value > 0 ? bars.up : bars.down)[bar];
        }
    }
    return out;
}

// ── documents
// ──────────────────────────────────────────────────────────────────────────────────────

void write_phases(JsonWriter& json, const std::vector<Phase>& phases) {
    json.begin_list();
    for (const Phase& phase : phases)
        json.begin_object()
            .field("name", phase.name)
            .field("seconds", in_seconds(phase.took))
            .end_object();
    json.end_list();
}

/// The part of a target that changes with every reading.
void write_reading(JsonWriter& json, const probes::TargetStatus& target) {
    json.field("probe", target.probe)
        .field("instance", target.instance)
        .field("state", to_string(target.state));
    json.key("since");
    if (target.state == probes::State::Unknown)
        json.null();
    else
        json.timestamp(target.since);
    json.field("reason", target.reason).key("latest");
    if (target.latest)
        json.begin_object()
            .key("at")
            .timestamp(target.latest->at)
            .field("seconds", in_seconds(target.latest->took))
            .end_object();
    else
        json.null();
    json.key("phases");
    write_phases(json, target.phases);
}

void write_bars(JsonWriter& json, const Bars& bars) {
    json.key("bars").begin_list();
    for (std::size_t i = 0; i < bar_count; ++i)
        json.begin_list()
            .value(static_cast<std::int64_t>(bars.up[i]))
            .value(static_cast<std::int64_t>(bars.down[i]))
            .end_list();
    json.end_list().field("availability", bars.availability());
}

void write_history(JsonWriter& json, const probes::TargetStatus& target) {
    json.key("latency").begin_list();
    for (const probes::Moment& moment : target.recent)
        json.begin_list()
            .timestamp(moment.at)
            .value(in_seconds(moment.took))
            .value(moment.up)
            .end_list();
    json.end_list().key("failures").begin_list();
    for (const probes::Failure& failure : target.failures) {
        json.begin_object()
            .key("at")
            .timestamp(failure.at)
            .field("seconds", in_seconds(failure.took))
            .field("reason", failure.reason);
        json.key("phases");
        write_phases(json, failure.phases);
        json.field("transcript", *failure.transcript).end_object();
    }
    json.end_list();
}

/// An alert from both sides: what rules know (pending too) and what became of the message.
struct BoardAlert {
    AlertId id;
    const rules::AlertStatus* rule = nullptr;
    const notify::AlertStatus* told = nullptr;
};

std::string_view annotation(const BoardAlert& alert, std::string_view name) {
    return alert.rule ? alert.rule->annotations.get(name)
                      : alert.told->alert->annotations.get(name);
}

}  // namespace

// ── the board
// ──────────────────────────────────────────────────────────────────────────────────────

struct Board::State {
    explicit State(BoardSources given) : sources(std::move(given)) {}

    std::shared_ptr<const BarsByTarget> bars() VEDETTE_EXCLUDES(mutex) {
        const Lock lock(mutex);
        const Timestamp now = sources.clock.now();
        if (kept == nullptr || now - kept_at > bars_kept_for || now < kept_at) {
            kept = std::make_shared<const BarsByTarget>(count_bars(sources.store, now));
            kept_at = now;
        }
        return kept;
    }
    void add(std::shared_ptr<EventStream> stream) VEDETTE_EXCLUDES(streams_mutex) {
        const Lock lock(streams_mutex);
        std::erase_if(streams, [](const auto& one) { return !one->open(); });
        streams.push_back(std::move(stream));
    }

    BoardSources sources;
    Mutex mutex;
    std::shared_ptr<const BarsByTarget> kept VEDETTE_GUARDED_BY(mutex);
    Timestamp kept_at VEDETTE_GUARDED_BY(mutex);

    Mutex streams_mutex;
    std::vector<std::shared_ptr<EventStream>> streams VEDETTE_GUARDED_BY(streams_mutex);
    std::uint64_t told VEDETTE_GUARDED_BY(streams_mutex) = 0;  // so many readings
    std::uint64_t told_scrapes VEDETTE_GUARDED_BY(streams_mutex) = 0;
};

Board::Board(BoardSources sources) : state_(std::make_unique<State>(std::move(sources))) {}
Board::~Board() = default;

namespace {

std::vector<BoardAlert> join_alerts(const std::vector<rules::GroupStatus>& groups,
                                    const notify::Snapshot& deliveries) {
    std::map<AlertId, BoardAlert> by_id;
    for (const rules::GroupStatus& group : groups)
        for (const rules::RuleStatus& rule : group.rules)
            for (const rules::AlertStatus& alert : rule.alerts)
                by_id[alert.id] = {alert.id, &alert, nullptr};
    for (const notify::AlertStatus& told : deliveries.alerts) {
        BoardAlert& entry = by_id[told.alert->id];
        entry.id = told.alert->id;
        entry.told = &told;
    }
    std::vector<BoardAlert> out;
    for (const auto& [id, alert] : by_id) out.push_back(alert);
    return out;
}

AlertState state_of(const BoardAlert& alert) {
    return alert.rule ? alert.rule->state : alert.told->alert->state;
}

void write_optional(JsonWriter& json, std::string_view key, const std::optional<Timestamp>& at) {
    json.key(key);
    if (at)
        json.timestamp(*at);
    else
        json.null();
}

void write_deliveries(JsonWriter& json, const notify::AlertStatus* told) {
    json.key("deliveries").begin_list();
    if (told != nullptr)
        for (const notify::DeliveryStatus& one : told->deliveries) {
            json.begin_object()
                .field("receiver", one.receiver)
                .field("integration", one.integration);
            json.field("target", one.target)
                .field("text", one.text)
                .field("trouble", one.trouble)
                .end_object();
        }
    json.end_list();
    json.field("silenced_by", told ? told->silenced_by : std::string())
        .field("inhibited_by", told ? told->inhibited_by : std::string());
}

void write_alert(JsonWriter& json, const BoardAlert& alert) {
    const Labels& labels = alert.rule ? alert.rule->labels : alert.told->alert->labels;
    const Annotations& annotations =
        alert.rule ? alert.rule->annotations : alert.told->alert->annotations;
    json.begin_object()
        .field("id", to_string(alert.id))
        .field("name", labels.get("alertname"))
        .field("severity", labels.get("severity"));
    json.field("state", to_string(state_of(alert))).key("since").timestamp(alert.id.since);
    write_optional(json, "fired", alert.told ? alert.told->alert->fired_at : std::nullopt);
    write_optional(json, "resolved", alert.told ? alert.told->alert->resolved_at : std::nullopt);
    json.field("headline",
               alert.told ? std::string_view(alert.told->headline) : annotation(alert, "summary"));
    json.field("summary", annotation(alert, "summary"))
        .field("reason", alert.rule ? alert.rule->reason : alert.told->alert->reason);
    json.field("value", alert.rule ? alert.rule->value : alert.told->alert->value);
    json.key("labels").labels(labels).key("annotations").annotations(annotations);
    json.field("generator_url", alert.told ? alert.told->alert->generator_url : std::string());
    json.field("runbook_url", annotation(alert, "runbook_url"));
    write_deliveries(json, alert.told);
    json.end_object();
}

/// Firing first, then pending, then resolved; in each the oldest first.
void sort_alerts(std::vector<BoardAlert>& alerts) {
    const auto rank = [](const BoardAlert& alert) {
        switch (state_of(alert)) {
            case AlertState::Firing:
                return 0;
            case AlertState::Pending:
                return 1;
            default:
                return 2;
        }
    };
    std::stable_sort(alerts.begin(), alerts.end(), [&](const BoardAlert& a, const BoardAlert& b) {
        return std::pair(rank(a), a.id.since) < std::pair(rank(b), b.id.since);
    });
}

void write_alerts(JsonWriter& json, const std::vector<BoardAlert>& alerts) {
    json.begin_list();
    for (const BoardAlert& alert : alerts) write_alert(json, alert);
    json.end_list();
}

/// Alerts that name this target in their labels.
void write_alerts_of(JsonWriter& json, const probes::TargetStatus& target,
                     const std::vector<BoardAlert>& alerts) {
    json.key("alerts").begin_list();
    for (const BoardAlert& alert : alerts) {
        const Labels& labels = alert.rule ? alert.rule->labels : alert.told->alert->labels;
        const std::string_view instance = labels.get("instance");
        if (labels.get("job") == target.probe && (instance.empty() || instance == target.instance))
            json.value(to_string(alert.id));
    }
    json.end_list();
}

}  // namespace

std::string Board::document() {
    const BoardSources& sources = state_->sources;
    const std::vector<rules::GroupStatus> groups = sources.groups();
    const notify::Snapshot deliveries = sources.deliveries();
    std::vector<BoardAlert> alerts = join_alerts(groups, deliveries);
    sort_alerts(alerts);
    const auto bars = state_->bars();
    std::size_t rules = 0;
    for (const rules::GroupStatus& group : groups) rules += group.rules.size();

    JsonWriter json;
    json.begin_object().field("version", sources.version).key("now").timestamp(sources.clock.now());
    json.key("started")
        .timestamp(sources.started)
        .field("rules", static_cast<std::uint64_t>(rules));
    std::vector<probes::TargetStatus> targets = sources.targets();
    ScrapedTargets scraped;
    if (sources.scraped) scraped = choose_for_board(sources.scraped(), targets);
    std::move(scraped.shown.begin(), scraped.shown.end(), std::back_inserter(targets));
    json.field("scraped_hidden", static_cast<std::uint64_t>(scraped.hidden));
    json.key("targets").begin_list();
    for (const probes::TargetStatus& target : targets) {
        json.begin_object();
        write_reading(json, target);
        json.field("type", target.type)
            .field("group", target.group)
            .field("address", target.address)
            .key("labels")
            .labels(target.labels);
        json.field("every", in_seconds(target.every)).field("timeout", in_seconds(target.timeout));
        const auto found = bars->find(key_of(target.probe, target.instance));
        write_bars(json, found == bars->end() ? Bars{} : found->second);
        write_history(json, target);
        write_alerts_of(json, target, alerts);
        json.end_object();
    }
    json.end_list().key("alerts");
    write_alerts(json, alerts);
    json.end_object();
    return json.take();
}

std::string Board::alerts_document() {
    const std::vector<rules::GroupStatus> groups = state_->sources.groups();
    const notify::Snapshot deliveries = state_->sources.deliveries();
    std::vector<BoardAlert> alerts = join_alerts(groups, deliveries);
    sort_alerts(alerts);
    JsonWriter json;
    write_alerts(json, alerts);
    return json.take();
}

void Board::publish(std::string_view event, std::string_view data) {
    const Lock lock(state_->streams_mutex);
    std::erase_if(state_->streams, [&](const auto& stream) { return !stream->send(event, data); });
}

bool Board::anybody_looks() const {
    const Lock lock(state_->streams_mutex);
    std::erase_if(state_->streams, [](const auto& stream) { return !stream->open(); });
    return !state_->streams.empty();
}

void Board::publish_readings() {
    if (!anybody_looks()) return;
    std::uint64_t since = 0, scrapes_since = 0;
    {
        const Lock lock(state_->streams_mutex);
        since = state_->told;
        scrapes_since = state_->told_scrapes;
    }
    probes::Book::News news = state_->sources.readings(since);
    scrape::ScrapeNews scrapes;
    if (state_->sources.scrapes) scrapes = state_->sources.scrapes(scrapes_since);
    for (const scrape::TargetStatus& target : scrapes.targets)
        news.targets.push_back(as_board_target(target));
    {
        const Lock lock(state_->streams_mutex);
        state_->told = news.until;
        state_->told_scrapes = scrapes.until;
    }
    if (news.targets.empty()) return;
    JsonWriter json;
    json.begin_list();
    for (const probes::TargetStatus& target : news.targets) {
        json.begin_object();
        write_reading(json, target);
        json.end_object();
    }
    json.end_list();
    publish("readings", json.text());
}

std::vector<Route> Board::routes() {
    std::vector<Route> routes;
    routes.push_back({.method = "GET",
                      .path = "/api/vedette/v1/board",
                      .role = Role::Viewer,
                      .group = PathGroup::Pages,
                      .weight = Weight::Worker,
                      .answer = [this](const Request&) { return json_response(200, document()); }});
    routes.push_back({.method = "GET",
                      .path = "/api/vedette/v1/events",
                      .role = Role::Viewer,
                      .group = PathGroup::Pages,
                      .weight = Weight::Stream,
                      .answer = [this](const Request&) {
                          Response response;
                          response.on_open = [this](std::shared_ptr<EventStream> stream) {
                              state_->add(std::move(stream));
                          };
                          return response;
                      }});
    return routes;
}

}  // namespace vedette::exporter
