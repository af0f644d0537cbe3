#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/exchange_limits.h"
#include "core/http.h"
#include "core/labels.h"
#include "core/series.h"

namespace vedette::exporter {

/// A decoded remote read request.
struct ReadRequest {
    enum class Answer { Samples, StreamedXorChunks };
    struct Query {
        Timestamp from, to;  ///< both ends belong to it
        std::vector<Matcher> matchers;
    };
    std::vector<Query> queries;
    /// What the caller understands, best first; what we do not know is left out.
    std::vector<Answer> accepted;
    /// Whether it named any, known or not; who names none understands samples.
    bool named_any = false;
};

/// Reads `prometheus.ReadRequest` from uncompressed bytes; unknown fields, and hints, are passed
/// over. Fails with BadInput and says in which query.
Result<ReadRequest> read_read_request(std::string_view bytes);

struct RemoteReadSettings {
    std::size_t samples_max = 0;      ///< of one answer; 0: limits::remote_read_samples_max
    std::size_t frame_bytes_max = 0;  ///< of a streamed answer; 0: limits::remote_read_frame_bytes
};

/// `POST /api/v1/read`: Prometheus's remote read, as samples or as streamed chunks. `external`
/// gives the labels that are added to every series and taken out of the matchers; it may be called
/// from any thread. A series that holds histograms is answered as samples to whoever takes them.
/// At most limits::remote_reads_in_flight_max are read at once, the others wait.
Route remote_read_route(SeriesSource& source, std::function<Labels()> external,
                        RemoteReadSettings settings = {});

}  // namespace vedette::exporter
