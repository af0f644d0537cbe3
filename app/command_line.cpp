// The one file that knows CLI11: it takes seconds to compile.
#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <functional>

#include "app/backup/backup.h"
#include "app/commands/history.h"

namespace vedette::app {

namespace {

/// CLI11 hands durations over as text; this reads them or says what was expected.
CLI::Option* add_duration(CLI::App* app, const std::string& name, Milliseconds& value,
                          const std::string& help) {
    const auto read = [&value, name](const std::string& text) {
        const Result<Milliseconds> duration = parse_duration(text);
        if (!duration) throw CLI::ValidationError(name, duration.error().message);
        value = *duration;
    };
    return app->add_option_function<std::string>(name, read, help)
        ->type_name("DURATION")
        ->default_str(format_duration(value));
}

class Verbs {
public:
    explicit Verbs(CLI::App& root) : root_(root) {
        add_run();
        add_check();
        add_test();
        add_probe();
        add_query();
        add_dump_and_format();
        add_export();
        add_import();
        add_backup();
    }
    Exit call() const { return chosen_(); }

private:
    CLI::App* verb(CLI::App& under, const std::string& name, const std::string& help,
                   std::function<Exit()> action) {
        CLI::App* app = under.add_subcommand(name, help);
        if (action) app->callback([this, action = std::move(action)] { chosen_ = action; });
        return app;
    }

    void add_run() {
        CLI::App* app = verb(root_, "run", "watch, remember, decide and tell, until stopped",
                             [this] { return app::run(run_); });
        app->add_option("--config,--config.file", run_.config,
                        "configuration; without one, watches itself")
            ->type_name("FILE");
        app->add_option("--data,--storage.tsdb.path", run_.data, "data directory")
            ->type_name("DIR")
            ->capture_default_str();
        app->add_option("--listen,--web.listen-address", run_.listen,
                        "serve here instead of server.listeners")
            ->type_name("ADDR:PORT");
        app->add_option("--web.external-url", run_.external_url,
                        "where people reach the pages; used in links")
            ->type_name("URL");
        app->add_flag("--web.enable-admin-api", run_.admin_api,
                      "serve /api/v1/admin/tsdb/ to those with the role `admin`");
        app->add_option("--log.level", run_.log_level, "debug, info, warn or error")
            ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
            ->capture_default_str();
        app->add_option("--log.format", run_.log_format, "text, json or journal")
            ->check(CLI::IsMember({"text", "json", "journal"}))
            ->capture_default_str();
        app->add_flag("--console", run_.console,
                      "a summary and one line per change of state instead of a log");
        add_duration(app, "--rules.alert.resend-delay", run_.resend_delay,
                     "least time between two sendings of one alert");
        add_duration(app, "--rules.alert.for-grace-period", run_.for_grace_period,
                     "least time a restored `for` still waits");
        add_duration(app, "--rules.alert.for-outage-tolerance", run_.for_outage_tolerance,
                     "longest outage over which `for` is restored");
        app->add_option("--query.max-samples", run_.query_samples_max,
                        "samples that one query may load")
            ->capture_default_str();
        add_duration(app, "--query.timeout", run_.query_timeout, "time that one query may take");
        add_duration(app, "--query.lookback-delta", run_.query_lookback,
                     "how long a value counts as current");
        add_features(app, run_.features);
        app->footer("Example:\n  vedette run --config vedette.yml --data /var/lib/vedette");
    }

    void add_features(CLI::App* app, std::vector<std::string>& features) {
        app->add_option("--enable-feature", features,
                        "Prometheus's names, in a comma list: promql-experimental-functions, "
                        "promql-duration-expr …")
            ->type_name("NAMES")
            ->allow_extra_args(false);
    }

    void add_lint(CLI::App* app) {
        app->add_option("--lint", check_.lint,
                        "of rules: all, duplicate-rules or none; several with commas")
            ->capture_default_str();
        app->add_flag("--lint-fatal", check_.lint_fatal, "end with 3 when lint finds something");
        app->add_flag("--ignore-unknown-fields", check_.ignore_unknown_fields,
                      "take keys in rule files that Prometheus does not know");
        add_features(app, check_.features);
    }

    void add_check() {
        CLI::App* group = verb(root_, "check", "say what is wrong in a file before it is used", {});
        group->require_subcommand(1);
        CLI::App* config = verb(*group, "config", "a configuration and the files it names",
                                [this] { return check_config(check_); });
        config->add_option("FILE", check_.files, "configurations")->required();
        config->add_flag("--syntax-only", check_.syntax_only, "open no secret");
        add_lint(config);
        CLI::App* rules =
            verb(*group, "rules", "Prometheus rule files; standard input when none is named",
                 [this] { return check_rules_and_history(); });
        rules->add_option("FILE", check_.files, "rule files");
        add_lint(rules);
        CLI::Option* history = rules->add_flag(
            "--history", week_.check,
            "warn of alerts that would page too often, and of selectors that select nothing");
        week_.since = std::chrono::hours(24 * 7);
        add_history(rules, week_);
        rules->add_option("--pages-max", week_.pages_max, "pages a week that are not too often")
            ->needs(history)
            ->capture_default_str();
        // promtool takes them with every check; of rules they say nothing, here as there.
        rules->add_flag("--extended", extended_)->group("");
        rules->add_option("--query.lookback-delta", unused_)->group("");
        CLI::App* metrics =
            verb(*group, "metrics", "an exposition on standard input, its names and help",
                 [this] { return check_metrics(extended_); });
        metrics->add_flag("--extended", extended_, "also print how many series each metric has");
        metrics->footer("Example:\n  curl -s localhost:9100/metrics | vedette check metrics");
        group->footer("Example:\n  vedette check config vedette.yml");
    }

    Exit check_rules_and_history() {
        const Exit found = check_rules(check_);
        if (!week_.check || found == Exit::Wrong) return found;
        const Exit also = check_history(check_, week_);
        return also == Exit::Fine ? found : also;
    }

    void add_test() {
        CLI::App* group = verb(root_, "test", "run tests of rules, or send one to receivers", {});
        group->require_subcommand(1);
        CLI::App* app = verb(*group, "rules",
                             "unit tests of rules, as promtool has them; with --since, rules on "
                             "stored history",
                             [this] {
                                 return past_.since.count() > 0 ? backtest_rules(test_, past_)
                                                                : test_rules(test_);
                             });
        app->add_option("FILE", test_.files, "test files; with --since, rule files")->required();
        app->add_option("--run", test_.run, "only tests whose names match; may be given again")
            ->type_name("PATTERN")
            ->allow_extra_args(false);
        app->add_flag("--diff", test_.diff, "show alerts that differ as coloured JSON");
        app->add_flag("--debug", test_.debug, "print every sample after each test");
        app->add_option("--junit", test_.junit, "write the results there, as XML")
            ->type_name("FILE");
        app->add_flag("--ignore-unknown-fields", test_.ignore_unknown_fields,
                      "take keys in rule files that Prometheus does not know");
        add_features(app, test_.features);
        CLI::Option* since = add_history(app, past_);
        app->add_option("--against", past_.against,
                        "compare with these rule files; default what ALERTS remembers")
            ->type_name("FILE")
            ->needs(since);
        app->add_flag("--all", past_.all, "show every time that an alert fired")->needs(since);
        CLI::App* notify = verb(*group, "notify", "send a test message to receivers, for real",
                                [this] { return test_notify(notify_config_, notify_receiver_); });
        notify->add_option("--config,--config.file", notify_config_, "configuration")
            ->type_name("FILE")
            ->required();
        notify->add_option("--receiver", notify_receiver_, "only this one; else all")->type_name("NAME");
        notify->footer("Example:\n  vedette test notify --config vedette.yml --receiver team");
        group->footer(
            "Examples:\n  vedette test rules rules/*_test.yml\n"
            "  vedette test rules rules/services.yml --since 7d --data data");
    }

    CLI::Option* add_history(CLI::App* app, HistoryOptions& history) {
        CLI::Option* since =
            add_duration(app, "--since", history.since, "how far back in stored history");
        app->add_option("--until", history.until, "where it ends, RFC 3339; default now")
            ->type_name("TIME")
            ->needs(since);
        add_data(app, history.data);
        return since;
    }

    void add_probe() {
        CLI::App* app = verb(root_, "probe", "one reading of one target, its phases as a waterfall",
                             [this] { return app::probe(probe_); });
        app->add_option("TYPE", probe_.type, "http")->required();
        app->add_option("TARGET", probe_.target, "for http: a URL")->required();
        CLI::Option* config =
            app->add_option("--config", probe_.config, "take the settings from this configuration")
                ->type_name("FILE");
        app->add_option("--probe", probe_.name, "of the probe with this name")
            ->type_name("NAME")
            ->needs(config);
        add_duration(app, "--timeout", probe_.timeout, "longest time to wait");
        app->add_flag("--metrics", probe_.metrics, "print the metrics, as /metrics would");
        app->add_flag("--json", probe_.json, "print JSON");
        app->add_flag("--transcript", probe_.transcript, "print what was said, secrets removed");
        app->footer("Example:\n  vedette probe http https://shop.example/health");
    }

    void add_query() {
        CLI::App* group = verb(root_, "query", "ask a running server in PromQL", {});
        group->require_subcommand(1);
        add_query_kind(*group, "instant", "values at one moment", false);
        add_query_kind(*group, "range", "values over a stretch of time", true);
        group->footer("Example:\n  vedette query instant 'sum by (job) (up)'");
    }

    void add_query_kind(CLI::App& group, const std::string& name, const std::string& help,
                        bool range) {
        CLI::App* app = verb(group, name, help, [this, range] {
            query_.range = range;
            return app::query(query_);
        });
        app->add_option("EXPR", query_.expression, "PromQL")->required();
        app->add_option("--url", query_.url, "server")->capture_default_str();
        add_features(app, query_.features);
        app->add_flag("--json", query_.json, "print the server's JSON; the same as --format json");
        const std::vector<std::string> formats =
            range ? std::vector<std::string>{"table", "json", "plot"}
                  : std::vector<std::string>{"table", "json"};
        app->add_option("--format", query_.format,
                        range ? "table, json or plot; default a plot on a terminal, else a table"
                              : "table or json")
            ->check(CLI::IsMember(formats));
        if (range) app->add_flag("--ascii", query_.ascii, "draw a plot with ASCII only");
        if (!range) {
            app->add_option("--time", query_.time, "seconds since 1970 or RFC 3339; default now");
            return;
        }
        app->add_option("--start", query_.start,
                        "seconds since 1970 or RFC 3339; default an hour ago");
        app->add_option("--end", query_.end, "default now");
        app->add_option("--step", query_.step,
                        "seconds or a duration; default a 60th of the range");
    }

    void add_dump_and_format() {
        CLI::App* dump_verb = verb(root_, "dump", "print a file of the data directory",
                                   [this] { return dump(file_); });
        dump_verb->add_option("FILE", file_, "for example data/wal/00000001")->required();
        dump_verb->footer("Example:\n  vedette dump data/wal/00000001");
        CLI::App* format_verb = verb(root_, "format", "lay out a PromQL expression",
                                     [this] { return format(query_.expression, run_.features); });
        format_verb->add_option("EXPR", query_.expression, "PromQL")->required();
        add_features(format_verb, run_.features);
        format_verb->footer("Example:\n  vedette format 'sum(rate(x[5m]))by(job)'");
    }

    void add_export() {
        CLI::App* group = verb(root_, "export", "write what other programs read", {});
        group->require_subcommand(1);
        CLI::App* rules = verb(*group, "rules", "rule files as Prometheus has them, in one",
                               [this] { return export_rules(files_, run_.features); });
        rules->add_option("FILE", files_, "rule files, with or without keys of ours")->required();
        add_features(rules, run_.features);
        CLI::App* samples =
            verb(*group, "openmetrics", "samples of a data directory, also of a running daemon's",
                 [this] { return export_openmetrics(export_); });
        add_data(samples, export_.data);
        samples->add_option("--match", export_.match, "only these series; may be given again")
            ->type_name("SELECTOR")
            ->allow_extra_args(false);
        samples->add_option("--start", export_.start, "seconds since 1970 or RFC 3339");
        samples->add_option("--end", export_.end, "the same; both ends count");
        samples->footer(
            "Example:\n  vedette export openmetrics --data data --match up > samples.txt");
        group->footer("Example:\n  vedette export rules rules/services.yml > prometheus_rules.yml");
    }

    void add_import() {
        CLI::App* group = verb(root_, "import", "take what other programs wrote", {});
        group->require_subcommand(1);
        CLI::App* samples = verb(*group, "openmetrics",
                                 "samples of any age, into a data directory that no daemon has",
                                 [this] { return import_openmetrics(import_); });
        samples->add_option("FILE", import_.file, "what `promtool tsdb dump-openmetrics` prints")
            ->required();
        add_data(samples, import_.data);
        group->footer("Example:\n  vedette import openmetrics samples.txt --data data");
    }

    void add_data(CLI::App* app, std::string& data) {
        app->add_option("--data,--storage.tsdb.path", data, "data directory")
            ->type_name("DIR")
            ->capture_default_str();
    }

    void add_backup() {
        CLI::App* backup_verb = verb(root_, "backup",
                                     "copy the data directory as it is at one moment, also of a "
                                     "running daemon",
                                     [this] { return backup(file_, run_.data); });
        backup_verb->add_option("TARGET", file_, "folder to make")->required();
        add_data(backup_verb, run_.data);
        backup_verb->footer("Example:\n  vedette backup /backup/2026-11-20 --data data");
        CLI::App* restore_verb =
            verb(root_, "restore", "make a data directory of a backup, each file looked at",
                 [this] { return restore(restore_); });
        restore_verb->add_option("BACKUP", restore_.backup, "what `backup` made")->required();
        restore_verb->add_option("DATA", restore_.data, "data directory to make")->required();
        restore_verb->add_flag("--damaged", restore_.damaged,
                               "restore what is damaged too, and say what is lost");
        restore_verb->footer("Example:\n  vedette restore /backup/2026-11-20 data");
    }

    CLI::App& root_;
    std::function<Exit()> chosen_;
    RunOptions run_;
    CheckOptions check_;
    bool extended_ = false;
    std::string unused_;
    TestOptions test_;
    HistoryOptions past_, week_;
    std::string notify_config_, notify_receiver_;
    ProbeOptions probe_;
    QueryOptions query_;
    RestoreOptions restore_;
    ExportOptions export_;
    ImportOptions import_;
    std::string file_;
    std::vector<std::string> files_;
};

}  // namespace

int run_command_line(int count, const char* const* words) {
    CLI::App root{
        "Vedette watches a small platform, remembers what it saw, and tells people when it "
        "matters."};
    root.set_version_flag("--version", "vedette " + std::string(version()) +
                                           " (follows Prometheus " +
                                           std::string(prometheus_version()) + ")");
    root.require_subcommand(1);
    Verbs verbs(root);
    try {
        root.parse(count, words);
    } catch (const CLI::ParseError& error) {
        return root.exit(error) == 0 ? 0 : static_cast<int>(Exit::Usage);
    }
    return static_cast<int>(verbs.call());
}

}  // namespace vedette::app
