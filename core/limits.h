#pragma once

#include <chrono>
#include <cstddef>

/// Every limit of the program, in one place, related to each other by the compiler. Reaching one is
/// a counted, named event. What a configuration may change has its default here.
namespace vedette::limits {

using namespace std::chrono_literals;

// ── labels and series ──
inline constexpr std::size_t labels_per_series_max = 128;
inline constexpr std::size_t label_name_bytes_max = 1024;
inline constexpr std::size_t label_value_bytes_max = 16 * 1024;
inline constexpr std::size_t labels_bytes_max = 64 * 1024;  // all of one series together
inline constexpr std::size_t series_max_default = 2'000'000;
inline constexpr std::size_t head_bytes_max_default = std::size_t{2} << 30;

// ── store ──
inline constexpr std::size_t wal_record_bytes_max = std::size_t{64} << 20;
inline constexpr std::size_t wal_segment_bytes = std::size_t{64} << 20;
inline constexpr std::size_t chunk_samples_max = 120;
inline constexpr std::size_t late_bytes_max = std::size_t{16} << 20;  // then they go to blocks sooner
inline constexpr std::size_t series_slots_max = std::size_t{1} << 24;  // places, free ones too
inline constexpr std::size_t metadata_metrics_max = 100'000;
inline constexpr std::size_t metadata_text_bytes_max = 4 * 1024;
inline constexpr std::size_t losses_shown_max = 100;  // of a damaged log, one by one
inline constexpr auto wal_sync_interval = 5s;  // as often as ext4 commits
inline constexpr std::size_t wal_unsynced_bytes = std::size_t{4} << 20;  // then sooner

// ── a clock that is wrong ──
inline constexpr auto sample_ahead_max = 10min;  // of our clock: later ones are refused, as Prometheus
inline constexpr auto clock_back_max = std::chrono::hours{24};  // set back further, samples are kept
inline constexpr auto clock_step_min = 2s;   // less is drift and the time that a look takes
inline constexpr auto clock_step_large = 1min;  // after it, rules wait for new readings
inline constexpr auto clock_step_pause_max = 1min;

// ── a full disk ──
inline constexpr std::size_t reserve_bytes_default = std::size_t{16} << 20;  // kept for the ledger
inline constexpr std::size_t reserve_piece_bytes = std::size_t{1} << 20;     // given at a time
inline constexpr auto reserve_look_interval = 10s;  // while it is short: is there room again?

// ── HTTP front ──
inline constexpr std::size_t head_line_bytes_max = 8 * 1024;
inline constexpr std::size_t head_bytes_max = 32 * 1024;
inline constexpr std::size_t header_count_max = 100;
inline constexpr std::size_t body_bytes_max_default = std::size_t{1} << 20;
inline constexpr std::size_t write_body_bytes_max = std::size_t{32} << 20;  // remote write, as sent
inline constexpr std::size_t write_decoded_bytes_max = std::size_t{64} << 20;
inline constexpr std::size_t write_parts_max = 4'000'000;  // labels, samples and series of one request
inline constexpr std::size_t connections_max = 4096;
inline constexpr std::size_t requests_in_flight_max = 64;
inline constexpr std::size_t http_workers = 4;
inline constexpr std::size_t keep_alive_requests_max = 1'000'000;  // said, never enforced
inline constexpr std::size_t login_failures_per_minute_max = 10;  // of one address
inline constexpr std::size_t login_addresses_max = 4096;          // whose failures are remembered
inline constexpr std::size_t login_cache_max = 1024;              // good passwords remembered
inline constexpr std::size_t compress_bytes_min = 1400;           // below, one packet holds it anyway
inline constexpr std::size_t event_streams_max = 256;
inline constexpr std::size_t event_stream_backlog_bytes_max = 256 * 1024;
inline constexpr std::size_t buffered_bytes_max = std::size_t{128} << 20;  // bodies of all requests
inline constexpr auto head_deadline = 10s;
inline constexpr auto body_deadline = 30s;
inline constexpr auto tls_handshake_deadline = 10s;
inline constexpr auto idle_connection_max = 75s;
inline constexpr auto response_deadline = 120s;
inline constexpr auto graceful_stop_max = 10s;
inline constexpr auto event_stream_ping = 15s;
inline constexpr auto drain_max = 2s;  // for what a refused caller is still sending
inline constexpr std::size_t drain_bytes_max = std::size_t{4} << 20;

// ── queries ──
inline constexpr std::size_t query_samples_max_default = 50'000'000;
inline constexpr std::size_t query_steps_max = 11'000;
inline constexpr auto query_timeout_default = 120s;
inline constexpr std::size_t query_text_bytes_max = std::size_t{1} << 20;
inline constexpr std::size_t query_depth_max = 5'000;
inline constexpr std::size_t queries_in_flight_max = 20;
inline constexpr std::size_t query_threads_max = 8;  // that work on one query, its own among them
inline constexpr auto rollup_pass_max = 1s;  // of making roll-ups, before the log is synced again
inline constexpr auto rollup_window_min = std::chrono::hours{24 * 7};  // then roll-ups are preferred
inline constexpr std::size_t query_part_samples_min = 1'000'000;  // some milliseconds

// ── configuration ──
inline constexpr std::size_t yaml_bytes_max = std::size_t{32} << 20;
inline constexpr std::size_t yaml_nodes_max = 2'000'000;
inline constexpr std::size_t yaml_copies_max = 500'000;  // values that anchors and aliases expand to
inline constexpr std::size_t yaml_depth_max = 100;
inline constexpr std::size_t problems_shown_max = 50;
inline constexpr std::size_t problem_excerpt_bytes_max = 160;  // of the line it is in
inline constexpr std::size_t secret_bytes_max = 64 * 1024;

// ── log ──
inline constexpr std::size_t log_line_bytes_max = 16 * 1024;  // of the message and of each value
inline constexpr std::size_t log_queue_lines_max = 2048;      // then the oldest are dropped, counted
inline constexpr auto log_repeat_every = 10s;  // a line that goes on repeating is shown again

// ── probes and outgoing requests ──
inline constexpr std::size_t probes_in_flight_per_loop = 16;
inline constexpr auto probe_every_min = 100ms;
inline constexpr auto probe_start_step = 5ms;            // targets start on multiples of it
inline constexpr std::size_t probe_round_targets = 8;    // about so many start together
inline constexpr auto probe_first_reading_within = 15s;  // after start, however seldom it is asked
inline constexpr auto probe_overrun_grace = 50ms;        // past its deadline a probe is cut off
inline constexpr std::size_t probe_targets_max = 100'000;
inline constexpr std::size_t probe_metrics_per_reading_max = 10'000;
inline constexpr std::size_t probe_recent_readings = 60;  // of each target, for the page
inline constexpr std::size_t probe_failures_kept = 5;     // of each target, with transcripts
inline constexpr std::size_t answer_body_bytes_max_default = std::size_t{10} << 20;
inline constexpr std::size_t answer_header_bytes_max = 64 * 1024;
inline constexpr std::size_t answer_chunk_line_bytes_max = 1024;  // a size with its extensions
inline constexpr std::size_t answer_reads_per_turn = 16;          // then others on the loop have theirs
inline constexpr std::size_t redirects_max = 10;
inline constexpr std::size_t idle_client_connections_max = 16;
inline constexpr std::size_t http_urls_remembered_max = 4096;  // taken apart, about 400 bytes each
inline constexpr std::size_t resolver_threads_max = 4;  // `resolver: system` only
inline constexpr std::size_t resolver_stack_bytes = 256 * 1024;
inline constexpr std::size_t transcript_bytes_max = 16 * 1024;

// ── notifications ──
inline constexpr std::size_t alerts_open_max = 200'000;
inline constexpr std::size_t notify_in_flight_max = 16;
inline constexpr std::size_t webhook_answer_bytes_max = 64 * 1024;
inline constexpr std::size_t smtp_reply_bytes_max = 1024;  // of one reply, for a person
inline constexpr auto ledger_commit_wait_max = 200ms;  // then a page beats its record
inline constexpr auto notify_backoff_first = 1s;
inline constexpr auto notify_backoff_max = 5min;
inline constexpr auto retry_after_max = 15min;
inline constexpr auto notify_owed_max = std::chrono::hours{24};  // then a message is given up
inline constexpr auto notify_stop_wait_max = 5s;  // what is in flight or unwritten when stopping
inline constexpr std::size_t ledger_backlog_max = 500'000;  // entries; more are acted on, not recorded
inline constexpr std::size_t ledger_batch_max = 4096;       // entries in one transaction
inline constexpr auto ledger_kept = std::chrono::hours{24 * 365};
inline constexpr auto resolved_alert_kept = 15min;  // in memory, for pages
inline constexpr auto silence_kept = std::chrono::hours{120};  // after its end
inline constexpr std::size_t story_lines_max = 1000;
inline constexpr std::size_t slack_text_bytes_max = 3000;
inline constexpr std::size_t slack_title_bytes_max = 150;
inline constexpr std::size_t slack_alerts_max = 10;  // in words; the rest is counted
inline constexpr auto mail_deadline = 30s;  // one dialogue with a mail server
inline constexpr std::size_t mail_alerts_max = 100;
inline constexpr std::size_t mail_subject_bytes_max = 200;
inline constexpr std::size_t mail_bytes_max = std::size_t{1} << 20;

// ── templates ──
inline constexpr std::size_t template_text_bytes_max = std::size_t{1} << 20;
inline constexpr std::size_t template_output_bytes_max = std::size_t{1} << 20;
inline constexpr std::size_t template_steps_max = 1'000'000;  // nodes run, plus 1 for each 256 bytes made
inline constexpr int template_depth_max = 200;       // of nesting in a text, and of values in values
inline constexpr int template_run_depth_max = 1000;  // of templates, blocks and pipelines being run

// ── what must hold between them ──
static_assert(head_line_bytes_max <= head_bytes_max, "one line fits in a head");
static_assert(label_name_bytes_max + label_value_bytes_max <= labels_bytes_max, "one label fits");
static_assert(labels_bytes_max < wal_record_bytes_max, "a series record fits in the log");
static_assert(wal_record_bytes_max <= wal_segment_bytes, "a record fits in a segment");
static_assert(2 * reserve_piece_bytes < reserve_bytes_default, "one for a start, more to give");
static_assert(sample_ahead_max < clock_back_max, "what is refused was not written by a wrong clock");
static_assert(clock_step_min < clock_step_large && clock_step_large < sample_ahead_max);
static_assert(series_max_default <= series_slots_max, "every series has a place");
static_assert(metadata_text_bytes_max * 4 < wal_record_bytes_max, "metadata fits in a record");
static_assert(write_body_bytes_max <= write_decoded_bytes_max,
              "what is sent is smaller than decoded");
static_assert(write_decoded_bytes_max <= buffered_bytes_max, "one remote write may be buffered");
static_assert(body_bytes_max_default <= write_body_bytes_max);
static_assert(yaml_copies_max <= yaml_nodes_max, "aliases cannot outgrow a file without them");
static_assert(head_deadline <= body_deadline && body_deadline <= response_deadline);
static_assert(notify_backoff_first < notify_backoff_max);
static_assert(resolver_threads_max <= probes_in_flight_per_loop, "threads for what is in flight");
static_assert(probe_every_min % probe_start_step == 0ms, "steps do not drift against periods");
static_assert(probe_overrun_grace < probe_every_min, "who is cut off misses one turn at most");
static_assert(probe_round_targets < probes_in_flight_per_loop, "a round finds places");
static_assert(query_part_samples_min * query_threads_max < query_samples_max_default,
              "a query that is allowed may use all threads");
static_assert(wal_unsynced_bytes <= wal_segment_bytes);
static_assert(probe_failures_kept <= probe_recent_readings);
static_assert(notify_backoff_max <= retry_after_max && retry_after_max < notify_owed_max);
static_assert(ledger_batch_max < ledger_backlog_max && alerts_open_max < ledger_backlog_max);
static_assert(slack_title_bytes_max <= slack_text_bytes_max);
static_assert(requests_in_flight_max <= connections_max);
static_assert(http_workers <= requests_in_flight_max, "no worker waits for work that may not come");
static_assert(event_streams_max < connections_max, "streams leave room for requests");
static_assert(template_output_bytes_max / 256 < template_steps_max, "one full output is allowed");

}  // namespace vedette::limits
