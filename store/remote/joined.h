#pragma once

#include "core/prepared.h"
#include "store/remote/datasource.h"

namespace vedette::store {

/// Our own store and another server as one source: what queries, rules and pages read.
///
/// A series that both have is one series; of two samples at one time our own holds. What is asked of
/// local metric names (`datasource.local_names`), and everything when no datasource is configured,
/// is our own store's answer alone. When the other server does not answer, the question fails: an
/// answer of half the series would make rules fire, or not fire, that should not.
///
/// Safe from any thread but the HTTP client's own.
class Joined final : public SeriesSource, public LabelSource, public SelectorPreparer {
public:
    Joined(SeriesSource& series, LabelSource& labels, SelectorPreparer& preparer,
           Datasource& other)
        : series_(series), labels_(labels), preparer_(preparer), other_(other) {}

    Result<std::unique_ptr<SeriesCursor>> select(std::span<const Matcher> matchers, Window window,
                                                 const Hints& hints, std::stop_token stop) override;
    Result<std::vector<std::unique_ptr<SeriesCursor>>> select_parts(
        std::span<const Matcher> matchers, Window window, const Hints& hints, std::size_t parts,
        std::stop_token stop) override;
    Result<std::vector<std::string>> label_names(Selectors selectors, Window window) override;
    Result<std::vector<std::string>> label_values(std::string_view name, Selectors selectors,
                                                  Window window) override;
    Result<std::vector<Labels>> series_in(Selectors selectors, Window window) override;
    /// Our own half is prepared; where the other one counts it is asked anew each time.
    Result<std::unique_ptr<PreparedSelector>> prepare(std::vector<Matcher> matchers) override;

private:
    SeriesSource& series_;
    LabelSource& labels_;
    SelectorPreparer& preparer_;
    Datasource& other_;
};

}  // namespace vedette::store
