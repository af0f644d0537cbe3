#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/series.h"
#include "promql/syntax/ast.h"

namespace vedette::rules::testing {

/// One source over another: series with these names come from `above` only, all others from
/// `below`. Safe to share as far as the two are.
class Shadowed final : public SeriesSource {
public:
    Shadowed(SeriesSource& below, SeriesSource& above, std::set<std::string> names)
        : below_(below), above_(above), names_(std::move(names)) {}

    Result<std::unique_ptr<SeriesCursor>> select(std::span<const Matcher> matchers, Window window,
                                                 const Hints& hints, std::stop_token stop) override;
    Result<std::vector<std::unique_ptr<SeriesCursor>>> select_parts(
        std::span<const Matcher> matchers, Window window, const Hints& hints, std::size_t parts,
        std::stop_token stop) override;

    /// Whether the expression may read a series from above.
    bool reads_above(const promql::Expr& expr) const;

private:
    enum class Side { Below, Above, Both };
    Side side_of(std::span<const Matcher> matchers) const;

    SeriesSource& below_;
    SeriesSource& above_;
    const std::set<std::string> names_;
};

}  // namespace vedette::rules::testing
