#include "store/head/costs.h"

#include <algorithm>
#include <utility>

namespace vedette::store {

void CostList::offer(std::string name, std::uint64_t value) {
    entries_.push_back({std::move(name), value});
    if (entries_.size() >= 2 * size_ + 64) cut();
}

void CostList::cut() {
    const auto dearer = [](const HeadCosts::Entry& a, const HeadCosts::Entry& b) {
        return a.value != b.value ? a.value > b.value : a.name < b.name;
    };
    const std::size_t kept = std::min(size_, entries_.size());
    const auto end = entries_.begin() + static_cast<std::ptrdiff_t>(kept);
    std::partial_sort(entries_.begin(), end, entries_.end(), dearer);
    entries_.erase(end, entries_.end());
}

std::vector<HeadCosts::Entry> CostList::take() {
    cut();
    return std::move(entries_);
}

}  // namespace vedette::store
