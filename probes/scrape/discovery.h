#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/http/client.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "probes/scrape/settings.h"

namespace vedette::scrape {

/// Reads the target groups of a file, YAML or JSON by its name. Each gets the label
/// `__meta_filepath`. Fails with what is wrong and where.
Result<std::vector<TargetGroup>> read_target_file(const std::string& path);
/// Reads what an HTTP list answered: JSON. Each group gets the label `__meta_url`.
Result<std::vector<TargetGroup>> read_target_list(std::string_view json, const std::string& url);

/// The targets of one job, as they come and go: those written down, those of files and of lists.
///
/// A file that cannot be read or a list that does not answer keeps the targets it gave last, as in
/// Prometheus; both are logged and counted. Files are looked at every
/// limits::discovery_file_look_interval and read when they were written, and in any case every
/// `refresh`. On the loop's thread only.
class Discovery {
public:
    using Found = std::function<void(std::vector<TargetGroup>)>;

    /// Calls `found` with all groups when they changed, the first time within `start`.
    Discovery(Loop& loop, HttpClient& http, Log& log, Counter& failures,
              std::shared_ptr<const JobSettings> job, Found found);
    ~Discovery();
    Discovery(const Discovery&) = delete;
    Discovery& operator=(const Discovery&) = delete;

    /// After a reload: what lists answered before counts until they answer again.
    void inherit(const Discovery& before);
    void start();

private:
    struct FileSeen {
        std::vector<TargetGroup> groups;
        std::int64_t written = 0;  ///< its modification time
        std::uint64_t bytes = 0;
    };
    using FilesSeen = std::map<std::string, FileSeen>;

    void look_at_files(std::size_t index);
    void ask_list(std::size_t index);
    void take_list(std::size_t index, const HttpOutcome& outcome);
    void tell();
    void complain(const std::string& from, const std::string& why);

    Loop& loop_;
    HttpClient& http_;
    Log& log_;
    Counter& failures_;
    std::shared_ptr<const JobSettings> job_;
    Found found_;
    std::vector<FilesSeen> files_;                 ///< one a FileDiscovery
    std::vector<Loop::TimePoint> files_read_;      ///< all of them, last
    std::vector<std::vector<TargetGroup>> lists_;  ///< one an HttpDiscovery
    std::vector<Loop::TimerId> timers_;            ///< of files, then of lists
    bool started_ = false;
    std::shared_ptr<Discovery*> self_;  ///< empty for those who come back after the end
};

}  // namespace vedette::scrape
