#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/http.h"
#include "core/series.h"

namespace vedette::exporter {

/// A decoded remote write request; labels are borrowed from the bytes it was read from.
struct WriteRequest {
    struct Series {
        std::vector<Label> labels;    // in the sender's order
        std::vector<Sample> samples;  // floats and histograms, in the sender's order
        struct Exemplar {
            std::vector<Label> labels;
            Timestamp at;
            double value = 0;
        };
        std::vector<Exemplar> exemplars;
        std::string refusal;  ///< why one of its histograms cannot be one; empty when none
    };
    struct Metadata {
        std::string_view metric, type, help, unit;
    };
    std::vector<Series> series;
    std::vector<Metadata> metadata;
};

/// Reads `prometheus.WriteRequest` (remote write 1.0) from uncompressed bytes. Unknown fields are
/// passed over, as protobuf has it. Fails with BadInput and says in which series.
Result<WriteRequest> read_write_request(std::string_view bytes);

/// Decompresses snappy's block format; more than `bytes_max` decoded is refused before decoding.
Result<std::string> uncompress_snappy(std::string_view compressed, std::size_t bytes_max);

/// `POST /api/v1/write`. Answers 204 only after the samples are in the log (write(2)); 400 when
/// some could not be stored where they belong in time, or are more than limits::sample_ahead_max
/// ahead of the clock (the others are), 413, 415, 503 when the store is full.
Route remote_write_route(SampleSink& sink, const Clock& clock);

}  // namespace vedette::exporter
