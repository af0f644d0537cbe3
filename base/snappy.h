#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace vedette {

/// Snappy's block format, as remote write and remote read use it.
std::string compress_snappy(std::string_view bytes);
/// More than `bytes_max` decoded is refused with Limit before decoding; what is not the format is
/// BadInput.
Result<std::string> uncompress_snappy(std::string_view compressed, std::size_t bytes_max);

}  // namespace vedette
