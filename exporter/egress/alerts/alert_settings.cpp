#include "exporter/egress/alerts/alert_settings.h"

#include <fmt/format.h>

#include <algorithm>

#include "probes/scrape/settings.h"

namespace vedette::exporter {

namespace {

std::string with_port(std::string address, std::string_view scheme) {
    const std::size_t colon = address.rfind(':');
    const bool has_port = colon != address.npos && address.find(']', colon) == address.npos;
    return has_port ? address : address + (scheme == "https" ? ":443" : ":80");
}

/// `/prefix/api/v2/alerts`, without doubled slashes.
std::string path_of(std::string prefix) {
    std::string out;
    for (const char c : "/" + prefix + "/api/v2/alerts")
        if (c != '/' || !out.ends_with('/')) out += c;
    return out;
}

/// The targets of one entry, after its relabelling.
class Entry {
public:
    Entry(const ConfigNode& node, Problems& problems, AlertingSettings& out)
        : map_(node, problems, "an entry of `alertmanagers`"), problems_(problems), out_(out) {}

    void read() {
        scheme_ = map_.choice("scheme", {"http", "https"}, "http");
        path_ = path_of(map_.string("path_prefix"));
        pattern_.timeout = map_.duration("timeout", pattern_.timeout);
        (void)map_.choice("api_version", {"v2"}, "v2");
        if (const ConfigNode* rules = map_.node("relabel_configs"))
            relabel_ = scrape::read_relabel_rules(*rules, problems_);
        if (const ConfigNode* rules = map_.node("alert_relabel_configs"))
            pattern_.alert_relabel = scrape::read_relabel_rules(*rules, problems_);
        const ConfigNode* fixed = map_.node("static_configs");
        refuse_discovery();
        pattern_.http = std::make_shared<const HttpSettings>(read_http_settings(map_));
        if (fixed == nullptr) return;
        for (const scrape::TargetGroup& group : scrape::read_target_groups(*fixed, problems_))
            for (const std::string& target : group.targets) add(group, target);
    }

private:
    void refuse_discovery() {
        for (const ConfigNode::Entry& entry : map_.map().entries) {
            if (!entry.key.ends_with("_sd_configs") && entry.key != "sigv4") continue;
            (void)map_.node(entry.key);
            problems_.add(entry.value.file, entry.mark,
                          fmt::format("`{}` of an Alertmanager is not supported; name it in "
                                      "`static_configs`",
                                      entry.key));
        }
    }

    void add(const scrape::TargetGroup& group, const std::string& target) {
        LabelsBuilder labels;
        for (const auto& [name, value] : group.labels) labels.set(name, value);
        labels.set("__address__", target).set("__scheme__", scheme_);
        labels.set("__alerts_path__", path_);
        const auto url = [&labels] {
            const std::string scheme(labels.get("__scheme__"));
            return fmt::format("{}://{}{}", scheme,
                               with_port(std::string(labels.get("__address__")), scheme),
                               labels.get("__alerts_path__"));
        };
        const std::string before = url();
        if (!scrape::relabel(relabel_, labels)) return out_.dropped.push_back(before);
        pattern_.url = url();
        const bool known = std::ranges::any_of(
            out_.alertmanagers, [this](const auto& one) { return one.url == pattern_.url; });
        if (!known) out_.alertmanagers.push_back(pattern_);
    }

    MapReader map_;
    Problems& problems_;
    AlertingSettings& out_;
    std::string scheme_, path_;
    std::vector<scrape::RelabelRule> relabel_;
    AlertmanagerSettings pattern_;
};

}  // namespace

AlertingSettings read_alerting(const ConfigNode& node, Problems& problems) {
    AlertingSettings out;
    MapReader map(node, problems, "alerting");
    if (const ConfigNode* rules = map.node("alert_relabel_configs"))
        out.alert_relabel = scrape::read_relabel_rules(*rules, problems);
    map.list("alertmanagers",
             [&](const ConfigNode& item) { Entry(item, problems, out).read(); });
    return out;
}

}  // namespace vedette::exporter
