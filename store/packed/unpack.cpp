#include <algorithm>
#include <bit>

#include "store/bytes.h"
#include "store/packed/form.h"
#include "store/packed/packed.h"
#include "store/packed/runs.h"

namespace vedette::store {
namespace {

constexpr unsigned shift_max = 62;

std::uint64_t unsigned_of(std::int64_t value) {
    return static_cast<std::uint64_t>(value);
}

tl::unexpected<Error> unreadable(const PackedView& packed, std::string_view what) {
    return fail(Fault::Corrupt, "a packed chunk of " + std::to_string(packed.count) +
                                    " samples in " + std::to_string(packed.bytes.size()) +
                                    " bytes: " + std::string(what));
}

void put_times(const Run& run, Timestamp* out) {
    for (std::size_t i = 0; i < run_numbers; ++i) out[i].ms = static_cast<std::int64_t>(run[i]);
}

bool unpack_regular(const PackedView& packed, const Window* window, Timestamp* times,
                    PackedRange& wanted) {
    const std::uint64_t first = unsigned_of(packed.first_ms);
    const std::uint64_t range = unsigned_of(packed.last_ms) - first;
    const std::size_t steps = packed.count - 1;
    const std::uint64_t interval = steps == 0 ? 1 : range / steps;
    if (interval * steps != range || (steps > 0 && packed.first_ms >= packed.last_ms)) return false;
    // How many are not after a time: nothing is worked out for the others.
    const auto up_to = [&](Timestamp at) -> std::size_t {
        if (at.ms < packed.first_ms) return 0;
        if (at.ms >= packed.last_ms) return packed.count;
        return (unsigned_of(at.ms) - first) / interval + 1;
    };
    if (window != nullptr) {
        wanted.first = up_to(window->from);
        wanted.end = std::max(wanted.first, up_to(window->to));
    }
    constexpr std::size_t strip = 8;
    std::size_t i = wanted.first / strip * strip;
    std::uint64_t at = first + i * interval;
    for (; i < wanted.end; i += strip, at += strip * interval)
        for (std::size_t n = 0; n < strip; ++n)
            times[i + n].ms = static_cast<std::int64_t>(at + n * interval);
    return true;
}

bool unpack_times(const PackedView& packed, std::uint8_t how, ByteReader& in, Timestamp* times,
                  const Kernels& with) {
    const bool grid = how == form::times_grid;
    const std::uint64_t interval = grid ? unsigned_of(in.signed_varint()) : 0;
    times[0].ms = packed.first_ms;
    std::uint64_t before = unsigned_of(packed.first_ms);
    RunReader reader(in, with);
    Run run;
    for (std::size_t at = 1; at < packed.count; at += run_numbers) {
        const std::size_t count = std::min(run_numbers, packed.count - at);
        if (!reader.next(count, run)) return false;
        if (grid) {
            for (std::uint64_t& each : run) each += before += interval;
        } else {
            with.add_up(run, before);
            before = run[run_numbers - 1];
        }
        put_times(run, times + at);
    }
    bool ascend = true;
    for (std::size_t i = 1; i < packed.count; ++i) ascend &= times[i - 1] < times[i];
    return ascend;
}

PackedRange inside(const PackedView& packed, Window window, const Timestamp* times) {
    const Timestamp* const end = times + packed.count;
    const Timestamp* const first = std::upper_bound(times, end, window.from);
    return {static_cast<std::size_t>(first - times),
            static_cast<std::size_t>(std::upper_bound(first, end, window.to) - times)};
}

/// What turns the numbers of a run back into values, one run after the other.
class Values {
public:
    Values(std::uint8_t form, ByteReader& in, const Kernels& with)
        : order_(static_cast<unsigned>((form & form::values_mask) - form::values_levels) / 4),
          with_(with) {
        const std::size_t scale = in.u8();
        if ((form & form::shift_flag) != 0) shift_ = in.u8();
        first_ = before_ = unsigned_of(in.signed_varint());
        if (scale >= form::powers_of_ten.size() || shift_ > shift_max)
            in.refuse();
        else
            divisor_ = form::powers_of_ten[scale];
    }

    double first() const {
        return static_cast<double>(static_cast<std::int64_t>(first_)) / divisor_;
    }

    /// `out` may be null: then only what the next ones are counted from is found.
    void put(Run& run, double* out) {
        if (shift_ > 0)
            for (std::uint64_t& each : run) each <<= shift_;
        if (order_ == 0) {
            for (std::uint64_t& each : run) each += first_;
        } else {
            if (order_ == 2) {
                with_.add_up(run, delta_);
                delta_ = run[run_numbers - 1];
            }
            with_.add_up(run, before_);
            before_ = run[run_numbers - 1];
        }
        if (out != nullptr) with_.to_doubles(run, divisor_, out);
    }

private:
    unsigned order_, shift_ = 0;
    double divisor_ = 1;
    std::uint64_t first_ = 0, before_ = 0, delta_ = 0;
    const Kernels& with_;
};

/// `ended`: all bytes were looked at.
bool unpack_values(const PackedView& packed, std::uint8_t form, ByteReader& in, PackedRange wanted,
                   double* values, bool& ended, const Kernels& with) {
    ended = true;
    if ((form & form::values_mask) == form::values_constant) {
        const double value = in.real();
        std::fill(values + wanted.first, values + wanted.end, value);
        return in.ok();
    }
    const bool specials = (form & form::specials_flag) != 0;
    Values decoded(form, in, with);
    RunReader reader(in, with);
    Run run;
    values[0] = decoded.first();
    for (std::size_t at = 1; at < packed.count; at += run_numbers) {
        ended = at < wanted.end || specials || wanted.end == packed.count;
        if (!ended) return in.ok();
        const std::size_t count = std::min(run_numbers, packed.count - at);
        if (!reader.next(count, run)) return false;
        decoded.put(run, at + count > wanted.first ? values + at : nullptr);
    }
    if (!specials) return in.ok();
    for (std::size_t left = in.count(2); left > 0; --left) {
        const std::size_t place = in.varint();
        const std::uint64_t bits = in.real_bits();
        if (!in.ok() || place >= packed.count) return false;
        values[place] = std::bit_cast<double>(bits);
    }
    return in.ok();
}

/// Without a window, all of it.
Result<PackedRange> unpack_part(const PackedView& packed, const Window* window, Timestamp* times,
                                double* values, const Kernels& with) {
    if (packed.count == 0) return unreadable(packed, "there is nothing in it");
    ByteReader in(packed.bytes);
    const std::uint8_t form = in.u8();
    const std::uint8_t how = form & form::times_mask;
    if (!in.ok() || (form & ~form::all) != 0 || how > form::times_grid)
        return unreadable(packed, "its form is not known");
    PackedRange wanted{0, packed.count};
    const bool regular = how == form::times_regular;
    const bool timed = regular ? unpack_regular(packed, window, times, wanted)
                               : unpack_times(packed, how, in, times, with);
    if (!timed || !in.ok()) return unreadable(packed, "its times are cut short or do not ascend");
    if (!regular) {
        if (times[packed.count - 1].ms != packed.last_ms)
            return unreadable(packed, "its last time is another one");
        if (window != nullptr) wanted = inside(packed, *window, times);
    }
    bool ended = false;
    if (!unpack_values(packed, form, in, wanted, values, ended, with))
        return unreadable(packed, "its values are cut short");
    if (ended && in.left() > 0) return unreadable(packed, "something follows its values");
    return wanted;
}

}  // namespace

Result<PackedRange> unpack_window(const PackedView& packed, Window window, Timestamp* times,
                                  double* values, const Kernels& with) {
    return unpack_part(packed, &window, times, values, with);
}

Result<void> unpack(const PackedView& packed, Timestamp* times, double* values,
                    const Kernels& with) {
    auto unpacked = unpack_part(packed, nullptr, times, values, with);
    if (!unpacked) return fail(unpacked.error());
    return {};
}

}  // namespace vedette::store
