#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/files.h"
#include "base/log.h"
#include "base/metrics.h"
#include "exporter/egress/write_message.h"
#include "exporter/egress/write_settings.h"

namespace vedette::exporter {

/// What a receiver said; status 0 when it said nothing, and why.
struct PostOutcome {
    int status = 0;
    std::string retry_after, text;
};

/// What queues need of the rest of the program; all may be called from any thread, and outlives
/// them.
struct WriteDoors {
    std::function<store::LogPlace()> log_end;
    std::function<Result<store::LogBite>(store::LogPlace from, std::size_t bytes_max)> read_log;
    std::function<std::uint64_t(std::uint64_t segment)> log_bytes_from;
    std::function<std::vector<NamedMetadata>()> metadata;  ///< sorted by name
    /// Sends one body and waits for the answer, the time-out, or `stop`.
    std::function<PostOutcome(const RemoteWriteSettings&, std::string body, std::vector<Header>,
                              std::stop_token)>
        post;
    Files& files;
    std::string folder;  ///< of the positions
    Clock& clock;
    Log& log;
    Metrics& metrics;
};

/// How far a queue has come.
struct WritePosition {
    store::LogPlace place;
    std::uint64_t rows = 0;     ///< behind the place that are done with too
    std::uint64_t attempt = 0;  ///< samples behind those that were about to be sent in one request

    bool operator==(const WritePosition&) const = default;
};
/// One line of a file of positions: `segment offset rows attempt crc32c`,
/// docs/formats/remote-write.md.
std::string position_line(const WritePosition& position);
/// The last line that is whole; nothing when none is.
std::optional<WritePosition> last_position(std::string_view file);

/// Sends what stands in the log to one receiver, in order. The log is the queue; on disk is only
/// how far it was sent.
///
///     log   ──────┬──────────────────────┬──────────────┬──────►
///               saved                  sent           read
///                 └ after a kill it      └ answered     └ in memory: at most a request and what
///                   goes on here           with 2xx       was read of the log at once
///
/// A request that was not answered is sent again as it was, also after a kill: so many samples are
/// noted before they are sent. A receiver that has them already may refuse them for that, and
/// nothing else is refused with them.
///
/// Invariants: (Q1) saved ≤ sent ≤ read; (Q2) what the log holds before `saved` was taken, refused
/// for good, or dropped and counted; (Q3) segments from `needed_from` on are never let go.
/// No answer, 5xx and 429 are tried again for ever, with back-off; other answers drop the samples.
/// One thread steps; `needed_from` may be asked by any.
class WriteQueue {
public:
    WriteQueue(RemoteWriteSettings settings, Labels external, WriteDoors doors);

    /// Reads the position; a queue that is new begins at the log's end.
    Result<void> open();
    /// Does what is due: reads, sends one request, or tries again. Returns how long to rest.
    Milliseconds step(const std::stop_token& stop);
    /// Notes the position when it has changed.
    void save();
    std::uint64_t needed_from() const { return needed_from_; }
    const std::string& path() const { return path_; }

private:
    struct Pending {
        store::LogBite::Row row;
        std::uint64_t number;  // of all rows read, those that are not sent among them
    };
    struct Mark {
        std::uint64_t rows;  // when so many are done with, the log is, up to
        store::LogPlace place;
    };
    struct HashLabels {
        std::size_t operator()(const Labels& labels) const { return labels.hash(); }
    };
    struct Numbers;

    Milliseconds since(std::chrono::steady_clock::time_point then) const;
    void read();
    void take(store::LogBite bite);
    void load();
    bool begin_file();
    const std::optional<Labels>& sent_as(const Labels& labels);
    bool is_due() const;
    Milliseconds send(const std::stop_token& stop);
    PostOutcome post(const std::string& message, const std::stop_token& stop);
    Milliseconds failed(const PostOutcome& outcome, std::size_t samples);
    Milliseconds back_off(const PostOutcome& outcome);
    void done(std::size_t rows);
    void drop_aged();
    void shorten_log();
    void send_metadata(const std::stop_token& stop);

    const RemoteWriteSettings settings_;
    const Labels external_;
    const WriteDoors doors_;
    const std::string path_;
    std::shared_ptr<Numbers> numbers_;

    WritePosition saved_, sent_;
    store::LogPlace read_;
    std::unique_ptr<File> file_;  // of positions, which are appended
    std::uint64_t file_bytes_ = 0;
    std::atomic<std::uint64_t> needed_from_ = 0;
    bool at_end_ = false;
    std::deque<Pending> pending_;
    std::deque<Mark> marks_;
    std::uint64_t rows_read_ = 0, mark_passed_ = 0;
    std::unordered_map<Labels, std::optional<Labels>, HashLabels> known_;
    Milliseconds backoff_{0};  // 0: the last request was answered
    std::chrono::steady_clock::time_point pending_since_, saved_at_, metadata_at_;
};

}  // namespace vedette::exporter
