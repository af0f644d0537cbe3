#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/log.h"
#include "core/time.h"

namespace vedette::scrape {

/// The files of `scrape_failure_log_file`: a line of JSON for each page that could not be fetched,
/// with Prometheus's keys. Jobs may share a file.
///
///     {"time":"…","level":"ERROR","source":"scrape","msg":"…","job_name":"…","target":"http://…"}
///
/// A file that cannot be written is said in the log, once, and scraping goes on. On one thread.
class FailureLogs {
public:
    FailureLogs(Files& files, Log& log) : files_(files), log_(log) {}

    /// Opens all of them anew, so that a file that was moved away is left alone after a reload.
    void open(const std::set<std::string>& paths);
    /// Nothing happens when `path` is empty.
    void write(const std::string& path, Timestamp at, std::string_view job, std::string_view target,
               std::string_view reason);

private:
    Files& files_;
    Log& log_;
    std::map<std::string, std::unique_ptr<File>> open_;  ///< those that can be written
};

}  // namespace vedette::scrape
