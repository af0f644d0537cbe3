#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/limits.h"
#include "core/time.h"
#include "promql/features.h"

/// One function a command-line verb; each lives in a file of its own and returns the exit status.
namespace vedette::app {

/// What the program ends with; scripts branch on it.
enum class Exit : int {
    Fine = 0,
    Wrong = 1,     ///< what was asked about is wrong, down or failed
    Usage = 2,     ///< the command line itself
    LintOnly = 3,  ///< it works, but could be better
};

/// `vedette run`. Where a flag of Prometheus means the same, its name is taken.
struct RunOptions {
    std::string config;  ///< empty: watch this program itself with built-in rules
    std::string data = "./data";
    std::string listen;  ///< empty: as `server` says, else 127.0.0.1:7887
    std::string external_url;
    std::string log_level = "info", log_format = "text";
    bool console = false;  ///< a summary and one line per change of state instead of log lines
    Milliseconds resend_delay = std::chrono::minutes(1);
    Milliseconds for_grace_period = std::chrono::minutes(10);
    Milliseconds for_outage_tolerance = std::chrono::hours(1);
    std::size_t query_samples_max = limits::query_samples_max_default;
    Milliseconds query_timeout = limits::query_timeout_default;
    Milliseconds query_lookback = std::chrono::minutes(5);
    bool admin_api = false;  ///< snapshots over HTTP, and what else changes all data at once
    std::vector<std::string> features;  ///< Prometheus's names, each a comma list
};
Exit run(const RunOptions& options);

/// `vedette check config FILE`: every problem of the file and of those it names, on stderr.
struct CheckOptions {
    std::vector<std::string> files;
    bool syntax_only = false;           ///< opens no secret
    std::vector<std::string> features;  ///< Prometheus's names, each a comma list
    // ── of rules, promtool's ──
    std::string lint = "duplicate-rules";  ///< all, duplicate-rules, none; several with commas
    bool lint_fatal = false;
    bool ignore_unknown_fields = false;
};
Exit check_config(const CheckOptions& options);
/// `vedette check rules [FILE...]`: standard input without a file. What is fine and what lint finds
/// is said in promtool's lines.
Exit check_rules(const CheckOptions& options);

/// `vedette check metrics`: lint of an exposition on standard input, as `promtool check metrics`.
/// `extended` adds a table of how many series each metric has.
Exit check_metrics(bool extended);

/// `vedette test rules FILE...`: promtool's unit tests of rules, with its output.
struct TestOptions {
    std::vector<std::string> files;
    std::vector<std::string> run;  ///< patterns of test names; empty: all
    std::string junit;             ///< file for the results as XML; empty: none
    bool diff = false, debug = false, ignore_unknown_fields = false;
    std::vector<std::string> features;  ///< Prometheus's names, each a comma list
};
Exit test_rules(const TestOptions& options);

/// `vedette test notify`: a message to every receiver, or to one, really sent; a line each says what
/// the service answered. Automatic actions are not started.
Exit test_notify(const std::string& config, const std::string& receiver);

/// `vedette probe TYPE TARGET`: one reading.
struct ProbeOptions {
    std::string type, target;
    Milliseconds timeout = std::chrono::seconds(10);
    std::string config, name;  ///< settings of the probe `name` in `config` instead of defaults
    bool metrics = false;      ///< text exposition
    bool json = false;
    bool transcript = false;
};
Exit probe(const ProbeOptions& options);

/// `vedette query instant|range EXPR`: asks a running server over its HTTP API.
struct QueryOptions {
    std::string expression;
    std::string url = "http://127.0.0.1:7887";
    bool range = false, json = false;
    std::string time, start, end, step;
    std::string format;  ///< table, json, plot (range only); empty: a plot on a terminal, or a table
    bool ascii = false;  ///< of a plot: nothing beyond ASCII
    std::vector<std::string> features;  ///< said when unknown; the server's own count
};
Exit query(QueryOptions options);

/// `vedette export rules FILE...`: the same rules as one file of Prometheus, on stdout.
Exit export_rules(const std::vector<std::string>& files,
                  const std::vector<std::string>& features);

/// `vedette export openmetrics`: samples of a data folder, on stdout; a daemon may run on it. 3 when
/// there were native histograms, which the format cannot say.
struct ExportOptions {
    std::string data = "./data";
    std::vector<std::string> match;  ///< selectors; none: everything
    std::string start, end;          ///< seconds since 1970 or RFC 3339; empty: no limit
};
Exit export_openmetrics(const ExportOptions& options);

/// `vedette import openmetrics FILE`: its samples become blocks of a data folder that no daemon has;
/// goes on where it was cut off. 3 when lines contradict each other.
struct ImportOptions {
    std::string file;
    std::string data = "./data";
};
Exit import_openmetrics(const ImportOptions& options);

/// `vedette backup TARGET`: a copy of a data folder, whether a daemon runs on it or not.
Exit backup(const std::string& target, const std::string& data);
/// `vedette restore BACKUP DATA`: a data folder of a backup, looked at file by file. 3 when there is
/// something to say about what was restored.
struct RestoreOptions;
Exit restore(const RestoreOptions& options);

/// `vedette dump FILE`: prints a file of the data directory.
Exit dump(const std::string& file);

/// What names of features switch on; those that change nothing are said on stderr.
promql::Features read_features(const std::vector<std::string>& names);

/// `vedette format EXPR`: the expression as promtool lays it out. Unknown features are said on
/// stderr.
Exit format(const std::string& expression, const std::vector<std::string>& features);

/// Ours, and that of the Prometheus whose behaviour is followed.
std::string_view version();
std::string_view prometheus_version();

}  // namespace vedette::app
