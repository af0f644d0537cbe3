#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

#include "promql/functions/go_math.h"

namespace vedette::promql::go {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double pi = std::numbers::pi;

/// An angle as a number of eighths of a turn, an even one, and what is left of it.
struct Octant {
    std::uint64_t number;
    double rest;
};

/// 4/π in binary: one digit before the point, then 64 bits a word.
constexpr std::array<std::uint64_t, 20> four_by_pi = {
    0x0000000000000001, 0x45f306dc9c882a53, 0xf84eafa3ea69bb81, 0xb6c52b3278872083,
    0xfca2c757bd778ac3, 0x6e48dc74849ba5c0, 0x0c925dd413a32439, 0xfc3bd63962534e7d,
    0xd1046bea5d768909, 0xd338e04d68befc82, 0x7323ac7306a673e9, 0x3908bf177bf25076,
    0x3ff12fffbc0b301f, 0xde5e2316b414da3e, 0xda6cfd9e4f96136e, 0x9e8c7ecd3cbfd45a,
    0xea4f758fd7cbe2f6, 0x7a0e73ef14a525d4, 0xd7f6bf623f1aba10, 0xac06608df8f6d757};

/// Of angles so large that a product with doubles would lose their place: by as many bits of 4/π
/// as matter (Payne and Hanek).
Octant octant_of_large(double x) {
    constexpr int mantissa_bits = 52, exponent_bias = 1023, word_bits = 64;
    constexpr int before_point = 61;  // the top three bits of the product are the octant
    auto bits = std::bit_cast<std::uint64_t>(x);
    const int exponent = static_cast<int>(bits >> mantissa_bits) - exponent_bias - mantissa_bits;
    constexpr std::uint64_t hidden = std::uint64_t{1} << mantissa_bits;
    bits = (bits & (hidden - 1)) | hidden;
    const auto word = static_cast<std::size_t>((exponent + before_point) / word_bits);
    const int shift = (exponent + before_point) % word_bits;
    const auto digits = [&](std::size_t i) {
        const std::uint64_t next = shift == 0 ? 0 : four_by_pi[word + i + 1] >> (word_bits - shift);
        return four_by_pi[word + i] << shift | next;
    };
    __extension__ using Wide = unsigned __int128;
    const auto low_carry = static_cast<std::uint64_t>(Wide{digits(2)} * bits >> word_bits);
    const Wide sum = Wide{digits(1)} * bits + low_carry + (Wide{digits(0) * bits} << word_bits);
    auto high = static_cast<std::uint64_t>(sum >> word_bits);
    const auto low = static_cast<std::uint64_t>(sum);
    std::uint64_t number = high >> before_point;
    high = high << 3 | low >> before_point;
    const int zeros = std::countl_zero(high);
    const auto biased = static_cast<std::uint64_t>(exponent_bias - (zeros + 1));
    const std::uint64_t top = zeros + 1 < word_bits ? high << (zeros + 1) : 0;
    high = top | low >> (word_bits - (zeros + 1));
    high = high >> (word_bits - mantissa_bits) | biased << mantissa_bits;
    double rest = std::bit_cast<double>(high);
    if ((number & 1) != 0) {
        number = (number + 1) & 7;
        rest -= 1;
    }
    return {number, rest * (pi / 4)};
}

Octant octant_of(double x) {
    if (x >= 0x1p29) return octant_of_large(x);
    // π/4 in three parts: multiples of the first two are exact.
    constexpr double a = 7.85398125648498535156e-1, b = 3.77489470793079817668e-8,
                     c = 2.69515142907905952645e-15;
    auto number = static_cast<std::uint64_t>(x * (4 / pi));
    number += number & 1;
    const auto y = static_cast<double>(number);
    return {number & 7, ((x - y * a) - y * b) - y * c};
}

double small_sin(double z) {
    const double zz = z * z;
    return z + z * zz *
                   ((((((1.58962301576546568060e-10 * zz) + -2.50507477628578072866e-8) * zz +
                       2.75573136213857245213e-6) *
                          zz +
                      -1.98412698295895385996e-4) *
                         zz +
                     8.33333333332211858878e-3) *
                        zz +
                    -1.66666666666666307295e-1);
}

double small_cos(double z) {
    const double zz = z * z;
    return 1.0 - 0.5 * zz +
           zz * zz *
               ((((((-1.13585365213876817300e-11 * zz) + 2.08757008419747316778e-9) * zz +
                   -2.75573141792967388112e-7) *
                      zz +
                  2.48015872888517045348e-5) *
                     zz +
                 -1.38888888888730564116e-3) *
                    zz +
                4.16666666666665929218e-2);
}

double small_atan(double x) {
    double z = x * x;
    z = z *
        ((((-8.750608600031904122785e-01 * z + -1.615753718733365076637e+01) * z +
           -7.500855792314704667340e+01) *
              z +
          -1.228866684490136173410e+02) *
             z +
         -6.485021904942025371773e+01) /
        (((((z + 2.485846490142306297962e+01) * z + 1.650270098316988542046e+02) * z +
           4.328810604912902668951e+02) *
              z +
          4.853903996359136964868e+02) *
             z +
         1.945506571482613964425e+02);
    return x * z + x;
}

/// For angles not below zero, brought near to it.
double positive_atan(double x) {
    constexpr double more_bits = 6.123233995736765886130e-17;  // of π/2
    constexpr double tan_3pi_8 = 2.41421356237309504880;
    if (x <= 0.66) return small_atan(x);
    if (x > tan_3pi_8) return pi / 2 - small_atan(1 / x) + more_bits;
    return pi / 4 + small_atan((x - 1) / (x + 1)) + 0.5 * more_bits;
}

}  // namespace

double sin(double x) {
    if (x == 0 || std::isnan(x)) return x;
    if (std::isinf(x)) return nan;
    Octant octant = octant_of(std::abs(x));
    bool negative = x < 0;
    if (octant.number > 3) {
        negative = !negative;
        octant.number -= 4;
    }
    const bool turned = octant.number == 1 || octant.number == 2;
    const double y = turned ? small_cos(octant.rest) : small_sin(octant.rest);
    return negative ? -y : y;
}

double cos(double x) {
    if (std::isnan(x)) return x;
    if (std::isinf(x)) return nan;
    Octant octant = octant_of(std::abs(x));
    bool negative = false;
    if (octant.number > 3) {
        negative = true;
        octant.number -= 4;
    }
    if (octant.number > 1) negative = !negative;
    const bool turned = octant.number == 1 || octant.number == 2;
    const double y = turned ? small_sin(octant.rest) : small_cos(octant.rest);
    return negative ? -y : y;
}

double tan(double x) {
    if (x == 0 || std::isnan(x)) return x;
    if (std::isinf(x)) return nan;
    const Octant octant = octant_of(std::abs(x));
    const double z = octant.rest, zz = z * z;
    double y = z;
    if (zz > 1e-14)
        y = z + z * (zz *
                     (((-1.30936939181383734205e4 * zz) + 1.15351664838587416140e6) * zz +
                      -1.79565251976484877988e7) /
                     ((((zz + 1.36812963470692954678e4) * zz + -1.32089234440210967447e6) * zz +
                       2.50083801823357915839e7) *
                          zz +
                      -5.38695755929454629881e7));
    if ((octant.number & 2) != 0) y = -1 / y;
    return x < 0 ? -y : y;
}

double asin(double x) {
    if (x == 0) return x;
    const double size = std::abs(x);
    if (!(size <= 1)) return nan;
    const double other = std::sqrt(1 - size * size);
    const double y =
        size > 0.7 ? pi / 2 - positive_atan(other / size) : positive_atan(size / other);
    return x < 0 ? -y : y;
}

double acos(double x) {
    return pi / 2 - asin(x);
}

double atan(double x) {
    if (x == 0) return x;
    return x > 0 ? positive_atan(x) : -positive_atan(-x);
}

double atan2(double y, double x) {
    if (std::isnan(x) || std::isnan(y)) return nan;
    if (y == 0) return std::copysign(std::signbit(x) ? pi : 0, y);
    if (x == 0) return std::copysign(pi / 2, y);
    if (std::isinf(x) && std::isinf(y)) return std::copysign(x > 0 ? pi / 4 : 3 * pi / 4, y);
    if (std::isinf(x)) return std::copysign(x > 0 ? 0 : pi, y);
    if (std::isinf(y)) return std::copysign(pi / 2, y);
    const double q = atan(y / x);
    if (x >= 0) return q;
    return q <= 0 ? q + pi : q - pi;
}

double sinh(double x) {
    const double size = std::abs(x);
    double y = 0;
    if (size > 21) {
        y = exp(size) * 0.5;
    } else if (size > 0.5) {
        const double e = exp(size);
        y = (e - 1 / e) * 0.5;
    } else {
        const double square = size * size;
        y = (((-0.2630563213397497062819489e+2 * square + -0.2894211355989563807284660366e+4) *
                  square +
              -0.8991272022039509355398013511e+5) *
                 square +
             -0.6307673640497716991184787251e+6) *
            size;
        y = y / (((square + -0.173678953558233699533450911e+3) * square +
                  0.1521517378790019070696485176e+5) *
                     square +
                 -0.6307673640497716991212077277e+6);
    }
    return std::signbit(x) ? -y : y;
}

double cosh(double x) {
    const double size = std::abs(x);
    if (size > 21) return exp(size) * 0.5;
    const double e = exp(size);
    return (e + 1 / e) * 0.5;
}

double tanh(double x) {
    constexpr double most = 8.8029691931113054295988e+01;  // ln 2^127
    const double size = std::abs(x);
    if (size > 0.5 * most) return x < 0 ? -1 : 1;
    if (size >= 0.625) {
        const double y = 1 - 2 / (exp(2 * size) + 1);
        return x < 0 ? -y : y;
    }
    if (x == 0) return x;
    const double s = x * x;
    return x + x * s *
                   ((-9.64399179425052238628e-1 * s + -9.92877231001918586564e1) * s +
                    -1.61468768441708447952e3) /
                   (((s + 1.12811678491632931402e2) * s + 2.23548839060100448583e3) * s +
                    4.84406305325125486048e3);
}

double asinh(double x) {
    if (std::isnan(x) || std::isinf(x)) return x;
    const double size = std::abs(x);
    double y = size;
    if (size > 0x1p28)
        y = log(size) + std::numbers::ln2;
    else if (size > 2)
        y = log(2 * size + 1 / (std::sqrt(size * size + 1) + size));
    else if (size >= 0x1p-28)
        y = log1p(size + size * size / (1 + std::sqrt(1 + size * size)));
    return std::signbit(x) ? -y : y;
}

double acosh(double x) {
    if (!(x >= 1)) return nan;
    if (x == 1) return 0;
    if (x >= 0x1p28) return log(x) + std::numbers::ln2;
    if (x > 2) return log(2 * x - 1 / (x + std::sqrt(x * x - 1)));
    const double t = x - 1;
    return log1p(t + std::sqrt(2 * t + t * t));
}

double atanh(double x) {
    const double size = std::abs(x);
    if (!(size <= 1)) return nan;
    if (size == 1) return std::copysign(infinity, x);
    double y = size;
    if (size >= 0x1p-28)
        y = size < 0.5 ? 0.5 * log1p((size + size) + (size + size) * size / (1 - size))
                       : 0.5 * log1p((size + size) / (1 - size));
    return std::signbit(x) ? -y : y;
}

}  // namespace vedette::promql::go
