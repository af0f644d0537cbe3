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
constexpr double log2e = 1.44269504088896340735992468100189214,
                 log10_of_e = 0.43429448190325182765112891891660508;
// ln 2 in two parts, of which the first has zeros behind: multiples of it are exact.
constexpr double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10;

constexpr int mantissa_bits = 52, exponent_bias = 1023;
constexpr std::uint64_t mantissa_mask = (std::uint64_t{1} << mantissa_bits) - 1;

/// e to the power of `high - low`, times 2 to that of `k`, by a rational approximation.
double exp_of_parts(double high, double low, int k) {
    const double r = high - low, t = r * r;
    const double c =
        r - t * (1.66666666666666657415e-01 +
                 t * (-2.77777777770155933842e-03 +
                      t * (6.61375632143793436117e-05 +
                           t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))));
    return std::ldexp(1 - ((low - (r * c) / (2 - c)) - high), k);
}

/// What log and log1p make of the fraction: s²·(L1 + s⁴·…), even and odd powers apart or not.
constexpr double log_terms[] = {6.666666666666735130e-01, 3.999999999940941908e-01,
                                2.857142874366239149e-01, 2.222219843214978396e-01,
                                1.818357216161805012e-01, 1.531383769920937332e-01,
                                1.479819860511658591e-01};

bool is_odd(double x) {
    if (std::abs(x) >= 0x1p53) return false;
    double whole = 0;
    return std::modf(x, &whole) == 0 && (static_cast<std::int64_t>(whole) & 1) != 0;
}

double pow_of_zero(double x, double y) {
    const bool negative = std::signbit(x) && is_odd(y);
    if (y < 0) return negative ? -infinity : infinity;
    return negative ? x : 0;
}

double pow_to_infinity(double x, bool up) {
    if (x == -1) return 1;
    return (std::abs(x) < 1) == up ? 0 : infinity;
}

/// x to the power of y by repeated squaring, for x that is not zero and both finite.
double pow_of_finite(double x, double y) {
    double whole = 0;
    double rest = std::modf(std::abs(y), &whole);
    if (rest != 0 && x < 0) return nan;
    if (whole >= 0x1p63) return pow_to_infinity(x, y > 0);
    double answer = 1;
    int exponent = 0;
    if (rest != 0) {
        if (rest > 0.5) {
            rest -= 1;
            whole += 1;
        }
        answer = exp(rest * log(x));
    }
    int power_exponent = 0;
    double power = std::frexp(x, &power_exponent);
    constexpr int hopeless = 1 << 12;
    for (auto left = static_cast<std::int64_t>(whole); left != 0; left >>= 1) {
        if (power_exponent < -hopeless || power_exponent > hopeless) {
            exponent += power_exponent;
            break;
        }
        if ((left & 1) != 0) {
            answer *= power;
            exponent += power_exponent;
        }
        power *= power;
        power_exponent *= 2;
        if (power < 0.5) {
            power += power;
            --power_exponent;
        }
    }
    return y < 0 ? std::ldexp(1 / answer, -exponent) : std::ldexp(answer, exponent);
}

}  // namespace

/// On amd64 Go takes another way to `exp` than to `exp2`: a sixteenth of what is left of x, by its
/// Taylor series as e^x - 1, is doubled four times; each product is added to without rounding.
double exp(double x) {
    constexpr double most = 7.09782712893383973096e+02, least = -7.45133219101941108420e+02;
    // ln 2 in two parts, the first so short that multiples of it are exact.
    constexpr double high = 0.69314718055966295651160180568695068359375,
                     low = 0.28235290563031577122588448175013436025525412068e-12;
    constexpr double factors[] = {2.48015873015873015873e-5,
                                  1.98412698412698412698e-4,
                                  1.38888888888888888889e-3,
                                  8.33333333333333333333e-3,
                                  4.16666666666666666667e-2,
                                  1.66666666666666666667e-1,
                                  0.5,
                                  1.0};
    if (std::isnan(x) || x == infinity) return x;
    if (x > most) return infinity;
    if (x < least) return 0;
    const double k = std::nearbyint(x * log2e);
    const double rest = std::fma(-k, low, std::fma(-k, high, x)) * 0.0625;
    if (k > 1023) return infinity;
    double sum = 0;
    for (const double factor : factors) sum = std::fma(sum, rest, factor);
    double less_one = rest * sum;
    for (int i = 0; i < 3; ++i) less_one *= less_one + 2;
    return std::ldexp(std::fma(less_one, less_one + 2, 1.0), static_cast<int>(k));
}

double exp2(double x) {
    constexpr double most = 1.0239999999999999e+03, least = -1.0740e+03;
    if (std::isnan(x) || x == infinity) return x;
    if (x > most) return infinity;
    if (x < least) return 0;
    const int k = x == 0 ? 0 : static_cast<int>(x + (x < 0 ? -0.5 : 0.5));
    const double t = x - k;
    return exp_of_parts(t * ln2_high, -t * ln2_low, k);
}

double log(double x) {
    if (std::isnan(x) || x == infinity) return x;
    if (x < 0) return nan;
    if (x == 0) return -infinity;
    int exponent = 0;
    double fraction = std::frexp(x, &exponent);
    if (x < std::numeric_limits<double>::min()) {
        // Go reads the bits of the smallest numbers as if they were like others.
        constexpr std::uint64_t of_half = 0x3fe0000000000000;
        fraction = std::bit_cast<double>(std::bit_cast<std::uint64_t>(x) | of_half);
        exponent = std::numeric_limits<double>::min_exponent - 1;
    }
    if (fraction < std::numbers::sqrt2 / 2) {
        fraction *= 2;
        --exponent;
    }
    const double f = fraction - 1, k = exponent;
    const double s = f / (2 + f), s2 = s * s, s4 = s2 * s2;
    const auto& l = log_terms;
    const double odd = s2 * (l[0] + s4 * (l[2] + s4 * (l[4] + s4 * l[6])));
    const double even = s4 * (l[1] + s4 * (l[3] + s4 * l[5]));
    const double half_square = 0.5 * f * f;
    return k * ln2_high - ((half_square - (s * (half_square + (odd + even)) + k * ln2_low)) - f);
}

double log2(double x) {
    if (std::isnan(x) || std::isinf(x) || x <= 0) return log(x);
    int exponent = 0;
    const double fraction = std::frexp(x, &exponent);
    // Exact for powers of two.
    if (fraction == 0.5) return exponent - 1;
    return log(fraction) * log2e + exponent;
}

double log10(double x) {
    return log(x) * log10_of_e;
}

double log1p(double x) {
    if (x < -1 || std::isnan(x)) return nan;
    if (x == -1) return -infinity;
    if (x == infinity) return x;
    const double size = std::abs(x);
    double f = x, lost = 0;
    std::uint64_t bits = 1;  // of the fraction; 0 when it is very small
    int k = 0;
    if (size < 0x1p-54) return x;
    if (size < 0x1p-29) return x - x * x * 0.5;
    if (!(size < std::numbers::sqrt2 - 1 && x > std::numbers::sqrt2 / 2 - 1)) {
        double u = size < 0x1p53 ? 1 + x : x;
        bits = std::bit_cast<std::uint64_t>(u);
        k = static_cast<int>(bits >> mantissa_bits) - exponent_bias;
        if (size < 0x1p53) lost = (k > 0 ? 1 - (u - x) : x - (u - 1)) / u;
        bits &= mantissa_mask;
        constexpr std::uint64_t of_sqrt2 = 0x0006a09e667f3bcd, of_one = 0x3ff0000000000000,
                                of_half = 0x3fe0000000000000;
        if (bits < of_sqrt2) {
            u = std::bit_cast<double>(bits | of_one);
        } else {
            ++k;
            u = std::bit_cast<double>(bits | of_half);
            bits = (mantissa_mask + 1 - bits) >> 2;
        }
        f = u - 1;
    }
    const double half_square = 0.5 * f * f;
    if (bits == 0) {
        if (f == 0) return k == 0 ? 0 : k * ln2_high + (lost + k * ln2_low);
        const double r = half_square * (1 - 0.66666666666666666 * f);
        return k == 0 ? f - r : k * ln2_high - ((r - (k * ln2_low + lost)) - f);
    }
    const double s = f / (2 + f), z = s * s;
    const auto& l = log_terms;
    const double r =
        z * (l[0] + z * (l[1] + z * (l[2] + z * (l[3] + z * (l[4] + z * (l[5] + z * l[6]))))));
    if (k == 0) return f - (half_square - s * (half_square + r));
    return k * ln2_high - ((half_square - (s * (half_square + r) + (k * ln2_low + lost))) - f);
}

double pow(double x, double y) {
    if (y == 0 || x == 1) return 1;
    if (y == 1) return x;
    if (std::isnan(x) || std::isnan(y)) return nan;
    if (x == 0) return pow_of_zero(x, y);
    if (std::isinf(y)) return pow_to_infinity(x, y > 0);
    if (x == -infinity) return pow_of_zero(-0.0, -y);
    if (x == infinity) return y < 0 ? 0 : infinity;
    if (y == 0.5) return std::sqrt(x);
    if (y == -0.5) return 1 / std::sqrt(x);
    return pow_of_finite(x, y);
}

}  // namespace vedette::promql::go
