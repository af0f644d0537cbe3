#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace vedette::http {

/// Why a request is not served: what the caller is told and what is counted.
struct Refusal {
    int status = 400;
    std::string_view reason;  ///< one word for `vedette_http_refused_total{reason}`
    std::string text;         ///< one sentence for a person
};

struct HeadLimits {
    std::size_t line_bytes, bytes, header_count;
};

/// Finds the end of a request's head in bytes that arrive piece by piece, and refuses what grows
/// too long before it is all there. Looks at each byte once.
class HeadScanner {
public:
    explicit HeadScanner(const HeadLimits& limits) : limits_(limits) {}

    /// `bytes` is everything received of this request so far; the same bytes as last time and more.
    std::optional<Refusal> scan(std::string_view bytes);
    bool complete() const { return complete_; }
    /// Bytes of the head with its empty line; valid when complete.
    std::size_t size() const { return at_; }
    /// Empty lines before the request line, which do not belong to it.
    std::size_t leading() const { return leading_; }

private:
    std::optional<Refusal> end_of_line(std::string_view line);

    HeadLimits limits_;
    std::size_t at_ = 0;  // everything before was looked at and ends a line
    std::size_t searched_ = 0;
    std::size_t leading_ = 0;
    std::size_t lines_ = 0;
    bool complete_ = false;
};

enum class Framing { None, Length, Chunked };

/// A head whose grammar and framing were judged. Views into the bytes it was parsed from.
struct Head {
    std::string_view method, path, query;  ///< as sent; `query` without the `?`
    int minor_version = 1;                 ///< HTTP/1.x
    std::vector<std::pair<std::string_view, std::string_view>> headers;
    Framing framing = Framing::None;
    std::uint64_t length = 0;  ///< of Framing::Length
    bool keep_alive = true;
    bool expects_continue = false;

    /// First value, or an empty view; names compare without regard to case.
    std::string_view header(std::string_view name) const;
};

/// Judges a complete head. Strict where two readers could disagree: every line ends in CRLF, no
/// folded lines, no blank before a colon, one Host, one framing, one length.
std::variant<Head, Refusal> parse_head(std::string_view bytes);

/// Undoes %XX (and `+` when `plus_is_space`). Nothing when an escape is broken or hides a NUL.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space);

/// `a=1&b=x+y` in order, repeated names kept. Broken escapes stay as they were written.
std::vector<std::pair<std::string, std::string>> parse_form(std::string_view text);

bool same_word(std::string_view a, std::string_view b);  ///< ASCII, without regard to case
/// Whether a comma-separated header value holds `word`.
bool lists_word(std::string_view value, std::string_view word);

}  // namespace vedette::http
