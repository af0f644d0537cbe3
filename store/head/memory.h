#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>

#include "core/mutex.h"
#include "store/head/exemplars.h"
#include "store/head/head.h"
#include "store/head/index.h"
#include "store/shedding/churn.h"

namespace vedette::store {

/// What a metric's samples mean, as its source said it.
struct MetricMetadata {
    std::string type, help, unit;

    bool operator==(const MetricMetadata&) const = default;
};

/// Everything the store holds in memory, with its two locks: who the series are, and what their
/// samples are. A pattern that is tried on a hundred thousand values holds up new series only; a
/// batch holds up readers only while it is judged and while it is put in, not while it is written.
///
/// Where both are needed the index is locked first. Exemplars have a lock of their own, taken last.
struct Memory {
    Mutex index_mutex;
    Index index VEDETTE_GUARDED_BY(index_mutex);
    std::map<std::string, MetricMetadata, std::less<>> metadata VEDETTE_GUARDED_BY(index_mutex);
    /// Records of new series and metadata that no commit has taken along yet.
    std::string unlogged VEDETTE_GUARDED_BY(index_mutex);
    Churn churn VEDETTE_GUARDED_BY(index_mutex);
    /// `Index::heap_bytes` when it last changed.
    std::atomic<std::size_t> index_bytes = 0;

    Mutex head_mutex;
    Head head VEDETTE_GUARDED_BY(head_mutex);

    Mutex exemplar_mutex;
    ExemplarRing exemplars VEDETTE_GUARDED_BY(exemplar_mutex);
};

}  // namespace vedette::store
