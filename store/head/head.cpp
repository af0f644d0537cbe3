#include "store/head/head.h"

#include <algorithm>
#include <bit>

#include "core/histogram.h"

namespace vedette::store {
namespace {

constexpr std::size_t malloc_bytes = 8;  // what the allocator keeps beside each piece

std::uint64_t bits_of(const Sample& sample) {
    const auto* value = std::get_if<double>(&sample.value);
    return value != nullptr ? std::bit_cast<std::uint64_t>(*value) : 0;
}

HistogramRef histogram_of(const Sample& sample) {
    const auto* value = std::get_if<HistogramRef>(&sample.value);
    return value != nullptr ? *value : nullptr;
}

bool same_histogram(const HistogramRef& a, const HistogramRef& b) {
    return a && b ? same_data(*a, *b) : !a && !b;
}

HistogramRef with_stored_hint(HistogramRef sent, const Histogram* previous) {
    const Histogram::ResetHint hint = stored_reset_hint(*sent, previous);
    if (hint == sent->reset_hint) return sent;
    auto stored = std::make_shared<Histogram>(*sent);
    stored->reset_hint = hint;
    return stored;
}

}  // namespace

Verdict SeriesSamples::claim(const Sample& sample, const Floor& floor) {
    const bool recent = sample.at >= floor.in_order;
    if (!recent || (any_claimed_ && sample.at.ms < claimed_ms_)) {
        if (floor.late) return sample.at >= *floor.late ? Verdict::Late : Verdict::TooOld;
        return recent ? Verdict::OutOfOrder : Verdict::TooOld;
    }
    const std::uint64_t bits = bits_of(sample);
    const HistogramRef histogram = histogram_of(sample);
    if (any_claimed_ && sample.at.ms == claimed_ms_) {
        const HistogramRef known = histograms_ ? histograms_->claimed : nullptr;
        return bits == claimed_bits_ && same_histogram(histogram, known) ? Verdict::Known
                                                                         : Verdict::Duplicate;
    }
    any_claimed_ = true;
    claimed_ms_ = sample.at.ms;
    claimed_bits_ = bits;
    if (histogram && !histograms_) histograms_ = std::make_unique<Histograms>();
    if (histograms_) histograms_->claimed = histogram;
    return Verdict::Store;
}

void SeriesSamples::unclaim() {
    any_claimed_ = !open_.empty();
    claimed_ms_ = open_.last_ms();
    claimed_bits_ =
        open_.kind() == ChunkKind::Float ? std::bit_cast<std::uint64_t>(open_.last_value()) : 0;
    if (histograms_) histograms_->claimed = histograms_->appended;
}

std::size_t SeriesSamples::last_bytes() const {
    std::size_t bytes = open_.heap_bytes() + sealed_.capacity() * sizeof(SealedChunk);
    if (!sealed_.empty()) bytes += sealed_.back().heap_bytes() + malloc_bytes;
    return bytes;
}

void SeriesSamples::seal() {
    SealedChunk chunk = open_.seal();
    // In twos: half the heads, and half the pieces of memory.
    if (sealed_.empty() || !sealed_.back().take_in(chunk)) sealed_.push_back(std::move(chunk));
}

void SeriesSamples::append(const Sample& sample) {
    HistogramRef histogram = histogram_of(sample);
    const ChunkKind kind = histogram ? ChunkKind::Histogram : ChunkKind::Float;
    if (open_.full_for(kind)) seal();
    if (histogram) {
        histogram = with_stored_hint(std::move(histogram), histograms_->appended.get());
        open_.append(sample.at, *histogram, histograms_->appended.get());
    } else {
        open_.append(sample.at, std::get<double>(sample.value));
    }
    if (histograms_) histograms_->appended = histogram;
    idle = false;
}

std::optional<Sample> SeriesSamples::latest() const {
    if (open_.empty()) return std::nullopt;
    if (open_.kind() == ChunkKind::Histogram)
        return Sample{{open_.last_ms()}, histograms_->appended};
    return Sample{{open_.last_ms()}, open_.last_value()};
}

std::optional<Timestamp> SeriesSamples::first_from(Timestamp from) const {
    if (open_.empty() || open_.last_ms() < from.ms) return std::nullopt;
    const auto sealed =
        std::partition_point(sealed_.begin(), sealed_.end(),
                             [&](const SealedChunk& chunk) { return chunk.last_ms() < from.ms; });
    const ChunkView chunk = sealed != sealed_.end() ? sealed->view() : open_.view();
    if (chunk.first_ms >= from.ms) return Timestamp{chunk.first_ms};
    Samples samples;
    (void)decode(chunk, {from - Milliseconds(1), {chunk.last_ms}}, samples);
    return samples.empty() ? Timestamp{chunk.last_ms} : samples.times.front();
}

void SeriesSamples::drop_before(Timestamp oldest) {
    const auto keep = std::ranges::find_if(
        sealed_, [&](const SealedChunk& chunk) { return chunk.last_ms() >= oldest.ms; });
    sealed_.erase(sealed_.begin(), keep);
    if (sealed_.empty()) sealed_.shrink_to_fit();
    if (!open_.empty() && open_.last_ms() < oldest.ms) {
        open_ = OpenChunk();
        histograms_.reset();
        unclaim();
    }
}

std::size_t SeriesSamples::drop_after(Timestamp newest) {
    if (open_.empty() || open_.last_ms() <= newest.ms) return 0;
    constexpr Timestamp beginning{never};
    std::size_t dropped = 0;
    Samples kept;  // of the last chunk that begins in time; it is written anew
    const auto keep = [&](const ChunkView& chunk) {
        // What cannot be decoded now could not be read later either.
        (void)decode(chunk, {beginning, newest}, kept);
        dropped += chunk.count - std::min<std::size_t>(chunk.count, kept.times.size());
    };
    keep(open_.view());
    for (; kept.empty() && !sealed_.empty(); sealed_.pop_back()) keep(sealed_.back().view());
    begin_anew(kept);
    return dropped;
}

/// Appends samples behind the sealed chunks, in place of the open one.
void SeriesSamples::begin_anew(const Samples& samples) {
    open_ = OpenChunk();
    histograms_.reset();
    unclaim();
    for (std::size_t i = 0; i < samples.times.size(); ++i) {
        Sample sample{samples.times[i], {}};
        if (i < samples.histograms.size() && samples.histograms[i])
            sample.value = samples.histograms[i];
        else
            sample.value = samples.floats[i];
        claim(sample, {{never}, {}});
        append(sample);
    }
}

std::size_t SeriesSamples::erase(Window window) {
    if (!overlaps(window)) return 0;
    constexpr Timestamp end_of_time{std::numeric_limits<std::int64_t>::max()};
    std::size_t samples = 0;
    Samples kept;
    const auto keep = [&](const ChunkView& chunk) {
        samples += chunk.count;
        (void)decode(chunk, {{never}, window.from}, kept);
        (void)decode(chunk, {window.to, end_of_time}, kept);
    };
    for (const SealedChunk& chunk : sealed_) keep(chunk.view());
    keep(open_.view());
    sealed_.clear();
    begin_anew(kept);
    return samples - std::min(samples, kept.times.size());
}

bool SeriesSamples::restore_sealed(const ChunkView& chunk) {
    if (!sealed_.empty() && chunk.first_ms <= sealed_.back().last_ms()) return false;
    if (!open_.empty()) return false;
    sealed_.emplace_back(chunk);
    return true;
}

Result<void> SeriesSamples::restore_open(const ChunkView& chunk, const OpenChunk::Tail& tail) {
    if (!open_.empty()) return fail(Fault::Corrupt, "a series has two open chunks");
    if (!sealed_.empty() && chunk.first_ms <= sealed_.back().last_ms())
        return fail(Fault::Corrupt, "an open chunk begins before the sealed ones end");
    if (chunk.kind == ChunkKind::Float) {
        auto resumed = OpenChunk::resume(chunk, tail);
        if (!resumed) return fail(resumed.error());
        open_ = std::move(*resumed);
        unclaim();
        return {};
    }
    if (chunk.kind != ChunkKind::Histogram)
        return fail(Fault::Corrupt, "an open chunk is of a kind that cannot be added to");
    Samples samples;
    const Window always{{std::numeric_limits<std::int64_t>::min()},
                        {std::numeric_limits<std::int64_t>::max()}};
    if (auto decoded = decode(chunk, always, samples); !decoded) return decoded;
    for (std::size_t i = 0; i < samples.times.size(); ++i) {
        const Sample sample{samples.times[i], samples.histograms[i]};
        claim(sample, {always.from, {}});
        append(sample);
    }
    return {};
}

std::size_t SeriesSamples::heap_bytes() const {
    std::size_t bytes =
        open_.heap_bytes() + malloc_bytes + sealed_.capacity() * sizeof(SealedChunk);
    for (const SealedChunk& chunk : sealed_) bytes += chunk.heap_bytes() + malloc_bytes;
    if (histograms_) bytes += sizeof(Histograms) + sizeof(Histogram);
    return bytes;
}

bool SeriesSamples::overlaps(Window window) const {
    if (open_.empty() || open_.last_ms() <= window.from.ms) return false;
    const std::int64_t first =
        sealed_.empty() ? open_.view().first_ms : sealed_.front().view().first_ms;
    return first <= window.to.ms;
}

std::size_t SeriesSamples::samples_about(Window window) const {
    std::size_t samples = 0;
    const auto add = [&](const ChunkView& chunk) {
        const std::int64_t from = std::max(chunk.first_ms, window.from.ms + 1);
        const std::int64_t to = std::min(chunk.last_ms, window.to.ms);
        if (chunk.count == 0 || from > to) return;
        const double share = static_cast<double>(to - from + 1) /
                             static_cast<double>(chunk.last_ms - chunk.first_ms + 1);
        samples += static_cast<std::size_t>(share * chunk.count);
    };
    const auto first = std::partition_point(
        sealed_.begin(), sealed_.end(),
        [&](const SealedChunk& each) { return each.last_ms() <= window.from.ms; });
    for (auto at = first; at != sealed_.end() && at->view().first_ms <= window.to.ms; ++at)
        add(at->view());
    add(open_.view());
    return samples;
}

void Head::grow(Slot end) {
    if (end > series_.size()) series_.resize(end);
}

void Head::append(Slot slot, const Sample& sample) {
    SeriesSamples& series = series_[slot];
    const std::size_t chunks_before = series.sealed().size();
    const std::size_t bytes_before = series.last_bytes();
    const std::size_t last_before = chunks_before == 0 ? 0 : series.sealed().back().heap_bytes();
    series.append(sample);
    newest_ = std::max(newest_, sample.at);
    oldest_ = std::min(oldest_, sample.at);
    heap_bytes_ += series.last_bytes() - bytes_before;
    // A new last chunk stands beside the one that was the last.
    if (series.sealed().size() != chunks_before && chunks_before > 0)
        heap_bytes_ += last_before + malloc_bytes;
}

void Head::forget(Slot slot) {
    const std::size_t before = series_[slot].heap_bytes();
    series_[slot] = SeriesSamples();
    heap_bytes_ -= std::min(before, heap_bytes_);
    late_.forget(slot);
}

std::size_t Head::erase(Slot slot, Window window) {
    SeriesSamples& series = series_[slot];
    const std::size_t before = series.heap_bytes();
    const std::size_t erased = series.erase(window);
    if (erased > 0) heap_bytes_ += series.heap_bytes() - before;
    return erased + late_.erase(slot, window);
}

std::vector<Slot> Head::drop_before(Timestamp oldest, Timestamp oldest_late) {
    std::vector<Slot> gone;
    late_.drop_before(oldest_late);
    for (Slot slot = 0; slot < slot_end(); ++slot) {
        SeriesSamples& series = series_[slot];
        series.drop_before(oldest);
        if (!series.empty() || late_.holds_any(slot)) continue;
        if (series.idle) gone.push_back(slot);
        series.idle = true;
    }
    recount();
    return gone;
}

std::size_t Head::drop_after(Timestamp newest) {
    std::size_t dropped = late_.drop_after(newest);
    for (SeriesSamples& series : series_) dropped += series.drop_after(newest);
    newest_ = {std::numeric_limits<std::int64_t>::min()};
    recount();
    return dropped;
}

void Head::recount() {
    heap_bytes_ = 0;
    oldest_ = {std::numeric_limits<std::int64_t>::max()};
    for (const SeriesSamples& series : series_) {
        heap_bytes_ += series.heap_bytes();
        if (series.empty()) continue;
        newest_ = std::max(newest_, Timestamp{series.newest_ms()});
        const std::int64_t first = series.sealed().empty()
                                       ? series.open().view().first_ms
                                       : series.sealed().front().view().first_ms;
        oldest_ = std::min(oldest_, Timestamp{first});
    }
}

bool Head::overlaps(Slot slot, Window window, Window late_window) const {
    if (slot >= series_.size()) return false;
    return series_[slot].overlaps(window) || late_.overlaps(slot, late_window);
}

std::optional<Sample> Head::latest(Slot slot) const {
    std::optional<Sample> in_order = series_[slot].latest();
    if (late_.empty()) return in_order;
    std::optional<Sample> late = late_.latest(slot);
    return !in_order || (late && late->at > in_order->at) ? late : in_order;
}

void Head::copy(Slot slot, const Labels& labels, Window window, Window late_window,
                bool latest_only, CopiedChunks& out) const {
    if (slot >= series_.size()) return;
    const SeriesSamples& series = series_[slot];
    CopiedChunks::Series copied{labels, {}, out.chunks.size(), 0, out.late.size(), 0};
    if (!late_.empty()) late_.copy(slot, late_window, out.late);
    copied.late_end = out.late.size();
    if (!series.empty() && series.newest_ms() > window.from.ms) {
        if (latest_only && series.newest_ms() <= window.to.ms)
            copied.latest = series.latest();
        else
            copy_chunks(series, window, latest_only, out);
    }
    copied.end = out.chunks.size();
    if (copied.latest || copied.end > copied.first || copied.late_end > copied.late_first)
        out.series.push_back(std::move(copied));
}

void Head::copy_chunks(const SeriesSamples& series, Window window, bool latest_only,
                       CopiedChunks& out) const {
    const std::size_t first = out.chunks.size();
    const auto take = [&](const ChunkView& view, ChunkMark from = {}) {
        if (view.last_ms <= window.from.ms || view.first_ms > window.to.ms) return;
        if (latest_only) out.chunks.resize(first);  // only the last one that begins in time matters
        const std::string_view bytes = view.bytes.substr(from.bit / 8);
        from.bit %= 8;
        out.chunks.push_back({view, out.bytes.size(), bytes.size(), from});
        out.bytes.append(bytes);
    };
    const auto& sealed = series.sealed();
    auto chunk = std::partition_point(sealed.begin(), sealed.end(), [&](const SealedChunk& each) {
        return each.last_ms() <= window.from.ms;
    });
    for (; chunk != sealed.end() && chunk->view().first_ms <= window.to.ms; ++chunk)
        take(chunk->view());
    take(series.open().view(), series.open().mark_before(window.from));
}

}  // namespace vedette::store
