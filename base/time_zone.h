#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/time.h"

namespace vedette {

/// How far from UTC a place's clocks stand, and when that changes. Immutable.
class TimeZone {
public:
    struct Offset {
        std::chrono::seconds east{0};
        std::string name;  ///< `CEST`, or `+1030` where people have no letters for it
    };

    /// Reads a compiled zone file (RFC 8536, versions 1 to 4). Fails with BadInput.
    static Result<TimeZone> parse(const std::string& name, std::string_view bytes);

    const std::string& name() const { return name_; }
    Offset at(Timestamp when) const;

private:
    /// A day of the year on which clocks change, and the second of that day.
    struct Change {
        enum class Kind { Month, Julian, Day } kind = Kind::Month;
        int month = 0, week = 0, day = 0;
        std::int64_t seconds = 7200;
    };
    /// What holds after the last transition: one offset, or two that take turns.
    struct Rule {
        Offset standard, summer;
        std::optional<Change> begins, ends;  ///< of the summer
    };

    static std::optional<Rule> parse_rule(std::string_view text);
    static std::optional<Change> parse_change(std::string_view& text);
    static std::int64_t seconds_of(const Change& change, std::chrono::year year);
    static Offset by_rule(const Rule& rule, std::int64_t when);

    std::string name_;
    std::vector<Offset> offsets_;
    std::size_t first_ = 0;              ///< index of what holds before all transitions
    std::vector<std::int64_t> times_;    ///< seconds since 1970, ascending
    std::vector<std::uint8_t> becomes_;  ///< index into offsets_, one for each time
    std::optional<Rule> rule_;
};

/// The zone of this name from the machine's zone files: `Europe/Paris`. `UTC` and the empty name
/// are a null pointer. Fails with NotFound or BadInput, in Go's words.
Result<std::shared_ptr<const TimeZone>> find_time_zone(const std::string& name);

}  // namespace vedette
