#pragma once

#include "core/http.h"
#include "core/series.h"
#include "core/series_finder.h"

namespace vedette::exporter {

/// `POST /api/v1/write`: remote write 1.0 and 2.0, by `Content-Type`. Answers 204 only after the
/// samples are in the log (write(2)); 400 when some could not be stored where they belong in time,
/// or are more than limits::sample_ahead_max ahead of the clock (the others are), 413, 415, 503 when
/// the store is full. Version 2 also leaves out series that cannot be one, stores the others, and is
/// told how much was written in three headers. `known` finds series of the sink; with it, requests
/// that bring nothing new cost a third.
Route remote_write_route(SampleSink& sink, const Clock& clock, SeriesFinder* known = nullptr);

}  // namespace vedette::exporter
