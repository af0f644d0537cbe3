#include "probes/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "base/files.h"
#include "base/yaml.h"
#include "core/limits.h"
#include "probes/table.h"

namespace vedette::probes {
namespace {

std::string place_of(const ConfigNode& node) {
    return fmt::format("{}:{}", node.file ? node.file->name : "configuration", node.mark.line);
}

/// A target as it may be shown: with a password in it by mistake, a message would be the next leak.
std::string without_user(const std::string& address) {
    const std::size_t scheme = address.find("://");
    const std::size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
    const std::size_t at = address.find('@', begin);
    if (at == std::string::npos) return address;
    return address.substr(0, begin) + "<secret>" + address.substr(at);
}

/// Labels a person gives: classic names, and none that the room writes itself.
std::vector<std::pair<std::string, std::string>> read_labels(MapReader& map, bool of_target) {
    auto labels = map.string_map("labels");
    const auto is_wrong = [&](const auto& label) {
        const bool reserved = label.first.starts_with("__") || label.first == "job" ||
                              (label.first == "instance" && !of_target);
        if (reserved)
            map.problem("labels", fmt::format("`labels` of {} sets `{}`, which is set by vedette",
                                              map.what(), label.first));
        else if (!is_classic_label_name(label.first))
            map.problem(
                "labels",
                fmt::format("`labels` of {} has the name {}; expected letters, digits and `_`",
                            map.what(), quote(label.first)));
        return reserved || !is_classic_label_name(label.first);
    };
    std::erase_if(labels, is_wrong);
    return labels;
}

/// Reads one probe. What is wrong goes to the problems; what is returned then is of no use.
class ProbeReader {
public:
    ProbeReader(const ConfigNode& node, Problems& problems)
        : node_(node), problems_(problems), map_(node, problems, title(node)) {}

    ProbeSettings read() {
        ProbeSettings probe;
        probe.where = place_of(node_);
        probe.name = map_.required_string("name");
        probe.type = map_.required_string("type");
        probe.group = map_.string("group", probe.group);
        read_times(probe);
        labels_ = read_labels(map_, false);
        type_ = find_probe_type(probe.type);
        if (type_ == nullptr && !probe.type.empty()) refuse_type(probe.type);
        read_targets(probe);
        if (type_ != nullptr)
            probe.attempt = std::make_shared<const Attempt>(type_->read(map_));
        else
            allow_every_key();
        return probe;
    }

private:
    static std::string title(const ConfigNode& node) {
        const ConfigNode* name = node.find("name");
        return name != nullptr && name->is_scalar() ? fmt::format("probe \"{}\"", name->text)
                                                    : "a probe";
    }

    void refuse_type(const std::string& type) {
        std::vector<std::string> names;
        for (const ProbeType& known : probe_types()) names.emplace_back(known.name);
        const std::string_view near = nearest(type, names);
        std::string message = fmt::format("`type` of {} is `{}`; expected one of `{}`", map_.what(),
                                          type, fmt::join(names, "`, `"));
        if (!near.empty()) message += fmt::format("; did you mean `{}`?", near);
        map_.problem("type", std::move(message));
    }

    /// Which keys it may have is not known without its type.
    void allow_every_key() {
        for (const ConfigNode::Entry& entry : node_.entries) map_.also_known({entry.key});
    }

    void read_times(ProbeSettings& probe) {
        probe.every = map_.duration("every", probe.every);
        if (probe.every < limits::probe_every_min) {
            map_.problem("every", fmt::format("`every` of {} is {}; expected at least {}",
                                              map_.what(), format_duration(probe.every),
                                              format_duration(limits::probe_every_min)));
            probe.every = limits::probe_every_min;
        }
        probe.timeout = std::min(probe.timeout, probe.every);
        probe.timeout = map_.duration("timeout", probe.timeout);
        if (probe.timeout > probe.every)
            map_.problem("timeout",
                         fmt::format("`timeout` of {} is {}, longer than `every`, {}", map_.what(),
                                     format_duration(probe.timeout), format_duration(probe.every)));
        if (probe.timeout == Milliseconds(0))
            map_.problem("timeout",
                         fmt::format("`timeout` of {} is 0s; expected more", map_.what()));
    }

    void read_targets(ProbeSettings& probe) {
        int said = 0;
        for (const std::string_view key : {"url", "target", "targets"}) {
            const ConfigNode* value = map_.node(key);
            if (value == nullptr) continue;
            ++said;
            if (!value->is_list()) {
                read_target(probe, *value);
                continue;
            }
            for (const ConfigNode& item : value->items) read_target(probe, item);
        }
        if (said > 1)
            problems_.add(
                node_, fmt::format("{} has several of `url`, `target` and `targets`; expected one",
                                   map_.what()));
        if (said == 0 && node_.is_map())
            problems_.add(node_,
                          fmt::format("{} has no `url`, `target` or `targets`", map_.what()));
        if (said == 1 && probe.targets.empty() && !problems_.any())
            problems_.add(node_, fmt::format("{} has an empty list of targets", map_.what()));
    }

    /// An address, or `{url: …, labels: {…}}`.
    void read_target(ProbeSettings& probe, const ConfigNode& node) {
        if (!node.is_map()) {
            const std::string what = fmt::format("a target of {}", map_.what());
            const std::string address = scalar_string(node, problems_, what);
            if (node.is_scalar())
                add_target(probe, node, address, {});
            else if (node.is_null())
                problems_.add(node, what + " is empty");
            return;
        }
        MapReader map(node, problems_, fmt::format("a target of {}", map_.what()));
        const std::string key = node.find("url") != nullptr ? "url" : "target";
        const std::string address = map.required_string(key);
        const auto labels = read_labels(map, true);
        if (!address.empty()) add_target(probe, node, address, labels);
    }

    void add_target(ProbeSettings& probe, const ConfigNode& node, const std::string& address,
                    const std::vector<std::pair<std::string, std::string>>& own) {
        if (type_ != nullptr) {
            const std::string objection = type_->objection(address);
            if (!objection.empty())
                problems_.add(node, fmt::format("a target of {} is {}; {}", map_.what(),
                                                quote(without_user(address)), objection));
        }
        LabelsBuilder labels;
        labels.set("instance", address);
        for (const auto& label : labels_) labels.set(label.first, label.second);
        for (const auto& label : own) labels.set(label.first, label.second);
        labels.set("job", probe.name);
        const std::string instance(labels.get("instance"));
        if (!instances_.insert(instance).second) {
            problems_.add(node,
                          fmt::format("{} has the target {} twice", map_.what(), quote(instance)));
            return;
        }
        probe.targets.push_back({address, instance, labels.build()});
    }

    const ConfigNode& node_;
    Problems& problems_;
    MapReader map_;
    const ProbeType* type_ = nullptr;
    std::vector<std::pair<std::string, std::string>> labels_;
    std::set<std::string> instances_;
};

/// Reads probes from several places into one list with unique names.
class SettingsReader {
public:
    explicit SettingsReader(Settings& settings) : settings_(settings) {}

    void read_probes(const ConfigNode& node, Problems& problems) {
        if (!node.is_list()) {
            problems.add(node, "`probes` is no list; expected `- name: …` entries");
            return;
        }
        for (const ConfigNode& item : node.items) {
            ProbeSettings probe = ProbeReader(item, problems).read();
            const auto [known, is_new] = places_.emplace(probe.name, probe.where);
            if (!is_new && !probe.name.empty()) {
                problems.add(item, fmt::format("probe \"{}\" stands at {} already", probe.name,
                                               known->second));
                continue;
            }
            targets_ += probe.targets.size();
            settings_.probes.push_back(std::move(probe));
        }
        if (targets_ > limits::probe_targets_max)
            problems.add(node, fmt::format("{} targets are watched; expected at most {}", targets_,
                                           limits::probe_targets_max));
    }

    void read_files(const ConfigNode& node, Problems& problems) {
        const ConfigNode one = node;
        const std::vector<ConfigNode> patterns = node.is_list() ? node.items : std::vector{one};
        for (const ConfigNode& pattern : patterns) {
            const std::string text = scalar_string(pattern, problems, "an entry of `probe_files`");
            if (text.empty()) continue;
            for (const std::string& path : expand_glob(folder_of(node), text))
                read_file(path, problems);
        }
    }

private:
    static std::string folder_of(const ConfigNode& node) {
        const std::string name = node.file ? node.file->name : std::string();
        const std::size_t slash = name.rfind('/');
        if (slash == std::string::npos) return ".";
        return slash == 0 ? "/" : name.substr(0, slash);
    }

    void read_file(const std::string& path, Problems& problems) {
        const ConfigNode root = read_yaml_file(path, problems);
        if (root.is_null()) return;
        MapReader map(root, problems, "a file of `probe_files`");
        if (const ConfigNode* probes = map.required("probes")) read_probes(*probes, problems);
    }

    Settings& settings_;
    std::map<std::string, std::string> places_;  // of each name
    std::size_t targets_ = 0;
};

}  // namespace

std::vector<ConfigSection> config_sections(Settings& settings) {
    const auto reader = std::make_shared<SettingsReader>(settings);
    return {{"probes", "What is watched: one entry a probe",
             [reader](const ConfigNode& node, Problems& problems) {
                 reader->read_probes(node, problems);
             }},
            {"probe_files", "Globs of files with probes, for instance one file a team",
             [reader](const ConfigNode& node, Problems& problems) {
                 reader->read_files(node, problems);
             }}};
}

Result<ProbeSettings> probe_of(std::string_view type, std::string_view target) {
    const auto scalar = [](std::string_view text) {
        ConfigNode node;
        node.kind = ConfigNode::Kind::Scalar;
        node.quoted = true;
        node.text = text;
        return node;
    };
    ConfigNode map;
    map.kind = ConfigNode::Kind::Map;
    map.entries.push_back({"name", {}, scalar(type)});
    map.entries.push_back({"type", {}, scalar(type)});
    map.entries.push_back({"target", {}, scalar(target)});
    Problems problems;
    ProbeSettings probe = ProbeReader(map, problems).read();
    if (!problems.any()) return probe;
    return fail(Fault::BadInput, problems.all().front().message);
}

}  // namespace vedette::probes
