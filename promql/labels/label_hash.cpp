#include "promql/labels/label_hash.h"

#include <array>
#include <bit>
#include <cstring>
#include <string>

namespace vedette::promql {

namespace {

constexpr std::uint64_t prime1 = 0x9E3779B185EBCA87, prime2 = 0xC2B2AE3D27D4EB4F,
                        prime3 = 0x165667B19E3779F9, prime4 = 0x85EBCA77C2B2AE63,
                        prime5 = 0x27D4EB2F165667C5;

static_assert(std::endian::native == std::endian::little, "words are read as they lie");

template <typename Word>
std::uint64_t take(std::string_view& bytes) {
    Word word;
    std::memcpy(&word, bytes.data(), sizeof word);
    bytes.remove_prefix(sizeof word);
    return word;
}

std::uint64_t round_of(std::uint64_t lane, std::uint64_t word) {
    return std::rotl(lane + word * prime2, 31) * prime1;
}

/// Four lanes over stripes of 32 bytes.
std::uint64_t stripes(std::string_view& bytes) {
    std::array<std::uint64_t, 4> lanes = {prime1 + prime2, prime2, 0, 0 - prime1};
    while (bytes.size() >= 32)
        for (std::uint64_t& lane : lanes) lane = round_of(lane, take<std::uint64_t>(bytes));
    std::uint64_t hash = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) +
                         std::rotl(lanes[3], 18);
    for (const std::uint64_t lane : lanes) hash = (hash ^ round_of(0, lane)) * prime1 + prime4;
    return hash;
}

void append_sized(std::string& out, std::string_view text) {
    const std::size_t size = text.size();
    if (size < 255) {
        out += static_cast<char>(size);
    } else {
        out += '\xff';
        for (const int shift : {0, 8, 16}) out += static_cast<char>(size >> shift);
    }
    out += text;
}

}  // namespace

std::uint64_t xxh64(std::string_view bytes) {
    const std::uint64_t length = bytes.size();
    std::uint64_t hash = (length >= 32 ? stripes(bytes) : prime5) + length;
    while (bytes.size() >= 8)
        hash = std::rotl(hash ^ round_of(0, take<std::uint64_t>(bytes)), 27) * prime1 + prime4;
    if (bytes.size() >= 4)
        hash = std::rotl(hash ^ take<std::uint32_t>(bytes) * prime1, 23) * prime2 + prime3;
    while (!bytes.empty())
        hash = std::rotl(hash ^ take<std::uint8_t>(bytes) * prime5, 11) * prime1;
    hash = (hash ^ hash >> 33) * prime2;
    hash = (hash ^ hash >> 29) * prime3;
    return hash ^ hash >> 32;
}

std::uint64_t label_hash(const Labels& labels) {
    std::string bytes;
    for (const Label label : labels) {
        append_sized(bytes, label.name);
        append_sized(bytes, label.value);
    }
    return xxh64(bytes);
}

bool is_sampled(std::uint64_t hash, double ratio) {
    constexpr double most = 18446744073709551615.0;
    const double place = static_cast<double>(hash) / most;
    return ratio >= 0 ? place < ratio : place >= 1.0 + ratio;
}

}  // namespace vedette::promql
