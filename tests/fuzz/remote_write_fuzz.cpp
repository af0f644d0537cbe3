// Any bytes as a remote write request of either version: compressed or not.
#include <cstddef>
#include <cstdint>

#include "base/snappy.h"
#include "exporter/ingest/known_series.h"
#include "exporter/ingest/write_request.h"

namespace {

/// Says that it knows whatever it is asked for.
class AllKnown final : public vedette::SeriesFinder {
public:
    std::size_t find_known(std::span<const Key> keys, std::span<vedette::SeriesRef>) override {
        return keys.size();
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    AllKnown known;
    const auto batch = vedette::exporter::read_known(bytes, known);
    const auto request = vedette::exporter::read_write_request(bytes);
    if (batch && !request) __builtin_trap();  // what one reads the other reads too
    (void)vedette::exporter::read_write_request_v2(bytes);
    const auto decoded = vedette::uncompress_snappy(bytes, 1 << 20);
    if (decoded) (void)vedette::exporter::read_write_request(*decoded);
    return 0;
}
