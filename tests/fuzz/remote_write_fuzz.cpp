// Any bytes as a remote write request of either version: compressed or not.
#include <cstddef>
#include <cstdint>

#include "exporter/ingest/remote_write.h"
#include "exporter/ingest/write_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    (void)vedette::exporter::read_write_request(bytes);
    (void)vedette::exporter::read_write_request_v2(bytes);
    const auto decoded = vedette::exporter::uncompress_snappy(bytes, 1 << 20);
    if (decoded) (void)vedette::exporter::read_write_request(*decoded);
    return 0;
}
