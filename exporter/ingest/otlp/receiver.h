#pragma once

#include "core/http.h"
#include "core/mutex.h"
#include "core/series.h"
#include "core/time.h"
#include "exporter/ingest/otlp/settings.h"

namespace vedette::exporter::otlp {

/// `POST /api/v1/otlp/v1/metrics`: OTLP over HTTP, protobuf or JSON by `Content-Type`. Answers 200
/// only after the samples are in the log (write(2)); what could not be translated or stored is told
/// as the protocol's partial success. 400 for a body that is no OTLP, 413, 415, 503 when the store
/// is full.
class Receiver {
public:
    /// Both must outlive the receiver, and the receiver its route.
    Receiver(SampleSink& sink, const Clock& clock) : sink_(sink), clock_(clock) {}

    /// Requests that come after this are translated so. Any thread.
    void load(Settings settings);
    Route route();

private:
    Settings settings() const;

    SampleSink& sink_;
    const Clock& clock_;
    mutable Mutex mutex_;
    Settings settings_ VEDETTE_GUARDED_BY(mutex_);
};

}  // namespace vedette::exporter::otlp
