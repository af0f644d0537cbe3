#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/time.h"

namespace vedette::probes {

/// Who is next: a pure timetable, without clock and timers of its own.
///
///     every 10 s            0    3         10   13        20   23        30
///     a, offset 3 s         |    a         |    a         |    a         |
///     wall clock        ────┴────┴─────────┴────┴─────────┴────┴─────────┴──▶
///
///     waits ──due──▶ queued ──a place is free──▶ running ──finished──▶ waits
///                    at most `in_flight_max` run; due again meanwhile: skipped and counted
///
/// Invariants: (T1) a target's due times are one anchor plus whole multiples of `every`, however
/// late anything ran: no drift. (T2) The anchor is where `(wall time - offset) mod every` is zero,
/// and the offset depends on the configuration alone, so a restart keeps the pattern. (T3) A target
/// is queued or running at most once. (T4) Who was due first starts first. (T5) A target whose
/// anchor is far away gets one reading before it, so that nobody waits an hour for the first word
/// about a slow probe. Not safe to share between threads.
class Schedule {
public:
    using TimePoint = std::chrono::steady_clock::time_point;
    using Id = std::uint64_t;

    /// Enough that targets are spread as finely as limits::probe_start_step allows.
    static constexpr std::size_t many = static_cast<std::size_t>(-1);
    /// One line of the timetable. `id` tells the target again; `key` and how many targets share its
    /// period decide about its offset.
    struct Line {
        Id id = 0;
        std::string key;
        Milliseconds every{0};  // more than zero
        std::size_t sharing = many;
    };
    /// What is to be started now, and how late that is.
    struct Start {
        Id id = 0;
        std::chrono::nanoseconds late{0};
    };

    explicit Schedule(std::size_t in_flight_max) : in_flight_max_(in_flight_max) {}

    /// Adds a target under an id never used before. It is due first after `now`, less than `every`
    /// and at most limits::probe_first_reading_within away.
    void add(const Line& line, TimePoint now, Timestamp wall);
    /// Forgets a target. One that runs still counts as in flight until `finished`.
    void remove(Id id);

    /// All that may start now, in the order of being due.
    std::vector<Start> take(TimePoint now);
    /// The reading of `id` is in; its place is free. Ask `take` again.
    void finished(Id id);

    /// When `take` has something to do next; nothing when it depends on `finished` alone.
    std::optional<TimePoint> wake();

    std::size_t in_flight() const { return in_flight_; }
    std::size_t waiting() const { return queue_.size(); }
    /// Times that passed because the reading before was not yet in, or the loop was held up.
    std::uint64_t skipped() const { return skipped_; }

    /// Where in its period a target stands: from 0 to `every`, spread evenly by name over rounds.
    /// As many rounds as give each about limits::probe_round_targets of the `sharing` targets,
    /// rounded up to a power of two, at most one every limits::probe_start_step: the loop wakes
    /// once for all of a round, and few targets cost few wakes.
    static Milliseconds offset(const std::string& key, Milliseconds every,
                               std::size_t sharing = many);

private:
    enum class State { Waits, Queued, Running };
    struct Slot {
        Milliseconds every{0};
        TimePoint anchor;
        TimePoint due;        // the next time
        TimePoint asked_for;  // the time it is queued for
        State state = State::Waits;
        bool removed = false;  // while it ran
    };
    struct Due {
        TimePoint at;
        Id id;
        bool operator>(const Due& other) const {
            return at != other.at ? at > other.at : id > other.id;
        }
    };

    void queue_due(TimePoint now);
    /// The slot behind an entry of `due_`; null when the entry is old.
    Slot* slot_of(const Due& due);

    const std::size_t in_flight_max_;
    std::size_t in_flight_ = 0;
    std::uint64_t skipped_ = 0;
    std::unordered_map<Id, Slot> slots_;
    /// One entry a slot, with the slot's `due`; all others are old and dropped when they come up.
    std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
    std::deque<Id> queue_;
};

}  // namespace vedette::probes
