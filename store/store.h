#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/log.h"
#include "base/metrics.h"
#include "core/exemplar.h"
#include "core/prepared.h"
#include "core/series.h"
#include "core/series_finder.h"
#include "core/time.h"
#include "store/blocks/plan.h"
#include "store/head/costs.h"
#include "store/head/memory.h"
#include "store/log/commit.h"
#include "store/log/follow.h"
#include "store/log/recovery.h"
#include "store/settings.h"
#include "store/shedding/cardinality.h"

namespace vedette::store {

/// Remembers samples: the newest hours in memory, compressed, and in a log on the disk from which
/// memory is rebuilt; what is older in blocks.
///
///                    ┌────────────── Memory ──────────────┐
///   series ────────► │ index: labels → slot, postings     │ ◄──── select, labels
///   append ─► log ─► │ head:  slot → chunks, newest value │ ◄──── cursors, latest
///              │     └───────────────┬────────────────────┘            │
///              │                     └─► blocks of two hours, of six … ◄┘
///              └─► checkpoint, when the log has grown or a block was cut: all of memory in one
///                  file, older segments go
///
/// Threads: everything is safe to call from any thread, many readers and writers at once. Writers
/// queue and one of them writes for all (`Committer`). Readers hold one of two locks for as long as
/// it takes to look up slots, or to copy the compressed chunks of some dozens of series, and decode
/// holding nothing. Two plain locks, no shards: a batch of a thousand samples holds the head for
/// some 0.1 ms, and a platform that fits one machine has no use for more.
///
/// Invariants: DOORS 1 to 3: (1) a batch is taken whole or refused whole, and the refusal names the
/// budget; (2) what `append` has returned for survives `kill -9`, what was synced survives a power
/// cut; (3) cursors yield series in label order and samples in time order, never two at one time.
///
/// When memory holds three hours, the first two become a block (`BlockKeeper`), and samples older
/// than its end are no longer taken: whoever is late by less than an hour is always in time. With
/// an out-of-order window older ones are, and stand beside the chunks (`LateSamples`) until they go
/// to a block of their own, which is then put together with the one that holds their time.
/// Memory then drops whole chunks, and series that stayed without samples for two passes; that
/// changes `generation()`, and refs to those series (only to those) are refused from then on.
class Store final : public SampleSink,
                    public SeriesFinder,
                    public SeriesSource,
                    public LabelSource,
                    public ExemplarSource,
                    public SelectorPreparer {
public:
    /// Opens or creates `<folder>/format`, `lock`, `wal/` and `blocks/`, and reads back what is
    /// there. Fails with Refused when another program has the folder or a newer one wrote it, and
    /// when the disk fails; bytes that make no sense are no failure: `recovery()` says what was
    /// lost. The references must outlive the store.
    static Result<std::unique_ptr<Store>> open(Files& files, std::string folder,
                                               StoreSettings settings, Clock& clock, Log& log,
                                               Metrics& metrics);
    ~Store() override;

    // ── SampleSink ──
    Result<SeriesRef> series(const Labels& labels) override;
    std::uint64_t generation() const override;
    /// Texts longer than limits::metadata_text_bytes_max are cut.
    void metadata(std::string_view metric, std::string_view type, std::string_view help,
                  std::string_view unit) override;
    /// Exemplars that are not kept are counted, by reason; they refuse no batch.
    Result<Appended> append(const Batch& batch) override;
    /// This store for those whose samples somebody waits to see, as rules wait for readings: when
    /// the log cannot be written (a full disk), what they append is kept in memory all the same,
    /// counted and said in the log. The next checkpoint writes it; a stop before that loses it.
    SampleSink& seen_rather_than_safe();
    /// The same for those on whom alerting stands: rules, `up`, probes. Refused last of all.
    SampleSink& vital();
    /// Changes `StoreSettings::out_of_order_window`.
    void take_out_of_order(Milliseconds window);

    // ── SeriesFinder ──
    std::size_t find_known(std::span<const Key> keys, std::span<SeriesRef> found) override;

    // ── SeriesSource, LabelSource ──
    Result<std::unique_ptr<SeriesCursor>> select(std::span<const Matcher> matchers, Window window,
                                                 const Hints& hints, std::stop_token stop) override;
    /// Parts of about as many series each.
    Result<std::vector<std::unique_ptr<SeriesCursor>>> select_parts(
        std::span<const Matcher> matchers, Window window, const Hints& hints, std::size_t parts,
        std::stop_token stop) override;
    Result<std::vector<std::string>> label_names(Selectors selectors, Window window) override;
    Result<std::vector<std::string>> label_values(std::string_view name, Selectors selectors,
                                                  Window window) override;
    Result<std::vector<Labels>> series_in(Selectors selectors, Window window) override;

    // ── SelectorPreparer ──
    Result<std::unique_ptr<PreparedSelector>> prepare(std::vector<Matcher> matchers) override;

    // ── deleting ──
    /// Deletes the samples inside the window of all series that a selector selects. They are gone
    /// for whoever asks from now on, and stay gone over a crash; blocks give their room back when
    /// they are written anew. On failure nothing is deleted.
    Result<void> erase(std::vector<std::vector<Matcher>> selectors, Window window);
    /// Writes blocks anew that hold deleted samples.
    Result<void> clean_deleted();

    // ── ExemplarSource ──
    Result<std::vector<SeriesExemplars>> exemplars(std::span<const std::vector<Matcher>> selectors,
                                                   Window window) override;
    /// So many are remembered from now on; the newest stay.
    void keep_exemplars(std::size_t most);

    // ── the newest sample, in constant time ──
    /// Whatever it is, stale markers too, as long as memory holds it: some hours.
    std::optional<Sample> latest(SeriesRef series) const;
    std::optional<Sample> latest(const Labels& labels) const;
    /// What an instant query at `at` would show: not stale, and within the look-back. Constant time
    /// unless a newer sample than `at` is there.
    std::optional<Sample> current(const Labels& labels, Timestamp at);

    // ── for those who send on what is appended ──
    /// Where the next batch will stand.
    LogPlace log_end();
    /// What was appended from `from` on, `bytes_max` of the log about. Samples that are kept
    /// although the log could not take them are not among them.
    Result<LogBite> read_log(LogPlace from, std::size_t bytes_max);
    /// What the segments from this one on take of the disk.
    std::uint64_t log_bytes_from(std::uint64_t segment);
    /// Segments from this one on outlive checkpoints; nothing: none does. See
    /// `StoreSettings::hold_log` for the time before the first call.
    void hold_log(std::optional<std::uint64_t> from);

    // ── what is known about metrics ──
    std::optional<MetricMetadata> find_metadata(std::string_view metric) const;
    std::vector<std::pair<std::string, MetricMetadata>> all_metadata() const;

    // ── what is put into the past ──
    /// Makes a block of what the cursor yields, all of it inside the stretch: samples of a time that
    /// may be long gone, or that blocks and memory hold already; where they hold a sample of the
    /// same series and time, that one counts. Afterwards nothing before the end of the stretch is
    /// taken by `append`. For imports; it does not look at retention, the next `maintain` does.
    Result<void> add_past(const Stretch& stretch, SeriesCursor& samples);

    // ── about itself ──
    std::size_t series_count() const;
    /// What counts against the budgets: index, labels, chunks.
    std::size_t memory_bytes() const;
    /// What memory holds, with lists of at most `entries` each. Holds up new series meanwhile:
    /// microseconds for every thousand of label values.
    HeadCosts head_costs(std::size_t entries) const;
    /// The same with jobs, budgets, and who was refused what.
    Cardinality cardinality(std::size_t entries) const;
    /// What is given up at the moment.
    Pressure pressure() const;
    const Recovery& recovery() const;
    const StoreSettings& settings() const;

    /// Everything so far is on the disk when this returns: a power cut takes none of it.
    Result<void> flush();
    /// Cuts and compacts blocks, drops what is past retention, and what is later than the clock
    /// when that was set back, and writes a checkpoint, each when it is due. The store's own thread
    /// does it; callable by anybody.
    Result<void> maintain();
    /// Writes a checkpoint now and removes the log before it.
    Result<void> checkpoint();
    /// Flushes and gives the folder back. Afterwards every append is refused. The destructor does
    /// it too.
    Result<void> close();

private:
    struct Parts;
    class Ranked;
    class Prepared;
    explicit Store(std::unique_ptr<Parts> parts);
    Result<SeriesRef> series(const Labels& labels, Rank rank);
    Result<Appended> append(const Batch& batch, Rank rank);

    std::unique_ptr<Parts> parts_;
    std::unique_ptr<Ranked> seen_, vital_;
};

}  // namespace vedette::store
