#pragma once

#include <curl/curl.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/http/client.h"
#include "core/error.h"

struct ssl_st;
struct x509_store_ctx_st;

namespace vedette {

/// Looks over OpenSSL's shoulder during one handshake: which certificates were presented, whether
/// they were found good, and why not. Only .cpp files of this room include this header.
///
/// It must outlive the transfer it was attached to.
class TlsWatch {
public:
    /// Sets authorities, client certificate, versions and checks of `settings` on a handle, and
    /// watches. Fails when the key's secret cannot be read.
    Result<void> attach(CURL* easy, const TlsSettings& settings);

    /// What was seen; nothing when there was no handshake that came so far.
    const std::optional<TlsFacts>& facts() const { return facts_; }
    /// One sentence for a handshake that failed, from what was seen, else from libcurl's `detail`.
    /// `host` is the name the certificate had to be for.
    std::string explain(CURLcode code, std::string_view host, std::string_view detail) const;
    /// When the connection stood and the handshake began; libcurl itself tells only when all went
    /// well.
    std::optional<std::chrono::steady_clock::time_point> began() const { return began_; }
    void forget();

private:
    static CURLcode on_context(CURL* easy, void* context, void* self);
    static int on_verify(x509_store_ctx_st* store, void* self);
    void note(x509_store_ctx_st* store);

    bool verify_ = true;
    std::optional<std::chrono::steady_clock::time_point> began_;
    int verdict_ = 0;                     // X509_V_*
    int depth_ = 0;                       // of the certificate the verdict is about
    std::string blamed_, blamed_issuer_;  // subject and issuer of that certificate
    std::vector<std::string> names_;      // the leaf is for
    std::optional<TlsFacts> facts_;
};

/// "wrong version number" of OpenSSL's "error:0A00010B:SSL routines::wrong version number".
std::string_view tls_reason(std::string_view detail);

}  // namespace vedette
