// A chunked body cut into any pieces gives the same bytes and the same verdict as in one piece.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "exporter/http/body.h"

using namespace vedette::http;

namespace {

constexpr std::size_t out_max = 4096;

struct Outcome {
    bool refused = false, done = false;
    std::string out;
    std::size_t read = 0;
};

Outcome read_in(std::string_view bytes, std::size_t step) {
    Outcome outcome;
    ChunkedReader reader;
    while (outcome.read < bytes.size() && !reader.done() && outcome.out.size() <= out_max) {
        std::string_view piece = bytes.substr(outcome.read, step);
        const std::size_t before = piece.size();
        outcome.refused = reader.read(piece, outcome.out, out_max).has_value();
        if (outcome.refused) break;
        outcome.read += before - piece.size();
    }
    outcome.done = reader.done();
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
    const Outcome whole = read_in(bytes, std::max<std::size_t>(bytes.size(), 1));
    const Outcome pieces = read_in(bytes, data[0] + 1U);
    if (whole.out.size() <= out_max && pieces.out.size() <= out_max) {
        if (whole.refused != pieces.refused || whole.done != pieces.done) std::abort();
        if (whole.out != pieces.out) std::abort();
    }
    Inflater inflater;
    std::string inflated;
    inflater.feed(bytes, inflated, out_max);
    if (inflated.size() > out_max) std::abort();
    return 0;
}
