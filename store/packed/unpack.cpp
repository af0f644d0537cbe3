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

bool unpack_regular(const PackedView& packed, Timestamp* times) {
    const std::uint64_t range = unsigned_of(packed.last_ms) - unsigned_of(packed.first_ms);
    const std::size_t steps = packed.count - 1;
    const std::uint64_t interval = steps == 0 ? 0 : range / steps;
    if (interval * steps != range || (steps > 0 && packed.first_ms >= packed.last_ms)) return false;
    constexpr std::size_t strip = 8;
    std::uint64_t at = unsigned_of(packed.first_ms);
    for (std::size_t i = 0; i < packed.count; i += strip, at += strip * interval)
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
        with_.to_doubles(run, divisor_, out);
    }

private:
    unsigned order_, shift_ = 0;
    double divisor_ = 1;
    std::uint64_t first_ = 0, before_ = 0, delta_ = 0;
    const Kernels& with_;
};

bool unpack_values(const PackedView& packed, std::uint8_t form, ByteReader& in, double* values,
                   const Kernels& with) {
    if ((form & form::values_mask) == form::values_constant) {
        const double value = in.real();
        std::fill_n(values, packed.count, value);
        return in.ok();
    }
    Values decoded(form, in, with);
    RunReader reader(in, with);
    Run run;
    values[0] = decoded.first();
    for (std::size_t at = 1; at < packed.count; at += run_numbers) {
        const std::size_t count = std::min(run_numbers, packed.count - at);
        if (!reader.next(count, run)) return false;
        decoded.put(run, values + at);
    }
    if ((form & form::specials_flag) == 0) return in.ok();
    for (std::size_t left = in.count(2); left > 0; --left) {
        const std::size_t place = in.varint();
        const std::uint64_t bits = in.real_bits();
        if (!in.ok() || place >= packed.count) return false;
        values[place] = std::bit_cast<double>(bits);
    }
    return in.ok();
}

}  // namespace

Result<void> unpack(const PackedView& packed, Timestamp* times, double* values,
                    const Kernels& with) {
    if (packed.count == 0) return unreadable(packed, "there is nothing in it");
    ByteReader in(packed.bytes);
    const std::uint8_t form = in.u8();
    const std::uint8_t how = form & form::times_mask;
    if (!in.ok() || (form & ~form::all) != 0 || how > form::times_grid)
        return unreadable(packed, "its form is not known");
    const bool timed = how == form::times_regular ? unpack_regular(packed, times)
                                                  : unpack_times(packed, how, in, times, with);
    if (!timed || !in.ok()) return unreadable(packed, "its times are cut short or do not ascend");
    if (times[packed.count - 1].ms != packed.last_ms)
        return unreadable(packed, "its last time is another one");
    if (!unpack_values(packed, form, in, values, with))
        return unreadable(packed, "its values are cut short");
    if (in.left() > 0) return unreadable(packed, "something follows its values");
    return {};
}

}  // namespace vedette::store
