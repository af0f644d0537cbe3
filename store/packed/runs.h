#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "store/bytes.h"
#include "store/packed/kernels.h"

namespace vedette::store {

// Whole numbers in runs of up to 64, each run as wide as its numbers need. What is far from the
// others stands beside them (an outlier), so that one jump does not widen 64 numbers.
//
//   run   │ head u8: width 6 bits, outliers 0x40, low 0x80 │ low signed, if 0x80 │
//         │ number − low, `width` bits each, lowest first, up to a whole byte │
//         │ outliers, if 0x40: count u8, then place u8 and number − low signed for each │
//
// Without a `low` of its own a run has that of the run before it, the first one 0.

/// Appends the runs of `numbers`.
void put_runs(std::string& out, std::span<const std::int64_t> numbers);
/// Reads what `put_runs` wrote, a run at a time.
class RunReader {
public:
    RunReader(ByteReader& in, const Kernels& kernels) : in_(in), kernels_(kernels) {}

    /// The next `count` (up to 64) numbers; what follows them in `out` has no meaning. False when
    /// the bytes hold no such run.
    bool next(std::size_t count, Run& out);

private:
    ByteReader& in_;
    const Kernels& kernels_;
    std::int64_t low_ = 0;
};

}  // namespace vedette::store
