#pragma once

#include <memory>
#include <vector>

#include "core/prepared.h"
#include "store/matching.h"
#include "store/parts.h"

namespace vedette::store {

/// What `Store::prepare` gives out: the slots a selector selects, for as long as the index says
/// that they are the same ones.
class Store::Prepared final : public PreparedSelector {
public:
    Prepared(Parts& parts, std::vector<ReadyMatcher> matchers)
        : parts_(parts), matchers_(std::move(matchers)) {}

    Result<std::vector<std::unique_ptr<SeriesCursor>>> select_parts(Window window,
                                                                    const Hints& hints,
                                                                    std::size_t parts,
                                                                    std::stop_token stop) override;
    bool newest(Window window, std::size_t series_max, const Each& each) override;

    /// In label order.
    const std::vector<Slot>& slots(const std::stop_token& stop)
        VEDETTE_REQUIRES(parts_.memory.index_mutex);

private:
    Parts& parts_;
    const std::vector<ReadyMatcher> matchers_;
    Index::Watch watch_;
    std::vector<Slot> slots_;
};

}  // namespace vedette::store
