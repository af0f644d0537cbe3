#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/http/client.h"
#include "base/http/url.h"

namespace vedette {

enum class HttpPhase : std::uint8_t { Resolve, Connect, Tls, Processing, Transfer };
inline constexpr std::array<std::string_view, 5> http_phase_names = {"resolve", "connect", "tls",
                                                                     "processing", "transfer"};
using HttpPhaseTimes = std::array<std::chrono::nanoseconds, 5>;

/// One request and its answer, without following anything: by our own sockets (`PlainHop`) or by
/// libcurl (`CurlHop`), which must tell the same. Only the HTTP client includes this header.
///
///     begin ──► head lines ──► body ──► ended(…)
///                  │ a redirect is complete with its head; a body too long is cut
class HttpHop {
public:
    struct Ask {
        HttpUrl url;
        Address address;  ///< to connect to: the host's, or the proxy's
        std::string method;
        bool with_body = true;
        bool with_secrets = true;      ///< false after a redirect to another host
        bool same_host = true;         ///< false: the Host header asked for is not sent
        bool follow = true;            ///< a redirect's body is not read
        std::optional<HttpUrl> proxy;  ///< asked instead of the host
        std::string authorization;     ///< by a token; empty: as the settings say
    };
    /// Called when all is over; it may destroy the hop.
    using Ended = std::function<void()>;

    virtual ~HttpHop() = default;

    /// Starts; `Ended` is called once, not before this returns. `call` outlives the hop. A hop
    /// begins once.
    virtual Result<void> begin(const HttpCall& call, Ask ask) = 0;

    virtual bool ok() const = 0;
    /// Why there is no answer; call when not `ok`.
    virtual Error error() const = 0;
    /// How far it came, and how long each phase took until now.
    virtual HttpPhase phase() const = 0;
    virtual HttpPhaseTimes times() const = 0;

    /// What came; the address and URL are the caller's to fill in.
    virtual HttpAnswer& answer() = 0;
    /// Where the answer redirects to; empty when it does not.
    virtual const std::string& redirect() const = 0;
    virtual std::optional<TlsFacts> tls() const = 0;
};

/// One sentence for an error number of connect, send and recv.
std::string connection_error(long system_error);
/// What the other side did when it closed between the status line and the end of the head.
Error head_cut();
Error head_too_large();
/// `body_bytes` of the answer came and it is not complete.
Error body_cut_error(const HttpAnswer& answer, bool length_counts);
Error not_http();
Error broken_chunks();

}  // namespace vedette
