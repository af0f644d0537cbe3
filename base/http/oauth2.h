#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/http/client.h"

namespace vedette {

namespace limits {
inline constexpr auto oauth2_deadline = std::chrono::seconds(30);     // for one token
inline constexpr auto oauth2_token_spare = std::chrono::seconds(10);  // renewed so long before
inline constexpr std::size_t oauth2_answer_bytes_max = std::size_t{1} << 20;
}  // namespace limits

/// What a token endpoint gave.
struct OAuth2Token {
    std::string authorization;                    ///< `Bearer abc`: the header's whole value
    std::optional<std::chrono::seconds> expires;  ///< from now; nothing: it never does
};
/// Reads the JSON (or, when `content_type` says so, the form) that a token endpoint answered.
Result<OAuth2Token> read_token(std::string_view content_type, std::string_view body);

/// Tokens of the client credentials grant (RFC 6749, 4.4), each asked for once and kept until
/// limits::oauth2_token_spare before it expires. Whoever asks meanwhile waits for the same answer.
/// On the loop's thread only. Only the HTTP client includes this header.
///
///     absent ──ask──► asked ──token──► kept ──expired──► absent
///                       └──refused──► absent; all who wait are told
class OAuth2Tokens {
public:
    using Send = std::function<void(HttpCall, Deadline, HttpDone)>;
    /// The value of Authorization, or why there is none.
    using Answer = std::function<void(const Result<std::string>&)>;

    OAuth2Tokens(Loop& loop, Send send) : loop_(loop), send_(std::move(send)) {}

    /// Calls `done` once: at once when the token is known, else when the endpoint has answered.
    void ask(std::shared_ptr<const OAuth2Settings> settings, Answer done);

private:
    struct Entry {
        std::string authorization;
        std::optional<Loop::TimePoint> expires;
        std::vector<Answer> waiting;  ///< not empty: it was asked for
        bool in_body = false;         ///< this endpoint wants id and secret in the form
    };

    void request(const std::string& key, std::shared_ptr<const OAuth2Settings> settings,
                 bool in_body);
    void take(const std::string& key, const std::shared_ptr<const OAuth2Settings>& settings,
              bool in_body, const HttpOutcome& outcome);
    void finish(const std::string& key, const Result<OAuth2Token>& token);

    Loop& loop_;
    Send send_;
    std::map<std::string, Entry> entries_;
};

/// Reads `oauth2`; what is wrong goes to the problems.
std::shared_ptr<const OAuth2Settings> read_oauth2(const ConfigNode& node, Problems& problems);

}  // namespace vedette
