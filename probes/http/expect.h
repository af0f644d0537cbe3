#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/http/client.h"
#include "core/time.h"
#include "probes/pattern.h"

namespace vedette::probes {

/// Status codes from `first` to `last`, both included; `text` is how the person wrote it: `2xx`.
struct StatusRange {
    int first = 200, last = 299;
    std::string text = "2xx";
};

/// What one header of the answer must be like.
struct HeaderExpect {
    enum class Must { BePresent, BeAbsent, Match, NotMatch };
    std::string name;  // lower case
    Must must = Must::BePresent;
    std::optional<Pattern> pattern;  // of Match and NotMatch
    bool may_be_missing = false;     // then Match and NotMatch are content without the header
};

/// What is expected of an answer. What is not said is not looked at, but for the status.
struct HttpExpect {
    std::vector<StatusRange> status;  ///< empty: 2xx
    std::vector<HeaderExpect> headers;
    std::vector<Pattern> body_matches;      ///< each must be found
    std::vector<Pattern> body_not_matches;  ///< none may be found
    bool gzip = false;                      ///< the answer must come compressed
    std::optional<std::uint64_t> body_bytes_min, body_bytes_max;
    std::vector<std::string> versions;  ///< one of `1.0`, `1.1`, `2`; empty: any
    std::optional<int> redirects_max;
    std::string final_url;                              ///< empty: any
    std::optional<bool> tls;                            ///< true: must be, false: must not be
    std::string tls_version_min;                        ///< `TLS 1.2`; empty: any
    std::optional<Milliseconds> certificate_valid_for;  ///< of the chain, at least this long
    std::optional<Milliseconds> duration_under;         ///< all phases together
};

/// What was found wanting.
struct HttpVerdict {
    /// One sentence each, in the order of the settings; empty when all is as expected.
    std::vector<std::string> reasons;
    /// blackbox_exporter's `probe_failed_due_to_regex`: the status was right, a pattern was not.
    bool failed_due_to_regex = false;
};

/// Compares an answer with what is expected of it. A pure decision.
HttpVerdict judge(const HttpExpect& expect, const HttpAnswer& answer, Timestamp now);

}  // namespace vedette::probes
