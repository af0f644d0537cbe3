#include "exporter/egress/write_queue.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/snappy.h"
#include "core/exchange_limits.h"
#include "store/crc32c.h"

namespace vedette::exporter {

/// Under Prometheus's names, so that its dashboards and alerts fit.
struct WriteQueue::Numbers {
    Numbers(Metrics& metrics, const RemoteWriteSettings& settings)
        : labels{{"remote_name", settings.name}, {"url", redact_url(settings.url)}},
          samples(metrics.counter("prometheus_remote_storage_samples_total",
                                  "Samples that a receiver took.", labels)),
          histograms(metrics.counter("prometheus_remote_storage_histograms_total",
                                     "Native histograms that a receiver took.", labels)),
          metadata(metrics.counter("prometheus_remote_storage_metadata_total",
                                   "Entries of metadata that a receiver took.", labels)),
          metadata_failed(metrics.counter("prometheus_remote_storage_metadata_failed_total",
                                          "Entries of metadata that were not taken.", labels)),
          failed(metrics.counter("prometheus_remote_storage_samples_failed_total",
                                 "Samples that a receiver refused for good.", labels)),
          retried(metrics.counter("prometheus_remote_storage_samples_retried_total",
                                  "Samples that were sent again after a failure.", labels)),
          bytes(metrics.counter("prometheus_remote_storage_bytes_total",
                                "Bytes of bodies that a receiver took, compressed.", labels)),
          pending(metrics.gauge("prometheus_remote_storage_samples_pending",
                                "Samples read from the log and not yet sent.", labels)),
          read_at(metrics.gauge("prometheus_remote_storage_highest_timestamp_in_seconds",
                                "The newest sample that was read from the log.", labels)),
          sent_at(metrics.gauge("prometheus_remote_storage_queue_highest_sent_timestamp_seconds",
                                "The newest sample that a receiver took.", labels)),
          behind(metrics.gauge("vedette_remote_write_log_bytes",
                               "Bytes of the log that are kept for this receiver.", labels)) {
        metrics
            .gauge("prometheus_remote_storage_shards", "Senders of this queue; always one.", labels)
            .set(1);
        for (const char* reason : {"too_old", "dropped_series", "log_too_long", "forgotten_series"})
            dropped.push_back(&metrics.counter(
                "prometheus_remote_storage_samples_dropped_total",
                "Samples that were not sent: older than sample_age_limit, dropped by relabelling, "
                "beyond what the log may take, of series nobody knows any more.",
                LabelsBuilder(labels).set("reason", reason).build()));
    }
    enum Reason { TooOld, Relabelled, LogTooLong, Forgotten };

    const Labels labels;
    Counter &samples, &histograms, &metadata, &metadata_failed, &failed, &retried, &bytes;
    Gauge &pending, &read_at, &sent_at, &behind;
    std::vector<Counter*> dropped;
};

namespace {

constexpr std::string_view position_title = "vedette remote write position 1\n";
constexpr std::uint64_t position_file_bytes_max = 256 << 10;

/// Takes a number and the character behind it off the front.
bool take_number(std::string_view& text, char behind, std::uint64_t& out, int base = 10) {
    const auto read = std::from_chars(text.data(), text.data() + text.size(), out, base);
    if (read.ec != std::errc()) return false;
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    if (!text.starts_with(behind)) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<WritePosition> read_line(std::string_view line) {
    WritePosition position;
    std::uint64_t sum = 0;
    const std::string_view summed = line.substr(0, line.rfind(' '));
    const bool whole = take_number(line, ' ', position.place.segment) &&
                       take_number(line, ' ', position.place.offset) &&
                       take_number(line, ' ', position.rows) &&
                       take_number(line, ' ', position.attempt) &&
                       take_number(line, '\n', sum, 16) && line.empty();
    if (!whole || sum != store::crc32c(summed)) return std::nullopt;
    return position;
}

std::string path_of(const WriteDoors& doors, const RemoteWriteSettings& settings) {
    return doors.folder + '/' +
           format_fingerprint(fingerprint(Labels{{"remote_name", settings.name}}));
}

}  // namespace

std::string position_line(const WritePosition& position) {
    const std::string text = fmt::format("{} {} {} {}", position.place.segment,
                                         position.place.offset, position.rows, position.attempt);
    return fmt::format("{} {:08x}\n", text, store::crc32c(text));
}

std::optional<WritePosition> last_position(std::string_view file) {
    if (!file.starts_with(position_title)) return std::nullopt;
    file.remove_prefix(position_title.size());
    std::optional<WritePosition> last;
    while (!file.empty()) {
        const std::size_t end = file.find('\n');
        if (end == std::string_view::npos) break;
        if (const auto position = read_line(file.substr(0, end + 1))) last = position;
        file.remove_prefix(end + 1);
    }
    return last;
}

WriteQueue::WriteQueue(RemoteWriteSettings settings, Labels external, WriteDoors doors)
    : settings_(std::move(settings)),
      external_(std::move(external)),
      doors_(std::move(doors)),
      path_(path_of(doors_, settings_)),
      numbers_(std::make_shared<Numbers>(doors_.metrics, settings_)),
      saved_at_(doors_.clock.steady()),
      metadata_at_(doors_.clock.steady() - settings_.metadata_interval) {}

Result<void> WriteQueue::open() {
    if (doors_.files.exists(path_)) {
        load();
    } else {
        sent_.place = doors_.log_end();
    }
    read_ = sent_.place;
    if (!begin_file()) return fail(Fault::Unavailable, "the position cannot be written");
    return {};
}

void WriteQueue::load() {
    const auto text = doors_.files.read_all(path_, 2 * position_file_bytes_max);
    const auto position = text ? last_position(*text) : std::nullopt;
    if (position) sent_ = *position;
    // Rather twice than not at all: from the oldest that is there.
    if (!position)
        doors_.log.warn("how far was written is not known, all of the log is sent again",
                        {{"file", path_}});
}

/// A file with the position alone, to which others are appended.
bool WriteQueue::begin_file() {
    const std::string text = std::string(position_title) + position_line(sent_);
    file_.reset();
    auto done = doors_.files.write_atomically(path_, text);
    if (done) {
        auto file = doors_.files.open(path_, Files::Open::Append);
        if (file) file_ = std::move(*file);
        if (!file) done = fail(file.error());
    }
    if (!done) {
        doors_.log.warn("how far was written could not be noted",
                        {{"file", path_}, {"error", done.error().message}});
        return false;
    }
    file_bytes_ = text.size();
    saved_ = sent_;
    needed_from_ = saved_.place.segment;
    return true;
}

Milliseconds WriteQueue::since(std::chrono::steady_clock::time_point then) const {
    return std::chrono::duration_cast<Milliseconds>(doors_.clock.steady() - then);
}

Milliseconds WriteQueue::step(const std::stop_token& stop) {
    if (since(saved_at_) >= limits::remote_write_position_interval) {
        save();
        numbers_->behind.set(static_cast<double>(doors_.log_bytes_from(sent_.place.segment)));
    }
    if (settings_.send_metadata && settings_.protocol == RemoteWriteSettings::Protocol::V1 &&
        backoff_ == Milliseconds(0) && since(metadata_at_) >= settings_.metadata_interval)
        send_metadata(stop);
    if (pending_.size() < std::max<std::size_t>(settings_.samples_a_request, sent_.attempt)) read();
    if (is_due()) return send(stop);
    return at_end_ ? Milliseconds(limits::remote_write_look_interval) : Milliseconds(0);
}

void WriteQueue::save() {
    saved_at_ = doors_.clock.steady();
    if (sent_ == saved_) return;
    if (!file_ || file_bytes_ > position_file_bytes_max) {
        (void)begin_file();
        return;
    }
    // Written, not synced: a kill takes nothing of it, and after a power cut some is sent twice.
    const std::string line = position_line(sent_);
    if (const auto written = file_->append(line); !written) {
        file_.reset();  // begun anew next time
        return;
    }
    file_bytes_ += line.size();
    saved_ = sent_;
    needed_from_ = saved_.place.segment;
}

// ── from the log
// ────────────────────────────────────────────────────────────────────────────────────

void WriteQueue::read() {
    auto bite = doors_.read_log(read_, limits::remote_write_read_bytes);
    if (!bite) {
        at_end_ = true;  // looked at again later
        doors_.log.warn("the log cannot be read to be written remotely",
                        {{"error", bite.error().message}});
        return;
    }
    at_end_ = bite->at_end;
    if (bite->unreadable > 0)
        doors_.log.warn("a part of the log cannot be read and is not written remotely",
                        {{"segment", read_.segment}});
    read_ = bite->next;
    take(std::move(*bite));
}

void WriteQueue::take(store::LogBite bite) {
    numbers_->dropped[Numbers::Forgotten]->add(static_cast<double>(bite.unknown));
    if (pending_.empty()) pending_since_ = doors_.clock.steady();
    const std::uint64_t done_with =
        mark_passed_ + sent_.rows;  // by whoever was here before a restart
    for (store::LogBite::Row& row : bite.rows) {
        const std::uint64_t number = rows_read_++;
        if (number < done_with) continue;
        const bool histogram = std::holds_alternative<HistogramRef>(row.sample.value);
        if (histogram && !settings_.send_native_histograms) continue;
        const std::optional<Labels>& labels = sent_as(row.labels);
        if (labels)
            pending_.push_back({{*labels, std::move(row.sample)}, number});
        else
            numbers_->dropped[Numbers::Relabelled]->add();
    }
    marks_.push_back({rows_read_, bite.next});
    if (!pending_.empty()) numbers_->read_at.set(pending_.back().row.sample.at.seconds());
    done(0);
}

/// With external labels and relabelled; nothing when relabelling drops it.
const std::optional<Labels>& WriteQueue::sent_as(const Labels& labels) {
    if (known_.size() >= limits::remote_write_series_known_max) known_.clear();
    const auto [at, is_new] = known_.try_emplace(labels);
    if (is_new) {
        LabelsBuilder builder(labels);
        for (const Label label : external_)
            if (!labels.has(label.name)) builder.set(label.name, label.value);
        if (scrape::relabel(settings_.relabel, builder)) at->second = builder.build();
        if (at->second && at->second->empty()) at->second.reset();
    }
    return at->second;
}

/// So many more rows are done with: sent, or dropped.
void WriteQueue::done(std::size_t rows) {
    if (rows > 0) pending_since_ = doors_.clock.steady();
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(rows));
    const std::uint64_t all = pending_.empty() ? rows_read_ : pending_.front().number;
    for (; !marks_.empty() && marks_.front().rows <= all; marks_.pop_front()) {
        sent_.place = marks_.front().place;
        sent_.rows -= std::min(sent_.rows, marks_.front().rows - mark_passed_);
        mark_passed_ = marks_.front().rows;
    }
    sent_.rows = std::max(sent_.rows, all - mark_passed_);
    if (rows > 0) sent_.attempt = 0;
    numbers_->pending.set(static_cast<double>(pending_.size()));
}

/// More than the log may take is not kept for a receiver that does not answer.
void WriteQueue::shorten_log() {
    if (doors_.log_bytes_from(sent_.place.segment) <= limits::remote_write_held_bytes_max) return;
    std::size_t dropped = pending_.size();
    done(pending_.size());
    constexpr std::uint64_t left = limits::remote_write_held_bytes_max * 3 / 4;
    while (doors_.log_bytes_from(read_.segment) > left) {
        auto bite = doors_.read_log(read_, limits::wal_segment_bytes / 8);
        if (!bite || bite->at_end) break;
        dropped += bite->rows.size() + bite->unknown;
        read_ = bite->next;
    }
    marks_.clear();
    sent_ = {read_, 0, 0};
    mark_passed_ = rows_read_;
    numbers_->dropped[Numbers::LogTooLong]->add(static_cast<double>(dropped));
    doors_.log.error("samples were dropped that a receiver does not take",
                     {{"remote", settings_.name}, {"samples", static_cast<std::int64_t>(dropped)}});
    save();
}

// ── to the receiver
// ─────────────────────────────────────────────────────────────────────────────────

bool WriteQueue::is_due() const {
    if (pending_.empty()) return false;
    if (sent_.attempt > 0) return pending_.size() >= sent_.attempt || at_end_;
    return pending_.size() >= settings_.samples_a_request ||
           since(pending_since_) >= settings_.send_deadline;
}

void WriteQueue::drop_aged() {
    if (settings_.age_max == Milliseconds(0)) return;
    const Timestamp oldest = doors_.clock.now() - settings_.age_max;
    std::size_t aged = 0;
    while (aged < pending_.size() && pending_[aged].row.sample.at < oldest) ++aged;
    if (aged == 0) return;
    numbers_->dropped[Numbers::TooOld]->add(static_cast<double>(aged));
    done(aged);
}

Milliseconds WriteQueue::send(const std::stop_token& stop) {
    drop_aged();
    // What was tried before is tried again, no more and no less.
    const std::size_t wanted = sent_.attempt > 0 ? sent_.attempt : settings_.samples_a_request;
    const std::size_t count = std::min(pending_.size(), wanted);
    if (count == 0) return Milliseconds(0);
    sent_.attempt = count;
    save();
    std::vector<store::LogBite::Row> rows;
    for (std::size_t i = 0; i < count; ++i) rows.push_back(pending_[i].row);
    if (backoff_ > Milliseconds(0)) numbers_->retried.add(static_cast<double>(count));
    std::vector<NamedMetadata> metadata;
    if (settings_.protocol == RemoteWriteSettings::Protocol::V2 && settings_.send_metadata)
        metadata = doors_.metadata();
    const PostOutcome outcome = post(write_message(settings_.protocol, rows, metadata), stop);
    if (stop.stop_requested() && outcome.status == 0) return Milliseconds(0);
    if (outcome.status / 100 != 2) return failed(outcome, count);
    if (backoff_ > Milliseconds(0))
        doors_.log.info("a receiver takes samples again", {{"remote", settings_.name}});
    backoff_ = Milliseconds(0);
    for (const store::LogBite::Row& row : rows)
        (std::holds_alternative<double>(row.sample.value) ? numbers_->samples
                                                          : numbers_->histograms)
            .add();
    numbers_->sent_at.set(rows.back().sample.at.seconds());
    done(count);
    save();
    return Milliseconds(0);
}

PostOutcome WriteQueue::post(const std::string& message, const std::stop_token& stop) {
    std::string body = compress_snappy(message);
    std::vector<Header> headers = write_headers(settings_.protocol);
    headers.insert(headers.end(), settings_.headers.begin(), settings_.headers.end());
    const std::size_t size = body.size();
    PostOutcome outcome = doors_.post(settings_, std::move(body), std::move(headers), stop);
    if (outcome.status / 100 == 2) numbers_->bytes.add(static_cast<double>(size));
    return outcome;
}

Milliseconds WriteQueue::failed(const PostOutcome& outcome, std::size_t samples) {
    const bool again = outcome.status == 0 || outcome.status / 100 == 5 ||
                       (outcome.status == 429 && settings_.retry_429);
    if (again) {
        shorten_log();
        return back_off(outcome);
    }
    backoff_ = Milliseconds(0);
    numbers_->failed.add(static_cast<double>(samples));
    doors_.log.error("a receiver refused samples, they are dropped",
                     {{"remote", settings_.name},
                      {"samples", static_cast<std::int64_t>(samples)},
                      {"status", outcome.status},
                      {"answer", outcome.text}});
    done(samples);
    save();
    return Milliseconds(0);
}

Milliseconds WriteQueue::back_off(const PostOutcome& outcome) {
    if (backoff_ == Milliseconds(0))
        doors_.log.warn(
            "a receiver does not take samples, they are kept and sent again",
            {{"remote", settings_.name}, {"status", outcome.status}, {"answer", outcome.text}});
    backoff_ = backoff_ == Milliseconds(0) ? settings_.backoff_min
                                           : std::min(backoff_ * 2, settings_.backoff_max);
    std::int64_t seconds = 0;
    const std::string& asked = outcome.retry_after;
    const auto read = std::from_chars(asked.data(), asked.data() + asked.size(), seconds);
    if (asked.empty() || read.ec != std::errc() || seconds <= 0) return backoff_;
    return std::min<Milliseconds>(std::chrono::seconds(std::min<std::int64_t>(seconds, 86'400)),
                                  limits::remote_write_retry_after_max);
}

void WriteQueue::send_metadata(const std::stop_token& stop) {
    metadata_at_ = doors_.clock.steady();
    const std::vector<NamedMetadata> all = doors_.metadata();
    for (std::size_t at = 0; at < all.size(); at += settings_.metadata_a_request) {
        const std::size_t count = std::min(settings_.metadata_a_request, all.size() - at);
        const PostOutcome outcome = post(metadata_message(std::span(all).subspan(at, count)), stop);
        if (outcome.status / 100 == 2) {
            numbers_->metadata.add(static_cast<double>(count));
            continue;
        }
        // Said again when the interval is over.
        numbers_->metadata_failed.add(static_cast<double>(all.size() - at));
        return;
    }
}

}  // namespace vedette::exporter
