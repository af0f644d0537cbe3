#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/mutex.h"
#include "core/series.h"
#include "store/remote/server.h"

namespace vedette::store {

/// Another Prometheus-compatible server as a source: raw series, as it stores them, and their
/// names. What its selectors find is what ours would; what it computes is never asked for.
///
/// Samples come by remote read where it has that: stale markers and native histograms are among
/// them. By VictoriaMetrics's export come stale markers, too. By the query API come floats alone,
/// and series that ended are there no longer than it says they are where the newest sample is
/// asked for; see docs/datasource.md.
///
/// Every question asks the server anew. Safe from any thread but the HTTP client's own.
class Datasource final : public SeriesSource, public LabelSource {
public:
    /// The doors outlive it.
    explicit Datasource(DatasourceDoors doors);
    ~Datasource() override;
    Datasource(const Datasource&) = delete;
    Datasource& operator=(const Datasource&) = delete;

    /// From now on this one, or none; questions that are being asked go on to the one before.
    void load(std::optional<DatasourceSettings> settings);
    /// Whether there is one that these matchers are to be asked of: not of metric names that are
    /// local.
    bool knows(std::span<const Matcher> matchers) const;

    /// Fails with Unavailable, and names the server, when it is down or there is none.
    Result<std::unique_ptr<SeriesCursor>> select(std::span<const Matcher> matchers, Window window,
                                                 const Hints& hints, std::stop_token stop) override;
    Result<std::vector<std::string>> label_names(Selectors selectors, Window window) override;
    Result<std::vector<std::string>> label_values(std::string_view name, Selectors selectors,
                                                  Window window) override;
    Result<std::vector<Labels>> series_in(Selectors selectors, Window window) override;

private:
    struct Loaded;
    std::shared_ptr<Loaded> loaded() const;

    const DatasourceDoors doors_;
    mutable Mutex mutex_;
    std::shared_ptr<Loaded> loaded_ VEDETTE_GUARDED_BY(mutex_);
};

}  // namespace vedette::store
