// Any bytes as a packed chunk: all kernels and the slow twin agree on what it is. Any doubles: what
// is packed reads back bit for bit.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "tests/store/slow_unpack.h"

namespace {

using namespace vedette;

void read_any(const std::uint8_t* data, std::size_t size) {
    const std::vector<char> copy(data + 4, data + size);  // its end is guarded
    store::PackedView view{
        data[0], data[1] * 1000, data[2] * 10'000 + data[3], {copy.data(), copy.size()}};
    const auto slow = store::slow_unpack(view);
    std::vector<Timestamp> times(store::unpack_room(view.count));
    std::vector<double> values(store::unpack_room(view.count));
    for (const store::Kernels& with : {store::kernels(), store::portable_kernels()}) {
        const auto done = store::unpack(view, times.data(), values.data(), with);
        check(done.has_value() == slow.has_value(), "the slow twin takes the same bytes");
        for (std::size_t i = 0; slow && i < view.count; ++i) {
            check(times[i].ms == slow->times[i], "the same time");
            check(std::bit_cast<std::uint64_t>(values[i]) == slow->value_bits[i], "the same value");
        }
    }
}

void write_any(const std::uint8_t* data, std::size_t size) {
    std::vector<Timestamp> times;
    std::vector<double> values;
    std::int64_t at = 0;
    for (; size >= 10; data += 10, size -= 10) {
        at += 1 + data[8] * (data[9] % 16 == 0 ? 100'000 : 1);
        double value = 0;
        std::memcpy(&value, data, 8);
        // Doubles of random bits are seldom decimals: most become whole numbers.
        if (data[9] % 4 != 0)
            value = static_cast<double>(data[0] + 256 * data[1]) / (1 + data[2] % 2 * 9);
        times.push_back({at});
        values.push_back(value);
    }
    if (times.empty()) return;
    std::string bytes;
    if (!store::pack(times, values, bytes)) return;
    std::vector<Timestamp> read_times(store::unpack_room(times.size()));
    std::vector<double> read_values(store::unpack_room(times.size()));
    const store::PackedView view{times.size(), times.front().ms, times.back().ms, bytes};
    check(store::unpack(view, read_times.data(), read_values.data()).has_value(), "it reads back");
    read_times.resize(times.size());
    check(times == read_times, "times come back");
    check(std::memcmp(values.data(), read_values.data(), values.size() * 8) == 0,
          "values come back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 4) return 0;
    read_any(data, size);
    write_any(data, size);
    return 0;
}
