#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/series.h"
#include "store/remote/gathering.h"

namespace vedette::store {

// The messages of Prometheus's remote read, from the side of who asks.

/// `ReadRequest` with one query, uncompressed: the matchers, the window (both ends of what is asked
/// belong to it), and step, function and range as hints. `chunks`: streamed XOR chunks are taken
/// too.
std::string read_request(std::span<const Matcher> matchers, Window window, const Hints& hints,
                         bool chunks);

/// Adds what `ReadResponse` holds. Fails with Corrupt where the bytes are none, or hold what cannot
/// be a histogram, and with Limit when there are too many samples.
Result<void> read_samples(std::string_view message, Gathering& out);

enum class Chunks { Taken, OfHistograms };

/// Adds what a streamed answer holds, frame by frame. `OfHistograms`: there are other chunks than
/// XOR ones, so that samples are to be asked for; what was added until then is to be thrown away.
Result<Chunks> read_chunks(std::string_view frames, Gathering& out);

}  // namespace vedette::store
