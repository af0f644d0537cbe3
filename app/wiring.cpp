#include "app/wiring.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <random>
#include <thread>

#include "app/alert_history.h"
#include "app/arrival_sink.h"
#include "app/backup/backup.h"
#include "app/console.h"
#include "app/flags.h"
#include "base/code_memory.h"
#include "base/dns_records.h"
#include "base/files.h"
#include "base/http/client.h"
#include "base/http/waiting.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/reserve.h"
#include "base/smtp.h"
#include "core/mutex.h"
#include "exporter/api/admin_api.h"
#include "exporter/api/alertmanager/alertmanager_api.h"
#include "exporter/api/board.h"
#include "exporter/api/cardinality_api.h"
#include "exporter/api/exemplar_api.h"
#include "exporter/api/metadata_api.h"
#include "exporter/api/notices.h"
#include "exporter/api/process_api.h"
#include "exporter/api/query_api.h"
#include "exporter/api/rules_api.h"
#include "exporter/api/status_api.h"
#include "exporter/egress/alerts/alert_sender.h"
#include "exporter/egress/federate.h"
#include "exporter/egress/remote_read.h"
#include "exporter/egress/remote_writer.h"
#include "exporter/exposition.h"
#include "exporter/http/front.h"
#include "exporter/ingest/otlp/receiver.h"
#include "exporter/ingest/remote_write.h"
#include "exporter/pages/pages.h"
#include "notify/notifier.h"
#include "probes/probes.h"
#include "probes/scrape/scraper.h"
#include "promql/engine.h"
#include "rules/manager.h"
#include "store/remote/joined.h"
#include "store/store.h"

namespace vedette::app {

namespace {

using namespace std::chrono_literals;

constexpr Milliseconds live_interval = 500ms;  // open pages hear of readings so often
constexpr Milliseconds idle_interval = 2s;     // how soon a page that was opened begins to
constexpr Milliseconds settled_after = 30s;    // what starting needed is not needed any more

LogSettings log_settings(const RunOptions& options) {
    LogSettings settings;
    if (options.log_format == "json") settings.format = LogSettings::Format::Json;
    if (options.log_format == "journal") settings.format = LogSettings::Format::Journal;
    if (options.log_level == "debug") settings.level = LogLevel::Debug;
    if (options.log_level == "warn") settings.level = LogLevel::Warn;
    if (options.log_level == "error") settings.level = LogLevel::Error;
    // The console shows changes of state in its own words; the log keeps to what is wrong.
    if (options.console) settings.level = LogLevel::Warn;
    return settings;
}

promql::Features features_of(const RunOptions& options) {
    promql::Features features;
    // What was not known was said when the program started.
    for (const std::string& names : options.features)
        (void)promql::enable_features(features, names);
    return features;
}

rules::RuleSettings rule_settings(const Configuration& configuration, const RunOptions& options) {
    rules::RuleSettings settings;
    settings.evaluation_interval = configuration.global.evaluation_interval;
    settings.query_offset = configuration.global.rule_query_offset;
    settings.resend_delay = options.resend_delay;
    settings.for_outage_tolerance = options.for_outage_tolerance;
    settings.for_grace_period = options.for_grace_period;
    settings.external_url = configuration.external_url;
    settings.external_labels = configuration.global.external_labels;
    settings.features = features_of(options);
    return settings;
}

bool has_feature(const RunOptions& options, std::string_view name) {
    return std::any_of(options.features.begin(), options.features.end(), [&](const auto& names) {
        return (',' + names + ',').find(fmt::format(",{},", name)) != std::string::npos;
    });
}

/// Prometheus keeps exemplars only where they are asked for.
store::StoreSettings store_settings(const Configuration& configuration, const RunOptions& options) {
    store::StoreSettings settings = configuration.storage;
    if (!has_feature(options, "exemplar-storage")) settings.exemplars_max = 0;
    settings.hold_log = !configuration.remote_writes.empty();
    return settings;
}

std::vector<scrape::MetricAbout> stored_metadata(const store::Store& store) {
    std::vector<scrape::MetricAbout> out;
    for (const auto& [metric, said] : store.all_metadata())
        out.push_back({metric, said.type, said.help, said.unit});
    return out;
}

scrape::Settings scrape_settings(const Configuration& configuration, const RunOptions& options) {
    scrape::Settings settings = configuration.scraping;
    scrape::apply_features(
        settings, {.extra_metrics = has_feature(options, "extra-scrape-metrics"),
                   .native_histograms = has_feature(options, "native-histograms"),
                   .created_zeros = has_feature(options, "created-timestamp-zero-ingestion")});
    return settings;
}

/// Where alerts of rules go besides; nowhere in shadow mode.
exporter::AlertingSettings alerting_settings(const Configuration& configuration,
                                             const RunOptions& options) {
    exporter::AlertingSettings settings = configuration.alerting;
    if (configuration.notify.record_only) settings.alertmanagers.clear();
    settings.external_labels = configuration.global.external_labels;
    // As Prometheus: four evaluations or sendings may be missed before an alert ends by itself.
    settings.valid_for =
        4 * std::max(options.resend_delay, configuration.global.evaluation_interval);
    return settings;
}

/// Stands between rules and notify: says why a probe's target is down in the annotation `reason`,
/// where the rule does not, and hears every transition after it was taken.
class WatchedSink final : public AlertSink {
public:
    using ReasonOf = std::function<std::string(const Labels&)>;
    using Observer = std::function<void(const Alert&)>;
    WatchedSink(AlertSink& sink, ReasonOf reason_of, Observer observer)
        : sink_(sink), reason_of_(std::move(reason_of)), observer_(std::move(observer)) {}

    Result<void> take(std::span<const Alert> alerts) override {
        std::vector<Alert> explained(alerts.begin(), alerts.end());
        for (Alert& alert : explained) explain(alert);
        Result<void> taken = sink_.take(explained);
        if (taken)
            for (const Alert& alert : explained) observer_(alert);
        return taken;
    }

private:
    void explain(Alert& alert) const {
        if (alert.state == AlertState::Resolved || alert.annotations.has("reason")) return;
        const std::string reason = reason_of_(alert.labels);
        if (reason.empty()) return;
        Annotations::Texts texts = alert.annotations.texts();
        texts.emplace("reason", reason);
        alert.annotations = Annotations(std::move(texts));
    }

    AlertSink& sink_;
    ReasonOf reason_of_;
    Observer observer_;
};

}  // namespace

/// Members are in the order in which they are made; they go in the opposite one.
struct Daemon::Rooms {
    Rooms(Configuration given, const RunOptions& run_options)
        : configuration(std::move(given)),
          options(run_options),
          log(log_settings(options)),
          files(make_files()),
          // What is given when the disk is full is the ledger's; but a start needs some bytes.
          store_files(make_files(
              [this] { return store_open ? reserve->may_others_grow() : Result<void>(); })) {}

    Result<void> open();
    Result<void> open_store();
    void open_network();
    void open_datasource();
    void open_remote_writers();
    void join_pages();
    exporter::ProcessSources process_sources();
    std::vector<Route> own_routes();
    std::vector<Route> while_room(std::vector<Route> routes);
    std::vector<Route> query_routes();
    exporter::AlertmanagerSources alertmanager_sources();
    Result<std::string> snapshot(bool skip_head);
    void tick();
    Result<void> swap(const Configuration& next);
    Result<void> reload();
    Configuration read_again(Problems& problems) const;
    Overrides overrides() const {
        return {options.listen, options.external_url, features_of(options)};
    }

    Configuration configuration;
    const RunOptions options;
    SystemClock clock;
    Log log;
    Metrics metrics;
    std::unique_ptr<Files> files;
    std::optional<Reserve> reserve;
    std::atomic<bool> store_open = false;
    std::unique_ptr<Files> store_files;
    std::unique_ptr<store::Store> store;
    std::unique_ptr<promql::Engine> engine;
    std::unique_ptr<AlertHistory> history;

    std::unique_ptr<LoopThread> io;
    std::unique_ptr<Resolver> resolver;  // io thread
    std::unique_ptr<DnsRecords> dns;     // io thread
    std::unique_ptr<HttpClient> http;    // io thread
    std::unique_ptr<SmtpClient> smtp;    // io thread
    std::unique_ptr<notify::Notifier> notifier;
    std::unique_ptr<exporter::AlertSender> alert_sender;
    std::unique_ptr<probes::Probes> probes;    // io thread, but for its book
    std::unique_ptr<scrape::Scraper> scraper;  // io thread, but for its snapshot
    News news;
    std::unique_ptr<WatchedSink> alerts;
    exporter::Notices notices{clock};
    std::unique_ptr<store::Datasource> datasource;
    std::unique_ptr<store::Joined> joined;
    std::unique_ptr<rules::Manager> manager;
    // Before the rules: scraped pages, what alerting stands on, what others send.
    std::optional<ArrivalSink> readings, vitals, writes;
    std::unique_ptr<exporter::RemoteWriters> remote_writers;
    std::unique_ptr<exporter::Board> board;
    std::unique_ptr<exporter::otlp::Receiver> otlp;
    std::unique_ptr<http::Front> front;

    Mutex reload_mutex;
    Gauge* reload_successful = nullptr;
    Gauge* reload_at = nullptr;
    Gauge* loop_lag = nullptr;
    unsigned live_turns = 0;  // io thread
    bool started = false;
};

Result<void> Daemon::Rooms::open_store() {
    reserve.emplace(*files, Reserve::Settings{options.data, configuration.storage.reserve_bytes},
                    log, metrics);
    const auto attempt = [&] {
        return store::Store::open(*store_files, options.data,
                                  store_settings(configuration, options), clock, log, metrics);
    };
    auto opened = attempt();
    // Not before: the folder may be another program's.
    if (!opened && opened.error().fault == Fault::Refused) return fail(opened.error());
    reserve->open();
    while (!opened && reserve->give(opened.error(), Reserve::Whose::Starting)) opened = attempt();
    if (!opened) return fail(opened.error());
    store = std::move(*opened);
    store_open = true;
    return {};
}

Result<void> Daemon::Rooms::open() {
    if (auto opened = open_store(); !opened) return opened;
    engine = std::make_unique<promql::Engine>(
        promql::EngineSettings{.samples_max = options.query_samples_max,
                               .timeout = options.query_timeout,
                               .lookback = options.query_lookback,
                               .features = features_of(options)},
        clock);
    history = std::make_unique<AlertHistory>(*engine, *store, clock);
    io = std::make_unique<LoopThread>("io");
    io->call([this] { open_network(); });
    auto notifying =
        notify::Notifier::make(configuration.notify, options.data + "/alerts.db", io->loop(), *http,
                               *smtp, clock, log, metrics, &*reserve);
    if (!notifying) return fail(notifying.error());
    notifier = std::move(*notifying);
    notifier->ask_for_histories([this](notify::AlertRef alert, AlertHistory::Done done) {
        history->ask(std::move(alert), std::move(done));
    });
    const auto arrived = [this] { manager->arrived(); };
    readings.emplace(store->seen_rather_than_safe(), arrived);
    vitals.emplace(store->vital(), arrived);
    writes.emplace(*store, arrived);
    alert_sender = std::make_unique<exporter::AlertSender>(
        io->loop(),
        [this](HttpCall call, Deadline deadline, HttpDone done) {
            http->send(std::move(call), deadline, std::move(done));
        },
        clock, log, metrics);
    alert_sender->load(alerting_settings(configuration, options));
    io->call([this] {
        probes = std::make_unique<probes::Probes>(io->loop(), *http, *vitals, clock, log, metrics);
        probes->book().on_change([this](const probes::Change& change) {
            if (options.console) print_change(change);
        });
        scraper = std::make_unique<scrape::Scraper>(scrape::ScraperDoors{
            io->loop(), *http, *dns, *files, *readings, *vitals, clock, log, metrics});
    });
    const auto reason_of = [this](const Labels& labels) {
        return probes->book().why_down(labels.get("job"), labels.get("instance"));
    };
    alerts = std::make_unique<WatchedSink>(*notifier, reason_of, [this](const Alert& alert) {
        alert_sender->send({&alert, 1});
        if (options.console && news.is_new(alert, clock.steady())) print_change(alert);
    });
    open_datasource();
    const rules::Ask ask = [this](const promql::Expr& expr, Timestamp at, std::stop_token stop) {
        return engine->instant(expr, at, *joined, stop);
    };
    manager = std::make_unique<rules::Manager>(rules::Doors{
        ask, store->vital(), *store, *alerts, *notifier, clock, log, metrics,
        [this](const promql::Expr& expr) {
            return std::make_unique<promql::PreparedQuery>(*engine, expr, *joined, *joined);
        },
        joined.get()});
    if (auto loaded = manager->load(configuration.groups, rule_settings(configuration, options));
        !loaded)
        return loaded;
    open_remote_writers();
    join_pages();
    return {};
}

void Daemon::Rooms::open_datasource() {
    datasource = std::make_unique<store::Datasource>(store::DatasourceDoors{
        [this](HttpCall call, Milliseconds timeout, const std::stop_token& stop) {
            return send_and_wait(io->loop(), *http, std::move(call), timeout, stop);
        },
        clock, log, metrics,
        [this](const std::string& text, bool holds) {
            holds ? notices.add(text) : notices.remove(text);
        }});
    datasource->load(configuration.datasource);
    joined = std::make_unique<store::Joined>(*store, *store, *store, *datasource);
}

void Daemon::Rooms::open_remote_writers() {
    exporter::WriteDoors doors{
        [this] { return store->log_end(); },
        [this](store::LogPlace from, std::size_t bytes) { return store->read_log(from, bytes); },
        [this](std::uint64_t segment) { return store->log_bytes_from(segment); },
        [this] { return store->all_metadata(); },
        exporter::post_over(io->loop(), *http),
        *store_files,
        options.data + "/remote_write",
        clock,
        log,
        metrics};
    remote_writers = std::make_unique<exporter::RemoteWriters>(
        std::move(doors), [this](std::optional<std::uint64_t> from) { store->hold_log(from); });
}

void Daemon::Rooms::open_network() {
    const bool own = configuration.resolver == Configuration::ResolverKind::Dns;
    resolver = own ? make_dns_resolver(io->loop()) : make_system_resolver(io->loop());
    dns = make_dns_records(io->loop());
    http = std::make_unique<HttpClient>(io->loop(), *resolver);
    smtp = std::make_unique<SmtpClient>(io->loop(), *resolver);
}

void Daemon::Rooms::join_pages() {
    const auto targets = [this] { return probes->book().snapshot(); };
    const auto groups = [this] { return manager->status(); };
    board = std::make_unique<exporter::Board>(exporter::BoardSources{
        targets, [this](auto since) { return probes->book().news(since); },
        [this] { return notifier->snapshot(); }, groups, *store, clock, std::string(version()),
        clock.now(), [this] { return scraper->snapshot(); },
        [this](std::uint64_t since) { return scraper->news(since); }});
    reload_successful = &metrics.gauge("vedette_config_last_reload_successful",
                                       "Whether the last reading of the configuration succeeded.");
    reload_at = &metrics.gauge("vedette_config_last_reload_success_timestamp_seconds",
                               "When the configuration was last read without a problem.");
    reload_successful->set(1);
    reload_at->set(clock.now().seconds());
    loop_lag = &metrics.gauge(
        "vedette_loop_lag_seconds",
        "How late the latest timer of the probing loop ran in the last half second.");
    const auto observe = [this](std::string_view name, std::string_view help,
                                std::function<double()> read) {
        metrics.observed(name, help, MetricFamily::Type::Gauge, std::move(read));
    };
    observe("vedette_store_series", "Series in memory.",
            [this] { return static_cast<double>(store->series_count()); });
    observe("vedette_store_head_bytes", "Memory that counts against storage.head_bytes_max.",
            [this] { return static_cast<double>(store->memory_bytes()); });
    observe("vedette_store_pressure",
            "What is given up for want of memory: 0 nothing, 1 new series of greedy jobs, "
            "2 exemplars and metadata, 3 queries, 4 what senders keep, 5 every scraped page.",
            [this] { return static_cast<double>(store->pressure()); });
    metrics.observed("vedette_log_dropped_lines_total",
                     "Log lines lost because the queue was full.", MetricFamily::Type::Counter,
                     [this] { return static_cast<double>(log.dropped()); });
    metrics
        .gauge("vedette_build_info", "Always 1; the version is a label.",
               Labels{{"version", version()}})
        .set(1);

    front = std::make_unique<http::Front>(configuration.server, log, metrics);
    front->add(exporter::page_routes());
    front->add(board->routes());
    front->add(while_room(query_routes()));
    front->add(exporter::metadata_routes(
        {[this] { return scraper->snapshot(); }, [this] { return stored_metadata(*store); }}));
    front->add(while_room(exporter::exemplar_routes(*store, features_of(options))));
    front->add(exporter::cardinality_routes(
        [this](std::size_t entries) { return store->cardinality(entries); }));
    front->add(exporter::rules_routes(groups));
    front->add(exporter::alertmanager_routes(alertmanager_sources()));
    front->add(exporter::process_routes(process_sources()));
    front->add(notices.routes());
    front->add(
        exporter::status_routes({targets, std::string(version()), std::string(prometheus_version()),
                                 [this] { return scraper->snapshot(); }}));
    otlp = std::make_unique<exporter::otlp::Receiver>(*writes, clock);
    otlp->load(configuration.otlp);
    front->add({exporter::remote_write_route(*writes, clock, &*store), otlp->route()});
    front->add(exporter::admin_routes({options.admin_api,
                                       [this](bool skip_head) { return snapshot(skip_head); },
                                       [this](auto selectors, Window window) {
                                           return store->erase(std::move(selectors), window);
                                       },
                                       [this] { return store->clean_deleted(); }}));
    const auto external = [this] {
        const Lock lock(reload_mutex);
        return configuration.global.external_labels;
    };
    front->add(
        while_room({exporter::federate_route({*store, clock, options.query_lookback, external}),
                    exporter::remote_read_route(*store, external)}));
    front->add(own_routes());
}

/// Refused while memory is so short that questions have to wait; rules ask the engine, not these.
std::vector<Route> Daemon::Rooms::while_room(std::vector<Route> routes) {
    Counter& shed = metrics.counter("vedette_queries_shed_total",
                                    "Requests for samples refused because memory was short.");
    return exporter::refused_while(std::move(routes), [this, &shed]() -> std::string {
        if (store->pressure() < store::Pressure::Queries) return {};
        shed.add();
        const double used = static_cast<double>(store->memory_bytes()) /
                            static_cast<double>(store->settings().head_bytes_max);
        return fmt::format("memory is short: {:.0f} % of storage.head_bytes_max is used, and "
                           "questions wait so that alerting goes on; /status/cardinality says who "
                           "uses it",
                           100 * used);
    });
}

exporter::AlertmanagerSources Daemon::Rooms::alertmanager_sources() {
    return {[this] { return notifier->standing(); },
            [this](std::span<const notify::PostedAlert> alerts) {
                return notifier->take_posted(alerts);
            },
            [this] { return notifier->silences(); },
            [this](notify::Silence silence, std::string who) {
                return notifier->put_silence(std::move(silence), std::move(who));
            },
            [this](std::string_view id, std::string who) {
                return notifier->expire_silence(id, std::move(who));
            },
            [this](std::size_t count) { return notifier->audit(count); },
            [this] { return notifier->receivers(); },
            [this] { return notifier->shown(); },
            [this] { return clock.now(); },
            clock.now(),
            std::string(version()),
            "0.33.1"};
}

/// As Prometheus names them: `20261120T153354Z-14a312ffc7d2ec3e`.
Result<std::string> Daemon::Rooms::snapshot(bool skip_head) {
    if (auto flushed = store->flush(); !flushed) return fail(flushed.error());
    std::string at =
        format_rfc3339(clock.now()).substr(0, std::string_view("YYYY-MM-DDTHH:MM:SS").size());
    std::erase_if(at, [](char c) { return c == '-' || c == ':'; });
    std::random_device device;
    const std::string name = fmt::format("{}Z-{:08x}{:08x}", at, device(), device());
    const std::string folder = options.data + "/snapshots";
    if (auto made = files->make_folders(folder); !made) return fail(made.error());
    const auto done =
        make_backup({.data = options.data, .target = folder + "/" + name, .skip_head = skip_head});
    if (!done) return fail(done.error());
    log.info("snapshot made", {{"name", name}, {"bytes", done->bytes}, {"linked", done->linked}});
    return name;
}

exporter::ProcessSources Daemon::Rooms::process_sources() {
    const auto facts = [this, started_at = clock.now()] {
        exporter::ProcessFacts out;
        out.started = started_at;
        out.now = clock.now();
        std::error_code ignored;
        out.folder = std::filesystem::current_path(ignored).string();
        std::array<char, 256> host{};
        if (gethostname(host.data(), host.size() - 1) == 0) out.host = host.data();
        out.reload_successful = reload_successful->value() > 0;
        out.configured = {std::llround(reload_at->value() * 1000)};
        out.corruptions = store->recovery().losses.size() + store->recovery().losses_more;
        out.cores = std::thread::hardware_concurrency();
        out.retention = store->settings().retention;
        return out;
    };
    const auto shown = [this] {
        const Lock lock(reload_mutex);
        return configuration.shown;
    };
    return {facts, shown, flags_of(options, configuration),
            [this](std::size_t entries) { return store->head_costs(entries); },
            [this] {
                exporter::AlertSender::Urls urls = alert_sender->urls();
                return exporter::ProcessSources::Alertmanagers{std::move(urls.active),
                                                               std::move(urls.dropped)};
            }};
}

/// Another Vedette whose datasource we are gets what is in our own store: two that read each other
/// would ask for ever.
std::vector<Route> Daemon::Rooms::query_routes() {
    std::vector<Route> routes = exporter::query_routes({*engine, *joined, *joined, clock});
    std::vector<Route> own = exporter::query_routes({*engine, *store, *store, clock});
    for (std::size_t i = 0; i < routes.size(); ++i)
        routes[i].answer = [this, joined_answer = std::move(routes[i].answer),
                            own_answer = std::move(own[i].answer)](const Request& request) {
            if (!request.header("x-vedette-datasource").empty()) return own_answer(request);
            Response response = joined_answer(request);
            response.waited = datasource->knows({});
            return response;
        };
    return routes;
}

std::vector<Route> Daemon::Rooms::own_routes() {
    std::vector<Route> routes;
    routes.push_back({.method = "GET",
                      .path = "/metrics",
                      .role = Role::Viewer,
                      .group = PathGroup::Metrics,
                      .weight = Weight::Worker,
                      .answer = [this](const Request& request) {
                          const exporter::ExpositionFormat format =
                              exporter::choose_format(request.header("accept"));
                          std::vector<MetricFamily> families = probes->book().families();
                          for (MetricFamily& family : metrics.collect())
                              families.push_back(std::move(family));
                          for (MetricFamily& family : manager->families())
                              families.push_back(std::move(family));
                          Response response = text_response(
                              200, exporter::write_exposition(
                                       exporter::merge_families(std::move(families)), format));
                          response.content_type = format.content_type();
                          return response;
                      }});
    for (const auto& [path, text] : {std::pair("/-/healthy", "vedette is healthy.\n"),
                                     std::pair("/-/ready", "vedette is ready.\n")})
        routes.push_back({.method = "GET",
                          .path = path,
                          .role = Role::Nobody,
                          .group = PathGroup::Health,
                          .weight = Weight::Inline,
                          .answer = [said = std::string(text)](const Request&) {
                              return text_response(200, said);
                          }});
    for (const char* method : {"POST", "PUT"})
        routes.push_back({.method = method,
                          .path = "/-/reload",
                          .role = Role::Admin,
                          .group = PathGroup::Admin,
                          .weight = Weight::Worker,
                          .answer = [this](const Request&) {
                              const Result<void> done = reload();
                              return done ? text_response(200, "reloaded\n")
                                          : text_response(500, done.error().message);
                          }});
    return routes;
}

/// Twice a second while a page is open, on the io loop. Readings are told to open pages together;
/// alerts every other second, because their words age (`sent to #ops 3 s ago`).
void Daemon::Rooms::tick() {
    const Loop::Lag lag = io->loop().take_lag();
    loop_lag->set(std::chrono::duration<double>(lag.timer).count());
    board->publish_readings();
    if (++live_turns % 4 == 0 && board->anybody_looks())
        board->publish("alerts", board->alerts_document());
    io->loop().after(board->anybody_looks() ? live_interval : idle_interval, [this] { tick(); });
}

Configuration Daemon::Rooms::read_again(Problems& problems) const {
    return options.config.empty() ? builtin_configuration(overrides(), problems)
                                  : load_configuration(options.config, overrides(), problems);
}

/// What can fail comes first and is taken back when a later one fails; probes cannot fail.
Result<void> Daemon::Rooms::swap(const Configuration& next) {
    if (Result<void> told = notifier->reload(next.notify); !told) return told;
    // Before the front, which then forgets what was known to be quick.
    datasource->load(next.datasource);
    Result<void> done = front->reload(next.server);
    if (done) {
        done = manager->load(next.groups, rule_settings(next, options));
        if (!done) (void)front->reload(configuration.server);
    }
    if (!done) {
        datasource->load(configuration.datasource);
        (void)notifier->reload(configuration.notify);
        return done;
    }
    store->take_out_of_order(next.storage.out_of_order_window);
    otlp->load(next.otlp);
    store->keep_exemplars(store_settings(next, options).exemplars_max);
    io->call([&] {
        probes->load(next.probes);
        scraper->load(scrape_settings(next, options));
    });
    remote_writers->load(next.remote_writes, next.global.external_labels);
    alert_sender->load(alerting_settings(next, options));
    return {};
}

Result<void> Daemon::Rooms::reload() {
    const Lock lock(reload_mutex);
    Problems problems;
    Configuration next = read_again(problems);
    const Result<void> done =
        problems.any() ? Result<void>(fail(Fault::BadInput, problems.text())) : swap(next);
    reload_successful->set(done ? 1 : 0);
    if (!done) {
        notices.add("Configuration reload has failed.");
        log.error("configuration not reloaded, nothing changed",
                  {{"file", options.config}, {"problems", done.error().message}});
        return done;
    }
    notices.remove("Configuration reload has failed.");
    configuration = std::move(next);
    reload_at->set(clock.now().seconds());
    log.info("configuration reloaded", {{"file", options.config}});
    board->publish("reload", "{}");
    return {};
}

// ── the daemon
// ─────────────────────────────────────────────────────────────────────────────────────

Daemon::Daemon(std::unique_ptr<Rooms> rooms) : rooms_(std::move(rooms)) {}

Result<std::unique_ptr<Daemon>> Daemon::open(Configuration configuration,
                                             const RunOptions& options) {
    auto rooms = std::make_unique<Rooms>(std::move(configuration), options);
    if (const Result<void> opened = rooms->open(); !opened) return fail(opened.error());
    return std::unique_ptr<Daemon>(new Daemon(std::move(rooms)));
}

Daemon::~Daemon() {
    stop();
    // What lives on the loop's thread goes there.
    if (rooms_->io)
        rooms_->io->call([this] {
            rooms_->scraper.reset();
            rooms_->probes.reset();
            rooms_->alert_sender.reset();
            rooms_->notifier.reset();
            rooms_->smtp.reset();
            rooms_->http.reset();
            rooms_->dns.reset();
            rooms_->resolver.reset();
        });
}

Result<void> Daemon::start() {
    Rooms& rooms = *rooms_;
    // First: a queue that is new begins where the log ends, and nothing may come before it.
    rooms.remote_writers->load(rooms.configuration.remote_writes,
                               rooms.configuration.global.external_labels);
    if (Result<void> bound = rooms.front->start(); !bound) return bound;
    rooms.started = true;
    rooms.notifier->start();
    rooms.manager->start();
    rooms.io->call([&] {
        rooms.probes->load(rooms.configuration.probes);
        rooms.scraper->load(scrape_settings(rooms.configuration, rooms.options));
        rooms.tick();
        rooms.io->loop().after(settled_after, give_back_code);
    });
    rooms.log.info("serving", {{"at", fmt::format("{}", fmt::join(addresses(), " "))}});
    return {};
}

Result<void> Daemon::reload() {
    return rooms_->reload();
}

void Daemon::stop() {
    Rooms& rooms = *rooms_;
    if (!std::exchange(rooms.started, false)) return;
    rooms.manager->stop();
    rooms.front->stop();
    rooms.io->call([&] {
        rooms.probes->stop();
        rooms.scraper->stop();
    });
    rooms.notifier->stop();
    rooms.history->stop();
    rooms.remote_writers->stop();
    if (const Result<void> closed = rooms.store->close(); !closed)
        rooms.log.error("store not closed", {{"error", closed.error().message}});
    rooms.log.flush();
}

std::vector<std::string> Daemon::addresses() const {
    return rooms_->front->addresses();
}

const Configuration& Daemon::configuration() const {
    return rooms_->configuration;
}

}  // namespace vedette::app
