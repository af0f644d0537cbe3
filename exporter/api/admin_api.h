#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/http.h"
#include "core/series.h"

namespace vedette::exporter {

/// What those may do who may do anything; the functions may be called from any thread.
struct AdminSources {
    bool enabled = false;  ///< `--web.enable-admin-api`; without it every route says so
    /// Makes a snapshot of the data folder and returns its name below `snapshots/` there.
    std::function<Result<std::string>(bool skip_head)> snapshot;
    /// Deletes samples of the series that a selector selects.
    std::function<Result<void>(std::vector<std::vector<Matcher>> selectors, Window window)> erase;
    /// Gives back the room of what is deleted.
    std::function<Result<void>()> clean;
};

/// `admin/tsdb/snapshot`, `delete_series` and `clean_tombstones` in Prometheus's shape, by POST and
/// PUT, for the role `admin`.
std::vector<Route> admin_routes(AdminSources sources);

}  // namespace vedette::exporter
