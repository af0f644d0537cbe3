#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/mutex.h"
#include "core/series.h"
#include "store/head/memory.h"
#include "store/log/records.h"
#include "store/log/wal.h"
#include "store/shedding/pressure.h"

namespace vedette::store {

/// What one commit did, for the metrics.
struct CommitCounts {
    std::size_t floats = 0, histograms = 0;  // stored
    std::size_t late = 0;                    // of them, those out of order
    std::size_t out_of_order = 0, duplicate = 0, too_old = 0;
    std::size_t log_bytes = 0;
    std::size_t batches = 0;
    std::size_t exemplars = 0;  // kept
    std::size_t exemplars_out_of_order = 0, exemplars_too_long = 0, exemplars_shed = 0;
    std::size_t unlogged = 0;  // kept in memory though the log did not take them
    bool log_failed = false;
    std::string log_error;
};

/// Puts batches into log and head, in that order and in the same order in both.
///
///     writers:  append ─┐            one of them leads: takes all that wait, writes them in one
///               append ─┼─► queue ─► write(2), puts them into the head, wakes the others; whoever
///               append ─┘            came meanwhile is led by the next
///
/// Whoever leads (or has the turn by `exclusively`) is alone in changing samples and the log. A
/// batch goes through three steps: judge (claim each sample's place in time, index and head locked
/// in turn), write (nothing locked), apply (head locked); a failed write gives the claims back, so
/// that a batch is taken whole or refused whole (DOORS 1) and readers see only what is in the log
/// (DOORS 2). The exception is a batch that nobody would send again (any rank but `Ordinary`): when
/// the log cannot be written it stays in memory, and the next checkpoint brings it to the disk.
class Committer {
public:
    struct Limits {
        Budget budget;
        /// From when on samples are taken; asked once a commit.
        std::function<Floor()> floor;
        std::function<void(const CommitCounts&)> count;
        /// A batch was refused because memory is short; told with the labels of its first sample.
        std::function<void(const Labels& first, const std::string& why)> refused;
    };

    Committer(Memory& memory, Wal& wal, Limits limits);

    /// Any thread.
    Result<Appended> append(const Batch& batch, Rank rank = Rank::Ordinary);
    /// Writes records of series and metadata that still wait. Any thread.
    Result<void> flush_unlogged();
    /// Runs `work` while nobody else changes samples or the log. `work` may use `write`.
    Result<void> exclusively(const std::function<Result<void>()>& work);
    /// Appends records to the log, those that wait before them. Only inside `exclusively`.
    Result<void> write(std::string_view records);

private:
    struct Pending {
        const Batch* batch = nullptr;
        Rank rank = Rank::Ordinary;
        Labels first;  // of its first row
        Use use;       // of memory when it was judged
        bool over_budget = false;
        Appended appended;
        Result<void> verdict;
        bool all = true;                    // every row is to be stored
        std::vector<std::uint32_t> chosen;  // otherwise these
        std::vector<std::uint32_t> late;    // and these, beside the chunks
        Verdict first_verdict = Verdict::Store;
        Batch::Row first_rejected;
        Timestamp first_newest;
        std::vector<ExemplarRecord> exemplars;  // that are to be kept
        bool done = false;
    };

    void take_turn() VEDETTE_REQUIRES(mutex_);
    void commit(std::vector<Pending*>& group);
    Result<void> check_rows(const Batch& batch) VEDETTE_REQUIRES(memory_.index_mutex);
    void look_at_job(Pending& pending) VEDETTE_REQUIRES(memory_.index_mutex);
    Result<void> check_budget(Pending& pending) const VEDETTE_REQUIRES(memory_.head_mutex);
    std::size_t bytes_used() const VEDETTE_REQUIRES(memory_.head_mutex);
    void judge(Pending& pending, const Floor& floor, CommitCounts& counts)
        VEDETTE_REQUIRES(memory_.head_mutex);
    void gather_exemplars(Pending& pending) VEDETTE_REQUIRES(memory_.index_mutex);
    static void shed_exemplars(std::vector<Pending*>& group, CommitCounts& counts);
    void judge_exemplars(std::vector<Pending*>& group, CommitCounts& counts);
    void apply(const Pending& pending, bool take_back) VEDETTE_REQUIRES(memory_.head_mutex);
    void keep_exemplars(Pending& pending) VEDETTE_REQUIRES(memory_.exemplar_mutex);
    void put_back_unlogged(std::size_t bytes);
    std::string rejection_text(const Pending& pending, const Floor& floor);

    Memory& memory_;
    Wal& wal_;
    const Limits limits_;

    Mutex mutex_;
    Condition turned_;
    bool busy_ VEDETTE_GUARDED_BY(mutex_) = false;
    std::vector<Pending*> queue_ VEDETTE_GUARDED_BY(mutex_);

    std::string out_;  // of whoever has the turn
};

}  // namespace vedette::store
