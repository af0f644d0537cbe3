#pragma once

#include <cstdint>
#include <string>

#include "base/files.h"
#include "store/head/memory.h"

namespace vedette::store {

/// Writes all that memory holds to `checkpoint.<replaces_to>`: temporary file, fsync, rename, fsync
/// of the folder; then removes the segments up to that number and older checkpoints. Batches go on
/// meanwhile: what they add stands in the next segment anyway, and reading it twice does no harm.
/// Series must not be taken away meanwhile. Segments from `needed_from` on stay: somebody still
/// reads them. Returns its bytes.
Result<std::uint64_t> write_checkpoint(Files& files, const std::string& folder,
                                       std::uint64_t replaces_to, Memory& memory,
                                       std::uint64_t needed_from = ~std::uint64_t{0});

}  // namespace vedette::store
