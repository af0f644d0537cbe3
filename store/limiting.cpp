#include <fmt/format.h>

#include <algorithm>

#include "store/parts.h"
#include "store/series_check.h"

// What is taken and what is refused when memory, places for series or the disk run short, and who
// costs what.

namespace vedette::store {

namespace {

/// One sentence that names the budget, what is used of it and who asked.
std::string words_of(Refusal refusal, const Budget& budget, const Use& use, const Labels& labels) {
    const std::string_view job = labels.get("job");
    const std::string series = to_string(labels);
    switch (refusal) {
        case Refusal::SeriesMax:
            return fmt::format(
                "series limit reached: the store holds {} series and "
                "storage.series_max is {}; {} was not added",
                use.series, budget.series_max, series);
        case Refusal::JobSeriesMax:
            return fmt::format(
                "series limit of a job reached: {} has {} series and "
                "storage.job_series_max is {}; {} was not added",
                quote(job), use.job_series, budget.job_series_max, series);
        case Refusal::EvenShare:
            return fmt::format(
                "series are short: {:.0f} % of the budget is used and {} has {} of "
                "the {} series of {}; the rest is for jobs with less; {} was not "
                "added",
                100 * largest_use(budget, use), quote(job), use.job_series, use.series,
                use.jobs == 1 ? "1 job" : fmt::format("{} jobs", use.jobs), series);
        case Refusal::HeadBytes:
            return fmt::format(
                "memory budget reached: the head takes {} bytes and "
                "storage.head_bytes_max is {}; {} was not added",
                use.bytes, budget.head_bytes_max, series);
        case Refusal::None:
            break;
    }
    return {};
}

/// What concerns one job is no reason to make its sender wait with everybody's samples.
Fault fault_of(Refusal refusal) {
    const bool of_job = refusal == Refusal::JobSeriesMax || refusal == Refusal::EvenShare;
    return of_job ? Fault::Refused : Fault::Limit;
}

}  // namespace

Use Store::Parts::used(std::string_view job) {
    return {.series = memory.index.size(),
            .bytes = memory.head.heap_bytes() + memory.index_bytes,
            .jobs = memory.index.jobs(),
            .job_series = memory.index.series_of_job(job)};
}

Result<void> Store::Parts::admit(const Labels& labels, Rank rank) {
    const Budget budget = settings.budget();
    const Use use = used(labels.get("job"));
    const Refusal refusal = judge_series(budget, use, rank);
    if (refusal == Refusal::None) return {};
    std::string why = words_of(refusal, budget, use, labels);
    refusals.note(to_string(refusal), labels, clock.now(), why);
    return fail(fault_of(refusal), std::move(why));
}

Result<void> Store::Parts::fits_labels(const Labels& labels) {
    NoSeries no = judge_labels(labels, settings.labels);
    if (no.why.empty()) return {};
    refusals.note(no.limit, labels, clock.now(), no.why);
    return fail(Fault::BadInput, std::move(no.why));
}

// ── the disk ──

void Store::Parts::look_at_disk() {
    const auto free = files.free_bytes(folder);
    if (!free) return;
    disk_free = *free;
    const bool is_short = *free < settings.disk_free_min;
    if (disk_short.exchange(is_short) == is_short) return;
    if (is_short)
        log.error("the disk is nearly full; samples that their senders keep are refused",
                  {{"free", *free}, {"disk_free_min", settings.disk_free_min}});
    else
        log.info("the disk has room again", {{"free", *free}});
}

Result<void> Store::Parts::check_disk(const Batch& batch) {
    if (batch.rows.empty()) return {};
    std::string why = fmt::format(
        "disk floor reached: {} bytes are free and storage.disk_free_min "
        "is {}; no sample was taken",
        disk_free.load(), settings.disk_free_min);
    Labels first;
    {
        const Lock lock(memory.index_mutex);
        if (const SeriesId id = SeriesId::of(batch.rows.front().series);
            memory.index.holds(id.slot, id.epoch))
            first = memory.index.labels(id.slot);
    }
    refusals.note("disk_free_min", first, clock.now(), why);
    return fail(Fault::Limit, std::move(why));
}

// ── memory ──

bool Store::Parts::sheds_extras() {
    const Lock lock(memory.head_mutex);
    const Use use{.bytes = memory.head.heap_bytes() + memory.index_bytes};
    return pressure_of(settings.budget(), use) >= Pressure::Extras;
}

Pressure Store::pressure() const {
    Memory& memory = parts_->memory;
    const Lock index_lock(memory.index_mutex);
    const Lock head_lock(memory.head_mutex);
    return pressure_of(parts_->settings.budget(), parts_->used({}));
}

// ── who costs what ──

HeadCosts Store::head_costs(std::size_t entries) const {
    HeadCosts out;
    CostList metrics(entries), names(entries), bytes(entries), pairs(entries);
    const Lock index_lock(parts_->memory.index_mutex);
    std::string_view name;
    std::uint64_t values = 0, name_bytes = 0;
    const auto end_of_name = [&] {
        if (values == 0) return;
        names.offer(std::string(name), values);
        bytes.offer(std::string(name), name_bytes);
        out.label_pairs += values;
        values = name_bytes = 0;
    };
    parts_->memory.index.each_value(
        [&](std::string_view label, std::string_view value, std::uint64_t series) {
            if (series == 0) return;
            if (label != name) end_of_name();
            name = label;
            ++values;
            name_bytes += (label.size() + value.size() + 2) * series;
            if (label == "__name__") metrics.offer(std::string(value), series);
            pairs.offer(fmt::format("{}={}", label, value), series);
        });
    end_of_name();
    out.series = parts_->memory.index.size();
    out.series_by_metric = metrics.take();
    out.values_by_label = names.take();
    out.bytes_by_label = bytes.take();
    out.series_by_pair = pairs.take();
    Memory& memory = parts_->memory;
    const Lock head_lock(memory.head_mutex);
    for (Slot slot = 0; slot < memory.head.slot_end(); ++slot)
        if (const SeriesSamples& series = memory.head.at(slot); !series.empty())
            out.chunks += series.sealed().size() + 1;
    // As Prometheus says "nothing yet".
    out.oldest = std::max(memory.head.oldest(), beginning_of_time);
    out.newest = memory.head.newest();
    return out;
}

Cardinality Store::cardinality(std::size_t entries) const {
    Parts& parts = *parts_;
    Cardinality out;
    out.head = head_costs(entries);
    out.refused = parts.refusals.most(entries);
    out.budget = parts.settings.budget();
    out.disk_bytes = parts.keeper.shelf()->bytes() + parts.log_bytes + parts.checkpoint_bytes;
    out.disk_bytes_max = parts.settings.retention_bytes;
    if (const std::uint64_t free = parts.disk_free; free != ~std::uint64_t{0}) out.disk_free = free;
    out.disk_free_min = parts.settings.disk_free_min;
    const auto refused = parts.refusals.by_job();
    const Timestamp now = parts.clock.now();
    std::vector<Cardinality::Job> jobs;
    {
        Memory& memory = parts.memory;
        const Lock index_lock(memory.index_mutex);
        const auto add = [&](std::string_view name,
                             std::uint64_t series) VEDETTE_REQUIRES(memory.index_mutex) {
            if (series == 0) return;
            const auto times = refused.find(std::string(name));
            jobs.push_back({std::string(name), series, memory.churn.of(name, now),
                            times == refused.end() ? 0 : times->second});
        };
        memory.index.each_value_of("job", add);
        add({}, memory.index.series_of_job({}));
        const Lock head_lock(memory.head_mutex);
        out.use = parts.used({});
    }
    const auto first_by = [&](std::uint64_t Cardinality::Job::* cost) {
        std::stable_sort(jobs.begin(), jobs.end(),
                         [&](const auto& a, const auto& b) { return a.*cost > b.*cost; });
        return std::vector(jobs.begin(), jobs.begin() + static_cast<std::ptrdiff_t>(
                                                            std::min(entries, jobs.size())));
    };
    out.jobs_by_churn = first_by(&Cardinality::Job::made);
    out.jobs_by_series = first_by(&Cardinality::Job::series);
    out.use.job_series = jobs.empty() ? 0 : jobs.front().series;
    out.pressure = pressure_of(out.budget, out.use);
    return out;
}

}  // namespace vedette::store
