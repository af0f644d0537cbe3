#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/time.h"
#include "store/packed/kernels.h"

namespace vedette::store {

// Samples of one series that will not change any more, in few bytes that are quick to read: times
// as differences from a steady interval, values as decimal numbers (12.5 is 125 tenths) of which
// differences are kept. docs/formats/chunk.md draws the bytes. Plain functions on plain memory:
// whoever holds sealed samples, in memory or in a mapped file, uses the same ones.

/// Appends the packed form of the samples, which ascend in time and are no more than 65,535. False,
/// and nothing appended, when so few values are decimal numbers that it could not be small. What is
/// appended reads back bit for bit, NaNs and signs of zero too.
bool pack(std::span<const Timestamp> times, std::span<const double> values, std::string& out);

/// What stands beside packed bytes.
struct PackedView {
    std::size_t count = 0;
    std::int64_t first_ms = 0, last_ms = 0;
    std::string_view bytes;
};

/// How many times, and how many values, `unpack` needs room for: it writes whole runs.
constexpr std::size_t unpack_room(std::size_t count) {
    return count + run_numbers;
}

/// Writes `count` times and as many values, and then things without meaning up to
/// `unpack_room(count)`. Corrupt, saying which part, when the bytes end too
/// early or too late, or times do not ascend from the first to the last; what was written then has
/// no meaning. Reads nothing outside the bytes.
Result<void> unpack(const PackedView& packed, Timestamp* times, double* values,
                    const Kernels& with = kernels());

/// Places of samples, from `first` to before `end`.
struct PackedRange {
    std::size_t first = 0, end = 0;

    bool operator==(const PackedRange&) const = default;
};

/// The same for who wants the samples inside a window only, which stand at the places that are
/// returned; what stands elsewhere has no meaning. Values after them are not looked at, so damage
/// there goes unnoticed.
Result<PackedRange> unpack_window(const PackedView& packed, Window window, Timestamp* times,
                                  double* values, const Kernels& with = kernels());

}  // namespace vedette::store
