#include "store/parts.h"

// What is put into the past: an import makes blocks without going through memory.

namespace vedette::store {

Result<void> Store::add_past(const Stretch& stretch, SeriesCursor& samples) {
    Parts& parts = *parts_;
    const Lock lock(parts.maintain_mutex);
    if (auto put = parts.put_memory_away(stretch.to); !put) return put;
    if (auto marked = parts.samples_come(stretch); !marked) return marked;
    auto added = parts.keeper.add_cut(stretch, samples);
    parts.show_blocks();
    return added;
}

/// What memory holds of the time before `to` becomes a block, as if the time for it had come:
/// from the end of the last block on only memory counts, before it only blocks.
///
///     blocks   ├──────────┤ until
///     memory              ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒
///     import         ├───────────┤ to               ─►  ├──────────┼──────┤ until = to
Result<void> Store::Parts::put_memory_away(Timestamp to) {
    const Timestamp until = keeper.shelf()->until;
    if (to <= until) return {};
    // (B1), as for every cut.
    (void)committer->exclusively([&]() -> Result<void> {
        refused_before = to;
        return {};
    });
    const auto first = first_sample_from(until);
    if (!first || *first >= to) return {};
    const Window window{*first - Milliseconds(1), to - Milliseconds(1)};
    const auto held = read_head({}, {window, no_window}, false, {}, nullptr);
    return keeper.add_cut({*first, to}, *held);
}

}  // namespace vedette::store
