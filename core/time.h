#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"

namespace vedette {

using Milliseconds = std::chrono::milliseconds;

/// Milliseconds since 1970, as Prometheus counts; 1970 and before are ordinary times.
struct Timestamp {
    std::int64_t ms = 0;

    auto operator<=>(const Timestamp&) const = default;
    Timestamp operator+(Milliseconds by) const { return {ms + by.count()}; }
    Timestamp operator-(Milliseconds by) const { return {ms - by.count()}; }
    Milliseconds operator-(Timestamp other) const { return Milliseconds(ms - other.ms); }
    /// Seconds with a fraction, as Prometheus's HTTP API writes times.
    double seconds() const { return static_cast<double>(ms) / 1000.0; }
};

/// A stretch of time, open on the left as in Prometheus 3: `from < t <= to`.
struct Window {
    Timestamp from, to;

    bool holds(Timestamp t) const { return from < t && t <= to; }
};

/// The moment by which something must be over.
struct Deadline {
    std::chrono::steady_clock::time_point at;

    static Deadline after(std::chrono::steady_clock::time_point now, Milliseconds wait) {
        return {now + wait};
    }
};

/// Where time comes in. Wall time is for people and samples; steady time is for waiting.
/// Safe to call from any thread.
class Clock {
public:
    virtual ~Clock() = default;
    virtual Timestamp now() const = 0;
    virtual std::chrono::steady_clock::time_point steady() const = 0;
};

/// The machine's own clocks.
class SystemClock final : public Clock {
public:
    Timestamp now() const override;
    std::chrono::steady_clock::time_point steady() const override;
};

/// Reads a duration as Prometheus writes it: `1h30m`, `15s`, `250ms`, `0`; units in falling order,
/// each at most once, d = 24h, w = 7d, y = 365d. Fails with BadInput and the reason.
Result<Milliseconds> parse_duration(std::string_view text);

/// Writes a duration as Prometheus does: `1h30m`, `0s`. Parses back to the same value.
std::string format_duration(Milliseconds duration);

/// Writes a duration for a person, at most two units: `4 min`, `2 h 10 min`, `310 ms`.
std::string humanize_duration(Milliseconds duration);

/// RFC 3339 in UTC with milliseconds: `2026-11-20T09:02:56.120Z`.
std::string format_rfc3339(Timestamp at);

/// Reads RFC 3339, with any offset and up to nanoseconds (cut to milliseconds).
Result<Timestamp> parse_rfc3339(std::string_view text);

}  // namespace vedette
