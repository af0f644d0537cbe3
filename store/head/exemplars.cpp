#include "store/head/exemplars.h"

#include <algorithm>
#include <utility>

#include "core/exemplar_limits.h"

namespace vedette::store {
namespace {

std::size_t characters(const Labels& labels) {
    std::size_t count = 0;
    for (const Label label : labels)
        for (const std::string_view text : {label.name, label.value})
            count += static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
                return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
            }));
    return count;
}

bool is_before(const Exemplar& a, const Exemplar& b) {
    if (a.at != b.at) return a.at < b.at;
    if (a.value != b.value) return a.value < b.value;
    return a.labels < b.labels;
}

}  // namespace

ExemplarRing::Verdict ExemplarRing::judge(const Labels& series, const Exemplar& exemplar) const {
    if (most_ == 0) return Verdict::Off;
    if (characters(exemplar.labels) > limits::exemplar_labels_characters_max)
        return Verdict::TooLong;
    const auto known = by_series_.find(series);
    if (known == by_series_.end()) return Verdict::Keep;
    const Exemplar& newest = places_[known->second.newest].exemplar;
    if (newest == exemplar) return Verdict::Known;
    return is_before(exemplar, newest) ? Verdict::OutOfOrder : Verdict::Keep;
}

ExemplarRing::Verdict ExemplarRing::add(const Labels& series, Exemplar exemplar) {
    const Verdict verdict = judge(series, exemplar);
    if (verdict != Verdict::Keep) return verdict;
    At at = static_cast<At>(places_.size());
    if (places_.size() < most_) {
        places_.push_back({series, std::move(exemplar), none});
    } else {
        at = next_;
        next_ = (next_ + 1) % static_cast<At>(most_);
        give_way(at);
        places_[at] = {series, std::move(exemplar), none};
    }
    Ends& ends = by_series_[places_[at].series];
    if (ends.newest != none) places_[ends.newest].next = at;
    if (ends.oldest == none) ends.oldest = at;
    ends.newest = at;
    return verdict;
}

void ExemplarRing::give_way(At at) {
    const auto known = by_series_.find(places_[at].series);
    if (places_[at].next == none)
        by_series_.erase(known);
    else
        known->second.oldest = places_[at].next;
}

template <typename Keep>
void ExemplarRing::rebuild(std::size_t most, Keep keep) {
    ExemplarRing anew(most);
    std::size_t skipped = places_.size() > most ? places_.size() - most : 0;
    each([&](const Labels& series, const Exemplar& exemplar) {
        if (skipped > 0)
            --skipped;
        else if (keep(exemplar))
            (void)anew.add(series, exemplar);
    });
    *this = std::move(anew);
}

void ExemplarRing::resize(std::size_t most) {
    if (most != most_) rebuild(most, [](const Exemplar&) { return true; });
}

std::size_t ExemplarRing::drop_after(Timestamp newest) {
    const std::size_t before = size();
    rebuild(most_, [&](const Exemplar& exemplar) { return exemplar.at <= newest; });
    return before - size();
}

void ExemplarRing::each(
    const std::function<void(const Labels& series, const Exemplar& exemplar)>& visit) const {
    const std::size_t first = places_.size() < most_ ? 0 : next_;
    for (std::size_t i = 0; i < places_.size(); ++i) {
        const Place& place = places_[(first + i) % places_.size()];
        visit(place.series, place.exemplar);
    }
}

std::vector<SeriesExemplars> ExemplarRing::find(const std::function<bool(const Labels&)>& wanted,
                                                Window window) const {
    std::vector<SeriesExemplars> out;
    for (const auto& [series, ends] : by_series_) {
        if (places_[ends.newest].exemplar.at <= window.from || !wanted(series)) continue;
        SeriesExemplars found{series, {}};
        for (At at = ends.oldest; at != none; at = places_[at].next) {
            const Exemplar& exemplar = places_[at].exemplar;
            if (exemplar.at > window.to) break;
            if (exemplar.at > window.from) found.exemplars.push_back(exemplar);
        }
        if (!found.exemplars.empty()) out.push_back(std::move(found));
    }
    std::sort(out.begin(), out.end(),
              [](const auto& a, const auto& b) { return a.series < b.series; });
    return out;
}

}  // namespace vedette::store
