#include "store/log/commit.h"

#include <fmt/format.h>

#include "core/limits.h"
#include "store/log/records.h"

namespace vedette::store {
namespace {

constexpr std::size_t buffer_bytes_kept = 256 * 1024;

tl::unexpected<Error> unknown_series(SeriesRef series) {
    return fail(Fault::NotFound, fmt::format("series ref {} is not known any more; ask for the "
                                             "series again (the generation has changed)",
                                             series.id));
}

}  // namespace

Committer::Committer(Memory& memory, Wal& wal, Limits limits)
    : memory_(memory), wal_(wal), limits_(std::move(limits)) {}

void Committer::take_turn() {
    while (busy_) turned_.wait(mutex_);
    busy_ = true;
}

Result<Appended> Committer::append(const Batch& batch, Rank rank) {
    Pending mine;
    mine.batch = &batch;
    mine.rank = rank;
    std::vector<Pending*> group;
    {
        const Lock lock(mutex_);
        queue_.push_back(&mine);
        while (busy_ && !mine.done) turned_.wait(mutex_);
        if (!mine.done) {
            busy_ = true;
            group.swap(queue_);
        }
    }
    if (!group.empty()) {
        commit(group);
        const Lock lock(mutex_);
        for (Pending* each : group) each->done = true;
        busy_ = false;
        turned_.notify_all();
    }
    if (!mine.verdict) return fail(mine.verdict.error());
    return std::move(mine.appended);
}

Result<void> Committer::exclusively(const std::function<Result<void>()>& work) {
    {
        const Lock lock(mutex_);
        take_turn();
    }
    auto result = work();
    const Lock lock(mutex_);
    busy_ = false;
    turned_.notify_all();
    return result;
}

Result<void> Committer::flush_unlogged() {
    return exclusively([&] { return write({}); });
}

Result<void> Committer::write(std::string_view records) {
    out_.clear();
    {
        const Lock lock(memory_.index_mutex);
        out_.swap(memory_.unlogged);
    }
    const std::size_t unlogged = out_.size();
    out_.append(records);
    if (out_.empty()) return {};
    auto written = wal_.append(out_);
    CommitCounts counts;
    counts.log_failed = !written;
    if (written)
        counts.log_bytes = out_.size();
    else
        put_back_unlogged(unlogged);
    limits_.count(counts);
    return written;
}

// What came meanwhile goes behind: a sample's series must be known before it.
void Committer::put_back_unlogged(std::size_t bytes) {
    const Lock lock(memory_.index_mutex);
    memory_.unlogged.insert(0, out_, 0, bytes);
}

Result<void> Committer::check_rows(const Batch& batch) {
    std::size_t bytes = record_head_bytes + 20;
    for (const Batch::Row& row : batch.rows) {
        const SeriesId id = SeriesId::of(row.series);
        if (!memory_.index.holds(id.slot, id.epoch)) return unknown_series(row.series);
        if (const auto* histogram = std::get_if<HistogramRef>(&row.sample.value);
            histogram != nullptr && *histogram == nullptr)
            return fail(Fault::BadInput, "a sample holds neither a float nor a histogram");
        bytes += row_bytes_max(row.sample);
    }
    for (const Batch::Exemplar& exemplar : batch.exemplars)
        if (const SeriesId id = SeriesId::of(exemplar.series);
            !memory_.index.holds(id.slot, id.epoch))
            return unknown_series(exemplar.series);
    if (bytes > limits::wal_record_bytes_max)
        return fail(
            Fault::Limit,
            fmt::format("log record limit reached: a batch of {} samples may take {} bytes in "
                        "the log and one record holds {}; send it in parts",
                        batch.rows.size(), bytes, limits::wal_record_bytes_max));
    return {};
}

std::size_t Committer::bytes_used() const {
    return memory_.head.heap_bytes() + memory_.index_bytes;
}

void Committer::look_at_job(Pending& pending) {
    if (pending.batch->rows.empty()) return;
    pending.first = memory_.index.labels(SeriesId::of(pending.batch->rows.front().series).slot);
    pending.use = {.series = memory_.index.size(),
                   .jobs = memory_.index.jobs(),
                   .job_series = memory_.index.series_of_job(pending.first.get("job"))};
}

Result<void> Committer::check_budget(Pending& pending) const {
    if (pending.batch->rows.empty()) return {};
    pending.use.bytes = bytes_used();
    if (takes_samples(limits_.budget, pending.use, pending.rank)) return {};
    pending.over_budget = true;
    return fail(Fault::Limit, fmt::format("memory budget reached: the head takes {} bytes and "
                                          "storage.head_bytes_max is {}; no sample was taken",
                                          pending.use.bytes, limits_.budget.head_bytes_max));
}

void Committer::judge(Pending& pending, const Floor& floor, CommitCounts& counts) {
    const auto& rows = pending.batch->rows;
    Appended& appended = pending.appended;
    std::size_t to_write = 0;
    for (std::uint32_t i = 0; i < rows.size(); ++i) {
        const Batch::Row& row = rows[i];
        const Slot slot = SeriesId::of(row.series).slot;
        SeriesSamples& series = memory_.head.at(slot);
        // Late at its time, and nothing newer any more: the first one holds.
        const bool late_before =
            !memory_.head.late().empty() && memory_.head.late().holds(slot, row.sample.at);
        const Verdict verdict = late_before ? Verdict::Known : series.claim(row.sample, floor);
        if (verdict == Verdict::Store || verdict == Verdict::Late) {
            ++to_write;
            const bool is_float = std::holds_alternative<double>(row.sample.value);
            ++(is_float ? counts.floats : counts.histograms);
        }
        if (verdict == Verdict::Store) {
            if (!pending.all) pending.chosen.push_back(i);
            continue;
        }
        if (pending.all) {
            pending.all = false;
            for (std::uint32_t before = 0; before < i; ++before) pending.chosen.push_back(before);
        }
        if (verdict == Verdict::Late) {
            pending.late.push_back(i);
            continue;
        }
        if (verdict == Verdict::Known) {
            ++appended.stored;
            continue;
        }
        if (pending.first_verdict == Verdict::Store) {
            pending.first_verdict = verdict;
            pending.first_rejected = row;
            pending.first_newest = {series.claimed_ms()};
        }
        appended.refused_histograms += std::holds_alternative<double>(row.sample.value) ? 0 : 1;
        appended.out_of_order += verdict == Verdict::OutOfOrder ? 1 : 0;
        appended.duplicate += verdict == Verdict::Duplicate ? 1 : 0;
        appended.too_old += verdict == Verdict::TooOld ? 1 : 0;
    }
    appended.stored += to_write;
    counts.out_of_order += appended.out_of_order;
    counts.duplicate += appended.duplicate;
    counts.too_old += appended.too_old;
    counts.late += pending.late.size();
    if (!pending.late.empty())
        write_late_samples(out_, rows, pending.chosen, pending.late);
    else if (to_write > 0)
        write_samples(out_, rows, pending.all ? nullptr : &pending.chosen);
}

void Committer::gather_exemplars(Pending& pending) {
    for (const Batch::Exemplar& each : pending.batch->exemplars)
        pending.exemplars.push_back({memory_.index.labels(SeriesId::of(each.series).slot),
                                     {each.labels, each.at, each.value}});
}

// Those that say what is known already come with every scrape, and go here; what is left is judged
// again when it is kept, each after the one before it.
void Committer::judge_exemplars(std::vector<Pending*>& group, CommitCounts& counts) {
    const Lock lock(memory_.exemplar_mutex);
    for (Pending* pending : group) {
        if (!pending->verdict) continue;
        std::erase_if(pending->exemplars,
                      [&](const ExemplarRecord& each) VEDETTE_REQUIRES(memory_.exemplar_mutex) {
                          using Is = ExemplarRing::Verdict;
                          const Is is = memory_.exemplars.judge(each.series, each.exemplar);
                          counts.exemplars_out_of_order += is == Is::OutOfOrder ? 1 : 0;
                          counts.exemplars_too_long += is == Is::TooLong ? 1 : 0;
                          return is != Is::Keep;
                      });
        counts.exemplars += pending->exemplars.size();
        write_exemplars(out_, pending->exemplars);
    }
}

void Committer::shed_exemplars(std::vector<Pending*>& group, CommitCounts& counts) {
    for (Pending* pending : group) {
        counts.exemplars_shed += pending->exemplars.size();
        pending->exemplars.clear();
    }
}

void Committer::keep_exemplars(Pending& pending) {
    for (auto& [series, exemplar] : pending.exemplars)
        (void)memory_.exemplars.add(series, std::move(exemplar));
}

void Committer::apply(const Pending& pending, bool take_back) {
    const auto& rows = pending.batch->rows;
    const auto each = [&](const Batch::Row& row) VEDETTE_REQUIRES(memory_.head_mutex) {
        const Slot slot = SeriesId::of(row.series).slot;
        if (take_back)
            memory_.head.at(slot).unclaim();
        else
            memory_.head.append(slot, row.sample);
    };
    if (pending.all)
        for (const Batch::Row& row : rows) each(row);
    else
        for (const std::uint32_t i : pending.chosen) each(rows[i]);
    if (take_back) return;
    for (const std::uint32_t i : pending.late)
        memory_.head.late().add(SeriesId::of(rows[i].series).slot, rows[i].sample);
}

void Committer::commit(std::vector<Pending*>& group) {
    CommitCounts counts;
    counts.batches = group.size();
    out_.clear();
    {
        const Lock lock(memory_.index_mutex);
        out_.swap(memory_.unlogged);
        for (Pending* each : group) {
            each->verdict = check_rows(*each->batch);
            if (!each->verdict) continue;
            look_at_job(*each);
            gather_exemplars(*each);
        }
    }
    const std::size_t unlogged = out_.size();
    const Floor floor = limits_.floor();
    bool extras = true;
    {
        const Lock lock(memory_.head_mutex);
        for (Pending* each : group) {
            if (each->verdict) each->verdict = check_budget(*each);
            if (each->verdict) judge(*each, floor, counts);
        }
        extras = pressure_of(limits_.budget, {.bytes = bytes_used()}) < Pressure::Extras;
    }
    if (!extras) shed_exemplars(group, counts);
    judge_exemplars(group, counts);
    const Result<void> written = out_.empty() ? Result<void>() : wal_.append(out_);
    if (!written) {
        counts = {};
        counts.log_failed = true;
        counts.log_error = written.error().message;
        put_back_unlogged(unlogged);
    }
    const auto refused = [&](const Pending& each) {
        return !written && each.rank == Rank::Ordinary;
    };
    {
        const Lock lock(memory_.head_mutex);
        for (Pending* each : group) {
            if (!each->verdict) continue;
            apply(*each, refused(*each));
            if (!written && !refused(*each)) counts.unlogged += each->appended.stored;
        }
    }
    {
        const Lock lock(memory_.exemplar_mutex);
        for (Pending* each : group)
            if (each->verdict && !refused(*each)) keep_exemplars(*each);
    }
    counts.log_bytes = written ? out_.size() : 0;
    limits_.count(counts);
    // A hundred thousand new series leave a buffer that nobody will need again; assigning to a
    // string would keep it.
    if (out_.capacity() > buffer_bytes_kept) std::string().swap(out_);
    for (Pending* each : group) {
        if (each->over_budget) limits_.refused(each->first, each->verdict.error().message);
        if (!each->verdict) continue;
        if (refused(*each))
            each->verdict =
                fail(written.error().fault,
                     "the batch could not be logged and was refused: " + written.error().message);
        else if (each->first_verdict != Verdict::Store)
            each->appended.first_rejection = rejection_text(*each, floor);
    }
}

std::string Committer::rejection_text(const Pending& pending, const Floor& floor) {
    const SeriesId id = SeriesId::of(pending.first_rejected.series);
    std::string series;
    {
        const Lock lock(memory_.index_mutex);
        series = to_string(memory_.index.labels(id.slot));
    }
    const std::string at = format_rfc3339(pending.first_rejected.sample.at);
    switch (pending.first_verdict) {
        case Verdict::OutOfOrder:
            return fmt::format("out of order sample: {} at {}, its newest is at {}", series, at,
                               format_rfc3339(pending.first_newest));
        case Verdict::Duplicate:
            return fmt::format("duplicate sample for timestamp: {} at {} has another value", series,
                               at);
        case Verdict::TooOld:
            return fmt::format("too old sample: {} at {}, nothing before {} is taken", series, at,
                               format_rfc3339(floor.late.value_or(floor.in_order)));
        case Verdict::Store:
        case Verdict::Late:
        case Verdict::Known:
            break;
    }
    return {};
}

}  // namespace vedette::store
