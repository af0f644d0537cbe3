#include "store/head/late.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace vedette::store {
namespace {

constexpr Timestamp beginning{std::numeric_limits<std::int64_t>::min()};
constexpr Timestamp end_of_time{std::numeric_limits<std::int64_t>::max()};
constexpr std::size_t node_bytes = 64;  // what a map keeps beside each series

bool by_time(const Sample& a, const Sample& b) {
    return a.at < b.at;
}

auto place_of(const std::vector<Sample>& samples, Timestamp at) {
    return std::partition_point(samples.begin(), samples.end(),
                                [&](const Sample& each) { return each.at < at; });
}

bool has(const std::vector<Sample>& samples, Timestamp at) {
    const auto place = place_of(samples, at);
    return place != samples.end() && place->at == at;
}

/// The samples inside the window, as two places.
auto inside(const std::vector<Sample>& samples, Window window) {
    const auto after = [&](Timestamp at) {
        return std::partition_point(samples.begin(), samples.end(),
                                    [&](const Sample& each) { return each.at <= at; });
    };
    const auto begin = after(window.from);
    return std::pair(begin, std::max(begin, after(window.to)));
}

std::size_t histogram_bytes(const Sample& sample) {
    const auto* histogram = std::get_if<HistogramRef>(&sample.value);
    if (histogram == nullptr || !*histogram) return 0;
    const Histogram& value = **histogram;
    return sizeof(Histogram) +
           sizeof(Histogram::Span) * (value.positive_spans.size() + value.negative_spans.size()) +
           sizeof(double) * (value.positive_buckets.size() + value.negative_buckets.size() +
                             value.custom_bounds.size());
}

/// Who stands before a late histogram is not known when it comes, so neither is whether it was
/// reset.
Sample with_open_hint(const Sample& sample) {
    using Hint = Histogram::ResetHint;
    const auto* histogram = std::get_if<HistogramRef>(&sample.value);
    if (histogram == nullptr || (*histogram)->reset_hint == Hint::Gauge ||
        (*histogram)->reset_hint == Hint::Unknown)
        return sample;
    auto open = std::make_shared<Histogram>(**histogram);
    open->reset_hint = Hint::Unknown;
    return {sample.at, HistogramRef(std::move(open))};
}

}  // namespace

bool LateSamples::holds(Slot slot, Timestamp at) const {
    const auto found = series_.find(slot);
    return found != series_.end() && (has(found->second.fresh, at) || has(found->second.settled, at));
}

bool LateSamples::add(Slot slot, const Sample& sample) {
    if (holds(slot, sample.at)) return false;
    const auto [found, is_new] = series_.try_emplace(slot);
    std::vector<Sample>& fresh = found->second.fresh;
    const std::size_t before = fresh.capacity();
    fresh.insert(place_of(fresh, sample.at), with_open_hint(sample));
    heap_bytes_ += (fresh.capacity() - before) * sizeof(Sample) + histogram_bytes(sample) +
                   (is_new ? sizeof(Series) + node_bytes : 0);
    return true;
}

bool LateSamples::overlaps(Slot slot, Window window) const {
    const auto found = series_.find(slot);
    if (found == series_.end()) return false;
    const auto any = [&](const std::vector<Sample>& samples) {
        const auto [begin, end] = inside(samples, window);
        return begin != end;
    };
    return any(found->second.fresh) || any(found->second.settled);
}

std::optional<Sample> LateSamples::latest(Slot slot) const {
    const auto found = series_.find(slot);
    if (found == series_.end()) return std::nullopt;
    const auto& [fresh, settled] = found->second;
    if (fresh.empty()) return settled.back();
    if (settled.empty()) return fresh.back();
    return std::max(fresh.back(), settled.back(), by_time);
}

void LateSamples::copy(Slot slot, Window window, std::vector<Sample>& out) const {
    const auto found = series_.find(slot);
    if (found == series_.end()) return;
    const auto [fresh, fresh_end] = inside(found->second.fresh, window);
    const auto [settled, settled_end] = inside(found->second.settled, window);
    std::merge(fresh, fresh_end, settled, settled_end, std::back_inserter(out), by_time);
}

std::size_t LateSamples::count() const {
    std::size_t count = 0;
    for (const auto& [slot, series] : series_)
        count += series.fresh.size() + series.settled.size();
    return count;
}

bool LateSamples::any_fresh_before(Timestamp end) const {
    return std::any_of(series_.begin(), series_.end(), [&](const auto& each) {
        const auto& fresh = each.second.fresh;
        return !fresh.empty() && fresh.front().at < end;
    });
}

void LateSamples::settle(Timestamp end) {
    for (auto& [slot, series] : series_) {
        const auto place = place_of(series.fresh, end);
        if (place == series.fresh.begin()) continue;
        std::vector<Sample> settled;
        std::merge(series.fresh.cbegin(), place, series.settled.cbegin(), series.settled.cend(),
                   std::back_inserter(settled), by_time);
        series.settled = std::move(settled);
        series.fresh = std::vector<Sample>(place, series.fresh.cend());
    }
    tidy();
}

std::vector<std::pair<Slot, std::vector<Sample>>> LateSamples::settled() const {
    std::vector<std::pair<Slot, std::vector<Sample>>> out;
    for (const auto& [slot, series] : series_)
        if (!series.settled.empty()) out.emplace_back(slot, series.settled);
    return out;
}

void LateSamples::forget_settled() {
    for (auto& [slot, series] : series_) series.settled = {};
    tidy();
}

void LateSamples::forget(Slot slot) {
    const auto found = series_.find(slot);
    if (found == series_.end()) return;
    heap_bytes_ -= bytes_of(found->second);
    series_.erase(found);
}

std::size_t LateSamples::erase(Series& series, Window window) {
    std::size_t erased = 0;
    for (auto* samples : {&series.fresh, &series.settled}) {
        const auto [begin, end] = inside(*samples, window);
        erased += static_cast<std::size_t>(end - begin);
        samples->erase(begin, end);
    }
    return erased;
}

std::size_t LateSamples::erase(Slot slot, Window window) {
    const auto found = series_.find(slot);
    if (found == series_.end()) return 0;
    const std::size_t before = bytes_of(found->second);
    const std::size_t erased = erase(found->second, window);
    heap_bytes_ += bytes_of(found->second) - before;
    if (found->second.fresh.empty() && found->second.settled.empty()) forget(slot);
    return erased;
}

void LateSamples::drop_before(Timestamp oldest) {
    if (oldest == beginning) return;
    for (auto& [slot, series] : series_)
        erase(series, {beginning, oldest - Milliseconds(1)});
    tidy();
}

std::size_t LateSamples::drop_after(Timestamp newest) {
    std::size_t dropped = 0;
    for (auto& [slot, series] : series_) dropped += erase(series, {newest, end_of_time});
    tidy();
    return dropped;
}

std::size_t LateSamples::bytes_of(const Series& series) {
    std::size_t bytes = sizeof(Series) + node_bytes;
    for (const auto* samples : {&series.fresh, &series.settled}) {
        bytes += samples->capacity() * sizeof(Sample);
        for (const Sample& sample : *samples) bytes += histogram_bytes(sample);
    }
    return bytes;
}

/// Takes out series without samples, and counts what is left anew.
void LateSamples::tidy() {
    heap_bytes_ = 0;
    for (auto at = series_.begin(); at != series_.end();) {
        const auto& [fresh, settled] = at->second;
        if (fresh.empty() && settled.empty()) {
            at = series_.erase(at);
            continue;
        }
        heap_bytes_ += bytes_of(at->second);
        ++at;
    }
}

}  // namespace vedette::store
