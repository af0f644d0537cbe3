#pragma once

#include "core/http.h"
#include "exporter/api/alertmanager/alertmanager_api.h"

namespace vedette::exporter::alertmanager {

Response get_silences(const AlertmanagerSources& sources, const Request& request);
Response post_silence(const AlertmanagerSources& sources, const Request& request);
Response get_silence(const AlertmanagerSources& sources, const Request& request);
Response delete_silence(const AlertmanagerSources& sources, const Request& request);
/// Ours: who changed which silence, newest first.
Response get_audit(const AlertmanagerSources& sources, const Request& request);

}  // namespace vedette::exporter::alertmanager
