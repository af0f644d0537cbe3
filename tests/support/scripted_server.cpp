#include "tests/support/scripted_server.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <list>
#include <thread>
#include <utility>

#include "core/error.h"

namespace vedette {
namespace {

int listen_on_loopback(std::uint16_t& port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0, "loopback can be bound");
    socklen_t size = sizeof at;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
    port = ntohs(at.sin_port);
    return fd;
}

SSL_CTX* make_context(const ScriptedServer::Tls& tls) {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    BIO* chain = BIO_new_mem_buf(tls.chain.data(), static_cast<int>(tls.chain.size()));
    X509* leaf = PEM_read_bio_X509(chain, nullptr, nullptr, nullptr);
    check(leaf != nullptr && SSL_CTX_use_certificate(context, leaf) == 1,
          "the certificate is good");
    X509_free(leaf);
    while (X509* next = PEM_read_bio_X509(chain, nullptr, nullptr, nullptr))
        SSL_CTX_add_extra_chain_cert(context, next);
    ERR_clear_error();  // the end of the text is one
    BIO_free(chain);
    BIO* key = BIO_new_mem_buf(tls.key.data(), static_cast<int>(tls.key.size()));
    EVP_PKEY* secret = PEM_read_bio_PrivateKey(key, nullptr, nullptr, nullptr);
    check(SSL_CTX_use_PrivateKey(context, secret) == 1, "the key is the certificate's");
    EVP_PKEY_free(secret);
    BIO_free(key);
    if (!tls.client_ca.empty()) {
        BIO* text = BIO_new_mem_buf(tls.client_ca.data(), static_cast<int>(tls.client_ca.size()));
        X509* authority = PEM_read_bio_X509(text, nullptr, nullptr, nullptr);
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority);
        X509_free(authority);
        BIO_free(text);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    if (tls.http2)
        SSL_CTX_set_alpn_select_cb(
            context,
            [](SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in,
               unsigned in_size, void*) {
                static constexpr std::array<unsigned char, 3> wanted = {2, 'h', '2'};
                unsigned char* chosen = nullptr;
                const int found =
                    SSL_select_next_proto(&chosen, size, wanted.data(), 3, in, in_size);
                *out = chosen;
                return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
            },
            nullptr);
    return context;
}

/// A connected socket, with TLS or without.
struct Wire {
    int fd = -1;
    SSL* ssl = nullptr;

    /// Empty at the end.
    std::string read() const {
        std::array<char, 16 * 1024> buffer;
        const auto got = ssl != nullptr
                             ? SSL_read(ssl, buffer.data(), static_cast<int>(buffer.size()))
                             : ::recv(fd, buffer.data(), buffer.size(), 0);
        return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : std::string();
    }
    bool write(std::string_view bytes) const {
        while (!bytes.empty()) {
            const auto put = ssl != nullptr
                                 ? SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size()))
                                 : ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (put <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(put));
        }
        return true;
    }
};

std::size_t body_length(std::string head) {
    std::transform(head.begin(), head.end(), head.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    const auto at = head.find("\r\ncontent-length:");
    return at == head.npos ? 0 : std::strtoul(head.c_str() + at + 17, nullptr, 10);
}

}  // namespace

void Gate::open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
}

void Gate::wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return open_; });
}

Step read_request() {
    return {Step::Kind::ReadRequest, {}, nullptr};
}
Step read_some() {
    return {Step::Kind::ReadSome, {}, nullptr};
}
Step send_bytes(std::string bytes) {
    return {Step::Kind::Send, std::move(bytes), nullptr};
}
Step wait_for(Gate& gate) {
    return {Step::Kind::Wait, {}, &gate};
}
Step reset_connection() {
    return {Step::Kind::Reset, {}, nullptr};
}
Step hold() {
    return {Step::Kind::Hold, {}, nullptr};
}

std::vector<Step> answer_with(std::string bytes) {
    return {read_request(), send_bytes(std::move(bytes))};
}

std::vector<Step> answer_ok(std::string body, std::string status, std::string headers) {
    return answer_with("HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) +
                       "\r\n" + headers + "\r\n" + body);
}

struct ScriptedServer::State {
    struct Connection {
        Wire wire;
        std::thread thread;
    };

    std::vector<std::vector<Step>> scripts;
    std::uint16_t port = 0;
    int listener = -1;
    SSL_CTX* context = nullptr;
    std::thread accepting;
    mutable std::mutex mutex;  // guards what follows
    std::list<Connection> open;
    std::vector<std::string> requests;
    std::size_t accepted = 0;
    bool ending = false;

    void accept_all();
    void play(Wire& wire, const std::vector<Step>& script);
    bool read_request(const Wire& wire);
    bool step(const Wire& wire, const Step& step);
};

void ScriptedServer::State::accept_all() {
    while (true) {
        const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        const std::lock_guard lock(mutex);
        if (ending || fd < 0) {
            if (fd >= 0) ::close(fd);
            return;
        }
        Connection& connection = open.emplace_back();
        connection.wire.fd = fd;
        const auto& script = scripts[std::min(accepted, scripts.size() - 1)];
        ++accepted;
        connection.thread =
            std::thread([this, &connection, &script] { play(connection.wire, script); });
    }
}

void ScriptedServer::State::play(Wire& wire, const std::vector<Step>& script) {
    bool good = true, secured = true;
    if (context != nullptr) {
        wire.ssl = SSL_new(context);
        SSL_set_fd(wire.ssl, wire.fd);
        good = secured = SSL_accept(wire.ssl) == 1;
    }
    for (const Step& one : script) good = good && step(wire, one);
    if (wire.ssl != nullptr) {
        if (good) SSL_shutdown(wire.ssl);
        SSL_free(wire.ssl);
    }
    // What was not read would turn the end into a reset: say that all is sent, then read to the
    // end.
    ::shutdown(wire.fd, SHUT_WR);
    wire.ssl = nullptr;
    while ((good || !secured) && !wire.read().empty()) {
    }
    const std::lock_guard lock(mutex);
    ::close(std::exchange(wire.fd, -1));
}

bool ScriptedServer::State::read_request(const Wire& wire) {
    std::string text;
    std::size_t head = std::string::npos;
    while (head == text.npos || text.size() < head + 4 + body_length(text.substr(0, head))) {
        const std::string more = wire.read();
        if (more.empty()) return false;
        text += more;
        head = text.find("\r\n\r\n");
    }
    const std::lock_guard lock(mutex);
    requests.push_back(std::move(text));
    return true;
}

bool ScriptedServer::State::step(const Wire& wire, const Step& step) {
    switch (step.kind) {
        case Step::Kind::ReadRequest:
            return read_request(wire);
        case Step::Kind::ReadSome:
            return !wire.read().empty();
        case Step::Kind::Send:
            return wire.write(step.bytes);
        case Step::Kind::Wait:
            step.gate->wait();
            return true;
        case Step::Kind::Hold:
            while (!wire.read().empty()) {
            }
            return false;
        case Step::Kind::Reset: {
            const linger now{1, 0};
            ::setsockopt(wire.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
            // A duplicate would keep the socket alive; there is none, so this resets it.
            sockaddr nowhere{};
            nowhere.sa_family = AF_UNSPEC;
            ::connect(wire.fd, &nowhere, sizeof nowhere);
            return false;
        }
    }
    return false;
}

ScriptedServer::ScriptedServer(std::vector<std::vector<Step>> scripts)
    : state_(std::make_unique<State>()) {
    check(!scripts.empty(), "a scripted server has a script");
    state_->scripts = std::move(scripts);
    state_->listener = listen_on_loopback(state_->port);
    check(::listen(state_->listener, 64) == 0, "loopback can be listened on");
    state_->accepting = std::thread([this] { state_->accept_all(); });
}

ScriptedServer::ScriptedServer(Tls tls, std::vector<std::vector<Step>> scripts)
    : state_(std::make_unique<State>()) {
    check(!scripts.empty(), "a scripted server has a script");
    state_->context = make_context(tls);
    state_->scripts = std::move(scripts);
    state_->listener = listen_on_loopback(state_->port);
    check(::listen(state_->listener, 64) == 0, "loopback can be listened on");
    state_->accepting = std::thread([this] { state_->accept_all(); });
}

ScriptedServer::~ScriptedServer() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->ending = true;
        ::shutdown(state_->listener, SHUT_RDWR);
        for (auto& connection : state_->open)
            if (connection.wire.fd >= 0) ::shutdown(connection.wire.fd, SHUT_RDWR);
        for (const auto& script : state_->scripts)
            for (const Step& step : script)
                if (step.gate != nullptr) step.gate->open();
    }
    state_->accepting.join();
    for (auto& connection : state_->open) connection.thread.join();
    ::close(state_->listener);
    SSL_CTX_free(state_->context);
}

std::uint16_t ScriptedServer::port() const {
    return state_->port;
}

std::string ScriptedServer::url(const std::string& path, const std::string& host) const {
    return (state_->context != nullptr ? "https://" : "http://") + host + ":" +
           std::to_string(state_->port) + path;
}

std::vector<std::string> ScriptedServer::requests() const {
    const std::lock_guard lock(state_->mutex);
    return state_->requests;
}

std::size_t ScriptedServer::connections() const {
    const std::lock_guard lock(state_->mutex);
    return state_->accepted;
}

std::uint16_t refused_port() {
    // Held until now and not listened on: the system gives it to nobody else at once.
    std::uint16_t port = 0;
    ::close(listen_on_loopback(port));
    return port;
}

}  // namespace vedette
