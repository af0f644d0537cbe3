#pragma once

#include <memory>
#include <vector>

#include "core/error.h"
#include "core/labels.h"
#include "core/sample.h"
#include "core/series.h"
#include "core/time.h"

namespace vedette::store {

/// Series as another server tells them, in whatever order and pieces, made into what a cursor
/// promises: series in label order, samples inside the window in time order, never two at one time
/// (of two the first that came holds). One thread at a time.
class Gathering {
public:
    Gathering(Window window, std::size_t samples_max)
        : window_(window), samples_max_(samples_max) {}

    /// What is added from now on belongs to this series, which may have been begun before.
    void begin(Labels labels);
    /// Left out when outside the window. False when it is one sample too many.
    bool add(Timestamp at, double value);
    bool add(Timestamp at, HistogramRef histogram);

    std::size_t samples() const { return samples_; }
    /// Series that were begun, in the order in which they came.
    std::vector<Labels> names() const;
    /// Leaves out all series but these, which are sorted.
    void keep_only(const std::vector<Labels>& sorted);
    Error too_many() const;

    /// Ends it.
    std::unique_ptr<SeriesCursor> finish();

private:
    struct Series {
        Labels labels;
        std::vector<Timestamp> times;
        std::vector<double> floats;
        std::vector<HistogramRef> histograms;  // empty, or as long as `times`
    };
    class Cursor;

    static void append(Series& to, Series&& more);
    static void put_in_order(Series& series);

    Window window_;
    std::size_t samples_max_;
    std::vector<Series> series_;
    std::size_t samples_ = 0;
};

}  // namespace vedette::store
