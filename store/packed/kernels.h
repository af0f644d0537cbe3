#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace vedette::store {

/// So many numbers are packed and unpacked at a time.
inline constexpr std::size_t run_numbers = 64;
/// The widest packed number, and how many bytes after its run a kernel may read.
inline constexpr unsigned run_width_max = 56;
inline constexpr std::size_t run_slack_bytes = 16;

using Run = std::array<std::uint64_t, run_numbers>;

/// The three loops in which reading a packed chunk spends its time. Each works on a whole run, also
/// where fewer numbers are wanted: a fixed number of turns is what makes them quick. Arithmetic
/// wraps. Safe to call from any thread.
struct Kernels {
    /// Takes 64 numbers of `width` bits apart, lowest bits first. Reads up to 8 * width +
    /// run_slack_bytes bytes.
    void (*unpack)(const char* bytes, unsigned width, Run& out);
    /// Each number becomes the sum of `before` and of all numbers up to itself.
    void (*add_up)(Run& run, std::uint64_t before);
    /// Numbers, which are signed here, divided by `divisor`.
    void (*to_doubles)(const Run& run, double divisor, double* out);
};

/// In plain C++, for any processor: the twin of the others.
const Kernels& portable_kernels();
/// The quickest that this processor can run.
const Kernels& kernels();

}  // namespace vedette::store
