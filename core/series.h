#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/bucket.h"
#include "core/error.h"
#include "core/labels.h"
#include "core/sample.h"
#include "core/time.h"

namespace vedette {

/// A series the sink has seen before; valid while the sink's `generation()` stays the same.
struct SeriesRef {
    std::uint64_t id = 0;
    auto operator<=>(const SeriesRef&) const = default;
};

/// Everything of one scrape, one reading, one remote write: taken whole or refused whole.
struct Batch {
    struct Row {
        SeriesRef series;
        Sample sample;
    };
    struct Exemplar {
        SeriesRef series;
        Labels labels;
        Timestamp at;
        double value = 0;
    };
    std::vector<Row> rows;
    std::vector<Exemplar> exemplars;
};

/// What became of a batch that was taken. Samples that cannot be stored where they belong in time
/// are counted, not stored: Prometheus's own three kinds.
struct Appended {
    std::size_t stored = 0;
    std::size_t out_of_order = 0;  ///< older than the newest of its series
    std::size_t duplicate = 0;     ///< same time, other value
    std::size_t too_old = 0;       ///< before what the store still takes
    std::size_t refused_histograms = 0;  ///< of the three before, those that are histograms
    std::string first_rejection;   ///< one sentence about the first of them; empty when all stored
};

/// What flows into memory. Safe to call from any thread.
class SampleSink {
public:
    virtual ~SampleSink() = default;
    /// Finds or creates the series. Fails with Limit when a budget is spent (names the budget) and
    /// with BadInput when the labels cannot be a series (no name, not UTF-8, too long).
    virtual Result<SeriesRef> series(const Labels& labels) = 0;
    /// Changes when refs handed out before are no longer valid; ask again for each series then.
    virtual std::uint64_t generation() const = 0;
    virtual void metadata(std::string_view metric, std::string_view type, std::string_view help,
                          std::string_view unit) = 0;
    /// Returns when the batch is in the log (write(2)), so an answer given after it survives kill
    /// -9. An error means that nothing of it was taken.
    virtual Result<Appended> append(const Batch& batch) = 0;
};

struct Matcher {
    enum class Op { Equal, NotEqual, Match, NotMatch };
    Op op = Op::Equal;
    std::string name, value;

    bool operator==(const Matcher&) const = default;
};

/// `job="api"`, `path!~"/x.*"`: as PromQL writes it.
std::string to_string(const Matcher& matcher);

/// What the asker will do with the answer, so a source can do less.
struct Hints {
    /// What each step needs of the samples in its range.
    enum class Wanted {
        Samples,  ///< all of them
        Newest,   ///< the newest one
        Buckets,  ///< what buckets say as well: those that fit into the range
    };
    Milliseconds step{0};       ///< between the times that are looked at; 0 when it is one
    Milliseconds range{0};      ///< how far each looks back; 0: none does, samples are to be copied
    std::string_view function;  ///< the innermost PromQL function, empty for none
    Wanted wanted = Wanted::Samples;
    bool latest_only = false;  ///< only the newest sample of the window is wanted
};

/// Columns of one series inside the window, borrowed until the cursor moves. At each time exactly
/// one of the two holds: `histograms` is empty when the series has none in the window; otherwise it
/// is as long as `times` and a null entry means that the float at that index counts. `buckets` are
/// only for who asked for them; they are before all samples, and in time order too.
struct Column {
    const Labels* labels = nullptr;
    std::span<const Timestamp> times;
    std::span<const double> floats;
    std::span<const HistogramRef> histograms;
    std::span<const Bucket> buckets;
};

/// Yields series in label order, samples in time order, never two at one time.
class SeriesCursor {
public:
    virtual ~SeriesCursor() = default;
    /// False at the end. Also ends early when stop was requested; the caller looks at its token.
    virtual bool next(Column& out) = 0;
    /// What of the columns so far comes from roll-ups, from old to new. Where times are rounded and
    /// the newest sample was wanted, samples from up to a resolution before the window are among
    /// them: at some steps there is no newer one.
    virtual std::span<const RolledUp> rolled_up() const { return {}; }
};

/// What is asked of memory. Safe to call from any thread.
class SeriesSource {
public:
    virtual ~SeriesSource() = default;
    /// Stops soon after `stop` is requested; fails with Limit, Unavailable, or BadInput for a
    /// pattern that is no RE2 expression. Series without a sample in the window are left out. Stale
    /// markers are among the samples: what they mean is the asker's business. A source that keeps
    /// roll-ups may answer from them where hints allow it, and steps where nothing else is left.
    virtual Result<std::unique_ptr<SeriesCursor>> select(std::span<const Matcher> matchers,
                                                         Window window, const Hints& hints,
                                                         std::stop_token stop) = 0;
    /// The series of `select` in one cursor or more, at most `parts` of them, each to be read by a
    /// thread of its own: in label order all of a cursor come before all of the next. One by
    /// default; a source that splits does so where each part is worth a thread
    /// (limits::query_part_samples_min).
    virtual Result<std::vector<std::unique_ptr<SeriesCursor>>> select_parts(
        std::span<const Matcher> matchers, Window window, const Hints& hints, std::size_t parts,
        std::stop_token stop);
};

/// The names and values that occur, for completion and for `/api/v1/labels`. Sorted, no duplicates.
class LabelSource {
public:
    virtual ~LabelSource() = default;
    /// Each selector is a list of matchers; a series counts when any selector holds. No selector:
    /// all.
    using Selectors = std::span<const std::vector<Matcher>>;
    virtual Result<std::vector<std::string>> label_names(Selectors selectors, Window window) = 0;
    virtual Result<std::vector<std::string>> label_values(std::string_view name,
                                                          Selectors selectors, Window window) = 0;
    virtual Result<std::vector<Labels>> series_in(Selectors selectors, Window window) = 0;
};

}  // namespace vedette
