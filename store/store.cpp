#include "store/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <thread>

#include "store/checkpoint.h"
#include "store/commit.h"
#include "store/cursor.h"
#include "store/format.h"
#include "store/records.h"
#include "store/wal.h"

namespace vedette::store {
namespace {

constexpr std::size_t bite_series = 64;         // series copied while the head is held
constexpr std::size_t bite_bytes = 256 * 1024;  // and bytes of chunks
constexpr auto maintain_every_max = std::chrono::minutes(1);

Result<std::vector<ReadyMatcher>> make_ready(std::span<const Matcher> matchers) {
    std::vector<ReadyMatcher> ready;
    ready.reserve(matchers.size());
    for (const Matcher& matcher : matchers) {
        auto made = ReadyMatcher::make(matcher);
        if (!made) return fail(made.error());
        ready.push_back(std::move(*made));
    }
    return ready;
}

// Why these labels cannot be a series; empty when they can.
std::string why_not(const Labels& labels) {
    if (!labels.has(metric_name_label)) return "a series needs a metric name";
    if (labels.size() > limits::labels_per_series_max)
        return fmt::format("a series has {} labels; at most {} are taken", labels.size(),
                           limits::labels_per_series_max);
    std::size_t bytes = 0;
    for (const Label label : labels) {
        bytes += label.name.size() + label.value.size();
        if (label.name.size() > limits::label_name_bytes_max)
            return fmt::format("a label name has {} bytes; at most {} are taken", label.name.size(),
                               limits::label_name_bytes_max);
        if (label.value.size() > limits::label_value_bytes_max)
            return fmt::format("label {} has a value of {} bytes; at most {} are taken",
                               quote(label.name), label.value.size(),
                               limits::label_value_bytes_max);
        if (!is_utf8(label.name) || !is_utf8(label.value))
            return fmt::format("label {} is not UTF-8", quote(label.name));
    }
    if (bytes > limits::labels_bytes_max)
        return fmt::format("the labels of a series have {} bytes; at most {} are taken", bytes,
                           limits::labels_bytes_max);
    return {};
}

std::string cut_text(std::string_view text) {
    std::size_t end = std::min(text.size(), limits::metadata_text_bytes_max);
    // Not inside a character.
    while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
        --end;
    return std::string(text.substr(0, end));
}

struct StoreMetrics {
    explicit StoreMetrics(Metrics& metrics)
        : floats(metrics.counter("vedette_store_samples_appended_total", "Samples stored, by type.",
                                 Labels{{"type", "float"}})),
          histograms(metrics.counter("vedette_store_samples_appended_total",
                                     "Samples stored, by type.", Labels{{"type", "histogram"}})),
          out_of_order(rejected(metrics, "out_of_order")),
          duplicate(rejected(metrics, "duplicate")),
          too_old(rejected(metrics, "too_old")),
          series_refused(refused(metrics, "series_max")),
          memory_refused(refused(metrics, "head_bytes_max")),
          metadata_refused(refused(metrics, "metadata_metrics_max")),
          exemplars(metrics.counter("vedette_store_exemplars_ignored_total",
                                    "Exemplars that came with batches and were not kept.")),
          log_bytes(metrics.counter("vedette_store_wal_bytes_total",
                                    "Bytes written to the write-ahead log.")),
          commits(metrics.counter("vedette_store_commits_total",
                                  "Writes to the log; batches that came together share one.")),
          log_failures(metrics.counter(
              "vedette_store_wal_write_failures_total",
              "Writes to the log that failed; what came from outside was refused.")),
          unlogged(metrics.counter("vedette_store_samples_unlogged_total",
                                   "Samples kept in memory though the log could not take them.")),
          syncs(metrics.counter("vedette_store_wal_syncs_total", "Times the log was synced.")),
          sync_failures(metrics.counter("vedette_store_wal_sync_failures_total",
                                        "Times the log could not be synced.")),
          checkpoints(metrics.counter("vedette_store_checkpoints_total", "Checkpoints written.")),
          checkpoint_failures(metrics.counter("vedette_store_checkpoint_failures_total",
                                              "Checkpoints that could not be written.")),
          dropped(metrics.counter("vedette_store_series_dropped_total",
                                  "Series whose last sample left retention.")),
          corrupt(metrics.counter("vedette_store_corrupt_chunks_total",
                                  "Chunks in memory that could not be decoded.")) {}

    static Counter& rejected(Metrics& metrics, std::string_view reason) {
        return metrics.counter("vedette_store_samples_rejected_total",
                               "Samples that do not belong where they claim to, by reason.",
                               Labels{{"reason", reason}});
    }
    static Counter& refused(Metrics& metrics, std::string_view limit) {
        return metrics.counter("vedette_store_refusals_total",
                               "Series, batches and metadata refused because a limit was reached.",
                               Labels{{"limit", limit}});
    }

    Counter &floats, &histograms, &out_of_order, &duplicate, &too_old;
    Counter &series_refused, &memory_refused, &metadata_refused, &exemplars;
    Counter &log_bytes, &commits, &log_failures, &unlogged, &syncs, &sync_failures;
    Counter &checkpoints, &checkpoint_failures, &dropped, &corrupt;
};

}  // namespace

// Constant after open but for what has a lock or is atomic.
struct Store::Parts {
    Parts(Files& files_, std::string folder_, StoreSettings settings_, Clock& clock_, Log& log_,
          Metrics& metrics_)
        : files(files_),
          folder(std::move(folder_)),
          wal_folder(folder + "/wal"),
          settings(settings_),
          clock(clock_),
          log(log_),
          counters(metrics_) {}

    Files& files;
    const std::string folder, wal_folder;
    const StoreSettings settings;
    Clock& clock;
    Log& log;
    StoreMetrics counters;
    std::optional<FolderLock> lock;
    Recovery recovery;

    Memory memory;  // has its own locks
    std::unique_ptr<Wal> wal;
    std::unique_ptr<Committer> committer;
    std::atomic<std::uint64_t> generation = 1;
    std::atomic<std::uint64_t> log_bytes = 0;         // since the last checkpoint
    std::atomic<std::uint64_t> checkpoint_bytes = 0;  // of the last one
    std::atomic<bool> checkpoint_wanted = false;
    std::atomic<bool> closed = false;

    Mutex maintain_mutex;  // one maintains at a time; taken before any other
    std::atomic<bool> sync_failing = false;
    Mutex sleep_mutex;
    Condition wake;
    bool unsynced VEDETTE_GUARDED_BY(sleep_mutex) = true;  // something waits for the next sync
    bool hurry VEDETTE_GUARDED_BY(sleep_mutex) = false;    // much does: it does not wait longer
    bool resting VEDETTE_GUARDED_BY(sleep_mutex) =
        false;  // nothing does; wake it when that changes
    std::atomic<std::uint64_t> unsynced_bytes = 0;
    std::jthread thread;

    Result<void> open();
    Result<void> sync();
    Result<void> drop_old();
    Result<void> forget(const std::vector<Slot>& gone);
    Result<void> write_checkpoint_now();
    Timestamp oldest_taken();
    void count(const CommitCounts& counts);
    void wants_sync(bool at_once = false);
    bool sleep(const std::stop_token& stop, std::chrono::steady_clock::time_point maintain_at);
    bool checkpoint_due() const {
        return log_bytes >
               std::max<std::uint64_t>(settings.checkpoint_after_bytes, checkpoint_bytes);
    }
    void run(std::stop_token stop);
    ChunkCursor::Fill fill_from(std::vector<SeriesId> ids, Window window, bool latest_only);
    std::optional<Sample> newest_in(const Labels& labels, Window window);
    Result<std::vector<Slot>> slots_in(Selectors selectors, Window window)
        VEDETTE_REQUIRES(memory.index_mutex);
};

Result<void> Store::Parts::open() {
    const auto began = clock.steady();
    if (auto made = files.make_folders(wal_folder); !made) return made;
    if (settings.lock_folder) {
        auto taken = FolderLock::take(folder + "/lock");
        if (!taken) return fail(taken.error());
        lock = std::move(*taken);
    }
    if (auto fine = check_format(files, folder); !fine) return fine;
    auto position = replay(files, wal_folder, memory, recovery);
    if (!position) return fail(position.error());
    auto opened = Wal::open(files, wal_folder, position->segment);
    if (!opened) return fail(opened.error());
    wal = std::move(*opened);
    log_bytes = position->log_bytes;
    checkpoint_bytes = position->checkpoint_bytes;
    committer = std::make_unique<Committer>(
        memory, *wal,
        Committer::Limits{settings.head_bytes_max, [this] { return oldest_taken(); },
                          [this](const CommitCounts& counts) { count(counts); }});
    recovery.took = std::chrono::duration_cast<Milliseconds>(clock.steady() - began);
    log.info("store opened", {{"folder", folder},
                              {"series", static_cast<std::int64_t>(recovery.series)},
                              {"took_ms", recovery.took.count()}});
    for (const auto& loss : recovery.losses)
        log.warn("store lost something", {{"what", loss.text()}});
    if (settings.own_thread)
        thread = std::jthread([this](std::stop_token stop) { run(std::move(stop)); });
    return {};
}

// Counted from the newest sample, so that an empty store takes samples of any age; but not from one
// whose clock is ahead, or a single wrong sample would age all others.
Timestamp Store::Parts::oldest_taken() {
    Timestamp newest;
    {
        const Lock lock_(memory.head_mutex);
        newest = memory.head.newest();
    }
    constexpr Timestamp beginning{std::numeric_limits<std::int64_t>::min()};
    if (newest == beginning) return beginning;
    newest = std::min(newest, clock.now());
    if (newest.ms < beginning.ms + settings.retention.count()) return beginning;
    return newest - settings.retention;
}

void Store::Parts::count(const CommitCounts& counts) {
    counters.floats.add(static_cast<double>(counts.floats));
    counters.histograms.add(static_cast<double>(counts.histograms));
    if (counts.out_of_order > 0)
        counters.out_of_order.add(static_cast<double>(counts.out_of_order));
    if (counts.duplicate > 0) counters.duplicate.add(static_cast<double>(counts.duplicate));
    if (counts.too_old > 0) counters.too_old.add(static_cast<double>(counts.too_old));
    if (counts.over_budget) counters.memory_refused.add();
    if (counts.log_failed) counters.log_failures.add();
    if (counts.unlogged != 0) {
        counters.unlogged.add(static_cast<double>(counts.unlogged));
        log.warn("samples are in memory only", {{"reason", counts.log_error}});
    }
    counters.commits.add();
    counters.log_bytes.add(static_cast<double>(counts.log_bytes));
    log_bytes += counts.log_bytes;
    if (counts.log_bytes == 0 && !counts.log_failed) return;
    unsynced_bytes += counts.log_bytes;
    wants_sync(unsynced_bytes > limits::wal_unsynced_bytes);
}

/// Tells the store's thread that something is to be brought to the disk; wakes it when it rests.
void Store::Parts::wants_sync(bool at_once) {
    {
        const Lock lock_(sleep_mutex);
        const bool wakes = resting || (at_once && !hurry);
        unsynced = true;
        hurry |= at_once;
        if (!wakes) return;
        resting = false;
    }
    wake.notify_one();
}

Result<void> Store::Parts::sync() {
    if (!wal->dirty()) return {};
    auto synced = wal->sync();
    counters.syncs.add();
    if (!synced) {
        counters.sync_failures.add();
        // The kernel may have forgotten what it could not write and say "fine" the next time;
        // memory has not, so it is written anew.
        checkpoint_wanted = true;
        if (!sync_failing.exchange(true))
            log.error("the log cannot be synced", {{"error", synced.error().message}});
    } else if (sync_failing.exchange(false)) {
        log.info("the log is synced again");
    }
    return synced;
}

Result<void> Store::Parts::drop_old() {
    const Timestamp oldest = oldest_taken();
    return committer->exclusively([&]() -> Result<void> {
        std::vector<Slot> gone;
        {
            const Lock index_lock(memory.index_mutex);
            const Lock head_lock(memory.head_mutex);
            gone = memory.head.drop_before(oldest);
            // Free places have no samples either.
            std::erase_if(gone, [&](Slot slot) VEDETTE_REQUIRES(memory.index_mutex) {
                return memory.index.labels(slot).empty();
            });
        }
        return gone.empty() ? Result<void>() : forget(gone);
    });
}

// Holding the turn: nobody appends meanwhile.
Result<void> Store::Parts::forget(const std::vector<Slot>& gone) {
    std::vector<SeriesId> ids;
    {
        const Lock index_lock(memory.index_mutex);
        for (const Slot slot : gone) ids.push_back({slot, memory.index.epoch(slot)});
    }
    std::string record;
    write_dropped(record, ids);
    if (auto written = committer->write(record); !written) return written;
    const Lock index_lock(memory.index_mutex);
    const Lock head_lock(memory.head_mutex);
    memory.index.remove(gone);
    for (const Slot slot : gone) memory.head.forget(slot);
    memory.index_bytes = memory.index.heap_bytes();
    ++generation;
    counters.dropped.add(static_cast<double>(gone.size()));
    return {};
}

Result<void> Store::Parts::write_checkpoint_now() {
    std::uint64_t ended = 0;
    auto rotated = committer->exclusively([&]() -> Result<void> {
        if (auto written = committer->write({}); !written) return written;
        auto number = wal->rotate();
        if (!number) return fail(number.error());
        ended = *number;
        log_bytes = 0;
        return {};
    });
    if (!rotated) return rotated;
    auto bytes = write_checkpoint(files, wal_folder, ended, memory);
    if (!bytes) {
        counters.checkpoint_failures.add();
        return fail(bytes.error());
    }
    checkpoint_bytes = *bytes;
    checkpoint_wanted = false;
    counters.checkpoints.add();
    return {};
}

/// Rests until it is time to sync or to maintain. False: to stop.
///
///     append          x  xx x                    x
///     sync      ├──────────┼──────────┼ ─ ─ ─ ─ ─┼──────────┤ the thread wakes where a bar stands
///                busy: one wake an     nothing    the first one begins an interval,
///                interval              to sync    at whose end all of it is synced
bool Store::Parts::sleep(const std::stop_token& stop,
                         std::chrono::steady_clock::time_point maintain_at) {
    std::unique_lock<Mutex> lock_(sleep_mutex);
    const auto interval = [&] {
        wake.wait_until(lock_, stop, std::chrono::steady_clock::now() + settings.wal_sync_interval,
                        [this]() VEDETTE_REQUIRES(sleep_mutex) { return hurry; });
    };
    interval();
    if (!unsynced && !stop.stop_requested()) {
        resting = true;
        wake.wait_until(lock_, stop, maintain_at,
                        [this]() VEDETTE_REQUIRES(sleep_mutex) { return unsynced; });
        resting = false;
        if (unsynced) interval();
    }
    // Before the sync: what comes from now on is for the next one.
    unsynced = hurry = false;
    unsynced_bytes = 0;
    return !stop.stop_requested();
}

void Store::Parts::run(std::stop_token stop) {
    const auto maintain_every = std::min<Milliseconds>(maintain_every_max, settings.retention / 8);
    auto maintain_at = std::chrono::steady_clock::now() + maintain_every;
    while (sleep(stop, maintain_at)) {
        const bool written = committer->flush_unlogged().has_value();
        if (const bool synced = sync().has_value(); !written || !synced) wants_sync();
        const bool due = checkpoint_due();
        if (!due && std::chrono::steady_clock::now() < maintain_at) continue;
        maintain_at = std::chrono::steady_clock::now() + maintain_every;
        const Lock lock_(maintain_mutex);
        auto done = drop_old();
        if (done && (due || checkpoint_wanted)) done = write_checkpoint_now();
        if (!done) log.error("the store could not be tidied", {{"error", done.error().message}});
    }
}

// ── opening and closing ──

Result<std::unique_ptr<Store>> Store::open(Files& files, std::string folder, StoreSettings settings,
                                           Clock& clock, Log& log, Metrics& metrics) {
    auto parts = std::make_unique<Parts>(files, std::move(folder), settings, clock, log, metrics);
    if (auto opened = parts->open(); !opened) return fail(opened.error());
    return std::unique_ptr<Store>(new Store(std::move(parts)));
}

Store::~Store() {
    (void)close();
}

Result<void> Store::close() {
    if (parts_->closed.exchange(true)) return {};
    parts_->thread = std::jthread();
    auto written = parts_->committer->flush_unlogged();
    auto synced = parts_->sync();
    parts_->lock.reset();
    return written ? synced : written;
}

Result<void> Store::flush() {
    if (auto written = parts_->committer->flush_unlogged(); !written) return written;
    return parts_->sync();
}

Result<void> Store::maintain() {
    const Lock lock(parts_->maintain_mutex);
    if (auto dropped = parts_->drop_old(); !dropped) return dropped;
    return parts_->checkpoint_due() || parts_->checkpoint_wanted ? parts_->write_checkpoint_now()
                                                                 : Result<void>();
}

Result<void> Store::checkpoint() {
    const Lock lock(parts_->maintain_mutex);
    return parts_->write_checkpoint_now();
}

// ── SampleSink ──

std::uint64_t Store::generation() const {
    return parts_->generation;
}

Result<SeriesRef> Store::series(const Labels& labels) {
    Memory& memory = parts_->memory;
    {
        const Lock lock(memory.index_mutex);
        if (const auto known = memory.index.find(labels))
            return SeriesId{*known, memory.index.epoch(*known)}.ref();
    }
    if (const std::string why = why_not(labels); !why.empty()) return fail(Fault::BadInput, why);
    const Lock lock(memory.index_mutex);
    // Somebody may have been quicker.
    if (const auto known = memory.index.find(labels))
        return SeriesId{*known, memory.index.epoch(*known)}.ref();
    if (memory.index.size() >= parts_->settings.series_max) {
        parts_->counters.series_refused.add();
        return fail(Fault::Limit, fmt::format("series limit reached: the store holds {} series and "
                                              "storage.series_max is {}; {} was not added",
                                              memory.index.size(), parts_->settings.series_max,
                                              to_string(labels)));
    }
    const Lock head_lock(memory.head_mutex);
    const std::size_t bytes = memory.head.heap_bytes() + memory.index_bytes;
    if (bytes > parts_->settings.head_bytes_max) {
        parts_->counters.memory_refused.add();
        return fail(Fault::Limit,
                    fmt::format("memory budget reached: the head takes {} bytes and "
                                "storage.head_bytes_max is {}; {} was not added",
                                bytes, parts_->settings.head_bytes_max, to_string(labels)));
    }
    const Slot slot = memory.index.add(labels);
    const SeriesId id{slot, memory.index.epoch(slot)};
    memory.head.grow(slot + 1);
    memory.head.at(slot).idle = false;
    memory.index_bytes = memory.index.heap_bytes();
    write_series(memory.unlogged, {id, labels});
    parts_->wants_sync();
    return id.ref();
}

void Store::metadata(std::string_view metric, std::string_view type, std::string_view help,
                     std::string_view unit) {
    Memory& memory = parts_->memory;
    const std::string name = cut_text(metric);
    const MetricMetadata said{cut_text(type), cut_text(help), cut_text(unit)};
    const Lock lock(memory.index_mutex);
    const auto known = memory.metadata.find(name);
    if (known != memory.metadata.end() && known->second == said) return;
    if (known == memory.metadata.end() && memory.metadata.size() >= limits::metadata_metrics_max) {
        parts_->counters.metadata_refused.add();
        return;
    }
    memory.metadata[name] = said;
    write_metadata(memory.unlogged, name, said.type, said.help, said.unit);
    parts_->wants_sync();
}

Result<Appended> Store::append(const Batch& batch) {
    return append(batch, Committer::IfUnlogged::Refuse);
}

Result<Appended> Store::append(const Batch& batch, Committer::IfUnlogged otherwise) {
    if (parts_->closed) return fail(Fault::Unavailable, "the store is closed");
    if (!batch.exemplars.empty())
        parts_->counters.exemplars.add(static_cast<double>(batch.exemplars.size()));
    return parts_->committer->append(batch, otherwise);
}

/// What `seen_rather_than_safe` gives out.
class Store::Seen final : public SampleSink {
public:
    explicit Seen(Store& store) : store_(store) {}

    Result<SeriesRef> series(const Labels& labels) override { return store_.series(labels); }
    std::uint64_t generation() const override { return store_.generation(); }
    void metadata(std::string_view metric, std::string_view type, std::string_view help,
                  std::string_view unit) override {
        store_.metadata(metric, type, help, unit);
    }
    Result<Appended> append(const Batch& batch) override {
        return store_.append(batch, Committer::IfUnlogged::Keep);
    }

private:
    Store& store_;
};

Store::Store(std::unique_ptr<Parts> parts)
    : parts_(std::move(parts)), seen_(std::make_unique<Seen>(*this)) {}

SampleSink& Store::seen_rather_than_safe() {
    return *seen_;
}

// ── SeriesSource ──

ChunkCursor::Fill Store::Parts::fill_from(std::vector<SeriesId> ids, Window window,
                                          bool latest_only) {
    return [this, ids = std::move(ids), window, latest_only,
            at = std::size_t{0}](CopiedChunks& bite) mutable {
        const Lock index_lock(memory.index_mutex);
        const Lock head_lock(memory.head_mutex);
        for (; at < ids.size(); ++at) {
            if (bite.series.size() >= bite_series || bite.bytes.size() >= bite_bytes) return;
            const SeriesId id = ids[at];
            if (!memory.index.holds(id.slot, id.epoch)) continue;
            memory.head.copy(id.slot, memory.index.labels(id.slot), window, latest_only, bite);
        }
    };
}

Result<std::unique_ptr<SeriesCursor>> Store::select(std::span<const Matcher> matchers,
                                                    Window window, const Hints& hints,
                                                    std::stop_token stop) {
    auto ready = make_ready(matchers);
    if (!ready) return fail(ready.error());
    std::vector<SeriesId> ids;
    {
        const Lock lock(parts_->memory.index_mutex);
        Index& index = parts_->memory.index;
        std::vector<Slot> slots = index.matching(*ready, stop);
        index.sort_by_labels(slots);
        ids.reserve(slots.size());
        for (const Slot slot : slots) ids.push_back({slot, index.epoch(slot)});
    }
    const auto on_corrupt = [parts = parts_.get()](const Labels& labels, const Error& error) {
        parts->counters.corrupt.add();
        parts->log.error("a chunk cannot be decoded",
                         {{"series", to_string(labels)}, {"error", error.message}});
    };
    return std::make_unique<ChunkCursor>(
        parts_->fill_from(std::move(ids), window, hints.latest_only), on_corrupt, window,
        hints.latest_only, std::move(stop));
}

// ── LabelSource ──

Result<std::vector<Slot>> Store::Parts::slots_in(Selectors selectors, Window window) {
    static const std::vector<Matcher> everything;
    std::vector<Slot> slots;
    const auto add = [&](const std::vector<Matcher>& selector)
                         VEDETTE_REQUIRES(memory.index_mutex) -> Result<void> {
        auto ready = make_ready(selector);
        if (!ready) return fail(ready.error());
        const auto more = memory.index.matching(*ready, {});
        slots.insert(slots.end(), more.begin(), more.end());
        return {};
    };
    if (selectors.empty())
        if (auto added = add(everything); !added) return fail(added.error());
    for (const auto& selector : selectors)
        if (auto added = add(selector); !added) return fail(added.error());
    std::sort(slots.begin(), slots.end());
    slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
    const Lock lock_(memory.head_mutex);
    std::erase_if(slots, [&](Slot slot) VEDETTE_REQUIRES(memory.head_mutex) {
        return slot >= memory.head.slot_end() || !memory.head.at(slot).overlaps(window);
    });
    return slots;
}

Result<std::vector<std::string>> Store::label_names(Selectors selectors, Window window) {
    Parts& parts = *parts_;
    const Lock lock(parts.memory.index_mutex);
    auto slots = parts.slots_in(selectors, window);
    if (!slots) return fail(slots.error());
    Index& index = parts.memory.index;
    // All of them is the common question, and the index knows that answer.
    if (slots->size() == index.size()) return index.names();
    std::set<std::string_view> names;
    for (const Slot slot : *slots)
        for (const Label label : index.labels(slot)) names.insert(label.name);
    return std::vector<std::string>(names.begin(), names.end());
}

Result<std::vector<std::string>> Store::label_values(std::string_view name, Selectors selectors,
                                                     Window window) {
    Parts& parts = *parts_;
    const Lock lock(parts.memory.index_mutex);
    auto slots = parts.slots_in(selectors, window);
    if (!slots) return fail(slots.error());
    Index& index = parts.memory.index;
    if (slots->size() == index.size()) return index.values(name);
    std::set<std::string_view> values;
    for (const Slot slot : *slots)
        if (const auto value = index.labels(slot).get(name); !value.empty()) values.insert(value);
    return std::vector<std::string>(values.begin(), values.end());
}

Result<std::vector<Labels>> Store::series_in(Selectors selectors, Window window) {
    Parts& parts = *parts_;
    const Lock lock(parts.memory.index_mutex);
    auto slots = parts.slots_in(selectors, window);
    if (!slots) return fail(slots.error());
    Index& index = parts.memory.index;
    index.sort_by_labels(*slots);
    std::vector<Labels> out;
    out.reserve(slots->size());
    for (const Slot slot : *slots) out.push_back(index.labels(slot));
    return out;
}

// ── the newest sample, metadata, about itself ──

std::optional<Sample> Store::latest(SeriesRef series) const {
    const SeriesId id = SeriesId::of(series);
    const Lock index_lock(parts_->memory.index_mutex);
    if (!parts_->memory.index.holds(id.slot, id.epoch)) return std::nullopt;
    const Lock head_lock(parts_->memory.head_mutex);
    return parts_->memory.head.at(id.slot).latest();
}

std::optional<Sample> Store::latest(const Labels& labels) const {
    const Lock index_lock(parts_->memory.index_mutex);
    const auto slot = parts_->memory.index.find(labels);
    if (!slot) return std::nullopt;
    const Lock head_lock(parts_->memory.head_mutex);
    return parts_->memory.head.at(*slot).latest();
}

std::optional<Sample> Store::Parts::newest_in(const Labels& labels, Window window) {
    SeriesId id;
    {
        const Lock lock_(memory.index_mutex);
        const auto slot = memory.index.find(labels);
        if (!slot) return std::nullopt;
        id = {*slot, memory.index.epoch(*slot)};
    }
    ChunkCursor cursor(fill_from({id}, window, true), [](const auto&, const auto&) {}, window, true,
                       {});
    Column column;
    if (!cursor.next(column)) return std::nullopt;
    const bool histogram = !column.histograms.empty() && column.histograms.back();
    return Sample{column.times.back(),
                  histogram ? Value(column.histograms.back()) : Value(column.floats.back())};
}

std::optional<Sample> Store::current(const Labels& labels, Timestamp at) {
    const Window window{at - parts_->settings.lookback, at};
    const auto usable = [&](const std::optional<Sample>& sample) {
        return sample && window.holds(sample->at) && !is_stale(sample->value);
    };
    const std::optional<Sample> newest = latest(labels);
    if (!newest || newest->at <= at) return usable(newest) ? newest : std::nullopt;
    const std::optional<Sample> before = parts_->newest_in(labels, window);
    return usable(before) ? before : std::nullopt;
}

std::optional<MetricMetadata> Store::find_metadata(std::string_view metric) const {
    const Lock lock(parts_->memory.index_mutex);
    const auto known = parts_->memory.metadata.find(metric);
    if (known == parts_->memory.metadata.end()) return std::nullopt;
    return known->second;
}

std::vector<std::pair<std::string, MetricMetadata>> Store::all_metadata() const {
    const Lock lock(parts_->memory.index_mutex);
    return {parts_->memory.metadata.begin(), parts_->memory.metadata.end()};
}

std::size_t Store::series_count() const {
    const Lock lock(parts_->memory.index_mutex);
    return parts_->memory.index.size();
}

std::size_t Store::memory_bytes() const {
    const Lock lock(parts_->memory.head_mutex);
    return parts_->memory.head.heap_bytes() + parts_->memory.index_bytes;
}

const Recovery& Store::recovery() const {
    return parts_->recovery;
}

const StoreSettings& Store::settings() const {
    return parts_->settings;
}

}  // namespace vedette::store
