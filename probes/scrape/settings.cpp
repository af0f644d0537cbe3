#include "probes/scrape/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <map>

#include "core/histogram.h"

namespace vedette::scrape {
namespace {

struct ProtocolName {
    std::string_view name, accept;
    Protocol protocol;
    PageFormat format;
};

constexpr std::array protocol_names = {
    ProtocolName{"PrometheusProto",
                 "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
                 "encoding=delimited",
                 Protocol::Protobuf, PageFormat::Protobuf},
    ProtocolName{"OpenMetricsText1.0.0", "application/openmetrics-text;version=1.0.0",
                 Protocol::OpenMetrics100, PageFormat::OpenMetrics},
    ProtocolName{"OpenMetricsText0.0.1", "application/openmetrics-text;version=0.0.1",
                 Protocol::OpenMetrics001, PageFormat::OpenMetrics},
    ProtocolName{"PrometheusText1.0.0", "text/plain;version=1.0.0", Protocol::Text100,
                 PageFormat::Text},
    ProtocolName{"PrometheusText0.0.4", "text/plain;version=0.0.4", Protocol::Text004,
                 PageFormat::Text},
};

const ProtocolName& described(Protocol protocol) {
    return *std::find_if(protocol_names.begin(), protocol_names.end(),
                         [&](const ProtocolName& known) { return known.protocol == protocol; });
}

constexpr std::array<std::string_view, 15> default_keys{
    "scrape_interval",
    "scrape_timeout",
    "scrape_protocols",
    "body_size_limit",
    "sample_limit",
    "target_limit",
    "label_limit",
    "label_name_length_limit",
    "label_value_length_limit",
    "keep_dropped_targets",
    "metric_name_validation_scheme",
    "metric_name_escaping_scheme",
    "always_scrape_classic_histograms",
    "convert_classic_histograms_to_nhcb",
    "scrape_failure_log_file",
};

constexpr std::array<std::string_view, 24> discoveries_elsewhere{
    "azure_sd_configs",     "consul_sd_configs",      "digitalocean_sd_configs",
    "docker_sd_configs",    "dockerswarm_sd_configs", "ec2_sd_configs",
    "eureka_sd_configs",    "gce_sd_configs",         "hetzner_sd_configs",
    "ionos_sd_configs",     "kubernetes_sd_configs",  "kuma_sd_configs",
    "lightsail_sd_configs", "linode_sd_configs",      "marathon_sd_configs",
    "nerve_sd_configs",     "nomad_sd_configs",       "openstack_sd_configs",
    "ovhcloud_sd_configs",  "puppetdb_sd_configs",    "scaleway_sd_configs",
    "serverset_sd_configs", "stackit_sd_configs",     "triton_sd_configs",
};

constexpr std::array dns_types{
    std::pair<std::string_view, DnsType>{"SRV", DnsType::Srv},
    std::pair<std::string_view, DnsType>{"A", DnsType::A},
    std::pair<std::string_view, DnsType>{"AAAA", DnsType::Aaaa},
    std::pair<std::string_view, DnsType>{"MX", DnsType::Mx},
    std::pair<std::string_view, DnsType>{"NS", DnsType::Ns},
};

std::optional<Protocol> read_protocol(const ConfigNode& node, const std::string& name,
                                      Problems& problems) {
    std::vector<std::string> names;
    for (const ProtocolName& known : protocol_names) {
        if (known.name == name) return known.protocol;
        names.emplace_back(known.name);
    }
    problems.add(node, fmt::format("unknown scrape protocol `{}`; expected one of `{}`", name,
                                   fmt::join(names, "`, `")));
    return std::nullopt;
}

std::vector<Protocol> read_protocols(MapReader& map, std::vector<Protocol> otherwise) {
    const ConfigNode* node = map.node("scrape_protocols");
    if (node == nullptr) return otherwise;
    std::vector<Protocol> out;
    for (const std::string& name : map.strings("scrape_protocols")) {
        const auto protocol = read_protocol(*node, name, map.problems());
        if (!protocol) continue;
        if (std::find(out.begin(), out.end(), *protocol) != out.end())
            map.problem("scrape_protocols", fmt::format("`{}` stands twice", name));
        out.push_back(*protocol);
    }
    return out.empty() ? otherwise : out;
}

std::size_t read_limit(MapReader& map, std::string_view key, std::size_t otherwise) {
    return static_cast<std::size_t>(
        map.integer(key, static_cast<std::int64_t>(otherwise), 0, INT64_MAX));
}

std::optional<Escaping> read_escaping(MapReader& map) {
    const std::string text = map.choice("metric_name_escaping_scheme",
                                        {"allow-utf-8", "underscores", "dots", "values"}, "");
    if (text.empty()) return std::nullopt;
    return text == "underscores" ? Escaping::Underscores
           : text == "dots"      ? Escaping::Dots
           : text == "values"    ? Escaping::Values
                                 : Escaping::AllowUtf8;
}

std::string beside(const ConfigNode& node, const std::string& path) {
    if (path.empty() || path.front() == '/' || !node.file) return path;
    return (std::filesystem::path(node.file->name).parent_path() / path).string();
}

/// Interval and timeout: what is not set follows from the other, as in Prometheus.
void read_times(MapReader& map, ScrapeDefaults& out) {
    out.interval = map.duration("scrape_interval", out.interval);
    if (out.interval <= Milliseconds(0)) {
        map.problem("scrape_interval", "`scrape_interval` must be more than 0s");
        out.interval = std::chrono::minutes(1);
    }
    const bool own_timeout = map.node("scrape_timeout") != nullptr;
    if (own_timeout) out.timeout = map.duration("scrape_timeout", out.timeout);
    if (own_timeout && out.timeout > out.interval)
        map.problem("scrape_timeout",
                    fmt::format("`scrape_timeout` {} is more than the `scrape_interval` {}",
                                format_duration(out.timeout), format_duration(out.interval)));
    if (out.timeout > out.interval || out.timeout <= Milliseconds(0)) out.timeout = out.interval;
}

void read_common(MapReader& map, ScrapeDefaults& out) {
    read_times(map, out);
    out.protocols = read_protocols(map, out.protocols);
    out.protocols_given = out.protocols_given || map.node("scrape_protocols") != nullptr;
    out.body_bytes_max = map.bytes("body_size_limit", out.body_bytes_max);
    out.samples_max = read_limit(map, "sample_limit", out.samples_max);
    out.targets_max = read_limit(map, "target_limit", out.targets_max);
    out.labels_max = read_limit(map, "label_limit", out.labels_max);
    out.label_name_bytes_max = read_limit(map, "label_name_length_limit", out.label_name_bytes_max);
    out.label_value_bytes_max =
        read_limit(map, "label_value_length_limit", out.label_value_bytes_max);
    out.dropped_targets_kept = read_limit(map, "keep_dropped_targets", out.dropped_targets_kept);
    const std::string names = map.choice("metric_name_validation_scheme", {"utf8", "legacy"},
                                         out.classic_names_only ? "legacy" : "utf8");
    out.classic_names_only = names == "legacy";
    if (const auto escaping = read_escaping(map)) out.escaping = escaping;
    if (out.classic_names_only && out.escaping == Escaping::AllowUtf8)
        map.problem("metric_name_escaping_scheme",
                    "`allow-utf-8` asks for names that `metric_name_validation_scheme: legacy` "
                    "refuses");
    out.always_classic = map.boolean("always_scrape_classic_histograms", out.always_classic);
    out.classic_to_native =
        map.boolean("convert_classic_histograms_to_nhcb", out.classic_to_native);
    if (const std::string path = map.string("scrape_failure_log_file"); !path.empty())
        out.failure_log = beside(map.map(), path);
}

FileDiscovery read_file_discovery(const ConfigNode& node, Problems& problems) {
    MapReader map(node, problems, "file_sd_configs");
    FileDiscovery out;
    for (const std::string& pattern : map.strings("files")) {
        const std::string name = std::filesystem::path(pattern).filename().string();
        const bool known =
            name.ends_with(".json") || name.ends_with(".yml") || name.ends_with(".yaml");
        if (!known)
            map.problem("files", fmt::format("`{}` is no pattern for files of targets; expected "
                                             "one that ends with .json, .yml or .yaml",
                                             pattern));
        out.patterns.push_back(beside(node, pattern));
    }
    if (out.patterns.empty()) map.problem("files", "`file_sd_configs` needs `files`");
    out.refresh = std::max(map.duration("refresh_interval", out.refresh),
                           Milliseconds(limits::discovery_refresh_min));
    return out;
}

HttpDiscovery read_http_discovery(const ConfigNode& node, Problems& problems) {
    MapReader map(node, problems, "http_sd_configs");
    HttpDiscovery out;
    out.url = map.required_string("url");
    if (!out.url.empty() && !out.url.starts_with("http://") && !out.url.starts_with("https://"))
        map.problem("url", "`url` must begin with http:// or https://");
    out.refresh = std::max(map.duration("refresh_interval", out.refresh),
                           Milliseconds(limits::discovery_refresh_min));
    out.http = std::make_shared<const HttpSettings>(read_http_settings(map));
    return out;
}

DnsDiscovery read_dns_discovery(const ConfigNode& node, Problems& problems) {
    MapReader map(node, problems, "dns_sd_configs");
    DnsDiscovery out;
    out.names = map.strings("names");
    if (out.names.empty()) map.problem("names", "`dns_sd_configs` needs `names`");
    if (std::find(out.names.begin(), out.names.end(), "") != out.names.end())
        map.problem("names", "a name to look up is empty");
    std::string type = map.string("type", "SRV");
    std::transform(type.begin(), type.end(), type.begin(),
                   [](unsigned char c) { return std::toupper(c); });
    const auto known = std::find_if(dns_types.begin(), dns_types.end(),
                                    [&](const auto& each) { return each.first == type; });
    if (known == dns_types.end())
        map.problem("type", fmt::format("unknown type of record `{}`; expected one of `SRV`, `A`, "
                                        "`AAAA`, `MX`, `NS`",
                                        map.string("type")));
    else
        out.type = known->second;
    out.port = static_cast<std::uint16_t>(map.integer("port", 0, 0, 65535));
    if (out.port == 0 && known != dns_types.end() && out.type != DnsType::Srv)
        map.problem("port", fmt::format("`{}` records say no port; expected `port`", type));
    out.refresh = std::max(map.duration("refresh_interval", out.refresh),
                           Milliseconds(limits::discovery_refresh_min));
    return out;
}

void read_params(const ConfigNode& node, JobSettings& job, Problems& problems) {
    if (!node.is_map()) return problems.add(node, "`params` has names with lists of values");
    std::map<std::string, std::vector<std::string>> sorted;
    for (const ConfigNode::Entry& entry : node.entries) {
        ConfigNode one;
        one.kind = ConfigNode::Kind::Map;
        one.file = node.file;
        one.mark = entry.mark;
        one.entries.push_back(entry);
        sorted[entry.key] = MapReader(one, problems, "params").strings(entry.key);
    }
    job.params.assign(sorted.begin(), sorted.end());
}

void read_discovery(MapReader& map, JobSettings& job) {
    Problems& problems = map.problems();
    if (const ConfigNode* list = map.node("static_configs"))
        job.fixed = read_target_groups(*list, problems);
    map.list("file_sd_configs", [&](const ConfigNode& item) {
        job.files.push_back(read_file_discovery(item, problems));
    });
    map.list("http_sd_configs", [&](const ConfigNode& item) {
        job.lists.push_back(read_http_discovery(item, problems));
    });
    map.list("dns_sd_configs", [&](const ConfigNode& item) {
        job.names.push_back(read_dns_discovery(item, problems));
    });
    for (const std::string_view key : discoveries_elsewhere)
        if (map.node(key) != nullptr)
            map.problem(key, fmt::format("`{}` is not in this version; `file_sd_configs`, "
                                         "`http_sd_configs` and `dns_sd_configs` are; see "
                                         "docs/limits.md",
                                         key));
    // Relabelling may make an address of a URL, as for exporters that probe others.
    if (!job.relabel.empty()) return;
    for (const TargetGroup& group : job.fixed)
        for (const std::string& target : group.targets)
            if (target.find('/') != std::string::npos)
                map.problem("static_configs", fmt::format("{} is not a valid hostname; `scheme` "
                                                          "and `metrics_path` are keys",
                                                          quote(target)));
}

JobSettings read_job(const ConfigNode& node, const ScrapeDefaults& defaults, Problems& problems) {
    const ConfigNode* name = node.is_map() ? node.find("job_name") : nullptr;
    MapReader map(node, problems,
                  name != nullptr && name->is_scalar() ? fmt::format("job {}", quote(name->text))
                                                       : "scrape config");
    JobSettings job;
    static_cast<ScrapeDefaults&>(job) = defaults;
    job.name = map.required_string("job_name");
    read_common(map, job);
    job.metrics_path = map.string("metrics_path", job.metrics_path);
    job.scheme = map.choice("scheme", {"http", "https"}, job.scheme);
    if (const ConfigNode* params = map.node("params")) read_params(*params, job, problems);
    job.honor_labels = map.boolean("honor_labels", false);
    job.honor_timestamps = map.boolean("honor_timestamps", true);
    job.track_timestamps_staleness = map.boolean("track_timestamps_staleness", false);
    job.compression = map.boolean("enable_compression", true);
    if (const ConfigNode* fallback = map.node("fallback_scrape_protocol"))
        job.fallback_protocol =
            read_protocol(*fallback, map.string("fallback_scrape_protocol"), problems);
    job.histogram_buckets_max = read_limit(map, "native_histogram_bucket_limit", 0);
    job.histogram_schema_max =
        schema_of_factor(map.number("native_histogram_min_bucket_factor", 0));
    job.http = std::make_shared<const HttpSettings>(read_http_settings(map));
    if (const ConfigNode* rules = map.node("relabel_configs"))
        job.relabel = read_relabel_rules(*rules, problems);
    if (const ConfigNode* rules = map.node("metric_relabel_configs"))
        job.metric_relabel = read_relabel_rules(*rules, problems);
    read_discovery(map, job);
    return job;
}

}  // namespace

std::int32_t schema_of_factor(double bucket_factor) {
    // The schema s makes buckets that grow by 2^(2^-s).
    const double factor = bucket_factor > 1 ? bucket_factor : 1.00271;
    const double schema = std::floor(-std::log2(std::log2(factor)));
    return static_cast<std::int32_t>(std::clamp(schema, static_cast<double>(exponential_schema_min),
                                                static_cast<double>(exponential_schema_max)));
}

void apply_features(Settings& settings, const Features& features) {
    settings.extra_metrics = features.extra_metrics;
    for (JobSettings& job : settings.jobs) {
        job.native_histograms = features.native_histograms;
        job.created_zeros = features.created_zeros;
        if ((features.native_histograms || features.created_zeros) && !job.protocols_given)
            job.protocols.insert(job.protocols.begin(), Protocol::Protobuf);
    }
}

bool is_scrape_default(std::string_view key) {
    return std::find(default_keys.begin(), default_keys.end(), key) != default_keys.end();
}

ScrapeDefaults read_scrape_defaults(const ConfigNode& global, Problems& problems) {
    ConfigNode own = global;
    std::erase_if(own.entries,
                  [](const ConfigNode::Entry& entry) { return !is_scrape_default(entry.key); });
    MapReader map(own, problems, "global");
    ScrapeDefaults out;
    read_common(map, out);
    return out;
}

void read_scrape_configs(const ConfigNode& list, const ScrapeDefaults& defaults, Settings& settings,
                         Problems& problems) {
    if (!list.is_list())
        return problems.add(list, "`scrape_configs` is no list; expected a list of jobs");
    for (const ConfigNode& item : list.items) {
        JobSettings job = read_job(item, defaults, problems);
        const bool twice = std::any_of(settings.jobs.begin(), settings.jobs.end(),
                                       [&](const auto& other) { return other.name == job.name; });
        if (twice) problems.add(item, fmt::format("the job {} is there twice", quote(job.name)));
        settings.jobs.push_back(std::move(job));
    }
}

std::vector<TargetGroup> read_target_groups(const ConfigNode& list, Problems& problems) {
    std::vector<TargetGroup> out;
    if (!list.is_list()) {
        problems.add(list, "expected a list of maps with `targets` and `labels`");
        return out;
    }
    for (const ConfigNode& item : list.items) {
        MapReader map(item, problems, "target group");
        TargetGroup group;
        group.targets = map.strings("targets");
        group.labels = map.string_map("labels");
        for (const auto& [name, value] : group.labels)
            if (name.empty() || !is_utf8(name) || !is_utf8(value))
                map.problem("labels", fmt::format("{} is no name of a label", quote(name)));
        out.push_back(std::move(group));
    }
    return out;
}

std::string accept_header(const JobSettings& job) {
    std::string_view escaping = "allow-utf-8";
    const Escaping wanted =
        job.escaping.value_or(job.classic_names_only ? Escaping::Underscores : Escaping::AllowUtf8);
    if (wanted == Escaping::Underscores) escaping = "underscores";
    if (wanted == Escaping::Dots) escaping = "dots";
    if (wanted == Escaping::Values) escaping = "values";
    std::string out;
    std::size_t weight = protocol_names.size() + 1;
    for (const Protocol protocol : job.protocols) {
        out += described(protocol).accept;
        const bool knows_escaping =
            protocol == Protocol::OpenMetrics100 || protocol == Protocol::Text100;
        if (knows_escaping) out += fmt::format(";escaping={}", escaping);
        out += fmt::format(";q=0.{},", weight--);
    }
    return out + fmt::format("*/*;q=0.{}", weight);
}

Result<PageFormat> page_format(std::string_view content_type, std::optional<Protocol> fallback) {
    std::string_view type = content_type.substr(0, content_type.find(';'));
    while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
    if (type == "application/openmetrics-text") return PageFormat::OpenMetrics;
    if (type == "text/plain") return PageFormat::Text;
    if (type == "application/vnd.google.protobuf") return PageFormat::Protobuf;
    if (fallback) return described(*fallback).format;
    if (type.empty())
        return fail(Fault::BadInput,
                    "non-compliant scrape target sending blank Content-Type and "
                    "no fallback_scrape_protocol specified for target");
    return fail(Fault::BadInput, fmt::format("received unsupported Content-Type {} and no "
                                             "fallback_scrape_protocol specified for target",
                                             quote(content_type)));
}

}  // namespace vedette::scrape
