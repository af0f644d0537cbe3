#include "store/packed/runs.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

namespace vedette::store {
namespace {

constexpr std::uint8_t width_mask = 0x3f, outliers_flag = 0x40, low_flag = 0x80;
constexpr unsigned outlier_bits = 8;  // of its place, beside its number

struct Plan {
    std::int64_t low = 0;
    unsigned width = 0;
    std::size_t outliers = 0;
    std::size_t bits = 0;
};

std::uint64_t distance(std::int64_t from, std::int64_t to) {
    return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
}

unsigned width_of(std::int64_t least, std::int64_t greatest) {
    return static_cast<unsigned>(std::bit_width(distance(least, greatest)));
}

std::size_t varint_bits(std::int64_t value) {
    const auto needed = static_cast<std::size_t>(std::bit_width(zigzag(value) | 1));
    return (needed + 6) / 7 * 8;
}

bool is_inside(std::int64_t number, const Plan& plan) {
    return distance(plan.low, number) >> plan.width == 0;
}

std::int64_t typical(std::span<const std::int64_t> numbers) {
    const std::size_t last = numbers.size() - 1;
    std::array<std::int64_t, 5> some{numbers[0], numbers[last / 4], numbers[last / 2],
                                     numbers[last - last / 4], numbers[last]};
    std::sort(some.begin(), some.end());
    return some[2];
}

/// The power of two below and above `middle` to which numbers are best kept.
unsigned best_reach(std::span<const std::int64_t> numbers, std::int64_t middle) {
    std::array<std::uint8_t, 65> counts{};
    for (const std::int64_t number : numbers) {
        const std::int64_t away = wrapping_sub(number, middle);
        ++counts[static_cast<std::size_t>(
            std::bit_width(static_cast<std::uint64_t>(away < 0 ? ~away : away)))];
    }
    unsigned reach = 64, best = 64;
    std::size_t outside = 0, least = ~std::size_t{0};
    while (true) {
        const std::size_t bits =
            reach < run_width_max ? numbers.size() * (reach + 1) + outside : ~std::size_t{0};
        if (bits < least) {
            least = bits;
            best = reach;
        }
        if (reach == 0) return best;
        outside += counts[reach] * (outlier_bits + 8 * (reach / 7 + 1));
        --reach;
    }
}

/// `plan` with its cost, and the least and the greatest number inside it.
Plan measured(std::span<const std::int64_t> numbers, std::int64_t low, unsigned width,
              std::int64_t* least = nullptr, std::int64_t* greatest = nullptr) {
    Plan plan{low, width, 0, numbers.size() * width};
    std::int64_t lowest = std::numeric_limits<std::int64_t>::max();
    std::int64_t highest = std::numeric_limits<std::int64_t>::min();
    for (const std::int64_t number : numbers) {
        if (is_inside(number, plan)) {
            lowest = std::min(lowest, number);
            highest = std::max(highest, number);
        } else {
            ++plan.outliers;
            plan.bits += outlier_bits + varint_bits(wrapping_sub(number, low));
        }
    }
    if (plan.outliers > 0) plan.bits += 8;
    if (least != nullptr) *least = lowest;
    if (greatest != nullptr) *greatest = highest;
    return plan;
}

// Around what is typical first, then as narrow as those inside allow, then a bit narrower from
// either end: the window that is best is not always found, one near it is.
Plan plan_run(std::span<const std::int64_t> numbers) {
    const std::int64_t middle = typical(numbers);
    const unsigned reach = best_reach(numbers, middle);
    std::int64_t least = 0, greatest = 0;
    const std::int64_t low = wrapping_sub(middle, std::int64_t{1} << reach);
    Plan best = measured(numbers, low, reach + 1, &least, &greatest);
    best = measured(numbers, least, width_of(least, greatest));
    // Or as wide as all need.
    const auto [lowest, highest] = std::ranges::minmax(numbers);
    const unsigned whole = width_of(lowest, highest);
    if (whole <= run_width_max && numbers.size() * whole <= best.bits) {
        best = {lowest, whole, 0, numbers.size() * whole};
        greatest = highest;
    }
    while (best.width > 0) {
        const unsigned narrower = best.width - 1;
        const std::int64_t from_top =
            wrapping_sub(greatest, static_cast<std::int64_t>((std::uint64_t{1} << narrower) - 1));
        const Plan bottom = measured(numbers, best.low, narrower);
        const Plan top = measured(numbers, from_top, narrower);
        const Plan& better = bottom.bits < top.bits ? bottom : top;
        if (better.bits >= best.bits) break;
        best = better;
    }
    return best;
}

void put_packed(std::string& out, std::span<const std::int64_t> numbers, const Plan& plan) {
    const std::size_t begin = out.size(), bytes = (numbers.size() * plan.width + 7) / 8;
    out.resize(begin + bytes + 8);
    char* at = out.data() + begin;
    std::size_t bit = 0;
    for (const std::int64_t number : numbers) {
        const std::uint64_t kept = is_inside(number, plan) ? distance(plan.low, number) : 0;
        std::uint64_t word = 0;
        std::memcpy(&word, at + bit / 8, 8);
        word |= kept << (bit % 8);
        std::memcpy(at + bit / 8, &word, 8);
        bit += plan.width;
    }
    out.resize(begin + bytes);
}

}  // namespace

void put_runs(std::string& out, std::span<const std::int64_t> numbers) {
    std::int64_t low = 0;
    for (; !numbers.empty(); numbers = numbers.subspan(std::min(run_numbers, numbers.size()))) {
        const auto run = numbers.first(std::min(run_numbers, numbers.size()));
        Plan plan = plan_run(run);
        // A low that is near enough is not said again.
        if (plan.outliers == 0 && plan.low >= low && plan.width <= run_width_max) {
            const Plan same{low, plan.width, 0, 0};
            if (std::ranges::all_of(run, [&](std::int64_t n) { return is_inside(n, same); }))
                plan.low = low;
        }
        put_u8(out, static_cast<std::uint8_t>(plan.width | (plan.outliers > 0 ? outliers_flag : 0) |
                                              (plan.low != low ? low_flag : 0)));
        if (plan.low != low) put_signed(out, plan.low);
        low = plan.low;
        put_packed(out, run, plan);
        if (plan.outliers == 0) continue;
        put_u8(out, static_cast<std::uint8_t>(plan.outliers));
        for (std::size_t i = 0; i < run.size(); ++i) {
            if (is_inside(run[i], plan)) continue;
            put_u8(out, static_cast<std::uint8_t>(i));
            put_signed(out, wrapping_sub(run[i], plan.low));
        }
    }
}

bool RunReader::next(std::size_t count, Run& out) {
    const std::uint8_t head = in_.u8();
    const unsigned width = head & width_mask;
    if ((head & low_flag) != 0) low_ = in_.signed_varint();
    if (width > run_width_max) in_.refuse();
    const std::string_view packed = in_.bytes((count * width + 7) / 8);
    if (!in_.ok()) return false;
    if (width == 0) {
        out.fill(0);
    } else if (const std::size_t reads = run_numbers / 8 * width + run_slack_bytes;
               packed.size() + in_.left() >= reads) {
        kernels_.unpack(packed.data(), width, out);
    } else {
        char padded[run_numbers / 8 * run_width_max + run_slack_bytes];
        std::memcpy(padded, packed.data(), packed.size());
        std::memset(padded + packed.size(), 0, reads - packed.size());
        kernels_.unpack(padded, width, out);
    }
    if ((head & outliers_flag) != 0) {
        for (std::size_t left = in_.u8(); left > 0 && in_.ok(); --left) {
            const std::size_t place = in_.u8();
            if (place >= count) in_.refuse();
            const std::int64_t number = in_.signed_varint();
            if (in_.ok()) out[place] = static_cast<std::uint64_t>(number);
        }
    }
    if (low_ != 0)
        for (std::uint64_t& number : out) number += static_cast<std::uint64_t>(low_);
    return in_.ok();
}

}  // namespace vedette::store
