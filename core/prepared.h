#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "core/error.h"
#include "core/labels.h"
#include "core/sample.h"
#include "core/series.h"
#include "core/time.h"

namespace vedette {

/// A selector that is asked again and again: its series are found once, and again only when one
/// came or went that it may select. It answers what the source's own `select` does. Used by one
/// thread at a time; must not outlive its source.
class PreparedSelector {
public:
    virtual ~PreparedSelector() = default;

    /// As `SeriesSource::select_parts`.
    virtual Result<std::vector<std::unique_ptr<SeriesCursor>>> select_parts(
        Window window, const Hints& hints, std::size_t parts, std::stop_token stop) = 0;

    /// The newest sample in the window of one series, maybe a stale marker.
    using Each = std::function<void(const Labels& labels, const Sample& sample)>;
    /// Calls `each` in label order for every series that has a sample in the window, in constant
    /// time a series. False when the source cannot say it that quickly, or selects more than
    /// `series_max`: then what `each` was told counts for nothing, and `select_parts` is to be
    /// asked. The source is locked meanwhile: `each` is quick, and asks it nothing.
    virtual bool newest(Window window, std::size_t series_max, const Each& each) = 0;
};

/// A source that prepares selectors. Safe to call from any thread.
class SelectorPreparer {
public:
    virtual ~SelectorPreparer() = default;
    /// Fails with BadInput for a pattern that is no RE2 expression.
    virtual Result<std::unique_ptr<PreparedSelector>> prepare(std::vector<Matcher> matchers) = 0;
};

}  // namespace vedette
