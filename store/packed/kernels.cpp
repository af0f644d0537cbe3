#include "store/packed/kernels.h"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace vedette::store {
namespace {

std::uint64_t load(const char* at) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    return word;
}

// A number of 56 bits that begins inside a byte still ends inside eight.
void unpack(const char* bytes, unsigned width, Run& out) {
    const std::uint64_t mask = (std::uint64_t{1} << width) - 1;
    std::size_t bit = 0;
    for (std::uint64_t& number : out) {
        number = (load(bytes + bit / 8) >> (bit % 8)) & mask;
        bit += width;
    }
}

void add_up(Run& run, std::uint64_t before) {
    for (std::uint64_t& number : run) number = before += number;
}

void to_doubles(const Run& run, double divisor, double* out) {
    for (std::size_t i = 0; i < run_numbers; ++i)
        out[i] = static_cast<double>(static_cast<std::int64_t>(run[i]));
    if (divisor == 1) return;
    for (std::size_t i = 0; i < run_numbers; ++i) out[i] /= divisor;
}

#if defined(__x86_64__)

[[gnu::target("avx2")]] void store_four(Run& run, std::size_t at, __m256i four) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(run.data() + at), four);
}

[[gnu::target("avx2")]] __m256i load_four(const Run& run, std::size_t at) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(run.data() + at));
}

// The words around two pairs of numbers, the first of which begins at `bit`.
[[gnu::target("avx2")]] __m256i four_words(const char* at, unsigned bit, unsigned width) {
    const auto first = static_cast<long long>(load(at + bit / 8));
    const auto second = static_cast<long long>(load(at + (bit + 2 * width) / 8));
    return _mm256_setr_epi64x(first, first, second, second);
}

// Eight numbers take `width` whole bytes. Up to 15 bits, one word holds four of them wherever they
// begin; up to 28, two.
[[gnu::target("avx2")]] void unpack_avx2(const char* bytes, unsigned width, Run& out) {
    if (width > 28) return unpack(bytes, width, out);
    const auto w = static_cast<long long>(width);
    const __m256i mask = _mm256_set1_epi64x((1LL << width) - 1);
    if (width <= 15) {
        const __m256i shifts = _mm256_setr_epi64x(0, w, 2 * w, 3 * w);
        const __m256i half = _mm256_add_epi64(shifts, _mm256_set1_epi64x(4 * (w & 1)));
        for (std::size_t i = 0; i < run_numbers; i += 8, bytes += width) {
            const auto low = static_cast<long long>(load(bytes));
            const auto high = static_cast<long long>(load(bytes + width / 2));
            store_four(out, i,
                       _mm256_and_si256(_mm256_srlv_epi64(_mm256_set1_epi64x(low), shifts), mask));
            store_four(out, i + 4,
                       _mm256_and_si256(_mm256_srlv_epi64(_mm256_set1_epi64x(high), half), mask));
        }
        return;
    }
    const auto offset = [&](unsigned bit) { return static_cast<long long>(bit % 8); };
    const __m256i low_shifts = _mm256_setr_epi64x(0, w, offset(2 * width), offset(2 * width) + w);
    const __m256i high_shifts = _mm256_setr_epi64x(offset(4 * width), offset(4 * width) + w,
                                                   offset(6 * width), offset(6 * width) + w);
    for (std::size_t i = 0; i < run_numbers; i += 8, bytes += width) {
        store_four(
            out, i,
            _mm256_and_si256(_mm256_srlv_epi64(four_words(bytes, 0, width), low_shifts), mask));
        store_four(out, i + 4,
                   _mm256_and_si256(
                       _mm256_srlv_epi64(four_words(bytes, 4 * width, width), high_shifts), mask));
    }
}

[[gnu::target("avx2")]] void add_up_avx2(Run& run, std::uint64_t before) {
    __m256i carry = _mm256_set1_epi64x(static_cast<long long>(before));
    for (std::size_t i = 0; i < run_numbers; i += 4) {
        __m256i four = load_four(run, i);
        four = _mm256_add_epi64(four, _mm256_slli_si256(four, 8));
        // The sum of the lower two goes to the upper two.
        const __m256i lower = _mm256_permute4x64_epi64(four, 0x55);
        four = _mm256_add_epi64(four, _mm256_blend_epi32(_mm256_setzero_si256(), lower, 0xf0));
        store_four(run, i, _mm256_add_epi64(four, carry));
        carry = _mm256_add_epi64(carry, _mm256_permute4x64_epi64(four, 0xff));
    }
}

// AVX2 has no conversion of 64 bits. The halves of the number are put below the exponents of 2^52
// and 2^84 (the upper half with its sign turned round, which adds 2^63); what that adds is taken
// off again, and only the last addition rounds.
[[gnu::target("avx2")]] __m256d doubles_of(__m256i numbers) {
    const __m256i two_52 = _mm256_castpd_si256(_mm256_set1_pd(0x1p52));
    const __m256i two_84_and_sign = _mm256_xor_si256(_mm256_castpd_si256(_mm256_set1_pd(0x1p84)),
                                                     _mm256_set1_epi64x(0x80000000LL));
    const __m256i lower = _mm256_blend_epi32(two_52, numbers, 0x55);
    const __m256i upper = _mm256_xor_si256(_mm256_srli_epi64(numbers, 32), two_84_and_sign);
    const __m256d added = _mm256_set1_pd(0x1p84 + 0x1p63 + 0x1p52);
    return _mm256_add_pd(_mm256_sub_pd(_mm256_castsi256_pd(upper), added),
                         _mm256_castsi256_pd(lower));
}

[[gnu::target("avx2")]] void to_doubles_avx2(const Run& run, double divisor, double* out) {
    if (divisor == 1) {
        for (std::size_t i = 0; i < run_numbers; i += 4)
            _mm256_storeu_pd(out + i, doubles_of(load_four(run, i)));
        return;
    }
    const __m256d divisors = _mm256_set1_pd(divisor);
    for (std::size_t i = 0; i < run_numbers; i += 4)
        _mm256_storeu_pd(out + i, _mm256_div_pd(doubles_of(load_four(run, i)), divisors));
}

#endif

}  // namespace

const Kernels& portable_kernels() {
    static const Kernels portable{unpack, add_up, to_doubles};
    return portable;
}

const Kernels& kernels() {
#if defined(__x86_64__)
    static const Kernels best = __builtin_cpu_supports("avx2")
                                    ? Kernels{unpack_avx2, add_up_avx2, to_doubles_avx2}
                                    : portable_kernels();
    return best;
#else
    return portable_kernels();
#endif
}

}  // namespace vedette::store
