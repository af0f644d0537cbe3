#pragma once

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/curl_multi.h"
#include "base/http_client.h"
#include "base/http_url.h"
#include "base/tls_watch.h"

namespace vedette {

enum class HttpPhase : std::uint8_t { Resolve, Connect, Tls, Processing, Transfer };
inline constexpr std::array<std::string_view, 5> http_phase_names = {"resolve", "connect", "tls",
                                                                     "processing", "transfer"};
using HttpPhaseTimes = std::array<std::chrono::nanoseconds, 5>;

/// One request and its answer, without following anything. Only the HTTP client includes this
/// header.
///
///     begin ──► head lines ──► body ──► ended(…)
///                  │ a redirect is complete with its head; a body too long is cut
class HttpHop final : public CurlTransfer {
public:
    struct Ask {
        HttpUrl url;
        Address address;  ///< to connect to: the host's, or the proxy's
        std::string method;
        bool with_body = true;
        bool with_secrets = true;  ///< false after a redirect to another host
        bool same_host = true;     ///< false: the Host header asked for is not sent
        bool follow = true;        ///< a redirect's body is not read
    };
    using Ended = std::function<void()>;

    HttpHop(CurlMulti& multi, Ended ended) : multi_(multi), ended_(std::move(ended)) {}
    ~HttpHop() override;
    HttpHop(const HttpHop&) = delete;
    HttpHop& operator=(const HttpHop&) = delete;

    /// Starts; `ended` is called when all is over, not before this returns. `call` outlives the
    /// hop.
    Result<void> begin(const HttpCall& call, Ask ask);
    /// Stops where it is; `ended` is not called.
    void abort();

    bool ok() const { return code_ == CURLE_OK; }
    /// Why there is no answer; call when not `ok`.
    Error error() const;
    /// How far it came, and how long each phase took until now.
    HttpPhase phase() const;
    HttpPhaseTimes times() const;

    /// What came; the address and URL are the caller's to fill in.
    HttpAnswer& answer() { return answer_; }
    /// Where the answer redirects to; empty when it does not.
    const std::string& redirect() const { return redirect_; }
    const std::optional<TlsFacts>& tls() const { return tls_.facts(); }

private:
    void finished(CURLcode code) override;
    static std::size_t on_head(char* data, std::size_t one, std::size_t size, void* self);
    static std::size_t on_body(char* data, std::size_t one, std::size_t size, void* self);
    bool take_head_line(std::string_view line);
    void end_head();
    Result<void> set_request(const HttpCall& call);
    Result<void> set_headers(const HttpCall& call);
    Result<void> set_route(const HttpCall& call);
    void add_header(std::string_view name, std::string_view value);
    std::int64_t time_us(CURLINFO which) const;

    CurlMulti& multi_;
    Ended ended_;
    const HttpCall* call_ = nullptr;
    Ask ask_;
    CURL* easy_ = nullptr;
    curl_slist *headers_ = nullptr, *route_ = nullptr;
    std::array<char, CURL_ERROR_SIZE> detail_{};
    std::chrono::steady_clock::time_point started_;
    TlsWatch tls_;
    HttpAnswer answer_;
    std::string redirect_;
    std::size_t head_bytes_ = 0, body_bytes_max_ = 0;
    bool head_done_ = false, head_too_large_ = false;
    CURLcode code_ = CURLE_OK;
};

}  // namespace vedette
