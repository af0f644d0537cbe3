#pragma once

#include "core/time.h"

namespace vedette {

/// The floats of one series in a stretch of time, after `begin` and up to `end`, as numbers. Stale
/// markers are not among them; when `count` is 0 only the stretch and `ended` say something.
///
///      begin                                 end
///        │     first ▒    ▒ min   max ▒   ▒ last
///        └───────────────────────────────────┘
struct Bucket {
    Timestamp begin, end;  ///< multiples of the resolution
    Timestamp first_at, last_at;
    double count = 0;
    double min = 0, max = 0;  ///< NaN only when all are
    double sum = 0;
    double first = 0, last = 0;
    /// The values before which a counter fell, added up: it grew by last − first + lost.
    double lost = 0;
    bool ended = false;  ///< a stale marker came after all of them
};

/// What roll-ups stand for samples in an answer.
struct RolledUp {
    enum class As {
        Exact,    ///< buckets and windows meet: as if each sample had been read
        Rounded,  ///< times are rounded to the resolution
        Newest,   ///< the newest sample of each bucket stands for all of them
    };
    Window times;
    Milliseconds resolution{0};
    As as = As::Exact;
};

}  // namespace vedette
