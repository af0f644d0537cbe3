#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/labels.h"
#include "exporter/egress/alerts/alert_settings.h"
#include "exporter/egress/write_settings.h"
#include "exporter/http/settings.h"
#include "exporter/ingest/otlp/settings.h"
#include "notify/settings.h"
#include "probes/scrape/settings.h"
#include "probes/settings.h"
#include "promql/features.h"
#include "rules/rule_file.h"
#include "store/remote/settings.h"
#include "store/settings.h"

namespace vedette::app {

/// Everything `vedette.yml` and the files it names say, read and checked, nothing opened or
/// started.
struct Configuration {
    /// `global`: the keys of Prometheus's that mean something here.
    struct Global {
        Milliseconds evaluation_interval = std::chrono::minutes(1);
        Milliseconds rule_query_offset{0};
        Labels external_labels;
    };
    enum class ResolverKind { Dns, System };

    std::string path;
    Global global;
    std::string shown;         ///< `path` as YAML without its secrets
    std::string external_url;  ///< without a slash at the end
    ResolverKind resolver = ResolverKind::System;
    http::ServerSettings server;
    store::StoreSettings storage;
    probes::Settings probes;
    scrape::Settings scraping;
    exporter::otlp::Settings otlp;
    std::vector<exporter::RemoteWriteSettings> remote_writes;
    std::optional<store::DatasourceSettings> datasource;
    exporter::AlertingSettings alerting;
    std::vector<rules::RuleGroup> groups;
    notify::Settings notify;
};

/// What the command line adds to a configuration.
struct Overrides {
    std::string listen, external_url;
    promql::Features features;           ///< of the language in rules
    bool ignore_unknown_fields = false;  ///< of rule files
    bool warn_of_duplicates = true;      ///< of rules
};

/// Reads a configuration and every file it names. All problems of all files go to `problems`; the
/// result counts only when there is none.
Configuration load_configuration(const std::string& path, const Overrides& overrides,
                                 Problems& problems);

/// The configuration of `vedette run` without one: it watches itself, with one rule.
Configuration builtin_configuration(const Overrides& overrides, Problems& problems);

}  // namespace vedette::app
