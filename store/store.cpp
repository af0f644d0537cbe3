#include "store/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "store/format.h"
#include "store/log/records.h"
#include "store/parts.h"

namespace vedette::store {
namespace {

std::string cut_text(std::string_view text) {
    std::size_t end = std::min(text.size(), limits::metadata_text_bytes_max);
    // Not inside a character.
    while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
        --end;
    return std::string(text.substr(0, end));
}

}  // namespace

Result<void> Store::Parts::open() {
    const auto began = clock.steady();
    if (auto made = files.make_folders(wal_folder); !made) return made;
    if (settings.lock_folder) {
        auto taken = FolderLock::take(folder + "/lock");
        if (!taken) return fail(taken.error());
        lock = std::move(*taken);
    }
    if (auto fine = check_format(files, folder); !fine) return fine;
    auto made_ready = Retention::make(settings.retention, settings.retention_classes);
    if (!made_ready) return fail(made_ready.error());
    retention = std::move(*made_ready);
    if (auto read = keeper.open(recovery); !read) return read;
    for (const auto& rollup : rollups)
        if (auto read = rollup->open(recovery); !read) return read;
    if (auto read = load_rollup_state(); !read) return read;
    show_blocks();
    const Timestamp until = keeper.shelf()->until;
    refused_before = until;
    {
        const Lock lock_(maintain_mutex);
        log_begins = until;
        rollups_wait = !rollup_state()->due.empty();
    }
    {
        const Lock lock_(memory.exemplar_mutex);
        memory.exemplars.resize(settings.exemplars_max);
    }
    auto position = replay(files, wal_folder, until, memory, recovery, settings.hold_log);
    if (!position) return fail(position.error());
    for (const auto& deletion : recovery.deletions) erase_stored(deletion);
    auto opened = Wal::open(files, wal_folder, position->segment);
    if (!opened) return fail(opened.error());
    wal = std::move(*opened);
    log_bytes = position->log_bytes;
    checkpoint_bytes = position->checkpoint_bytes;
    committer = std::make_unique<Committer>(
        memory, *wal,
        Committer::Limits{settings.budget(), [this] { return floor(); },
                          [this](const CommitCounts& counts) { count(counts); },
                          [this](const Labels& first, const std::string& why) {
                              refusals.note(to_string(Refusal::HeadBytes), first, clock.now(), why);
                          }});
    look_at_disk();
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
    parts_->look_at_disk();
    const Lock lock(parts_->maintain_mutex);
    if (auto cut = parts_->drop_future(); !cut) return cut;
    return parts_->tidy(parts_->checkpoint_due());
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
    return series(labels, Rank::Ordinary);
}

Result<SeriesRef> Store::series(const Labels& labels, Rank rank) {
    Memory& memory = parts_->memory;
    {
        const Lock lock(memory.index_mutex);
        if (const auto known = memory.index.find(labels))
            return SeriesId{*known, memory.index.epoch(*known)}.ref();
    }
    if (auto fits = parts_->fits_labels(labels); !fits) return fail(fits.error());
    const Timestamp now = parts_->clock.now();
    const Lock lock(memory.index_mutex);
    // Somebody may have been quicker.
    if (const auto known = memory.index.find(labels))
        return SeriesId{*known, memory.index.epoch(*known)}.ref();
    const Lock head_lock(memory.head_mutex);
    if (auto admitted = parts_->admit(labels, rank); !admitted) return fail(admitted.error());
    memory.churn.made(labels.get("job"), now);
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
    if (known == memory.metadata.end()) {
        const bool full = memory.metadata.size() >= limits::metadata_metrics_max;
        if (full || parts_->sheds_extras()) {
            parts_->refusals.note(full ? "metadata_metrics_max" : "shed_metadata",
                                  Labels{{metric_name_label, metric}}, parts_->clock.now(),
                                  full ? "no more metrics are described"
                                       : "memory is short: what metrics mean is not remembered");
            return;
        }
    }
    memory.metadata[name] = said;
    write_metadata(memory.unlogged, name, said.type, said.help, said.unit);
    parts_->wants_sync();
}

Result<Appended> Store::append(const Batch& batch) {
    return append(batch, Rank::Ordinary);
}

Result<Appended> Store::append(const Batch& batch, Rank rank) {
    if (parts_->closed) return fail(Fault::Unavailable, "the store is closed");
    if (rank == Rank::Ordinary && parts_->disk_short)
        if (auto room = parts_->check_disk(batch); !room) return fail(room.error());
    return parts_->committer->append(batch, rank);
}

/// What `seen_rather_than_safe` and `vital` give out.
class Store::Ranked final : public SampleSink {
public:
    Ranked(Store& store, Rank rank) : store_(store), rank_(rank) {}

    Result<SeriesRef> series(const Labels& labels) override { return store_.series(labels, rank_); }
    std::uint64_t generation() const override { return store_.generation(); }
    void metadata(std::string_view metric, std::string_view type, std::string_view help,
                  std::string_view unit) override {
        store_.metadata(metric, type, help, unit);
    }
    Result<Appended> append(const Batch& batch) override { return store_.append(batch, rank_); }

private:
    Store& store_;
    const Rank rank_;
};

Store::Store(std::unique_ptr<Parts> parts)
    : parts_(std::move(parts)),
      seen_(std::make_unique<Ranked>(*this, Rank::Reading)),
      vital_(std::make_unique<Ranked>(*this, Rank::Vital)) {}

SampleSink& Store::seen_rather_than_safe() {
    return *seen_;
}

SampleSink& Store::vital() {
    return *vital_;
}

// In bites, so that who makes a series does not wait for a large request, and what was fetched is
// still near when it is looked at.
std::size_t Store::find_known(std::span<const Key> keys, std::span<SeriesRef> found) {
    constexpr std::size_t bite = 64;
    std::array<Slot, bite> slots{};
    for (std::size_t from = 0; from < keys.size(); from += bite) {
        const auto some = keys.subspan(from, std::min(bite, keys.size() - from));
        Memory& memory = parts_->memory;
        const Lock lock(memory.index_mutex);
        const std::size_t known = memory.index.find(some, slots.data());
        for (std::size_t i = 0; i < known; ++i)
            found[from + i] = SeriesId{slots[i], memory.index.epoch(slots[i])}.ref();
        if (known < some.size()) return from + known;
    }
    return keys.size();
}

// ── deleting ──

Result<void> Store::erase(std::vector<std::vector<Matcher>> selectors, Window window) {
    Parts& parts = *parts_;
    if (parts.closed) return fail(Fault::Unavailable, "the store is closed");
    const Lock lock(parts.maintain_mutex);
    Deletion::OfRollups of_rollups;
    for (const auto& rollup : parts.rollups)
        of_rollups.emplace_back(rollup->settings().resolution, rollup->newest_number());
    auto deletion = Deletion::make(parts.keeper.newest_number(), window, std::move(selectors),
                                   std::move(of_rollups));
    if (!deletion) return fail(deletion.error());
    return parts.erase(std::move(*deletion));
}

Result<void> Store::clean_deleted() {
    const Lock lock(parts_->maintain_mutex);
    auto cleaned = parts_->keeper.clean();
    for (const auto& rollup : parts_->rollups)
        if (cleaned) cleaned = rollup->clean();
    if (!cleaned) parts_->counters.block_failures.add();
    parts_->show_blocks();
    return cleaned;
}

// ── exemplars, metadata, about itself ──

void Store::keep_exemplars(std::size_t most) {
    const Lock lock(parts_->memory.exemplar_mutex);
    parts_->memory.exemplars.resize(most);
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

LogPlace Store::log_end() {
    LogPlace end;
    // Nobody writes meanwhile, so the size is that of whole records.
    (void)parts_->committer->exclusively([&]() -> Result<void> {
        end.segment = parts_->wal->number();
        auto file = parts_->files.open(segment_path(parts_->wal_folder, end.segment),
                                       Files::Open::Read);
        if (!file) return fail(file.error());
        const auto size = (*file)->size();
        if (size) end.offset = *size;
        return {};
    });
    return end;
}

Result<LogBite> Store::read_log(LogPlace from, std::size_t bytes_max) {
    return store::read_log(parts_->files, parts_->wal_folder, from, parts_->wal->number(),
                           bytes_max, parts_->memory);
}

std::uint64_t Store::log_bytes_from(std::uint64_t segment) {
    std::uint64_t bytes = 0;
    const auto found = WalFolder::list(parts_->files, parts_->wal_folder);
    if (!found) return 0;
    for (const std::uint64_t number : found->segments) {
        if (number < segment) continue;
        auto file =
            parts_->files.open(segment_path(parts_->wal_folder, number), Files::Open::Read);
        if (!file) continue;  // a checkpoint took it meanwhile
        if (const auto size = (*file)->size()) bytes += *size;
    }
    return bytes;
}

void Store::hold_log(std::optional<std::uint64_t> from) {
    parts_->log_needed_from = from.value_or(~std::uint64_t{0});
}

const Recovery& Store::recovery() const {
    return parts_->recovery;
}

void Store::take_out_of_order(Milliseconds window) {
    parts_->out_of_order_window = window;
}

const StoreSettings& Store::settings() const {
    return parts_->settings;
}

}  // namespace vedette::store
