#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/labels.h"

namespace vedette {

/// Whether these are the labels of a set as they stand: names strictly ascend and no value is empty.
bool is_label_set(std::span<const Label> labels);

/// What `Labels::hash` would be, without making the set; `labels` as `is_label_set` wants them.
/// `scratch` is what it writes to, given along so that it is allocated once.
std::uint64_t hash_of(std::span<const Label> labels, std::string& scratch);

/// Whether the set has just these labels, in this order.
bool has_just(const Labels& set, std::span<const Label> labels);

}  // namespace vedette
