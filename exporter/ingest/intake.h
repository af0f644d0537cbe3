#pragma once

#include <string>

#include "core/error.h"
#include "core/http.h"
#include "core/series.h"
#include "core/time.h"
#include "exporter/ingest/write_request.h"

namespace vedette::exporter {

/// What became of a request that was taken, wholly or in part.
struct Intake {
    std::size_t samples = 0, histograms = 0, exemplars = 0;  ///< stored
    std::size_t refused = 0;                                 ///< samples that were not stored
    std::string first;  ///< one sentence about the first of these; empty when there is none
};

enum class BadSeries { RefuseAll, LeaveOut };

/// Hands what somebody sent to the sink, as one batch. Samples more than limits::sample_ahead_max
/// ahead of the clock are left out. Returns when the rest is in the log (write(2)). Fails with
/// BadInput when a series cannot be one (only with RefuseAll), with Limit when a budget is spent,
/// with what the sink said otherwise; then nothing was stored. Series that the sink refuses because
/// of a limit of their job alone (Refused) are left out. Any thread.
Result<Intake> take_in(const WriteRequest& request, BadSeries bad, SampleSink& sink,
                       const Clock& clock);

/// Hands on a batch in the same way.
Result<Intake> take_batch(Batch batch, SampleSink& sink, const Clock& clock);

/// 400 for bad input, 413 for a body beyond a limit, 503 for anything else.
Response refusal(const Error& error);
/// The same for what `take_in` failed with: a store without room is not the sender's fault, so 503
/// lets it keep the samples and come again.
Response refusal_of_intake(const Error& error);

}  // namespace vedette::exporter
