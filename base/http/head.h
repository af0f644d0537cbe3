#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/http/client.h"

namespace vedette {

/// Puts the lines of an answer's head into an `HttpAnswer`, whoever found where the lines end. Only
/// the HTTP client includes this header.
class HttpHead {
public:
    explicit HttpHead(HttpAnswer& answer) : answer_(answer) {}
    /// Whether a redirect is looked for.
    void follow(bool yes) { follow_ = yes; }

    /// One line with its end, also of heads that only say 100 Continue, and of trailers. False when
    /// that is more than limits::answer_header_bytes_max.
    bool take_line(std::string_view line);

    std::size_t bytes() const { return bytes_; }
    /// The empty line was there.
    bool done() const { return done_; }
    bool too_large() const { return too_large_; }
    /// Where the answer redirects to; empty when it does not.
    const std::string& redirect() const { return redirect_; }

private:
    void end();

    HttpAnswer& answer_;
    std::string redirect_;
    std::size_t bytes_ = 0;
    bool follow_ = true, done_ = false, too_large_ = false;
};

std::string lower_case(std::string_view text);
/// Without blanks and line ends around it.
std::string_view trimmed(std::string_view text);

}  // namespace vedette
