#include "base/snappy.h"

#include <fmt/format.h>
#include <snappy.h>

namespace vedette {

std::string compress_snappy(std::string_view bytes) {
    std::string out;
    snappy::Compress(bytes.data(), bytes.size(), &out);
    return out;
}

Result<std::string> uncompress_snappy(std::string_view compressed, std::size_t bytes_max) {
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(compressed.data(), compressed.size(), &size))
        return fail(Fault::BadInput, "the body is not compressed with snappy (block format)");
    if (size > bytes_max)
        return fail(Fault::Limit,
                    fmt::format("the body would be {} bytes uncompressed; at most {} are taken",
                                size, bytes_max));
    std::string out;
    if (!snappy::Uncompress(compressed.data(), compressed.size(), &out))
        return fail(Fault::BadInput, "the body is not compressed with snappy (block format)");
    return out;
}

}  // namespace vedette
