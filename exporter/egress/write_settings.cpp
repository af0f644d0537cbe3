#include "exporter/egress/write_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "core/exchange_limits.h"

namespace vedette::exporter {

namespace {

void read_queue(const ConfigNode& node, Problems& problems, RemoteWriteSettings& out) {
    MapReader map(node, problems, "queue_config");
    // One sender keeps the order and needs no queue in memory: the log is the queue.
    map.also_known({"capacity", "max_shards", "min_shards"});
    out.samples_a_request = static_cast<std::size_t>(map.integer(
        "max_samples_per_send", static_cast<std::int64_t>(out.samples_a_request), 1, 1'000'000));
    out.send_deadline = map.duration("batch_send_deadline", out.send_deadline);
    out.backoff_min = map.duration("min_backoff", out.backoff_min);
    out.backoff_max = map.duration("max_backoff", out.backoff_max);
    out.retry_429 = map.boolean("retry_on_http_429", out.retry_429);
    out.age_max = map.duration("sample_age_limit", out.age_max);
    if (out.backoff_min <= Milliseconds(0) || out.backoff_max < out.backoff_min)
        map.problem(
            "max_backoff",
            fmt::format("`min_backoff` is {} and `max_backoff` {}; expected more than 0s, "
                        "and the second not below the first",
                        format_duration(out.backoff_min), format_duration(out.backoff_max)));
}

void read_metadata(const ConfigNode& node, Problems& problems, RemoteWriteSettings& out) {
    MapReader map(node, problems, "metadata_config");
    out.send_metadata = map.boolean("send", out.send_metadata);
    out.metadata_interval = map.duration("send_interval", out.metadata_interval);
    out.metadata_a_request = static_cast<std::size_t>(map.integer(
        "max_samples_per_send", static_cast<std::int64_t>(out.metadata_a_request), 1, 1'000'000));
    if (out.metadata_interval <= Milliseconds(0))
        map.problem("send_interval", "`send_interval` must be more than 0s");
}

/// Headers that a sender writes itself.
bool is_reserved(std::string name) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    constexpr std::array<std::string_view, 6> reserved{
        "authorization",  "content-encoding",
        "content-length", "content-type",
        "host",           "x-prometheus-remote-write-version"};
    return std::find(reserved.begin(), reserved.end(), name) != reserved.end();
}

RemoteWriteSettings read_entry(const ConfigNode& node, Problems& problems) {
    RemoteWriteSettings out;
    MapReader map(node, problems, "an entry of remote_write");
    out.url = map.required_string("url");
    if (!out.url.empty() && !out.url.starts_with("http://") && !out.url.starts_with("https://"))
        map.problem("url", fmt::format("`{}` is no http or https URL", redact_url(out.url)));
    out.name = map.string("name");
    out.timeout = map.duration("remote_timeout", out.timeout);
    for (auto& [name, value] : map.string_map("headers")) {
        if (is_reserved(name))
            map.problem("headers", fmt::format("header `{}` cannot be set here", name));
        out.headers.emplace_back(name, value);
    }
    if (const ConfigNode* rules = map.node("write_relabel_configs"))
        out.relabel = scrape::read_relabel_rules(*rules, problems);
    if (map.boolean("send_exemplars", false))
        problems.warn(*map.node("send_exemplars"), "exemplars are not sent; see docs/limits.md");
    out.send_native_histograms = map.boolean("send_native_histograms", false);
    map.also_known({"round_robin_dns"});
    if (map.choice("protobuf_message",
                   {"prometheus.WriteRequest", "io.prometheus.write.v2.Request"},
                   "prometheus.WriteRequest") == "io.prometheus.write.v2.Request")
        out.protocol = RemoteWriteSettings::Protocol::V2;
    for (const char* key : {"sigv4", "azuread", "google_iam"})
        if (map.node(key) != nullptr)
            map.problem(key, fmt::format("`{}` is not in this version; see docs/limits.md", key));
    if (const ConfigNode* queue = map.node("queue_config")) read_queue(*queue, problems, out);
    if (const ConfigNode* metadata = map.node("metadata_config"))
        read_metadata(*metadata, problems, out);
    out.http = std::make_shared<const HttpSettings>(read_http_settings(map));
    if (out.name.empty()) out.name = format_fingerprint(fingerprint(Labels{{"url", out.url}}));
    return out;
}

}  // namespace

std::vector<RemoteWriteSettings> read_remote_write(const ConfigNode& list, Problems& problems) {
    std::vector<RemoteWriteSettings> out;
    if (!list.is_list()) {
        problems.add(list, "`remote_write` is no list; expected entries with a `url`");
        return out;
    }
    std::set<std::string> names;
    for (const ConfigNode& item : list.items) {
        out.push_back(read_entry(item, problems));
        if (!names.insert(out.back().name).second)
            problems.add(item,
                         fmt::format("two entries of remote_write are named `{}`; give them names "
                                     "of their own",
                                     out.back().name));
    }
    if (out.size() > limits::remote_write_queues_max)
        problems.add(list, fmt::format("{} entries of remote_write; at most {} are taken",
                                       out.size(), limits::remote_write_queues_max));
    return out;
}

}  // namespace vedette::exporter
