#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/http.h"

namespace vedette::exporter {

/// What those may do who may do anything; the functions may be called from any thread.
struct AdminSources {
    bool enabled = false;  ///< `--web.enable-admin-api`; without it every route says so
    /// Makes a snapshot of the data folder and returns its name below `snapshots/` there.
    std::function<Result<std::string>(bool skip_head)> snapshot;
};

/// `admin/tsdb/snapshot` in Prometheus's shape, by POST and PUT, for the role `admin`.
std::vector<Route> admin_routes(AdminSources sources);

}  // namespace vedette::exporter
