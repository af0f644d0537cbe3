#pragma once

#include <memory>
#include <string>

#include "base/http/client.h"
#include "core/config.h"
#include "core/time.h"
#include "store/remote/limits.h"

namespace vedette::store {

/// `datasource`: another server that rules, queries and pages read beside our own store.
struct DatasourceSettings {
    /// How samples are read there.
    enum class Read {
        Auto,        ///< as the server answers: the first of those below that it has
        RemoteRead,  ///< Prometheus's remote read
        Export,      ///< VictoriaMetrics's `/api/v1/export`
        Query,       ///< Prometheus's query API, with ranges of selectors
    };

    std::string url;  ///< without a slash at the end; the API is below it
    Read read = Read::Auto;
    Milliseconds timeout = limits::datasource_timeout_default;  ///< of one request
    /// A pattern: selectors of these metric names read our own store alone.
    std::string local_names = "vedette_.*";
    std::shared_ptr<const HttpSettings> http;  ///< never null
};

/// Reads the section; what is wrong goes to `problems`.
DatasourceSettings read_datasource_section(const ConfigNode& node, Problems& problems);

}  // namespace vedette::store
