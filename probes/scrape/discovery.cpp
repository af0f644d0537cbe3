#include "probes/scrape/discovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <tuple>

#include "base/files.h"
#include "base/yaml.h"

namespace vedette::scrape {
namespace {

using Json = nlohmann::json;

Result<TargetGroup> group_of(const Json& item) {
    if (!item.is_object())
        return fail(Fault::BadInput,
                    "a target group is no object; expected `targets` and `labels`");
    TargetGroup group;
    for (const auto& [key, value] : item.items()) {
        if (value.is_null()) continue;
        if (key == "targets" && value.is_array()) {
            for (const Json& target : value) {
                if (!target.is_string())
                    return fail(Fault::BadInput, fmt::format("the target {} is no text",
                                                             target.dump(-1, ' ', true)));
                group.targets.push_back(target.get<std::string>());
            }
        } else if (key == "labels" && value.is_object()) {
            for (const auto& [name, text] : value.items()) {
                if (!text.is_string() || name.empty())
                    return fail(Fault::BadInput,
                                fmt::format("the label {} is no text", quote(name)));
                group.labels.emplace_back(name, text.get<std::string>());
            }
        } else {
            return fail(Fault::BadInput, fmt::format("{} in a target group; expected the list "
                                                     "`targets` and the map `labels`",
                                                     quote(key)));
        }
    }
    return group;
}

Result<std::vector<TargetGroup>> read_json(std::string_view text) {
    const Json root = Json::parse(text, nullptr, false);
    if (root.is_discarded()) return fail(Fault::BadInput, "the text is no JSON");
    if (!root.is_array()) return fail(Fault::BadInput, "expected a list of target groups");
    std::vector<TargetGroup> out;
    for (const Json& item : root) {
        auto group = group_of(item);
        if (!group) return fail(group.error());
        out.push_back(std::move(*group));
    }
    return out;
}

Result<std::vector<TargetGroup>> read_text(const std::string& path, std::string_view text) {
    if (path.ends_with(".json")) return read_json(text);
    Problems problems;
    const ConfigNode root = read_yaml(path, text, problems);
    if (root.is_null() && !problems.any()) return std::vector<TargetGroup>();
    auto groups = read_target_groups(root, problems);
    if (problems.any()) return fail(Fault::BadInput, problems.text());
    return groups;
}

}  // namespace

Result<std::vector<TargetGroup>> read_target_file(const std::string& path) {
    const auto text = make_files()->read_all(path, limits::discovery_bytes_max);
    if (!text) return fail(text.error());
    auto groups = read_text(path, *text);
    if (!groups) return groups;
    for (TargetGroup& group : *groups) group.labels.emplace_back("__meta_filepath", path);
    return groups;
}

Result<std::vector<TargetGroup>> read_target_list(std::string_view json, const std::string& url) {
    auto groups = read_json(json);
    if (!groups) return groups;
    for (TargetGroup& group : *groups) group.labels.emplace_back("__meta_url", url);
    return groups;
}

std::vector<TargetGroup> groups_of_records(const std::string& name,
                                           const std::vector<DnsRecord>& records,
                                           std::uint16_t port) {
    std::vector<TargetGroup> out;
    for (const DnsRecord& record : records) {
        TargetGroup group;
        group.labels.emplace_back("__meta_dns_name", name);
        std::string host = record.target;
        std::uint16_t at = port;
        if (record.type == DnsType::Srv) {
            group.labels.emplace_back("__meta_dns_srv_record_target", record.target);
            group.labels.emplace_back("__meta_dns_srv_record_port", std::to_string(record.port));
            at = record.port;
        } else if (record.type == DnsType::Mx) {
            group.labels.emplace_back("__meta_dns_mx_record_target", record.target);
        } else if (record.type == DnsType::Ns) {
            group.labels.emplace_back("__meta_dns_ns_record_target", record.target);
        }
        while (host.ends_with('.')) host.pop_back();
        const bool v6 = host.find(':') != std::string::npos;
        if (v6) host = fmt::format("[{}]", host);
        group.targets.push_back(fmt::format("{}:{}", host, at));
        out.push_back(std::move(group));
    }
    // Servers turn their records round; that is no change.
    std::sort(out.begin(), out.end(), [](const TargetGroup& a, const TargetGroup& b) {
        return std::tie(a.targets, a.labels) < std::tie(b.targets, b.labels);
    });
    return out;
}

Discovery::Discovery(DiscoveryDoors doors, std::shared_ptr<const JobSettings> job, Found found)
    : loop_(doors.loop),
      http_(doors.http),
      dns_(doors.dns),
      log_(doors.log),
      failures_(doors.failures),
      job_(std::move(job)),
      found_(std::move(found)),
      files_(job_->files.size()),
      files_read_(job_->files.size()),
      lists_(job_->lists.size()),
      names_(job_->names.size()),
      timers_(job_->files.size() + job_->lists.size() + job_->names.size()),
      self_(std::make_shared<Discovery*>(this)) {
    for (std::size_t i = 0; i < names_.size(); ++i) names_[i].resize(job_->names[i].names.size());
}

Discovery::~Discovery() {
    *self_ = nullptr;
    for (const Loop::TimerId timer : timers_)
        if (timer) loop_.cancel(timer);
}

void Discovery::start() {
    for (std::size_t i = 0; i < files_.size(); ++i) look_at_files(i);
    for (std::size_t i = 0; i < lists_.size(); ++i) ask_list(i);
    for (std::size_t i = 0; i < names_.size(); ++i) ask_names(i);
    started_ = true;
    tell();
}

void Discovery::inherit(const Discovery& before) {
    for (std::size_t i = 0; i < lists_.size(); ++i)
        for (std::size_t j = 0; j < before.lists_.size(); ++j)
            if (before.job_->lists[j].url == job_->lists[i].url) lists_[i] = before.lists_[j];
    for (std::size_t i = 0; i < names_.size(); ++i)
        for (std::size_t j = 0; j < before.names_.size(); ++j) {
            const DnsDiscovery &now = job_->names[i], &then = before.job_->names[j];
            if (now.names == then.names && now.type == then.type && now.port == then.port)
                names_[i] = before.names_[j];
        }
}

void Discovery::complain(const std::string& from, const std::string& why) {
    failures_.add();
    log_.warn("targets could not be read; those before stay",
              {{"job", job_->name}, {"from", from}, {"reason", why}});
}

void Discovery::tell() {
    std::vector<TargetGroup> all = job_->fixed;
    for (const FilesSeen& seen : files_)
        for (const auto& [path, file] : seen)
            all.insert(all.end(), file.groups.begin(), file.groups.end());
    for (const auto& groups : lists_) all.insert(all.end(), groups.begin(), groups.end());
    for (const auto& each : names_)
        for (const auto& groups : each) all.insert(all.end(), groups.begin(), groups.end());
    found_(std::move(all));
}

void Discovery::look_at_files(std::size_t index) {
    const FileDiscovery& settings = job_->files[index];
    const bool in_any_case = loop_.now() - files_read_[index] >= settings.refresh;
    if (in_any_case) files_read_[index] = loop_.now();
    FilesSeen before = std::exchange(files_[index], {});
    bool changed = false;
    for (const std::string& pattern : settings.patterns)
        for (const std::string& path : expand_glob("", pattern)) {
            if (files_[index].contains(path)) continue;
            std::error_code fault;
            const std::int64_t written =
                std::filesystem::last_write_time(path, fault).time_since_epoch().count();
            const std::uint64_t bytes = std::filesystem::file_size(path, fault);
            FileSeen seen = std::move(before[path]);
            before.erase(path);
            if (in_any_case || seen.written != written || seen.bytes != bytes) {
                seen.written = written;
                seen.bytes = bytes;
                auto groups = read_target_file(path);
                if (!groups) complain(path, groups.error().message);
                changed |= groups && *groups != seen.groups;
                if (groups) seen.groups = std::move(*groups);
            }
            files_[index].emplace(path, std::move(seen));
        }
    for (const auto& [path, gone] : before) changed |= !gone.groups.empty();
    timers_[index] =
        loop_.after(limits::discovery_file_look_interval, [this, index] { look_at_files(index); });
    if (changed && started_) tell();
}

void Discovery::ask_list(std::size_t index) {
    const HttpDiscovery& settings = job_->lists[index];
    HttpCall call;
    call.url = settings.url;
    call.headers = {{"Accept", "application/json"},
                    {"X-Prometheus-Refresh-Interval-Seconds",
                     fmt::format("{}", settings.refresh.count() / 1000.0)}};
    call.settings = settings.http;
    call.body_bytes_max = limits::discovery_bytes_max;
    call.fresh_connection = false;
    call.http2 = true;
    call.compressed = true;
    const Deadline deadline = Deadline::after(
        loop_.now(),
        std::min<Milliseconds>(std::max<Milliseconds>(settings.refresh, std::chrono::seconds(1)),
                               limits::discovery_http_deadline));
    http_.send(std::move(call), deadline, [self = self_, index](const HttpOutcome& outcome) {
        if (*self != nullptr) (*self)->take_list(index, outcome);
    });
}

void Discovery::take_list(std::size_t index, const HttpOutcome& outcome) {
    const HttpDiscovery& settings = job_->lists[index];
    timers_[files_.size() + index] =
        loop_.after(settings.refresh, [this, index] { ask_list(index); });
    const std::string shown = redact_url(settings.url);
    if (!outcome) return complain(shown, outcome.error().error.message);
    if (outcome->status != 200)
        return complain(shown, fmt::format("server returned HTTP status code {}", outcome->status));
    if (outcome->body_cut) return complain(shown, "the list is larger than limits.h allows");
    if (outcome->header("content-type").find("application/json") == std::string_view::npos)
        return complain(shown, fmt::format("unsupported content type {}",
                                           quote(outcome->header("content-type"))));
    auto groups = read_target_list(outcome->body, settings.url);
    if (!groups) return complain(shown, groups.error().message);
    if (*groups == lists_[index]) return;
    lists_[index] = std::move(*groups);
    tell();
}

void Discovery::ask_names(std::size_t index) {
    const DnsDiscovery& settings = job_->names[index];
    timers_[files_.size() + lists_.size() + index] =
        loop_.after(settings.refresh, [this, index] { ask_names(index); });
    const auto wait = std::min<Milliseconds>(settings.refresh, limits::discovery_dns_deadline);
    for (std::size_t which = 0; which < settings.names.size(); ++which)
        dns_.ask(settings.names[which], settings.type, Deadline::after(loop_.now(), wait),
                 [self = self_, index, which](const Result<std::vector<DnsRecord>>& found) {
                     if (*self != nullptr) (*self)->take_records(index, which, found);
                 });
}

void Discovery::take_records(std::size_t index, std::size_t which,
                             const Result<std::vector<DnsRecord>>& found) {
    const DnsDiscovery& settings = job_->names[index];
    const std::string& name = settings.names[which];
    if (!found) return complain(name, found.error().message);
    auto groups = groups_of_records(name, *found, settings.port);
    if (groups == names_[index][which]) return;
    names_[index][which] = std::move(groups);
    tell();
}

}  // namespace vedette::scrape
