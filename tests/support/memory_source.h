#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "core/series.h"

namespace vedette {

/// A SeriesSource over plain vectors, for tests of whatever asks questions.
///
/// Not safe to change while it is read. Yields as the contract says: in label order, left-open.
class MemorySource final : public SeriesSource {
public:
    /// Adds one sample; times of one series must ascend.
    void add(const Labels& labels, Timestamp at, Value value);

    /// Adds series in the notation of rule tests, one a line, the first value at `start`:
    ///
    ///   up{job="a"}   1 1 _ stale 0+10x100 5x3 NaN -Inf
    ///
    /// `a+bxn` is n+1 values rising by b, `axn` the value n+1 times, `_` no sample, `_xn` n of
    /// them. A line that cannot be read is a bug of the test and stops it with the line.
    void load(std::string_view lines, Timestamp start = {0},
              Milliseconds step = Milliseconds(60'000));

    Result<std::unique_ptr<SeriesCursor>> select(std::span<const Matcher> matchers, Window window,
                                                 const Hints& hints, std::stop_token stop) override;
    Result<std::vector<std::unique_ptr<SeriesCursor>>> select_parts(
        std::span<const Matcher> matchers, Window window, const Hints& hints, std::size_t parts,
        std::stop_token stop) override;

    /// Parts are made however few series there are, each of as many.
    bool splits = false;

    struct Series {
        std::vector<Timestamp> times;
        std::vector<double> floats;
        std::vector<HistogramRef> histograms;  ///< as long as `times`, or empty
    };
    const std::map<Labels, Series>& series() const { return series_; }

private:
    std::map<Labels, Series> series_;
};

/// Reads `name{label="value", …}` as Prometheus prints a series.
Labels series_name(std::string_view text);

}  // namespace vedette
