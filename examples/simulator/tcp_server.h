#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/loop.h"
#include "core/error.h"
#include "core/time.h"

namespace vedette::simulator {

/// One conversation, without its socket.
class Talk {
public:
    virtual ~Talk() = default;
    virtual std::string greet() = 0;
    virtual std::string hear(std::string_view bytes) = 0;
    virtual bool over() const = 0;  ///< hang up once everything is written
};

/// Answers anything with bytes that are no HTTP, and hangs up.
class GarbageTalk final : public Talk {
public:
    std::string greet() override { return {}; }
    std::string hear(std::string_view bytes) override;
    bool over() const override { return over_; }

private:
    bool over_ = false;
};

/// Listens on one address and gives every connection a `Talk` of its own. Lives on the loop's thread.
/// Limits: so many connections (one more is hung up on), so long without a byte.
class TcpServer {
public:
    using Make = std::function<std::unique_ptr<Talk>()>;
    TcpServer(Loop& loop, Make make);
    ~TcpServer();
    TcpServer(const TcpServer&) = delete;
    TcpServer& operator=(const TcpServer&) = delete;

    /// Once. The error says which address and why.
    Result<void> listen(const std::string& address);
    /// `127.0.0.1:41235`, port 0 resolved.
    const std::string& address() const { return address_; }

    static constexpr std::size_t connections_max = 64;
    static constexpr Milliseconds idle_max = std::chrono::seconds(60);

private:
    struct Connection;
    void accept_all();
    void ready(int fd, unsigned events);
    bool read_from(Connection& connection);
    bool write_to(Connection& connection);
    void keep_awake(Connection& connection);
    void close(int fd);

    Loop& loop_;
    const Make make_;
    int fd_ = -1;
    std::string address_;
    std::unordered_map<int, std::unique_ptr<Connection>> connections_;
};

}  // namespace vedette::simulator
