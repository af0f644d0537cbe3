#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/dns_records.h"
#include "base/http/client.h"
#include "core/config.h"
#include "core/labels.h"
#include "core/scrape_limits.h"
#include "core/time.h"
#include "probes/scrape/page/reader.h"
#include "probes/scrape/relabel.h"

namespace vedette::scrape {

/// What a scrape says it can read, in the order of preference.
enum class Protocol { Protobuf, OpenMetrics100, OpenMetrics001, Text100, Text004 };

/// How names outside the classic alphabet are asked for, and whether they are taken.
enum class Escaping { AllowUtf8, Underscores, Dots, Values };

/// The keys that `global` gives a default for. Limits: 0 is none.
struct ScrapeDefaults {
    Milliseconds interval = std::chrono::minutes(1);
    Milliseconds timeout = std::chrono::seconds(10);
    std::vector<Protocol> protocols{Protocol::OpenMetrics100, Protocol::OpenMetrics001,
                                    Protocol::Text100, Protocol::Text004};
    bool protocols_given = false;  ///< otherwise a feature may put protobuf first
    std::uint64_t body_bytes_max = 0;
    std::size_t samples_max = 0;
    std::size_t targets_max = 0;
    std::size_t labels_max = 0;
    std::size_t label_name_bytes_max = 0;
    std::size_t label_value_bytes_max = 0;
    std::size_t dropped_targets_kept = 0;  ///< for the API; 0: limits.h
    bool classic_names_only = false;       ///< metric_name_validation_scheme: legacy
    std::optional<Escaping> escaping;      ///< AllowUtf8, unless only classic names are taken
    bool always_classic = false;     ///< classic histograms beside native ones of the same name
    bool classic_to_native = false;  ///< convert_classic_histograms_to_nhcb
    std::string failure_log;         ///< scrape_failure_log_file; empty: none
};

/// Targets that came together, with the labels they share: `static_configs`, one entry of a file.
struct TargetGroup {
    std::vector<std::string> targets;
    std::vector<std::pair<std::string, std::string>> labels;

    bool operator==(const TargetGroup&) const = default;
};

/// `file_sd_configs`: files that somebody else writes.
struct FileDiscovery {
    std::vector<std::string> patterns;  ///< absolute, or relative to the working folder
    Milliseconds refresh = std::chrono::minutes(5);
};

/// `http_sd_configs`: a list that a server gives.
struct HttpDiscovery {
    std::string url;
    Milliseconds refresh = std::chrono::minutes(1);
    std::shared_ptr<const HttpSettings> http;  ///< never null
};

/// `dns_sd_configs`: what name servers answer.
struct DnsDiscovery {
    std::vector<std::string> names;  ///< never empty
    DnsType type = DnsType::Srv;
    std::uint16_t port = 0;  ///< of all targets, unless the records say it (SRV)
    Milliseconds refresh = std::chrono::seconds(30);
};

/// One entry of `scrape_configs`.
struct JobSettings : ScrapeDefaults {
    std::string name;  ///< unique
    std::string metrics_path = "/metrics";
    std::string scheme = "http";
    std::vector<std::pair<std::string, std::vector<std::string>>> params;  ///< sorted by name
    bool honor_labels = false;
    bool honor_timestamps = true;
    bool track_timestamps_staleness = false;
    bool compression = true;
    std::optional<Protocol> fallback_protocol;
    std::shared_ptr<const HttpSettings> http;  ///< never null
    std::size_t histogram_buckets_max = 0;     ///< of a native histogram; 0 is no limit
    std::int32_t histogram_schema_max = 8;     ///< by native_histogram_min_bucket_factor
    bool native_histograms = false;            ///< takes them; see `Features`
    bool created_zeros = false;                ///< a zero where a counter says that it began
    std::vector<RelabelRule> relabel, metric_relabel;
    std::vector<TargetGroup> fixed;
    std::vector<FileDiscovery> files;
    std::vector<HttpDiscovery> lists;
    std::vector<DnsDiscovery> names;
};

/// What the configuration says about scraping.
struct Settings {
    std::vector<JobSettings> jobs;
    bool extra_metrics = false;  ///< --enable-feature=extra-scrape-metrics
};

/// What Prometheus does only when `--enable-feature` asks for it.
struct Features {
    bool extra_metrics = false;      ///< extra-scrape-metrics
    bool native_histograms = false;  ///< native-histograms
    bool created_zeros = false;      ///< created-timestamp-zero-ingestion
};
/// Switches them on in all jobs. The last two ask for protobuf first where the configuration does
/// not say what is to be asked for.
void apply_features(Settings& settings, const Features& features);

/// The schema whose buckets grow by at least this factor, as Prometheus finds it; 8 for none.
std::int32_t schema_of_factor(double bucket_factor);

/// The keys of Prometheus's `global` that concern scraping, of a map that may hold others.
ScrapeDefaults read_scrape_defaults(const ConfigNode& global, Problems& problems);
/// Those keys.
bool is_scrape_default(std::string_view key);

/// Reads a list of scrape configs behind those already in `settings`. What this version does not do
/// is refused by name; job names are unique over all lists.
void read_scrape_configs(const ConfigNode& list, const ScrapeDefaults& defaults, Settings& settings,
                         Problems& problems);

/// Reads target groups as `static_configs` has them: a list of maps `targets` and `labels`.
std::vector<TargetGroup> read_target_groups(const ConfigNode& list, Problems& problems);

/// `application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,…`
std::string accept_header(const JobSettings& job);

/// How a page is written whose Content-Type this is. Fails as Prometheus does when that says
/// nothing and there is no fallback.
Result<PageFormat> page_format(std::string_view content_type, std::optional<Protocol> fallback);

}  // namespace vedette::scrape
