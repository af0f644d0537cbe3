#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "probes/scrape/page/reader.h"

namespace vedette::scrape {

/// Makes native histograms with custom buckets of classic ones, as
/// `convert_classic_histograms_to_nhcb` asks for:
///
///     took_bucket{le="0.1"} 1 ┐
///     took_bucket{le="+Inf"} 3│──►  took  {count 3, sum 1.25, buckets ≤0.1: 1, >0.1: 2}
///     took_count 3            │
///     took_sum 1.25           ┘
///
/// Lines that follow each other and differ in `le` alone are one histogram; what cannot be one
/// (counts that fall, no count at all) gives none. The lines themselves are left out unless
/// `classic_too`, and `_created` in any case. Of a series that has a native histogram on the page
/// none is made.
class NhcbReader final : public PageSource {
public:
    NhcbReader(PageSource& page, PageFormat format, bool classic_too)
        : page_(page), format_(format), classic_too_(classic_too) {}

    Result<PageItem> next(std::string_view expected = {}) override;
    Error error(std::string_view what) const override { return page_.error(what); }

private:
    /// One histogram as its lines are met.
    struct Gathered {
        std::string name;                  ///< without suffix; empty: none
        Labels labels;                     ///< without name and `le`
        std::map<double, double> buckets;  ///< bound → count up to it
        std::optional<double> count, sum;
        std::optional<Timestamp> at, created;
        std::vector<PageExemplar> exemplars;
        std::deque<std::string> exemplar_texts;
    };

    enum class Part { No, Classic, Created };
    Result<Part> take(const PageItem& item);
    void take_exemplars(const PageItem& item);
    /// What was gathered is whole, or nothing.
    void finish();
    PageItem made();

    PageSource& page_;
    PageFormat format_;
    bool classic_too_;
    std::string family_;      ///< of the last TYPE line
    bool histogram_ = false;  ///< what it said
    std::string native_name_;
    Labels native_labels_;
    Gathered gathered_, finished_;
    HistogramRef made_;             ///< of `finished_`
    std::string text_;              ///< of what was made
    std::optional<PageItem> held_;  ///< came behind what it finished
};

}  // namespace vedette::scrape
