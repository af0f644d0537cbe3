#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/time.h"

namespace vedette::store {

/// How many series each job has begun lately: in the last half hour that is whole and the one that
/// runs, so in thirty to sixty minutes. Series that a restart brings back are not new. At most
/// limits::jobs_counted_max jobs. Not safe to share between threads.
///
///     ──┬── before ──┬── now ──▶      a half hour is over: now becomes before
///       │  30 min    │ 0…30 min
class Churn {
public:
    void made(std::string_view job, Timestamp now);
    std::uint64_t of(std::string_view job, Timestamp now) const;

private:
    struct Count {
        std::uint64_t before = 0, now = 0;
    };
    /// 0: the half hour that is counted; 1: the one after; otherwise all is long gone.
    std::int64_t windows_since(Timestamp now) const;

    std::int64_t window_ = 0;  ///< since 1970
    std::map<std::string, Count, std::less<>> jobs_;
};

}  // namespace vedette::store
