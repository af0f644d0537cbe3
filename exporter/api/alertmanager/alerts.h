#pragma once

#include "core/http.h"
#include "exporter/api/alertmanager/alertmanager_api.h"

namespace vedette::exporter::alertmanager {

Response get_alerts(const AlertmanagerSources& sources, const Request& request);
Response get_groups(const AlertmanagerSources& sources, const Request& request);
Response post_alerts(const AlertmanagerSources& sources, const Request& request);

}  // namespace vedette::exporter::alertmanager
