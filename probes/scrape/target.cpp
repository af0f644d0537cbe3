#include "probes/scrape/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace vedette::scrape {
namespace {

/// What a URL may hold without an escape, here: letters, digits and what `also` says.
std::string escaped(std::string_view text, std::string_view also, bool space_is_plus) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || also.find(c) != std::string_view::npos;
        if (plain)
            out += c;
        else if (c == ' ' && space_is_plus)
            out += '+';
        else
            out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

constexpr std::string_view param_prefix = "__param_";

/// `b=1+2&m=x&m=y`: the job's parameters, the first value of each as its label says.
std::string query_of(const Labels& labels, const JobSettings& job) {
    std::map<std::string, std::vector<std::string>> params(job.params.begin(), job.params.end());
    for (const Label label : labels) {
        if (!label.name.starts_with(param_prefix)) continue;
        auto& values = params[std::string(label.name.substr(param_prefix.size()))];
        if (values.empty())
            values.emplace_back(label.value);
        else
            values.front() = label.value;
    }
    std::string out;
    for (const auto& [name, values] : params)
        for (const std::string& value : values)
            out += fmt::format("{}{}={}", out.empty() ? "" : "&", escaped(name, "-_.~", true),
                               escaped(value, "-_.~", true));
    return out;
}

std::string url_of(const Labels& labels, const JobSettings& job) {
    std::string path(labels.get("__metrics_path__"));
    if (!path.starts_with('/')) path.insert(0, "/");
    const std::string query = query_of(labels, job);
    return fmt::format("{}://{}{}{}{}", labels.get("__scheme__"), labels.get("__address__"),
                       escaped(path, "-_.~$&+,/:;=@!'()*", false), query.empty() ? "" : "?", query);
}

Labels discovered_labels(const std::string& address, const TargetGroup& group,
                         const JobSettings& job) {
    LabelsBuilder out;
    out.set("job", job.name);
    out.set("__scrape_interval__", format_duration(job.interval));
    out.set("__scrape_timeout__", format_duration(job.timeout));
    out.set("__metrics_path__", job.metrics_path);
    out.set("__scheme__", job.scheme);
    for (const auto& [name, values] : job.params)
        if (!values.empty()) out.set(std::string(param_prefix) + name, values.front());
    for (const auto& [name, value] : group.labels)
        if (!value.empty()) out.set(name, value);
    out.set("__address__", address);
    return out.build();
}

Result<void> read_times(const Labels& labels, Target& out) {
    for (const auto& [name, place] : {std::pair("__scrape_interval__", &Target::interval),
                                      std::pair("__scrape_timeout__", &Target::timeout)}) {
        const auto time = parse_duration(labels.get(name));
        if (!time)
            return fail(Fault::BadInput,
                        fmt::format("error parsing {}: {}", name, time.error().message));
        if (*time <= Milliseconds(0))
            return fail(Fault::BadInput, fmt::format("{} cannot be 0", name));
        out.*place = *time;
    }
    if (out.timeout > out.interval)
        return fail(
            Fault::BadInput,
            fmt::format("scrape timeout cannot be greater than scrape interval ({} > {})",
                        labels.get("__scrape_timeout__"), labels.get("__scrape_interval__")));
    return {};
}

}  // namespace

Result<Target> make_target(const std::string& address, const TargetGroup& group,
                           const JobSettings& job) {
    Target out;
    out.discovered = discovered_labels(address, group, job);
    LabelsBuilder builder(out.discovered);
    if (!relabel(job.relabel, builder)) {
        out.dropped = true;
        return out;
    }
    const Labels all = builder.build();
    const std::string_view host = all.get("__address__");
    if (host.empty()) return fail(Fault::BadInput, "no address");
    if (host.find_first_of("/?#@ ") != std::string_view::npos)
        return fail(Fault::BadInput, fmt::format("{} is not a valid hostname", quote(host)));
    if (all.get("__scheme__") != "http" && all.get("__scheme__") != "https")
        return fail(Fault::BadInput, fmt::format("the scheme {} is neither http nor https",
                                                 quote(all.get("__scheme__"))));
    if (const Result<void> times = read_times(all, out); !times) return fail(times.error());
    out.url = url_of(all, job);
    for (const Label label : all)
        if (label.name.starts_with("__")) builder.del(label.name);
    if (builder.get("instance").empty()) builder.set("instance", host);
    out.labels = builder.build();
    return out;
}

std::vector<Target> make_targets(const std::vector<TargetGroup>& groups, const JobSettings& job,
                                 std::vector<std::string>& failures) {
    std::vector<Target> out;
    std::set<std::pair<std::string, std::string>> seen;
    for (const TargetGroup& group : groups)
        for (const std::string& address : group.targets) {
            if (out.size() >= limits::scrape_targets_max) {
                failures.push_back(fmt::format("more than {} targets in job {}",
                                               limits::scrape_targets_max, quote(job.name)));
                return out;
            }
            Result<Target> target = make_target(address, group, job);
            if (!target)
                failures.push_back(
                    fmt::format("target {}: {}", quote(address), target.error().message));
            else if (target->dropped || seen.emplace(to_string(target->labels), target->url).second)
                out.push_back(std::move(*target));
        }
    return out;
}

}  // namespace vedette::scrape
