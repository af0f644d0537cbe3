// Answers from memory and blocks.

#include <algorithm>
#include <functional>
#include <set>

#include "core/limits.h"
#include "store/blocks/merge.h"
#include "store/blocks/split.h"
#include "store/log/records.h"
#include "store/parts.h"

namespace vedette::store {
namespace {

constexpr std::size_t bite_series = 64;         // series copied while the head is held
constexpr std::size_t bite_bytes = 256 * 1024;  // and bytes of chunks

Result<std::vector<ReadyMatcher>> make_ready(std::span<const Matcher> matchers) {
    std::vector<ReadyMatcher> ready;
    ready.reserve(matchers.size());
    for (const Matcher& matcher : matchers) {
        auto made = ReadyMatcher::make(matcher);
        if (!made) return fail(made.error());
        ready.push_back(std::move(*made));
    }
    return ready;
}

/// No selector selects everything.
Result<std::vector<std::vector<ReadyMatcher>>> make_ready(LabelSource::Selectors selectors) {
    std::vector<std::vector<ReadyMatcher>> all;
    if (selectors.empty()) all.emplace_back();
    for (const auto& selector : selectors) {
        auto ready = make_ready(std::span<const Matcher>(selector));
        if (!ready) return fail(ready.error());
        all.push_back(std::move(*ready));
    }
    return all;
}

bool overlaps(const Block& block, Window window) {
    return block.about().from <= window.to && block.about().to - Milliseconds(1) > window.from;
}

bool covers(Window window, const Block& block) {
    return window.from < block.about().from && block.about().to - Milliseconds(1) <= window.to;
}

/// Calls `each` for the labels of series in blocks that a selector selects and that may have a
/// sample in the window; `whole` instead for a block all of which is asked for. A series that
/// cannot be read is nobody's.
void each_stored(const Shelf& shelf, bool everything,
                 const std::vector<std::vector<ReadyMatcher>>& selectors, Window window,
                 const std::function<void(const Labels&)>& each,
                 const std::function<void(const Block&)>& whole) {
    StoredSeries series;
    for (const auto& block : shelf.blocks) {
        if (!overlaps(*block, window)) continue;
        if (everything && covers(window, *block)) {
            whole(*block);
            continue;
        }
        for (const auto& selector : selectors)
            for (const SeriesNumber number : block->matching(selector, {}))
                if (block->read(number, series) && series.overlaps(window)) each(series.labels);
    }
}

}  // namespace

// ── SeriesSource ──

ChunkCursor::OnCorrupt Store::Parts::on_corrupt() {
    return [this](const Labels& labels, const Error& error) {
        counters.corrupt.add();
        log.error("a chunk cannot be decoded",
                  {{"series", to_string(labels)}, {"error", error.message}});
    };
}

bool Store::Parts::any_late() {
    const Lock lock_(memory.head_mutex);
    return !memory.head.late().empty();
}

std::unique_ptr<SeriesCursor> Store::Parts::read_head(std::span<const ReadyMatcher> matchers,
                                                      HeadWindows windows, bool latest_only,
                                                      std::stop_token stop,
                                                      std::shared_ptr<const Shelf> shelf) {
    std::vector<SeriesId> ids;
    {
        const Lock lock_(memory.index_mutex);
        ids = ids_of(slots_by_labels(matchers, stop));
    }
    return read_series(std::move(ids), windows, latest_only, std::move(stop), std::move(shelf));
}

std::vector<Slot> Store::Parts::slots_by_labels(std::span<const ReadyMatcher> matchers,
                                                const std::stop_token& stop) {
    std::vector<Slot> slots = memory.index.matching(matchers, stop);
    memory.index.sort_by_labels(slots);
    return slots;
}

std::vector<SeriesId> Store::Parts::ids_of(std::span<const Slot> slots) {
    std::vector<SeriesId> ids;
    ids.reserve(slots.size());
    for (const Slot slot : slots) ids.push_back({slot, memory.index.epoch(slot)});
    return ids;
}

std::unique_ptr<SeriesCursor> Store::Parts::read_series(std::vector<SeriesId> series,
                                                        HeadWindows windows, bool latest_only,
                                                        std::stop_token stop,
                                                        std::shared_ptr<const Shelf> shelf) {
    auto fill = [this, shelf = std::move(shelf), ids = std::move(series), windows, latest_only,
                 at = std::size_t{0}](CopiedChunks& bite) mutable {
        const Lock index_lock(memory.index_mutex);
        const Lock head_lock(memory.head_mutex);
        for (; at < ids.size(); ++at) {
            if (bite.series.size() >= bite_series || bite.bytes.size() >= bite_bytes) return;
            const SeriesId id = ids[at];
            if (!memory.index.holds(id.slot, id.epoch)) continue;
            memory.head.copy(id.slot, memory.index.labels(id.slot), windows.chunks, windows.late,
                             latest_only, bite);
        }
    };
    return std::make_unique<ChunkCursor>(std::move(fill), on_corrupt(), windows.chunks, latest_only,
                                         std::move(stop));
}

std::size_t Store::Parts::samples_about(std::span<const Slot> slots, Window window) {
    constexpr std::size_t looked_at_max = 8;
    const std::size_t looked_at = std::min(slots.size(), looked_at_max);
    if (looked_at == 0) return 0;
    std::size_t samples = 0;
    const Lock lock_(memory.head_mutex);
    for (std::size_t i = 0; i < looked_at; ++i) {
        const Slot slot = slots[slots.size() * i / looked_at];
        if (slot < memory.head.slot_end()) samples += memory.head.at(slot).samples_about(window);
    }
    return samples * slots.size() / looked_at;
}

std::unique_ptr<SeriesCursor> Store::Parts::read(std::span<const ReadyMatcher> matchers,
                                                 Window window, bool latest_only,
                                                 std::stop_token stop) {
    return std::move(read_in_parts(matchers, window, latest_only, 1, stop).front());
}

Split Store::Parts::split_head(std::span<const Slot> slots, std::size_t count) {
    count = std::clamp<std::size_t>(count, 1, std::max<std::size_t>(slots.size(), 1));
    Split out;
    out.stretches.resize(count);
    for (std::size_t i = 1; i < count; ++i)
        out.begins.push_back(memory.index.labels(slots[slots.size() * i / count]));
    return out;
}

std::vector<std::vector<SeriesId>> Store::Parts::ids_in(const Split& parts,
                                                        std::span<const Slot> slots) {
    std::vector<std::vector<SeriesId>> out;
    auto first = slots.begin();
    for (const Labels& begin : parts.begins) {
        const auto end = std::partition_point(first, slots.end(),
                                              [&](Slot slot) VEDETTE_REQUIRES(memory.index_mutex) {
                                                  return memory.index.labels(slot) < begin;
                                              });
        out.push_back(ids_of({first, end}));
        first = end;
    }
    out.push_back(ids_of({first, slots.end()}));
    return out;
}

Store::Parts::Cursors Store::Parts::read_in_parts(std::span<const ReadyMatcher> matchers,
                                                  Window window, bool latest_only,
                                                  std::size_t parts_max,
                                                  const std::stop_token& stop) {
    return read_in_parts(matchers, window, latest_only, parts_max, stop,
                         [&]() VEDETTE_REQUIRES(memory.index_mutex) {
                             return slots_by_labels(matchers, stop);
                         });
}

Store::Parts::Cursors Store::Parts::read_in_parts(std::span<const ReadyMatcher> matchers,
                                                  Window window, bool latest_only,
                                                  std::size_t parts_max,
                                                  const std::stop_token& stop,
                                                  const SlotsInOrder& slots_in_order) {
    const auto shelf = keeper.shelf();
    std::vector<MergedCursor::Part> stored;
    std::size_t samples = 0;
    for (const auto& block : shelf->blocks) {
        if (!overlaps(*block, window)) continue;
        auto series = block->matching(matchers, stop);
        if (series.empty()) continue;
        stored.push_back({block, std::move(series)});
        samples += store::samples_about(stored.back(), window);
    }
    const Window left = shelf->left_to_head(window);
    const bool any_stored = !stored.empty(), asks_head = left.from < left.to || any_late();
    Split parts;
    std::vector<std::vector<SeriesId>> in_head;  // of each part
    {
        const Lock lock_(memory.index_mutex);
        std::vector<Slot> slots;
        if (asks_head) slots = slots_in_order();
        // The newest samples are copied, not decoded: nothing that two could do at the same time.
        std::size_t count = 1;
        if (parts_max > 1 && !latest_only)
            count = (samples + samples_about(slots, left)) / limits::query_part_samples_min;
        count = std::clamp<std::size_t>(count, 1, parts_max);
        parts = any_stored ? split(std::move(stored), count) : split_head(slots, count);
        in_head = ids_in(parts, slots);
    }
    Cursors cursors;
    for (std::size_t i = 0; i < parts.stretches.size(); ++i) {
        std::unique_ptr<SeriesCursor> head;
        if (!in_head[i].empty() || !any_stored)
            head = read_series(std::move(in_head[i]), {left, window}, latest_only, stop, shelf);
        if (any_stored)
            cursors.push_back(std::make_unique<MergedCursor>(std::move(parts.stretches[i]),
                                                             std::move(head), window, latest_only,
                                                             on_corrupt(), stop));
        else
            cursors.push_back(std::move(head));
    }
    return cursors;
}

Result<std::unique_ptr<SeriesCursor>> Store::select(std::span<const Matcher> matchers,
                                                    Window window, const Hints& hints,
                                                    std::stop_token stop) {
    auto ready = make_ready(matchers);
    if (!ready) return fail(ready.error());
    if (auto rolled = parts_->read_rolled(*ready, window, hints, stop)) return rolled;
    return parts_->read(*ready, window, hints.latest_only, std::move(stop));
}

Result<std::vector<std::unique_ptr<SeriesCursor>>> Store::select_parts(
    std::span<const Matcher> matchers, Window window, const Hints& hints, std::size_t parts,
    std::stop_token stop) {
    auto ready = make_ready(matchers);
    if (!ready) return fail(ready.error());
    if (auto rolled = parts_->read_rolled(*ready, window, hints, stop)) {
        Parts::Cursors one;
        one.push_back(std::move(rolled));
        return one;
    }
    return parts_->read_in_parts(*ready, window, hints.latest_only, parts, stop);
}

// ── LabelSource ──

std::vector<Slot> Store::Parts::slots_in(const Found& selectors, HeadWindows windows) {
    std::vector<Slot> slots;
    for (const auto& selector : selectors) {
        const auto more = memory.index.matching(selector, {});
        slots.insert(slots.end(), more.begin(), more.end());
    }
    std::sort(slots.begin(), slots.end());
    slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
    const Lock lock_(memory.head_mutex);
    std::erase_if(slots, [&](Slot slot) VEDETTE_REQUIRES(memory.head_mutex) {
        return !memory.head.overlaps(slot, windows.chunks, windows.late);
    });
    return slots;
}

Result<std::vector<std::string>> Store::label_names(Selectors selectors, Window window) {
    Parts& parts = *parts_;
    auto ready = make_ready(selectors);
    if (!ready) return fail(ready.error());
    const auto shelf = parts.keeper.shelf();
    std::set<std::string, std::less<>> names;
    const auto add = [&](const Labels& labels) {
        for (const Label label : labels)
            if (!names.contains(label.name)) names.emplace(label.name);
    };
    for (const auto& each : parts.shelves_of(window))
        each_stored(*each, selectors.empty(), *ready, window, add, [&](const Block& block) {
            for (auto& name : block.names()) names.insert(std::move(name));
        });
    const Lock lock(parts.memory.index_mutex);
    const auto slots = parts.slots_in(*ready, {shelf->left_to_head(window), window});
    Index& index = parts.memory.index;
    // All of them is the common question, and the index knows that answer.
    if (slots.size() == index.size())
        for (auto& name : index.names()) names.insert(std::move(name));
    else
        for (const Slot slot : slots) add(index.labels(slot));
    return std::vector<std::string>(names.begin(), names.end());
}

Result<std::vector<std::string>> Store::label_values(std::string_view name, Selectors selectors,
                                                     Window window) {
    Parts& parts = *parts_;
    auto ready = make_ready(selectors);
    if (!ready) return fail(ready.error());
    const auto shelf = parts.keeper.shelf();
    std::set<std::string, std::less<>> values;
    const auto add = [&](const Labels& labels) {
        if (const auto value = labels.get(name); !value.empty() && !values.contains(value))
            values.emplace(value);
    };
    for (const auto& each : parts.shelves_of(window))
        each_stored(*each, selectors.empty(), *ready, window, add, [&](const Block& block) {
            for (auto& value : block.values(name)) values.insert(std::move(value));
        });
    const Lock lock(parts.memory.index_mutex);
    const auto slots = parts.slots_in(*ready, {shelf->left_to_head(window), window});
    Index& index = parts.memory.index;
    if (slots.size() == index.size())
        for (auto& value : index.values(name)) values.insert(std::move(value));
    else
        for (const Slot slot : slots) add(index.labels(slot));
    return std::vector<std::string>(values.begin(), values.end());
}

Result<std::vector<SeriesExemplars>> Store::exemplars(Selectors selectors, Window window) {
    const auto ready = make_ready(selectors);
    if (!ready) return fail(ready.error());
    const auto holds = [](const std::vector<ReadyMatcher>& selector, const Labels& labels) {
        return std::all_of(selector.begin(), selector.end(), [&](const ReadyMatcher& matcher) {
            return matcher.holds(labels.get(matcher.name()));
        });
    };
    const Lock lock(parts_->memory.exemplar_mutex);
    return parts_->memory.exemplars.find(
        [&](const Labels& labels) {
            return std::any_of(ready->begin(), ready->end(),
                               [&](const auto& selector) { return holds(selector, labels); });
        },
        window);
}

Result<std::vector<Labels>> Store::series_in(Selectors selectors, Window window) {
    Parts& parts = *parts_;
    auto ready = make_ready(selectors);
    if (!ready) return fail(ready.error());
    const auto shelf = parts.keeper.shelf();
    std::vector<Labels> out;
    for (const auto& each : parts.shelves_of(window))
        each_stored(
            *each, false, *ready, window, [&](const Labels& labels) { out.push_back(labels); },
            [](const Block&) {});
    const bool merged = !out.empty();
    {
        const Lock lock(parts.memory.index_mutex);
        auto slots = parts.slots_in(*ready, {shelf->left_to_head(window), window});
        Index& index = parts.memory.index;
        index.sort_by_labels(slots);
        out.reserve(out.size() + slots.size());
        for (const Slot slot : slots) out.push_back(index.labels(slot));
    }
    if (merged) {
        std::sort(out.begin(), out.end());
        out.erase(std::unique(out.begin(), out.end()), out.end());
    }
    return out;
}

// ── the newest sample ──

std::optional<Sample> Store::latest(SeriesRef series) const {
    const SeriesId id = SeriesId::of(series);
    const Lock index_lock(parts_->memory.index_mutex);
    if (!parts_->memory.index.holds(id.slot, id.epoch)) return std::nullopt;
    const Lock head_lock(parts_->memory.head_mutex);
    return parts_->memory.head.latest(id.slot);
}

std::optional<Sample> Store::latest(const Labels& labels) const {
    const Lock index_lock(parts_->memory.index_mutex);
    const auto slot = parts_->memory.index.find(labels);
    if (!slot) return std::nullopt;
    const Lock head_lock(parts_->memory.head_mutex);
    return parts_->memory.head.latest(*slot);
}

std::optional<Sample> Store::Parts::newest_in(const Labels& labels, Window window) {
    std::vector<ReadyMatcher> matchers;
    for (const Label label : labels) {
        auto made = ReadyMatcher::make(
            {Matcher::Op::Equal, std::string(label.name), std::string(label.value)});
        if (made) matchers.push_back(std::move(*made));
    }
    const auto cursor = read(matchers, window, true, {});
    Column column;
    while (cursor->next(column)) {
        if (*column.labels != labels) continue;  // has more labels than these
        const bool histogram = !column.histograms.empty() && column.histograms.back();
        return Sample{column.times.back(),
                      histogram ? Value(column.histograms.back()) : Value(column.floats.back())};
    }
    return std::nullopt;
}

std::optional<Sample> Store::current(const Labels& labels, Timestamp at) {
    const Window window{at - parts_->settings.lookback, at};
    const auto usable = [&](const std::optional<Sample>& sample) {
        return sample && window.holds(sample->at) && !is_stale(sample->value);
    };
    const std::optional<Sample> newest = latest(labels);
    // What memory forgot is before `until`, and may be newer than what came late.
    const Timestamp until = parts_->keeper.shelf()->until;
    const bool forgotten = newest ? newest->at < until : window.from < until;
    if (!forgotten && (!newest || newest->at <= at)) return usable(newest) ? newest : std::nullopt;
    const std::optional<Sample> before = parts_->newest_in(labels, window);
    return usable(before) ? before : std::nullopt;
}

}  // namespace vedette::store
