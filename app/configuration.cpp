#include "app/configuration.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

#include "base/config_text.h"
#include "base/files.h"
#include "base/yaml.h"
#include "notify/config.h"
#include "notify/templates.h"
#include "promql/syntax/parse.h"

namespace vedette::app {

namespace {

/// Keys of vedette.yml that are part of the design but not of this version: refused by name, so
/// that nobody believes that they do something.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> not_yet{{
    {"remote_read", "reading from another store"},
    {"modules", "blackbox_exporter's modules"},
    {"records", "records of events"},
    {"record_files", "records of events"},
    {"tracing", "tracing"},
    {"runtime", "Go's runtime settings"},
}};

std::string folder_of(const std::string& path) {
    const std::string folder = std::filesystem::path(path).parent_path().string();
    return folder.empty() ? "." : folder;
}

class Loader {
public:
    Loader(std::string path, const Overrides& overrides, Problems& problems)
        : folder_(folder_of(path)),
          overrides_(overrides),
          problems_(problems),
          notify_(folder_, [](const std::string& file) {
              return make_files()->read_all(file, limits::yaml_bytes_max);
          }) {
        out_.path = std::move(path);
        declare_sections();
    }

    Configuration load(const ConfigNode& root) {
        read_known(root);
        out_.notify = notify_.finish(problems_);
        if (!problems_.any()) check_templates();
        warn_of_short_memory();
        warn_of_two_tellers();
        apply_overrides();
        out_.shown = config_text(root);
        return std::move(out_);
    }

private:
    void declare_sections() {
        const auto add = [&](std::string_view key,
                             std::function<void(const ConfigNode&, Problems&)> read) {
            sections_[std::string(key)] = std::move(read);
        };
        for (ConfigSection& section : probes::config_sections(out_.probes))
            add(section.key, std::move(section.read));
        for (ConfigSection& section : notify_.sections()) {
            notify_keys_.emplace_back(section.key);
            add(section.key, std::move(section.read));
        }
        ConfigSection own = notify_.own_section();
        add(own.key, std::move(own.read));
        add("global", [this](const ConfigNode& node, Problems&) { read_global(node); });
        add("server", [this](const ConfigNode& node, Problems& problems) {
            out_.server = http::read_server_section(node, problems);
        });
        add("storage", [this](const ConfigNode& node, Problems& problems) {
            out_.storage =
                store::read_storage_section(node, problems, [](std::string_view text) {
                    return promql::parse_selector(text);
                });
        });
        add("otlp", [this](const ConfigNode& node, Problems& problems) {
            out_.otlp = exporter::otlp::read_otlp_section(node, problems);
        });
        add("resolver", [this](const ConfigNode& node, Problems&) { read_resolver(node); });
        add("rule_files",
            [this](const ConfigNode& node, Problems&) { read_rule_globs(node, "rule_files"); });
        add("vedette_rules",
            [this](const ConfigNode& node, Problems&) { read_rule_globs(node, "vedette_rules"); });
        add("scrape_configs",
            [this](const ConfigNode& node, Problems&) { scrape_configs_ = &node; });
        add("remote_write", [this](const ConfigNode& node, Problems& problems) {
            out_.remote_writes = exporter::read_remote_write(node, problems);
        });
        add("datasource", [this](const ConfigNode& node, Problems& problems) {
            out_.datasource = store::read_datasource_section(node, problems);
        });
        add("alerting", [this](const ConfigNode& node, Problems& problems) {
            alerting_ = &node;
            out_.alerting = exporter::read_alerting(node, problems);
        });
        add("scrape_config_files",
            [this](const ConfigNode& node, Problems&) { scrape_config_files_ = &node; });
        add("notify_file", [this](const ConfigNode& node, Problems&) { notify_file_ = &node; });
    }

    void read_known(const ConfigNode& root) {
        // An empty file too: half-written, it would end every probe and every rule on a reload.
        if (!root.is_map()) {
            if (!problems_.any())
                problems_.add(root, fmt::format("the configuration {}; expected a map of sections "
                                                "such as `probes` and `route`",
                                                root.is_null() ? "is empty" : "is no map"));
            return;
        }
        for (const ConfigNode::Entry& entry : root.entries) {
            const auto section = sections_.find(entry.key);
            if (section != sections_.end() && !entry.value.is_null())
                section->second(entry.value, problems_);
            if (section == sections_.end()) refuse_unknown(entry);
        }
        if (notify_file_ != nullptr) read_notify_file(root);
        read_scraping();
    }

    void refuse_unknown(const ConfigNode::Entry& entry) {
        for (const auto& [key, what] : not_yet)
            if (key == entry.key) {
                problems_.add(
                    entry.value.file, entry.mark,
                    fmt::format("`{}` ({}) is not in this version; see docs/limits.md", key, what));
                return;
            }
        std::vector<std::string> known;
        for (const auto& [key, read] : sections_) known.push_back(key);
        const std::string_view near = nearest(entry.key, known);
        problems_.add(entry.value.file, entry.mark,
                      fmt::format("unknown section `{}`{}", entry.key,
                                  near.empty() ? "" : fmt::format("; did you mean `{}`?", near)));
    }

    /// Prometheus's keys that mean something here; notify reads its own of the same map and reports
    /// what neither knows.
    void read_global(const ConfigNode& node) {
        notify_.global(node);
        scrape_defaults_ = scrape::read_scrape_defaults(node, problems_);
        static constexpr std::array<std::string_view, 3> ours{
            "evaluation_interval", "rule_query_offset", "external_labels"};
        ConfigNode own = node;
        std::erase_if(own.entries, [](const ConfigNode::Entry& entry) {
            return std::find(ours.begin(), ours.end(), entry.key) == ours.end();
        });
        MapReader map(own, problems_, "global");
        out_.global.evaluation_interval =
            map.duration("evaluation_interval", out_.global.evaluation_interval);
        if (out_.global.evaluation_interval <= Milliseconds(0))
            map.problem("evaluation_interval", "`evaluation_interval` must be more than 0s");
        out_.global.rule_query_offset =
            map.duration("rule_query_offset", out_.global.rule_query_offset);
        LabelsBuilder labels;
        for (const auto& [name, value] : map.string_map("external_labels")) labels.set(name, value);
        out_.global.external_labels = labels.build();
    }

    void read_resolver(const ConfigNode& node) {
        const std::string kind = scalar_string(node, problems_, "`resolver`");
        if (kind == "dns")
            out_.resolver = Configuration::ResolverKind::Dns;
        else if (kind != "system")
            problems_.add(node,
                          fmt::format("`resolver` is `{}`; expected one of `system`, `dns`", kind));
    }

    void read_rule_globs(const ConfigNode& node, std::string_view key) {
        ConfigNode map;
        map.kind = ConfigNode::Kind::Map;
        map.file = node.file;
        map.mark = node.mark;
        map.entries.push_back({std::string(key), node.mark, node});
        MapReader reader(map, problems_, "the configuration");
        rules::RuleReading how(
            key == "vedette_rules" ? rules::Dialect::Vedette : rules::Dialect::Prometheus,
            overrides_.ignore_unknown_fields);
        how.features = overrides_.features;
        how.warn_of_duplicates = overrides_.warn_of_duplicates;
        for (const std::string& pattern : reader.strings(key)) {
            const std::vector<std::string> files = expand_glob(folder_, pattern);
            if (files.empty()) problems_.warn(node, fmt::format("no file matches `{}`", pattern));
            for (const std::string& file : files) {
                const ConfigNode root = read_yaml_file(file, problems_);
                for (rules::RuleGroup& group : rules::read_rules(root, problems_, how))
                    out_.groups.push_back(std::move(group));
            }
        }
    }

    /// Behind all others: `global` may stand below, and its defaults count here.
    void read_scraping() {
        if (scrape_configs_ != nullptr)
            scrape::read_scrape_configs(*scrape_configs_, scrape_defaults_, out_.scraping,
                                        problems_);
        if (scrape_config_files_ == nullptr) return;
        if (!scrape_config_files_->is_list())
            return problems_.add(*scrape_config_files_,
                                 "`scrape_config_files` is no list; expected patterns of files");
        for (const ConfigNode& item : scrape_config_files_->items) {
            const std::string pattern = scalar_string(item, problems_, "`scrape_config_files`");
            for (const std::string& file : expand_glob(folder_, pattern)) {
                const ConfigNode root = read_yaml_file(file, problems_);
                MapReader map(root, problems_, "a file of scrape configs");
                if (const ConfigNode* list = map.node("scrape_configs"))
                    scrape::read_scrape_configs(*list, scrape_defaults_, out_.scraping, problems_);
            }
        }
    }

    /// A baseline looks back four weeks and an hour.
    void warn_of_short_memory() {
        constexpr Milliseconds needed = std::chrono::hours(24 * 29);
        if (out_.storage.retention >= needed) return;
        for (const rules::RuleGroup& group : out_.groups)
            for (const rules::Rule& rule : group.rules)
                if (rule.own_key.starts_with("baseline:"))
                    problems_.add(
                        Problem{out_.path,
                                {},
                                fmt::format("alert {} has a `baseline`, which needs {}, and "
                                            "`storage.retention` is {}; it will be silent",
                                            quote(rule.name), format_duration(needed),
                                            format_duration(out_.storage.retention)),
                                {},
                                true});
    }

    void warn_of_two_tellers() {
        if (alerting_ == nullptr || out_.alerting.alertmanagers.empty() || !out_.notify.enabled) return;
        problems_.warn(*alerting_, "alerts go to `alertmanagers` and through `route`: whoever both "
                                   "tell is told twice; keep one of them");
    }

    /// `notify_file: alertmanager.yml` holds what could stand here, with a `global` of its own.
    void read_notify_file(const ConfigNode& root) {
        for (const std::string& key : notify_keys_)
            if (const ConfigNode* inline_section = root.find(key); inline_section && key != "timezone")
                problems_.add(
                    *inline_section,
                    fmt::format(
                        "`{}` stands here and `notify_file` names another; keep one of them", key));
        const std::string name = scalar_string(*notify_file_, problems_, "`notify_file`");
        if (name.empty()) return;
        notify_.written_for_alertmanager();
        const std::string path = (std::filesystem::path(folder_) / name).string();
        const ConfigNode file = read_yaml_file(path, problems_);
        for (const ConfigNode::Entry& entry : file.entries) {
            if (entry.value.is_null()) continue;
            if (entry.key == "global") {
                notify_.global(entry.value);
                continue;
            }
            if (entry.key == "tracing" || entry.key == "event_recorder") {
                problems_.add(file.file, entry.mark,
                              fmt::format("`{}` of Alertmanager is not supported: remove it",
                                          entry.key));
                continue;
            }
            const bool known = std::find(notify_keys_.begin(), notify_keys_.end(), entry.key) !=
                               notify_keys_.end();
            if (known) {
                sections_.at(entry.key)(entry.value, problems_);
                continue;
            }
            const std::string_view near = nearest(entry.key, notify_keys_);
            problems_.add(
                file.file, entry.mark,
                fmt::format("unknown section `{}`{}", entry.key,
                            near.empty() ? "" : fmt::format("; did you mean `{}`?", near)));
        }
    }

    /// A template that cannot be parsed is found here, not when the first message is due.
    void check_templates() {
        const auto templates = notify::Templates::make(out_.notify);
        const Result<void> done = templates ? notify::check_templates(out_.notify, **templates)
                                            : Result<void>(fail(templates.error()));
        if (!done) problems_.add(Problem{out_.path, {}, done.error().message, {}, false});
    }

    void apply_overrides() {
        if (!overrides_.listen.empty()) {
            out_.server.listeners.resize(1);
            out_.server.listeners[0].address = overrides_.listen;
        }
        if (out_.server.listeners.empty()) out_.server.listeners.emplace_back();
        const std::string& address = out_.server.listeners[0].address;
        const bool tls = out_.server.listeners[0].tls.has_value();
        out_.external_url = !overrides_.external_url.empty()
                                ? overrides_.external_url
                                : fmt::format("{}://{}", tls ? "https" : "http", address);
        while (out_.external_url.ends_with('/')) out_.external_url.pop_back();
        out_.notify.external_url = out_.external_url;
        allow_own_name();
    }

    /// People come under the name of the external URL, so the front answers to it.
    void allow_own_name() {
        const std::string& url = out_.external_url;
        const std::size_t begin = url.find("://");
        if (begin == std::string::npos) return;
        const std::string host =
            url.substr(begin + 3, url.find_first_of(":/", begin + 3) - begin - 3);
        if (!host.empty() && host.front() != '[') out_.server.allowed_hosts.push_back(host);
    }

    std::string folder_;
    const Overrides& overrides_;
    Problems& problems_;
    Configuration out_;
    notify::ConfigReader notify_;
    std::map<std::string, std::function<void(const ConfigNode&, Problems&)>> sections_;
    std::vector<std::string> notify_keys_;
    const ConfigNode* notify_file_ = nullptr;
    const ConfigNode* alerting_ = nullptr;
    const ConfigNode* scrape_configs_ = nullptr;
    const ConfigNode* scrape_config_files_ = nullptr;
    scrape::ScrapeDefaults scrape_defaults_;
};

constexpr std::string_view builtin = R"(
# What `vedette run` does without a configuration: it watches itself, with one rule.
probes:
  - {name: vedette, type: http, url: '@URL@/-/healthy', every: 15s, group: vedette}
)";

constexpr std::string_view builtin_rules = R"(
groups:
  - name: builtin
    interval: 15s
    rules:
      - alert: TargetDown
        expr: up == 0
        for: 1m
        labels: {severity: critical}
        annotations: {summary: '{{ $labels.job }} does not answer'}
)";

}  // namespace

Configuration load_configuration(const std::string& path, const Overrides& overrides,
                                 Problems& problems) {
    const ConfigNode root = read_yaml_file(path, problems);
    const std::vector<Problem> found = problems.all();
    for (const Problem& one : found)
        if (one.mark.column == 1 && one.message.starts_with("duplicate key `global`"))
            problems.add(
                Problem{one.file,
                        one.mark,
                        "Prometheus's `global` and Alertmanager's may be one map here; or put "
                        "Alertmanager's file beside this one and name it in `notify_file`",
                        {},
                        false});
    return Loader(path, overrides, problems).load(root);
}

Configuration builtin_configuration(const Overrides& overrides, Problems& problems) {
    std::string text(builtin);
    const std::string address =
        overrides.listen.empty() ? http::ListenerSettings{}.address : overrides.listen;
    text.replace(text.find("@URL@"), 5, "http://" + address);
    const ConfigNode root = read_yaml("built-in configuration", text, problems);
    Configuration out = Loader("", overrides, problems).load(root);
    out.groups = rules::read_rules("built-in rules", builtin_rules, problems);
    return out;
}

}  // namespace vedette::app
