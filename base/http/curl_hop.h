#pragma once

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/http/curl_multi.h"
#include "base/http/head.h"
#include "base/http/hop.h"
#include "base/http/tls_watch.h"

namespace vedette {

/// A hop over libcurl: everything HTTP has, TLS, HTTP/2, proxies, compression, kept connections.
/// Only the HTTP client includes this header.
class CurlHop final : public HttpHop, private CurlTransfer {
public:
    CurlHop(CurlMulti& multi, Ended ended) : multi_(multi), ended_(std::move(ended)) {}
    ~CurlHop() override;
    CurlHop(const CurlHop&) = delete;
    CurlHop& operator=(const CurlHop&) = delete;

    Result<void> begin(const HttpCall& call, Ask ask) override;
    bool ok() const override { return code_ == CURLE_OK && !head_cut_; }
    Error error() const override;
    HttpPhase phase() const override;
    HttpPhaseTimes times() const override;
    HttpAnswer& answer() override { return answer_; }
    const std::string& redirect() const override { return head_.redirect(); }
    std::optional<TlsFacts> tls() const override { return tls_.facts(); }

private:
    void finished(CURLcode code) override;
    static std::size_t on_head(char* data, std::size_t one, std::size_t size, void* self);
    static std::size_t on_body(char* data, std::size_t one, std::size_t size, void* self);
    Result<void> set_request(const HttpCall& call);
    Result<void> set_headers(const HttpCall& call);
    Result<void> set_route(const HttpCall& call);
    Result<void> set_proxy(const HttpSettings& settings, const std::string& literal);
    void add_header(std::string_view name, std::string_view value);
    std::int64_t time_us(CURLINFO which) const;

    CurlMulti& multi_;
    Ended ended_;
    const HttpCall* call_ = nullptr;
    Ask ask_;
    CURL* easy_ = nullptr;
    curl_slist *headers_ = nullptr, *route_ = nullptr, *proxy_headers_ = nullptr;
    std::array<char, CURL_ERROR_SIZE> detail_{};
    std::chrono::steady_clock::time_point started_;
    TlsWatch tls_;
    HttpAnswer answer_;
    HttpHead head_{answer_};
    std::size_t body_bytes_max_ = 0;
    bool head_cut_ = false;
    CURLcode code_ = CURLE_OK;
};

}  // namespace vedette
