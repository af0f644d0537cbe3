// What a sealed chunk costs: bytes a sample and samples a second, by the kind of series, as bits
// changed (XOR) and packed. Budget 8 is about the first three kinds; samples come every 15 s.

#include <benchmark/benchmark.h>

#include <cmath>
#include <limits>
#include <random>

#include "core/limits.h"
#include "store/chunks/chunk.h"
#include "store/packed/packed.h"

namespace {

using namespace vedette;

constexpr std::int64_t begin_ms = 1'790'000'000'000;
constexpr int series_count = 200, samples_each = 1'440;  // six hours

enum class Kind { Counter, Gauge, Percentage, Poisson, Bytes, Measured, Jitter, Constant, Bursts };

double next_value(Kind kind, double before, int i, std::mt19937_64& random) {
    const auto below = [&](std::uint64_t n) { return static_cast<double>(random() % n); };
    switch (kind) {
        case Kind::Counter:
        case Kind::Jitter:
            return before + below(50);
        case Kind::Gauge:  // tenths, going up and down
            return std::round(before * 10 + below(41) - 20) / 10;
        case Kind::Percentage:  // a level with noise, in tenths
            return std::round(std::clamp(350 + below(64) + 60 * std::sin(i / 90.0), 0.0, 1000.0)) /
                   10;
        case Kind::Poisson:
            return before + static_cast<double>(std::poisson_distribution<int>(25)(random));
        case Kind::Bytes:
            return before + 4096 * (below(100) - 45);
        case Kind::Measured:  // a duration as a clock gives it: no short decimal
            return std::exp((below(1000) - 500) / 700) / 300;
        case Kind::Constant:
            return 1;
        case Kind::Bursts:
            return i / 40 % 3 == 0 ? before + below(5000) : before;
    }
    return 0;
}

struct Chunks {
    std::vector<store::SealedChunk> packed, plain;
    std::size_t packed_bytes = 0, plain_bytes = 0, samples = 0;
};

Chunks make(Kind kind) {
    Chunks out;
    std::mt19937_64 random{1};
    for (int n = 0; n < series_count; ++n) {
        store::OpenChunk open;
        double value = kind == Kind::Constant ? 1 : static_cast<double>(random() % 10'000);
        for (int i = 0; i < samples_each; ++i) {
            value = next_value(kind, value, i, random);
            const std::int64_t late =
                kind == Kind::Jitter ? static_cast<std::int64_t>(random() % 8) : 0;
            open.append({begin_ms + i * 15'000 + late}, value);
            ++out.samples;
            if (!open.full_for(store::ChunkKind::Float)) continue;
            out.plain.emplace_back(open.view());
            out.plain_bytes += open.view().bytes.size();
            out.packed.push_back(open.seal());
            out.packed_bytes += out.packed.back().heap_bytes();
        }
    }
    return out;
}

void decode_all(benchmark::State& state, const std::vector<store::SealedChunk>& chunks) {
    constexpr Window always{{std::numeric_limits<std::int64_t>::min()},
                            {std::numeric_limits<std::int64_t>::max()}};
    constexpr std::size_t chunks_a_series = samples_each / limits::chunk_samples_max;
    store::Samples samples;
    for (auto _ : state) {
        for (std::size_t i = 0; i < chunks.size(); ++i) {
            if (i % chunks_a_series == 0) samples.clear();
            benchmark::DoNotOptimize(store::decode(chunks[i].view(), always, samples));
        }
    }
}

void packed(benchmark::State& state, Kind kind) {
    const Chunks chunks = make(kind);
    decode_all(state, chunks.packed);
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(chunks.samples));
    state.counters["bytes_a_sample"] = double(chunks.packed_bytes) / double(chunks.samples);
}

// Without the processor's vectors.
void portable(benchmark::State& state, Kind kind) {
    const Chunks chunks = make(kind);
    std::vector<Timestamp> times(store::unpack_room(limits::chunk_samples_max));
    std::vector<double> values(store::unpack_room(limits::chunk_samples_max));
    for (auto _ : state)
        for (const store::SealedChunk& chunk : chunks.packed) {
            const store::ChunkView view = chunk.view();
            if (view.kind != store::ChunkKind::Packed) continue;
            benchmark::DoNotOptimize(
                store::unpack({view.count, view.first_ms, view.last_ms, view.bytes}, times.data(),
                              values.data(), store::portable_kernels()));
        }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(chunks.samples));
}

void plain(benchmark::State& state, Kind kind) {
    const Chunks chunks = make(kind);
    decode_all(state, chunks.plain);
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(chunks.samples));
    state.counters["bytes_a_sample"] = double(chunks.plain_bytes) / double(chunks.samples);
}

void seal(benchmark::State& state, Kind kind) {
    const Chunks chunks = make(kind);
    std::vector<store::Samples> samples(100);
    constexpr Window always{{std::numeric_limits<std::int64_t>::min()},
                            {std::numeric_limits<std::int64_t>::max()}};
    for (std::size_t i = 0; i < samples.size(); ++i)
        (void)store::decode(chunks.plain[i].view(), always, samples[i]);
    std::string out;
    for (auto _ : state)
        for (const store::Samples& each : samples) {
            out.clear();
            benchmark::DoNotOptimize(store::pack(each.times, each.floats, out));
        }
    state.SetItemsProcessed(state.iterations() * 100 *
                            static_cast<std::int64_t>(limits::chunk_samples_max));
}

const bool registered = [] {
    const std::pair<const char*, Kind> kinds[] = {
        {"counter", Kind::Counter}, {"gauge", Kind::Gauge},       {"percentage", Kind::Percentage},
        {"poisson", Kind::Poisson}, {"bytes", Kind::Bytes},       {"measured", Kind::Measured},
        {"jitter", Kind::Jitter},   {"constant", Kind::Constant}, {"bursts", Kind::Bursts}};
    for (const auto& [name, kind] : kinds) {
        benchmark::RegisterBenchmark((std::string("packed/") + name).c_str(), packed, kind);
        benchmark::RegisterBenchmark((std::string("portable/") + name).c_str(), portable, kind);
        benchmark::RegisterBenchmark((std::string("xor/") + name).c_str(), plain, kind);
        benchmark::RegisterBenchmark((std::string("seal/") + name).c_str(), seal, kind);
    }
    return true;
}();

}  // namespace

BENCHMARK_MAIN();
