#include "exporter/http/transport.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace vedette::http {

namespace {

using namespace std::chrono_literals;

std::string openssl_reason() {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (ERR_SYSTEM_ERROR(code)) return std::strerror(ERR_GET_REASON(code));
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return reason == nullptr ? "it cannot be read" : reason;
}

}  // namespace

Result<TlsContext> load_tls(const ServerTls& settings) {
    TlsContext context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    if (!context) return fail(Fault::Internal, "OpenSSL has no memory for a TLS context");
    SSL_CTX* ctx = context.get();
    SSL_CTX_set_min_proto_version(
        ctx, settings.min_version == "TLS13" ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
    // Idle connections give their buffers back: 34 kB each otherwise.
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ctx, settings.cert_file.c_str()) != 1) {
        return fail(Fault::BadInput,
                    fmt::format("certificate {}: {}", settings.cert_file, openssl_reason()));
    }
    if (SSL_CTX_use_PrivateKey_file(ctx, settings.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
        return fail(Fault::BadInput,
                    fmt::format("key {}: {}", settings.key_file, openssl_reason()));
    }
    if (SSL_CTX_check_private_key(ctx) != 1) {
        return fail(Fault::BadInput, fmt::format("key {} does not belong to certificate {}",
                                                 settings.key_file, settings.cert_file));
    }
    return context;
}

TlsSource::TlsSource(ServerTls settings, TlsContext context)
    : settings_(std::move(settings)), context_(std::move(context)), stamp_(stamp_of(settings_)) {}

TlsSource::Stamp TlsSource::stamp_of(const ServerTls& settings) {
    const auto changed = [](const std::string& file) -> std::int64_t {
        struct stat found{};
        if (stat(file.c_str(), &found) != 0) return 0;
        return std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec;
    };
    return {changed(settings.cert_file), changed(settings.key_file)};
}

TlsContext TlsSource::context(TimePoint now, std::string& problem) {
    if (now - looked_ < 1s) return context_;
    looked_ = now;
    const Stamp stamp = stamp_of(settings_);
    if (stamp == stamp_) return context_;
    stamp_ = stamp;
    if (auto loaded = load_tls(settings_)) {
        context_ = *std::move(loaded);
    } else {
        problem = loaded.error().message;
    }
    return context_;
}

Transport::Transport(int fd, const TlsContext& tls) : fd_(fd) {
    if (!tls) return;
    ssl_ = SSL_new(tls.get());
    check(ssl_ != nullptr && SSL_set_fd(ssl_, fd) == 1, "OpenSSL has memory for a connection");
    SSL_set_accept_state(ssl_);
}

Transport::~Transport() {
    if (ssl_ != nullptr) SSL_free(ssl_);
    close(fd_);
}

Transport::Outcome Transport::failure(int result) const {
    const int error = SSL_get_error(ssl_, result);
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ) return Outcome::WantRead;
    if (error == SSL_ERROR_WANT_WRITE) return Outcome::WantWrite;
    return Outcome::Closed;
}

Transport::Outcome Transport::handshake() {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_);
    return result == 1 ? Outcome::Done : failure(result);
}

Transport::Io Transport::read(char* to, std::size_t size) {
    if (ssl_ != nullptr) {
        ERR_clear_error();
        const int got = SSL_read(ssl_, to, static_cast<int>(std::min<std::size_t>(size, 1 << 30)));
        if (got > 0) return {Outcome::Done, static_cast<std::size_t>(got)};
        if (SSL_get_error(ssl_, got) == SSL_ERROR_ZERO_RETURN) return {Outcome::Done, 0};
        return {failure(got), 0};
    }
    ssize_t got = 0;
    do {
        got = recv(fd_, to, size, 0);
    } while (got < 0 && errno == EINTR);
    if (got >= 0) return {Outcome::Done, static_cast<std::size_t>(got)};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {Outcome::WantRead, 0};
    return {Outcome::Closed, 0};
}

Transport::Io Transport::write(std::string_view first, std::string_view second) {
    if (ssl_ != nullptr) {
        const std::string_view part = first.empty() ? second : first;
        ERR_clear_error();
        const int sent = SSL_write(ssl_, part.data(),
                                   static_cast<int>(std::min<std::size_t>(part.size(), 1 << 30)));
        if (sent > 0) return {Outcome::Done, static_cast<std::size_t>(sent)};
        return {failure(sent), 0};
    }
    std::array<iovec, 2> parts{iovec{const_cast<char*>(first.data()), first.size()},
                               iovec{const_cast<char*>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    ssize_t sent = 0;
    do {
        sent = sendmsg(fd_, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) return {Outcome::Done, static_cast<std::size_t>(sent)};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {Outcome::WantWrite, 0};
    return {Outcome::Closed, 0};
}

bool Transport::pending() const {
    return ssl_ != nullptr && SSL_pending(ssl_) > 0;
}

void Transport::finish() {
    if (ssl_ != nullptr && SSL_is_init_finished(ssl_) == 1) {
        ERR_clear_error();
        SSL_shutdown(ssl_);
        ERR_clear_error();
    }
    shutdown(fd_, SHUT_WR);
}

}  // namespace vedette::http
