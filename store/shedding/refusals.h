#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "core/labels.h"
#include "core/mutex.h"
#include "core/time.h"

namespace vedette::store {

/// What was refused to a job because of one limit.
struct Refused {
    std::string limit;   ///< as `vedette_store_refusals_total` calls it
    std::string job;     ///< `other` for those after limits::refusals_known_max
    std::string metric;  ///< of the last time
    std::uint64_t count = 0;
    Timestamp first, last;
};

/// Who was refused what: counted by limit in a metric and by job and limit here, said in the log at
/// the first time and then once a minute with how many more there were. Since the start of the
/// program. Safe between threads.
class RefusalBook {
public:
    RefusalBook(Metrics& metrics, Log& log) : metrics_(metrics), log_(log) {}

    /// `why` is the sentence for the log.
    void note(std::string_view limit, const Labels& series, Timestamp now, std::string_view why);
    /// Those that were refused most come first.
    std::vector<Refused> most(std::size_t entries) const;
    /// How often each job was refused anything.
    std::map<std::string, std::uint64_t> by_job() const;

private:
    struct Known {
        Refused refused;
        Timestamp logged;
        std::uint64_t unlogged = 0;
    };

    Metrics& metrics_;
    Log& log_;
    mutable Mutex mutex_;
    std::map<std::string, Counter*, std::less<>> counters_ VEDETTE_GUARDED_BY(mutex_);
    std::map<std::pair<std::string, std::string>, Known, std::less<>> known_
        VEDETTE_GUARDED_BY(mutex_);
};

}  // namespace vedette::store
