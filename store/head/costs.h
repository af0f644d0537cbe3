#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/time.h"

namespace vedette::store {

/// What memory holds, and who costs what: the largest of each list first, those that cost the same
/// by name.
struct HeadCosts {
    struct Entry {
        std::string name;
        std::uint64_t value = 0;
    };
    std::uint64_t series = 0, label_pairs = 0, chunks = 0;
    Timestamp oldest, newest;             ///< of its samples
    std::vector<Entry> series_by_metric;  ///< metric name: series
    std::vector<Entry> values_by_label;   ///< label name: values
    std::vector<Entry> bytes_by_label;    ///< label name: bytes of names and values, about
    std::vector<Entry> series_by_pair;    ///< `name=value`: series
};

/// The most expensive of what is offered, no more than so many.
class CostList {
public:
    explicit CostList(std::size_t size) : size_(size) {}
    void offer(std::string name, std::uint64_t value);
    std::vector<HeadCosts::Entry> take();

private:
    void cut();

    const std::size_t size_;
    std::vector<HeadCosts::Entry> entries_;
};

}  // namespace vedette::store
