#pragma once

#include <string_view>
#include <vector>

#include "core/time.h"

namespace vedette::store {

/// Reads a chunk of Prometheus's encoding XOR, as streamed answers of remote read hold them, and
/// appends its samples. False, with some of them appended, for bytes that are no such chunk.
///
///   │ count u16, big-endian │ first time, zigzag varint │ first value, 64 bits │
///   │ second time − first, varint │ value │ then for each: change of the step, value │
///
///   change of the step   0: nothing   10: 14 bits   110: 17   1110: 20   1111: 64
///   value, XORed         0: as before   10: bits inside the window before
///                        11: 5 bits leading zeros, 6 bits length (0: 64), the bits
///
/// Bits from the top down; of n bits of a step, what is above 2^(n−1) is negative.
bool read_xor_chunk(std::string_view bytes, std::vector<Timestamp>& times,
                    std::vector<double>& values);

}  // namespace vedette::store
