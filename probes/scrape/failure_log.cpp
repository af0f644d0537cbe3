#include "probes/scrape/failure_log.h"

#include <nlohmann/json.hpp>

namespace vedette::scrape {

void FailureLogs::open(const std::set<std::string>& paths) {
    open_.clear();
    for (const std::string& path : paths) {
        auto file = files_.open(path, Files::Open::Append);
        if (file)
            open_.emplace(path, std::move(*file));
        else
            log_.error("failures are not written to their file",
                       {{"file", path}, {"reason", file.error().message}});
    }
}

void FailureLogs::write(const std::string& path, Timestamp at, std::string_view job,
                        std::string_view target, std::string_view reason) {
    const auto file = open_.find(path);
    if (file == open_.end()) return;
    const nlohmann::ordered_json line{{"time", format_rfc3339(at)},
                                      {"level", "ERROR"},
                                      {"source", "scrape"},
                                      {"msg", reason},
                                      {"job_name", job},
                                      {"target", target}};
    const auto text =
        line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    const auto written = file->second->append(text);
    if (written) return;
    log_.error("failures are written to their file no more",
               {{"file", path}, {"reason", written.error().message}});
    open_.erase(file);
}

}  // namespace vedette::scrape
