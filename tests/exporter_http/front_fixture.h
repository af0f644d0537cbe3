#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "core/metric_family.h"
#include "exporter/http/front.h"

namespace vedette::http::test {

using namespace std::chrono_literals;

/// An answer as it came over the wire.
struct Reply {
    int status = 0;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
    bool whole = false;
};

/// A caller who sends exactly what he is told.
class Client {
public:
    explicit Client(const std::string& address) {
        const std::size_t colon = address.rfind(':');
        fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
        inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
        if (connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) hang_up();
        const int on = 1;
        if (fd_ >= 0) setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    ~Client() { hang_up(); }
    Client(Client&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), held_(std::move(other.held_)) {}
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    int fd() const { return fd_; }
    bool connected() const { return fd_ >= 0; }
    void hang_up() {
        if (fd_ >= 0) close(fd_);
        fd_ = -1;
    }
    /// False when the other end no longer listens.
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    /// More bytes into `held_`; false at the end or when `wait` is over.
    bool more(std::chrono::milliseconds wait = 5s) {
        pollfd waiting{fd_, POLLIN, 0};
        if (poll(&waiting, 1, static_cast<int>(wait.count())) <= 0) return false;
        char piece[16384];
        const ssize_t got = recv(fd_, piece, sizeof piece, 0);
        if (got <= 0) {
            ended_ = true;
            return false;
        }
        held_.append(piece, static_cast<std::size_t>(got));
        return true;
    }
    bool ended() const { return ended_; }
    /// Reads until the other end closes; false when it does not.
    bool wait_for_end() {
        while (more()) {
        }
        return ended_;
    }
    std::string& held() { return held_; }

    Reply read(bool of_head = false) {
        Reply reply;
        std::size_t end = 0;
        while ((end = held_.find("\r\n\r\n")) == std::string::npos) {
            if (!more()) return reply;
        }
        const std::string head = held_.substr(0, end + 2);
        held_.erase(0, end + 4);
        reply.status = std::atoi(head.c_str() + 9);
        for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
            const std::size_t line_end = head.find("\r\n", at);
            const std::size_t colon = head.find(": ", at);
            std::string name = head.substr(at, colon - at);
            for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            reply.headers[name] = head.substr(colon + 2, line_end - colon - 2);
            at = line_end + 2;
        }
        const auto length = reply.headers.find("content-length");
        std::size_t bytes = 0;
        if (length != reply.headers.end() && !of_head && reply.status != 304) {
            bytes = std::stoul(length->second);
        }
        while (held_.size() < bytes) {
            if (!more()) return reply;
        }
        reply.body = held_.substr(0, bytes);
        held_.erase(0, bytes);
        reply.whole = true;
        return reply;
    }
    Reply ask(std::string_view bytes, bool of_head = false) {
        send(bytes);
        return read(of_head);
    }

private:
    int fd_ = -1;
    bool ended_ = false;
    std::string held_;
};

inline std::string get(std::string_view path, std::string_view headers = {}) {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(headers) +
           "\r\n";
}

inline std::string post(std::string_view path, std::string_view body,
                        std::string_view headers = {}) {
    return "POST " + std::string(path) +
           " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

/// Resident memory of this process.
inline std::size_t resident_bytes() {
    std::size_t pages = 0;
    if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%*u %zu", &pages) != 1) pages = 0;
        std::fclose(file);
    }
    return pages * 4096;
}

/// How much memory grew since it was made. Sanitizers keep freed memory, so there it is not judged.
class MemoryBound {
public:
    bool holds(std::size_t bytes) const {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
        return bytes > 0;
#else
        const std::size_t now = resident_bytes();
        return now <= start_ || now - start_ <= bytes;
#endif
    }

private:
    std::size_t start_ = resident_bytes();
};

inline constexpr std::size_t mib = std::size_t{1} << 20;

/// Waits for something that another thread is about to do; false when it does not within five
/// seconds.
inline bool eventually(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + 5s;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::yield();
    }
    return true;
}

/// Settings for tests: one listener on any port.
inline ServerSettings loopback() {
    ServerSettings settings;
    settings.listeners.push_back({"127.0.0.1:0", {}, {}});
    return settings;
}

/// A front with a few plain routes, answering on loopback.
struct Site {
    explicit Site(ServerSettings settings = loopback(), std::vector<Route> routes = {})
        : front(std::move(settings), log, metrics) {
        front.add(plain_routes());
        front.add(std::move(routes));
        started = front.start();
        if (started) address = front.addresses().front();
    }

    static std::vector<Route> plain_routes() {
        const auto echo = [](const Request& request) {
            return text_response(200, request.body.size() > 200
                                          ? std::to_string(request.body.size())
                                          : request.body);
        };
        return {
            {"GET", "/hello", Role::Nobody, PathGroup::Pages, Weight::Inline,
             [](const Request&) { return text_response(200, "hello\n"); }},
            {"GET", "/worker", Role::Nobody, PathGroup::Api, Weight::Worker,
             [](const Request&) { return text_response(200, "from a worker\n"); }},
            {"POST", "/echo", Role::Nobody, PathGroup::Api, Weight::Inline, echo},
        };
    }
    Client client() const { return Client(address); }
    /// A number of ours; labels are `name="value"` in the order of their names.
    double metric(std::string_view name, std::string_view label_value = {}) const {
        for (const MetricFamily& family : metrics.collect()) {
            if (family.name != name) continue;
            for (const MetricFamily::Point& point : family.points) {
                bool fits = label_value.empty();
                for (const auto& label : point.labels) fits = fits || label.value == label_value;
                if (fits) return point.value;
            }
        }
        return 0;
    }

    static LogSettings quiet() {
        LogSettings settings;
        settings.file = "/dev/null";
        return settings;
    }
    Log log{quiet()};
    Metrics metrics;
    Front front;
    Result<void> started;
    std::string address;
};

}  // namespace vedette::http::test
