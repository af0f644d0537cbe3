#include "store/head/index.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <unordered_map>

#include "core/label_hash.h"

namespace vedette::store {
namespace {

constexpr std::size_t first_table = 8;  // places in a fresh hash table; a power of two
constexpr std::string_view job_label = "job";
constexpr std::size_t sort_directly_max = 48;  // fewer slots than this are compared, not ranked

std::size_t hash_of(std::string_view text) {
    return std::hash<std::string_view>{}(text);
}

void keep_common(std::vector<Slot>& slots, std::span<const Slot> other) {
    auto at = other.begin();
    std::erase_if(slots, [&](Slot slot) {
        // Galloping: the other list may be a thousand times longer.
        std::ptrdiff_t step = 1;
        auto from = at;
        while (other.end() - from > step && from[step] < slot) {
            from += step;
            step *= 2;
        }
        at =
            std::lower_bound(from, other.end() - from > step ? from + step + 1 : other.end(), slot);
        return at == other.end() || *at != slot;
    });
}

}  // namespace

Postings::~Postings() {
    if (capacity_ > inline_max) delete[] many_;
}

void Postings::swap(Postings& other) noexcept {
    static_assert(sizeof(few_) == sizeof(many_), "one of the two is swapped for both");
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    std::swap(few_, other.few_);
}

void Postings::add(Slot slot) {
    if (size_ == capacity_) {
        // Half as much again: there are many of these, and most stop growing soon.
        const std::uint32_t grown = capacity_ + capacity_ / 2 + 1;
        auto* bigger = new Slot[grown];
        std::ranges::copy(slots(), bigger);
        if (capacity_ > inline_max) delete[] many_;
        many_ = bigger;
        capacity_ = grown;
    }
    Slot* begin = capacity_ > inline_max ? many_ : few_;
    Slot* at = begin + size_;
    // A slot used again is lower than the last; all others come at the end.
    for (; at > begin && at[-1] > slot; --at) *at = at[-1];
    *at = slot;
    ++size_;
}

const Index::Value* Index::Values::find(std::string_view text) const {
    if (table.empty()) return nullptr;
    const std::size_t mask = table.size() - 1;
    for (std::size_t at = hash_of(text) & mask; table[at] != no_slot; at = (at + 1) & mask)
        if (all[table[at]].text == text) return &all[table[at]];
    return nullptr;
}

void Index::Values::grow() {
    const std::size_t places = std::max(first_table, table.size() * 2);
    table.assign(places, no_slot);
    for (std::uint32_t i = 0; i < all.size(); ++i) {
        std::size_t at = hash_of(all[i].text) & (places - 1);
        while (table[at] != no_slot) at = (at + 1) & (places - 1);
        table[at] = i;
    }
}

Index::Value& Index::Values::find_or_add(std::string_view text) {
    if ((all.size() + 1) * 4 > table.size() * 3) grow();
    const std::size_t mask = table.size() - 1;
    std::size_t at = hash_of(text) & mask;
    for (; table[at] != no_slot; at = (at + 1) & mask)
        if (all[table[at]].text == text) return all[table[at]];
    table[at] = static_cast<std::uint32_t>(all.size());
    all.push_back({text, {}});
    return all.back();
}

Index::Index() : table_(first_table, no_slot) {}

std::optional<Slot> Index::find(const Labels& labels) const {
    const std::size_t mask = table_.size() - 1;
    for (std::size_t at = labels.hash() & mask; table_[at] != no_slot; at = (at + 1) & mask)
        if (labels_[table_[at]] == labels) return table_[at];
    return std::nullopt;
}

// Each loop looks one step further for all of them: the place in the table, who stands there, and
// whether that is who is meant.
std::size_t Index::find(std::span<const SeriesFinder::Key> keys, Slot* found) const {
    const std::size_t mask = table_.size() - 1;
    for (const auto& key : keys) __builtin_prefetch(&table_[key.hash & mask]);
    for (std::size_t i = 0; i < keys.size(); ++i) {
        found[i] = table_[keys[i].hash & mask];
        if (found[i] != no_slot) __builtin_prefetch(&labels_[found[i]]);
    }
    // Reading where the text begins fetches the first of the cache lines that hold the labels.
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (found[i] == no_slot || labels_[found[i]].empty()) continue;
        const char* text = labels_[found[i]][0].name.data();
        for (std::size_t line = 1; line <= 2; ++line) __builtin_prefetch(text + line * 64);
    }
    for (std::size_t i = 0; i < keys.size(); ++i) {
        std::size_t at = keys[i].hash & mask;
        const auto is_meant = [&] {
            const Labels& labels = labels_[table_[at]];
            return labels.hash() == keys[i].hash && has_just(labels, keys[i].labels);
        };
        while (table_[at] != no_slot && !is_meant()) at = (at + 1) & mask;
        found[i] = table_[at];
        if (found[i] == no_slot) return i;
    }
    return keys.size();
}

void Index::grow_table() {
    table_.assign(table_.size() * 2, no_slot);
    const std::size_t mask = table_.size() - 1;
    for (Slot slot = 0; slot < labels_.size(); ++slot) {
        if (labels_[slot].empty()) continue;
        std::size_t at = labels_[slot].hash() & mask;
        while (table_[at] != no_slot) at = (at + 1) & mask;
        table_[at] = slot;
    }
}

void Index::put(Slot slot, const Labels& labels) {
    if ((size_ + 1) * 4 > table_.size() * 3) grow_table();
    const std::size_t mask = table_.size() - 1;
    std::size_t at = labels.hash() & mask;
    while (table_[at] != no_slot) at = (at + 1) & mask;
    table_[at] = slot;
    labels_[slot] = labels;
    label_bytes_ += labels.bytes();
    jobless_ += labels.has(job_label) ? 0 : 1;
    ++size_;
    ++additions_;
    fresh_.push_back(slot);
    post(slot);
}

void Index::post(Slot slot) {
    for (const Label label : labels_[slot]) {
        auto name = names_.find(label.name);
        if (name == names_.end()) name = names_.emplace(std::string(label.name), Values()).first;
        name->second.find_or_add(label.value).postings.add(slot);
    }
}

Slot Index::add(const Labels& labels) {
    Slot slot = slot_end();
    if (free_.empty()) {
        labels_.emplace_back();
        epochs_.push_back(0);
    } else {
        slot = free_.back();
        free_.pop_back();
    }
    put(slot, labels);
    return slot;
}

bool Index::restore(Slot slot, std::uint32_t epoch, const Labels& labels) {
    if (const auto known = find(labels)) return *known == slot && epochs_[slot] == epoch;
    if (slot >= slot_end()) {
        std::vector<Slot> gap;
        for (Slot each = slot + 1; each-- > slot_end();) gap.push_back(each);
        free_.insert(free_.begin(), gap.begin(), gap.end());
        labels_.resize(std::size_t{slot} + 1);
        epochs_.resize(std::size_t{slot} + 1);
    }
    const auto place = std::lower_bound(free_.begin(), free_.end(), slot, std::greater<>());
    if (place == free_.end() || *place != slot) return false;
    free_.erase(place);
    epochs_[slot] = epoch;
    put(slot, labels);
    return true;
}

void Index::remove(std::span<const Slot> slots) {
    if (slots.empty()) return;
    for (const Slot slot : slots) {
        label_bytes_ -= labels_[slot].bytes();
        jobless_ -= labels_[slot].has(job_label) ? 0 : 1;
        labels_[slot] = Labels();
        ++epochs_[slot];
        --size_;
    }
    ++removals_;
    names_.clear();
    free_.clear();
    for (Slot slot = slot_end(); slot-- > 0;)
        if (labels_[slot].empty()) free_.push_back(slot);
    for (Slot slot = 0; slot < slot_end(); ++slot)
        if (!labels_[slot].empty()) post(slot);
    table_.resize(table_.size() / 2);
    grow_table();
    const auto gone = [&](Slot slot) { return labels_[slot].empty(); };
    std::erase_if(order_, gone);
    std::erase_if(fresh_, gone);
    for (std::uint32_t i = 0; i < order_.size(); ++i) rank_[order_[i]] = i;
}

std::size_t Index::series_of_job(std::string_view job) const {
    if (job.empty()) return jobless_;
    const auto name = names_.find(job_label);
    if (name == names_.end()) return 0;
    const Value* value = name->second.find(job);
    return value == nullptr ? 0 : value->postings.slots().size();
}

std::size_t Index::jobs() const {
    const auto name = names_.find(job_label);
    return (name == names_.end() ? 0 : name->second.all.size()) + (jobless_ > 0 ? 1 : 0);
}

std::size_t Index::heap_bytes() const {
    // A value takes its entry and about one and a third places in the table; each of a series'
    // labels stands in one list of postings.
    std::size_t bytes = label_bytes_ + table_.capacity() * sizeof(Slot) +
                        labels_.capacity() * (sizeof(Labels) + sizeof(std::uint32_t)) +
                        (order_.capacity() + rank_.capacity() + fresh_.capacity()) * sizeof(Slot);
    for (const auto& [name, values] : names_)
        bytes += sizeof(Values) + values.all.size() * sizeof(Value) +
                 values.table.capacity() * sizeof(std::uint32_t) + size_ * sizeof(Slot);
    return bytes;
}

std::vector<Slot> Index::everything() const {
    std::vector<Slot> slots;
    slots.reserve(size_);
    for (Slot slot = 0; slot < slot_end(); ++slot)
        if (!labels_[slot].empty()) slots.push_back(slot);
    return slots;
}

std::vector<Slot> Index::union_of(const Values& values, const ReadyMatcher& matcher,
                                  std::stop_token stop) const {
    std::vector<Slot> slots;
    std::size_t lists = 0;
    const auto take = [&](const Value& value) {
        const auto more = value.postings.slots();
        slots.insert(slots.end(), more.begin(), more.end());
        ++lists;
    };
    if (const auto* only = matcher.only_values()) {
        for (const auto& text : *only)
            if (const Value* value = values.find(text)) take(*value);
    } else {
        for (const Value& value : values.all) {
            if (stop.stop_requested()) break;
            if (matcher.holds(value.text)) take(value);
        }
    }
    // A series has one value for a name: the lists are disjoint, so sorting them is a union.
    if (lists > 1) std::sort(slots.begin(), slots.end());
    return slots;
}

// Starts from what is cheapest: the shortest of the lists that `=` names; else the values a pattern
// names or finds; else every series. Matchers that are still to be looked at go to `rest`.
std::vector<Slot> Index::first_candidates(std::span<const ReadyMatcher> matchers,
                                          std::vector<const ReadyMatcher*>& rest,
                                          std::stop_token stop) const {
    std::vector<std::span<const Slot>> lists;
    for (const ReadyMatcher& matcher : matchers) {
        const auto* only = matcher.only_values();
        if (only == nullptr || only->size() != 1 || matcher.holds_empty()) {
            if (!matcher.holds_always()) rest.push_back(&matcher);
            continue;
        }
        const auto name = names_.find(matcher.name());
        const Value* value = name == names_.end() ? nullptr : name->second.find(only->front());
        if (value == nullptr) {
            rest.clear();
            return {};
        }
        lists.push_back(value->postings.slots());
    }
    if (lists.empty()) {
        const auto wanted = [](const ReadyMatcher* m) { return !m->holds_empty(); };
        auto first = std::ranges::find_if(rest, [](const ReadyMatcher* m) {
            return !m->holds_empty() && m->only_values() != nullptr;
        });
        if (first == rest.end()) first = std::ranges::find_if(rest, wanted);
        if (first == rest.end()) return everything();
        const ReadyMatcher& matcher = **first;
        rest.erase(first);
        const auto name = names_.find(matcher.name());
        return name == names_.end() ? std::vector<Slot>() : union_of(name->second, matcher, stop);
    }
    std::ranges::sort(lists, {}, [](std::span<const Slot> list) { return list.size(); });
    std::vector<Slot> slots(lists.front().begin(), lists.front().end());
    for (std::size_t i = 1; i < lists.size(); ++i) keep_common(slots, lists[i]);
    return slots;
}

void Index::filter(std::vector<Slot>& slots, const ReadyMatcher& matcher,
                   std::stop_token stop) const {
    // Many candidates share few values, so a pattern is asked once for each.
    std::unordered_map<std::string_view, bool> answers;
    std::erase_if(slots, [&](Slot slot) {
        if (stop.stop_requested()) return true;
        const std::string_view text = labels_[slot].get(matcher.name());
        if (!matcher.is_slow()) return !matcher.holds(text);
        const auto [answer, fresh] = answers.try_emplace(text, false);
        if (fresh) answer->second = matcher.holds(text);
        return !answer->second;
    });
}

std::vector<Slot> Index::matching(std::span<const ReadyMatcher> matchers,
                                  std::stop_token stop) const {
    std::vector<const ReadyMatcher*> rest;
    std::vector<Slot> slots = first_candidates(matchers, rest, stop);
    for (const ReadyMatcher* matcher : rest) {
        if (slots.empty()) break;
        filter(slots, *matcher, stop);
    }
    return slots;
}

Index::Watch Index::watch(std::span<const ReadyMatcher> matchers) const {
    Watch watch{additions_, removals_, nullptr, 0};
    for (const ReadyMatcher& matcher : matchers) {
        const auto* only = matcher.only_values();
        if (only == nullptr || only->size() != 1 || matcher.holds_empty()) continue;
        const auto name = names_.find(matcher.name());
        const Value* value = name == names_.end() ? nullptr : name->second.find(only->front());
        if (value == nullptr) return {additions_, removals_, nullptr, 0};
        const std::size_t listed = value->postings.slots().size();
        if (watch.list == nullptr || listed < watch.listed) {
            watch.list = &value->postings;
            watch.listed = listed;
        }
    }
    return watch;
}

bool Index::is_same(Watch& watch) const {
    if (watch.removals != removals_) return false;
    if (watch.additions == additions_) return true;
    if (watch.list == nullptr || watch.list->slots().size() != watch.listed) return false;
    watch.additions = additions_;
    return true;
}

void Index::refresh_order() {
    if (fresh_.empty()) return;
    const auto before = [&](Slot a, Slot b) { return labels_[a] < labels_[b]; };
    std::sort(fresh_.begin(), fresh_.end(), before);
    // Each new series finds its place by halving, so that one more costs a copy and no comparisons.
    std::vector<Slot> merged;
    merged.reserve(order_.size() + fresh_.size());
    auto from = order_.begin();
    for (const Slot slot : fresh_) {
        const auto to = std::lower_bound(from, order_.end(), slot, before);
        merged.insert(merged.end(), from, to);
        merged.push_back(slot);
        from = to;
    }
    merged.insert(merged.end(), from, order_.end());
    order_ = std::move(merged);
    fresh_ = {};
    rank_.resize(labels_.size());
    for (std::uint32_t i = 0; i < order_.size(); ++i) rank_[order_[i]] = i;
}

void Index::sort_by_labels(std::vector<Slot>& slots) {
    if (slots.size() <= sort_directly_max) {
        std::sort(slots.begin(), slots.end(),
                  [&](Slot a, Slot b) { return labels_[a] < labels_[b]; });
        return;
    }
    refresh_order();
    if (slots.size() == size_) {
        slots = order_;
        return;
    }
    std::sort(slots.begin(), slots.end(), [&](Slot a, Slot b) { return rank_[a] < rank_[b]; });
}

std::vector<std::string> Index::names() const {
    std::vector<std::string> out;
    for (const auto& [name, values] : names_) out.push_back(name);
    return out;
}

std::vector<std::string> Index::values(std::string_view name) const {
    std::vector<std::string> out;
    if (const auto found = names_.find(name); found != names_.end())
        for (const Value& value : found->second.all) out.emplace_back(value.text);
    std::sort(out.begin(), out.end());
    return out;
}

}  // namespace vedette::store
