// Any bytes as a remote read request.
#include <cstddef>
#include <cstdint>

#include "exporter/egress/remote_read.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    (void)vedette::exporter::read_read_request(bytes);
    return 0;
}
