#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/time.h"

namespace vedette::exporter {

/// Samples as Prometheus's chunks of encoding XOR hold them, for the streamed answers of remote
/// read. At most 65,535 samples, ascending in time.
///
///   │ count u16, big-endian │ first time, zigzag varint │ first value, 64 bits │
///   │ second time − first, varint │ value │ then for each: change of the step, value │
///
///   change of the step   0: nothing   10: 14 bits   110: 17   1110: 20   1111: 64
///   value, XORed         0: as before   10: bits inside the window before
///                        11: 5 bits leading zeros, 6 bits length (0: 64), the bits
std::string xor_chunk(std::span<const Timestamp> times, std::span<const double> values);

}  // namespace vedette::exporter
