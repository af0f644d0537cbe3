#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/dns_records.h"
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

/// One group for each record that was found for `name`. Its label `__meta_dns_name` is the name,
/// and
/// `__meta_dns_srv_record_target` and the like are what the record says.
std::vector<TargetGroup> groups_of_records(const std::string& name,
                                           const std::vector<DnsRecord>& records,
                                           std::uint16_t port);

/// What discovery asks through; all of it outlives who borrows it.
struct DiscoveryDoors {
    Loop& loop;
    HttpClient& http;
    DnsRecords& dns;
    Log& log;
    Counter& failures;
};

/// The targets of one job, as they come and go: those written down, those of files, of lists and of
/// name servers.
///
/// A file that cannot be read, a list or a name server that does not answer keeps the targets it
/// gave last, as in Prometheus; all are logged and counted. Files are looked at every
/// limits::discovery_file_look_interval and read when they were written, and in any case every
/// `refresh`. On the loop's thread only.
class Discovery {
public:
    using Found = std::function<void(std::vector<TargetGroup>)>;

    /// Calls `found` with all groups when they changed, the first time within `start`.
    Discovery(DiscoveryDoors doors, std::shared_ptr<const JobSettings> job, Found found);
    ~Discovery();
    Discovery(const Discovery&) = delete;
    Discovery& operator=(const Discovery&) = delete;

    /// After a reload: what lists and name servers answered before counts until they answer again.
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
    void ask_names(std::size_t index);
    void take_records(std::size_t index, std::size_t which,
                      const Result<std::vector<DnsRecord>>& found);
    void tell();
    void complain(const std::string& from, const std::string& why);

    Loop& loop_;
    HttpClient& http_;
    DnsRecords& dns_;
    Log& log_;
    Counter& failures_;
    std::shared_ptr<const JobSettings> job_;
    Found found_;
    std::vector<FilesSeen> files_;                 ///< one a FileDiscovery
    std::vector<Loop::TimePoint> files_read_;      ///< all of them, last
    std::vector<std::vector<TargetGroup>> lists_;  ///< one an HttpDiscovery
    /// By DnsDiscovery and its names.
    std::vector<std::vector<std::vector<TargetGroup>>> names_;
    std::vector<Loop::TimerId> timers_;  ///< of files, of lists, then of names
    bool started_ = false;
    std::shared_ptr<Discovery*> self_;  ///< empty for those who come back after the end
};

}  // namespace vedette::scrape
