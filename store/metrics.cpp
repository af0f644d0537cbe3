#include "store/metrics.h"

#include "core/labels.h"

namespace vedette::store {
namespace {

Counter& rejected(Metrics& metrics, std::string_view reason) {
    return metrics.counter("vedette_store_samples_rejected_total",
                           "Samples that do not belong where they claim to, by reason.",
                           Labels{{"reason", reason}});
}
Counter& rejected_exemplars(Metrics& metrics, std::string_view reason) {
    return metrics.counter("vedette_store_exemplars_rejected_total",
                           "Exemplars that were not kept, by reason.", Labels{{"reason", reason}});
}

}  // namespace

StoreMetrics::StoreMetrics(Metrics& metrics)
    : floats(metrics.counter("vedette_store_samples_appended_total", "Samples stored, by type.",
                             Labels{{"type", "float"}})),
      histograms(metrics.counter("vedette_store_samples_appended_total", "Samples stored, by type.",
                                 Labels{{"type", "histogram"}})),
      late(metrics.counter("vedette_store_samples_late_total",
                           "Samples stored though their series had newer ones, or a block held "
                           "their time.")),
      out_of_order(rejected(metrics, "out_of_order")),
      duplicate(rejected(metrics, "duplicate")),
      too_old(rejected(metrics, "too_old")),
      exemplars(metrics.counter("vedette_store_exemplars_appended_total", "Exemplars kept.")),
      exemplars_out_of_order(rejected_exemplars(metrics, "out_of_order")),
      exemplars_too_long(rejected_exemplars(metrics, "labels_too_long")),
      exemplars_shed(rejected_exemplars(metrics, "memory_pressure")),
      log_bytes(metrics.counter("vedette_store_wal_bytes_total",
                                "Bytes written to the write-ahead log.")),
      commits(metrics.counter("vedette_store_commits_total",
                              "Writes to the log; batches that came together share one.")),
      log_failures(
          metrics.counter("vedette_store_wal_write_failures_total",
                          "Writes to the log that failed; what came from outside was refused.")),
      unlogged(metrics.counter("vedette_store_samples_unlogged_total",
                               "Samples kept in memory though the log could not take them.")),
      syncs(metrics.counter("vedette_store_wal_syncs_total", "Times the log was synced.")),
      sync_failures(metrics.counter("vedette_store_wal_sync_failures_total",
                                    "Times the log could not be synced.")),
      checkpoints(metrics.counter("vedette_store_checkpoints_total", "Checkpoints written.")),
      checkpoint_failures(metrics.counter("vedette_store_checkpoint_failures_total",
                                          "Checkpoints that could not be written.")),
      cut(metrics.counter("vedette_store_samples_cut_total",
                          "Samples dropped because the clock was set back before them.")),
      dropped(metrics.counter("vedette_store_series_dropped_total",
                              "Series whose last sample left retention.")),
      corrupt(metrics.counter("vedette_store_corrupt_chunks_total",
                              "Chunks that could not be decoded.")),
      head_blocks(metrics.counter("vedette_store_blocks_written_total",
                                  "Blocks written, by origin.", Labels{{"origin", "head"}})),
      late_blocks(metrics.counter("vedette_store_blocks_written_total",
                                  "Blocks written, by origin.", Labels{{"origin", "late"}})),
      rewritten(metrics.counter("vedette_store_blocks_written_total",
                                "Blocks written, by origin.", Labels{{"origin", "rewritten"}})),
      erasures(metrics.counter("vedette_store_deletions_total",
                               "Times somebody deleted samples.")),
      compactions(metrics.counter("vedette_store_blocks_written_total",
                                  "Blocks written, by origin.", Labels{{"origin", "blocks"}})),
      block_failures(metrics.counter("vedette_store_block_failures_total",
                                     "Times a block could not be written or removed.")),
      blocks_dropped(metrics.counter("vedette_store_blocks_dropped_total",
                                     "Blocks that left retention, by time or by size.")),
      rollups(metrics.counter("vedette_store_blocks_written_total", "Blocks written, by origin.",
                              Labels{{"origin", "rollup"}})),
      remade(metrics.counter("vedette_store_blocks_written_total", "Blocks written, by origin.",
                             Labels{{"origin", "rollup_again"}})),
      blocks(metrics.gauge("vedette_store_blocks", "Blocks on the disk.")),
      block_bytes(metrics.gauge("vedette_store_block_bytes", "Bytes of all blocks.")),
      rollup_bytes(metrics.gauge("vedette_store_rollup_bytes", "Bytes of all roll-ups.")) {}

}  // namespace vedette::store
