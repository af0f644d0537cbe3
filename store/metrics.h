#pragma once

#include "base/metrics.h"

namespace vedette::store {

/// What the store counts about itself. The registry must outlive it.
struct StoreMetrics {
    explicit StoreMetrics(Metrics& metrics);

    Counter &floats, &histograms, &late, &out_of_order, &duplicate, &too_old;
    Counter &exemplars, &exemplars_out_of_order, &exemplars_too_long, &exemplars_shed;
    Counter &log_bytes, &commits, &log_failures, &unlogged, &syncs, &sync_failures;
    Counter &checkpoints, &checkpoint_failures, &cut, &dropped, &corrupt;
    Counter &head_blocks, &late_blocks, &rewritten, &erasures, &compactions, &block_failures;
    Counter &blocks_dropped, &rollups, &remade;
    Gauge &blocks, &block_bytes, &rollup_bytes;
};

}  // namespace vedette::store
