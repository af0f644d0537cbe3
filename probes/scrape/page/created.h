#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include "probes/scrape/page/reader.h"

namespace vedette::scrape {

/// An OpenMetrics page whose `_created` lines are no series, but the time at which the samples of
/// their metric began, as `created-timestamp-zero-ingestion` asks for:
///
///     # TYPE hits counter
///     hits_total{path="/"} 17          ──►  17, created 1.5e9 s
///     hits_created{path="/"} 1.5e9     ──►  nothing
///
/// The page is read twice: `_created` may stand behind what it is about.
class CreatedReader final : public PageSource {
public:
    explicit CreatedReader(std::string_view page);

    Result<PageItem> next(std::string_view expected = {}) override;
    Error error(std::string_view what) const override { return page_.error(what); }

private:
    struct Hash {
        std::size_t operator()(const Labels& labels) const { return labels.hash(); }
    };
    /// Family and labels that tell one metric, of one of its lines. Nothing for other lines.
    std::optional<Labels> metric_of(const PageItem& item, bool& says_created) const;
    void note_family(const PageItem& comment);

    PageReader page_;
    std::string family_, type_;  ///< of the last TYPE line
    std::unordered_map<Labels, Timestamp, Hash> created_;
};

}  // namespace vedette::scrape
