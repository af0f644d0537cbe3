#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "core/exemplar.h"

namespace vedette::store {

/// The newest exemplars of all series together, the oldest giving way to the next.
///
///     ring    a₁  b₁  a₂  c₁  a₃ │ (oldest again)      one behind the other as they came;
///             └───────┴───────┘    next of a series      each knows the next of its series
///     series  a: oldest a₁, newest a₃   b: b₁, b₁   c: c₁, c₁
///
/// Invariants: (X1) of one series they ascend by time, then value, then labels, and none is there
/// twice in a row; (X2) what gives way is the oldest of its series. Series are known by their
/// labels, not by their slot: an exemplar may outlive its series. Not safe to share between
/// threads.
class ExemplarRing {
public:
    enum class Verdict {
        Keep,
        Off,         ///< none are kept
        Known,       ///< the same as the newest of its series
        OutOfOrder,  ///< before the newest of its series
        TooLong,  ///< its labels have more than limits::exemplar_labels_characters_max characters
    };

    explicit ExemplarRing(std::size_t most = 0) : most_(most) {}

    Verdict judge(const Labels& series, const Exemplar& exemplar) const;
    /// Judges and keeps.
    Verdict add(const Labels& series, Exemplar exemplar);
    /// The newest stay.
    void resize(std::size_t most);
    /// Those after `newest` go: the clock was set back. Returns how many.
    std::size_t drop_after(Timestamp newest);

    std::size_t size() const { return places_.size(); }
    std::size_t most() const { return most_; }
    std::size_t series() const { return by_series_.size(); }
    /// From the oldest to the newest.
    void each(
        const std::function<void(const Labels& series, const Exemplar& exemplar)>& visit) const;
    /// Of the series that `wanted` says, in label order.
    std::vector<SeriesExemplars> find(const std::function<bool(const Labels&)>& wanted,
                                      Window window) const;

private:
    using At = std::uint32_t;
    static constexpr At none = 0xffffffff;
    struct Place {
        Labels series;
        Exemplar exemplar;
        At next = none;
    };
    struct Ends {
        At oldest = none, newest = none;
    };
    struct Hash {
        std::size_t operator()(const Labels& labels) const { return labels.hash(); }
    };

    void give_way(At at);
    template <typename Keep>
    void rebuild(std::size_t most, Keep keep);

    std::size_t most_;
    std::vector<Place> places_;
    At next_ = 0;  ///< the oldest, once all places are taken
    std::unordered_map<Labels, Ends, Hash> by_series_;
};

}  // namespace vedette::store
