#include "store/rollups/remake.h"

#include <algorithm>

namespace vedette::store {

void RemadeCursor::move_on() {
    if (std::exchange(used_there_, false)) has_there_ = there_.next(column_there_);
    if (std::exchange(used_again_, false)) has_again_ = again_.next(column_again_);
}

RemadeCursor::Which RemadeCursor::which(Timestamp begin, Timestamp whole_from) const {
    const bool is_due = std::ranges::any_of(due_, [&](const Stretch& each) {
        return each.from <= begin && begin < each.to;
    });
    if (!is_due) return Which::There;
    return begin + Milliseconds(1) >= whole_from ? Which::Again : Which::Either;
}

void RemadeCursor::merge_buckets(Timestamp whole_from) {
    const auto there = used_there_ ? column_there_.buckets : std::span<const Bucket>();
    const auto again = used_again_ ? column_again_.buckets : std::span<const Bucket>();
    std::size_t i = 0, j = 0;
    while (i < there.size() || j < again.size()) {
        const bool from_there =
            j == again.size() || (i < there.size() && there[i].begin <= again[j].begin);
        const bool both = from_there && j < again.size() && there[i].begin == again[j].begin;
        const Bucket& bucket = from_there ? there[i] : again[j];
        const Which counts = which(bucket.begin, whole_from);
        if (both && counts == Which::Again)
            merged_.buckets.push_back(again[j]);
        else if (counts == Which::Either || (counts == Which::There) == from_there)
            merged_.buckets.push_back(bucket);
        i += from_there ? 1 : 0;
        j += !from_there || both ? 1 : 0;
    }
}

void RemadeCursor::merge_histograms(Timestamp whole_from) {
    Samples& out = merged_.histograms;
    const Column none;
    const Column& there = used_there_ ? column_there_ : none;
    const Column& again = used_again_ ? column_again_ : none;
    std::size_t i = 0, j = 0;
    while (i < there.times.size() || j < again.times.size()) {
        const bool any_there = i < there.times.size(), any_again = j < again.times.size();
        const Timestamp begin_there = any_there ? begin_of(there.times[i]) : Timestamp{};
        const Timestamp begin_again = any_again ? begin_of(again.times[j]) : Timestamp{};
        const bool from_there = any_there && (!any_again || begin_there <= begin_again);
        const bool both = from_there && any_again && begin_there == begin_again;
        const Which counts = which(from_there ? begin_there : begin_again, whole_from);
        if (both && counts == Which::Again)
            out.add(again.times[j], again.histograms[j]);
        else if (counts == Which::Either || (counts == Which::There) == from_there)
            out.add(from_there ? there.times[i] : again.times[j],
                    from_there ? there.histograms[i] : again.histograms[j]);
        i += from_there ? 1 : 0;
        j += !from_there || both ? 1 : 0;
    }
}

bool RemadeCursor::next(Column& out) {
    do {
        move_on();
        if (!has_there_ && !has_again_) return false;
        const bool later = has_there_ && has_again_ && *column_again_.labels < *column_there_.labels;
        used_there_ = has_there_ && !later;
        used_again_ = has_again_ && (!used_there_ || *column_there_.labels == *column_again_.labels);
        const Labels& labels = used_there_ ? *column_there_.labels : *column_again_.labels;
        merged_.buckets.clear();
        merged_.histograms.clear();
        const Timestamp whole_from = whole_from_(labels);
        merge_buckets(whole_from);
        merge_histograms(whole_from);
        const auto& [times, floats, histograms] = merged_.histograms;
        out = {&labels, times, floats, histograms, merged_.buckets};
    } while (out.times.empty() && out.buckets.empty());
    return true;
}

}  // namespace vedette::store
