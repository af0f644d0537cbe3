#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "probes/http/http.h"

namespace vedette::probes {

/// Whether a header's name says that its value is not for everybody: `Authorization`, `X-Api-Key`.
bool holds_credentials(std::string_view header);

/// The secrets of one probe's settings, to be hidden wherever a server echoes them.
class Hidden {
public:
    explicit Hidden(const HttpProbeSettings& settings);
    /// `text` with every secret replaced by `<secret>`.
    std::string in(std::string text) const;
    /// The first `bytes_max` of `in(text)`, without reading more of `text` than that takes.
    std::string in_first(std::string_view text, std::size_t bytes_max) const;

private:
    void add(std::string secret);
    std::vector<std::string> secrets_;  // longest first
};

/// What was said and what came back, for a person who wonders why it failed: request line and
/// headers, phases, certificate, answer, beginning of the body. Secrets are hidden before anything
/// is cut, so that no half of one shows. At most limits::transcript_bytes_max, well-formed UTF-8.
std::string http_transcript(const HttpProbeSettings& settings, const std::string& url,
                            const HttpOutcome& outcome, const Hidden& hidden);

}  // namespace vedette::probes
