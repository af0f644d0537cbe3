#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/http.h"
#include "core/series.h"
#include "core/time.h"
#include "notify/snapshot.h"
#include "probes/book.h"
#include "probes/scrape/status.h"
#include "rules/status.h"

namespace vedette::exporter {

/// Where the status board takes its facts from. All functions may be called from any thread.
struct BoardSources {
    std::function<std::vector<probes::TargetStatus>()> targets;
    std::function<probes::Book::News(std::uint64_t since)> readings;
    std::function<notify::Snapshot()> deliveries;
    std::function<std::vector<rules::GroupStatus>()> groups;
    SeriesSource& store;
    Clock& clock;
    std::string version;
    Timestamp started;
    std::function<std::vector<scrape::JobStatus>()> scraped;  ///< empty: nothing is scraped
    std::function<scrape::ScrapeNews(std::uint64_t since)> scrapes;
};

/// What the status board shows, as one JSON document, and what changes, as events.
///
///   GET /api/vedette/v1/board            everything, for the first paint
///   GET /api/vedette/v1/events           server-sent events: `readings`, `change`, `alerts`
///
/// The bars are readings over the last 24 hours in 48 halves of an hour, read from the store and
/// kept for ten seconds, so that many open pages cost one look.
class Board {
public:
    explicit Board(BoardSources sources);
    ~Board();

    std::vector<Route> routes();
    /// Tells every open page; safe from any thread. `data` is JSON.
    void publish(std::string_view event, std::string_view data);
    /// Sends the readings that came since the last call, if any page is open; called every half
    /// second.
    void publish_readings();
    bool anybody_looks() const;
    /// The document of `/api/vedette/v1/board`, and the list of alerts in it, for the event
    /// `alerts`.
    std::string document();
    std::string alerts_document();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace vedette::exporter
