#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string_view>

#include "core/error.h"
#include "exporter/http/settings.h"

struct ssl_ctx_st;
struct ssl_st;

namespace vedette::http {

/// A listener's certificate, loaded; connections made with it keep it when a newer one comes.
using TlsContext = std::shared_ptr<ssl_ctx_st>;

/// Reads certificate and key. Fails with BadInput and names the file and what is wrong with it.
Result<TlsContext> load_tls(const ServerTls& settings);

/// A context that is loaded again when a file changes. When the new files are no good, the old
/// certificate stays in use and the reason is handed out once. Belongs to the loop.
class TlsSource {
public:
    using TimePoint = std::chrono::steady_clock::time_point;
    TlsSource(ServerTls settings, TlsContext context);

    /// Looks at the files at most once a second. `problem` is set when a reload failed.
    TlsContext context(TimePoint now, std::string& problem);

private:
    struct Stamp {
        std::int64_t cert_ns = 0, key_ns = 0;
        bool operator==(const Stamp&) const = default;
    };
    static Stamp stamp_of(const ServerTls& settings);

    ServerTls settings_;
    TlsContext context_;
    Stamp stamp_;
    TimePoint looked_{};
};

/// One accepted socket, with or without TLS, never blocking. Closes it.
class Transport {
public:
    enum class Outcome { Done, WantRead, WantWrite, Closed };
    struct Io {
        Outcome outcome = Outcome::Closed;
        std::size_t bytes = 0;  ///< of Done
    };

    /// Owns `fd`. With a context the handshake has to be done first.
    Transport(int fd, const TlsContext& tls);
    ~Transport();
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    int fd() const { return fd_; }
    bool tls() const { return ssl_ != nullptr; }
    Outcome handshake();
    /// Done with 0 bytes: the other end has finished sending.
    Io read(char* to, std::size_t size);
    Io write(std::string_view first, std::string_view second);
    /// Bytes that were decrypted and not read: no event will announce them.
    bool pending() const;
    /// Says that nothing more will be sent.
    void finish();

private:
    Outcome failure(int result) const;

    int fd_;
    ssl_st* ssl_ = nullptr;
};

}  // namespace vedette::http
