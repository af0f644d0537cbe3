// Any bytes as a chunk of either kind: decoding stays inside them, and times ascend.

#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

#include "core/error.h"
#include "store/chunks/chunk.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace vedette;
    constexpr std::size_t head = 8;
    if (size < head) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + head, size - head);
    const Window always{{std::numeric_limits<std::int64_t>::min()},
                        {std::numeric_limits<std::int64_t>::max()}};
    for (const auto kind : {store::ChunkKind::Float, store::ChunkKind::Histogram}) {
        store::ChunkView view{kind, data[0], data[1] * 1000, data[2] * 100'000, bytes};
        store::Samples out;
        (void)store::decode(view, always, out);
        for (std::size_t i = 1; i < out.times.size(); ++i)
            check(out.times[i - 1] < out.times[i], "times ascend");
        store::OpenChunk::Tail tail;
        tail.bit_count = static_cast<std::uint32_t>(bytes.size() * 8 - data[3] % 8);
        tail.leading = data[4];
        tail.significant = data[5];
        tail.delta_ms = data[6];
        if (auto resumed = store::OpenChunk::resume(view, tail))
            if (!resumed->full_for(store::ChunkKind::Float))
                resumed->append({view.last_ms + 1}, data[7]);
    }
    return 0;
}
