#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "store/bytes.h"
#include "store/packed/form.h"
#include "store/packed/packed.h"
#include "store/packed/runs.h"

namespace vedette::store {
namespace {

using Numbers = std::vector<std::int64_t>;

constexpr double whole_max = 0x1p53;       // beyond, not every whole number is a double
constexpr double largest = 0x1p62;         // whole doubles up to here are exact as integers
constexpr std::size_t odd_values_max = 8;  // and a fraction of all: then decimals are no help

std::uint64_t bits_of(double value) {
    return std::bit_cast<std::uint64_t>(value);
}

/// The number that gives `value` back when it is divided by 10^scale; false when there is none.
bool whole_at(double value, unsigned scale, std::int64_t& number) {
    const double power = form::powers_of_ten[scale];
    const double scaled = value * power;
    if (!(std::abs(scaled) < (scale == 0 ? largest : whole_max))) return false;
    number = static_cast<std::int64_t>(scaled + std::copysign(scale == 0 ? 0 : 0.5, scaled));
    return bits_of(static_cast<double>(number) / power) == bits_of(value);
}

struct Special {
    std::size_t place;
    std::uint64_t bits;
};

/// Values as whole numbers of 10^-scale; what is none is special, and its number is a neighbour's.
struct Decimals {
    unsigned scale = 0;
    Numbers numbers;
    std::vector<Special> specials;
};

/// A scale at which `value` is whole; false when there is none above `scale`.
bool raise_scale(double value, unsigned& scale) {
    std::int64_t number = 0;
    for (unsigned tried = scale + 1; tried < form::powers_of_ten.size(); ++tried) {
        if (!whole_at(value, tried, number)) continue;
        scale = tried;
        return true;
    }
    return false;
}

/// False when too many values have no scale. Begins again when one needs a finer scale.
bool make_decimals(std::span<const double> values, Decimals& out) {
    const std::size_t odd_max = odd_values_max + values.size() / 16;
    out.numbers.resize(values.size());
    std::int64_t last = 0;
    bool any = false;
    for (std::size_t i = 0; i < values.size(); ++i) {
        std::int64_t number = 0;
        if (whole_at(values[i], out.scale, number)) {
            // What was special before the first number is like it.
            if (!any) std::fill_n(out.numbers.begin(), i, number);
            any = true;
            last = number;
        } else if (std::isfinite(values[i]) && values[i] != 0 &&
                   raise_scale(values[i], out.scale)) {
            out.specials.clear();
            any = false;
            i = ~std::size_t{0};
            continue;
        } else {
            out.specials.push_back({i, bits_of(values[i])});
            if (out.specials.size() > odd_max) return false;
        }
        out.numbers[i] = last;
    }
    return any;
}

/// What of `numbers` is kept: all but the first, as distances from it (order 0), from the one
/// before (1), or from the distance before (2).
Numbers differences(const Numbers& numbers, unsigned order) {
    Numbers out(numbers.size() - 1);
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = wrapping_sub(numbers[i + 1], numbers[order == 0 ? 0 : i]);
    if (order == 2)
        for (std::size_t i = out.size(); i-- > 1;) out[i] = wrapping_sub(out[i], out[i - 1]);
    return out;
}

unsigned common_shift(const Numbers& numbers) {
    std::uint64_t any = 0;
    for (const std::int64_t number : numbers) any |= static_cast<std::uint64_t>(number);
    return any == 0 ? 0 : static_cast<unsigned>(std::countr_zero(any));
}

void shift_right(Numbers& numbers, unsigned shift) {
    for (std::int64_t& number : numbers) number >>= shift;
}

/// How far numbers are from their mean, in the mean: what decides how wide they are packed.
double spread(const Numbers& numbers) {
    double sum = 0, away = 0;
    for (const std::int64_t number : numbers) sum += static_cast<double>(number);
    const double mean = sum / static_cast<double>(numbers.size());
    for (const std::int64_t number : numbers) away += std::abs(static_cast<double>(number) - mean);
    return away / static_cast<double>(numbers.size());
}

std::uint8_t put_times(std::span<const Timestamp> times, std::string& out) {
    const std::size_t count = times.size();
    if (count < 2) return form::times_regular;
    Numbers deltas(count - 1);
    for (std::size_t i = 0; i + 1 < count; ++i)
        deltas[i] = wrapping_sub(times[i + 1].ms, times[i].ms);
    if (std::ranges::all_of(deltas, [&](std::int64_t each) { return each == deltas[0]; }))
        return form::times_regular;
    Numbers sorted = deltas;
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::ranges::nth_element(sorted, middle);
    const std::int64_t interval = *middle;
    Numbers off(count - 1);
    auto planned = static_cast<std::uint64_t>(times[0].ms);
    for (std::size_t i = 0; i + 1 < count; ++i) {
        planned += static_cast<std::uint64_t>(interval);
        off[i] = wrapping_sub(times[i + 1].ms, static_cast<std::int64_t>(planned));
    }
    if (spread(off) < spread(deltas)) {
        put_signed(out, interval);
        put_runs(out, off);
        return form::times_grid;
    }
    put_runs(out, deltas);
    return form::times_deltas;
}

bool all_same(std::span<const double> values) {
    return std::ranges::all_of(values,
                               [&](double each) { return bits_of(each) == bits_of(values[0]); });
}

/// Differences of the order that spreads least.
std::uint8_t choose(const Numbers& numbers, Numbers& best) {
    std::uint8_t chosen = form::values_deltas;
    best = differences(numbers, 1);
    double least = spread(best);
    for (const unsigned order : {0u, 2u}) {
        Numbers some = differences(numbers, order);
        const double wide = spread(some);
        if (wide >= least) continue;
        least = wide;
        best = std::move(some);
        chosen = static_cast<std::uint8_t>(form::values_levels + 4 * order);
    }
    return chosen;
}

}  // namespace

bool pack(std::span<const Timestamp> times, std::span<const double> values, std::string& out) {
    const std::size_t begin = out.size();
    Decimals decimals;
    const bool constant = all_same(values);
    if (!constant && !make_decimals(values, decimals)) return false;
    out.push_back(0);
    std::uint8_t form = put_times(times, out);
    if (constant) {
        put_real(out, values[0]);
    } else {
        Numbers kept;
        form |= choose(decimals.numbers, kept);
        const unsigned shift = common_shift(kept);
        put_u8(out, static_cast<std::uint8_t>(decimals.scale));
        if (shift > 0) {
            form |= form::shift_flag;
            put_u8(out, static_cast<std::uint8_t>(shift));
            shift_right(kept, shift);
        }
        put_signed(out, decimals.numbers[0]);
        put_runs(out, kept);
        if (!decimals.specials.empty()) {
            form |= form::specials_flag;
            put_varint(out, decimals.specials.size());
            for (const Special& each : decimals.specials) {
                put_varint(out, each.place);
                put_real_bits(out, each.bits);
            }
        }
    }
    out[begin] = static_cast<char>(form);
    return true;
}

}  // namespace vedette::store
