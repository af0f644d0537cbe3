#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/http/answer_reader.h"
#include "base/http/hop.h"
#include "base/loop.h"

namespace vedette {

/// A hop of plain HTTP/1.1 over a socket of our own, for what most probes are: no TLS, no proxy, no
/// compression, a new connection each time. It exists because it is cheap: to a near target one
/// request takes socket, connect, send, epoll_ctl, one recv a packet, and close, in two wakes.
///
///     connecting ──writable──► sending ──all sent──► receiving ──complete, closed, broken──► ended
///          │                      └─ the answer may come before all is sent, and counts
///          └ the request is tried at once: nearby the connection stands before connect() returns
///
/// Only the HTTP client includes this header.
class PlainHop final : public HttpHop {
public:
    PlainHop(Loop& loop, Ended ended) : loop_(loop), ended_(std::move(ended)) {}
    ~PlainHop() override;
    PlainHop(const PlainHop&) = delete;
    PlainHop& operator=(const PlainHop&) = delete;

    /// Whether this kind of hop can do what is asked. What it cannot is libcurl's.
    static bool can(const HttpCall& call, const HttpUrl& url);

    Result<void> begin(const HttpCall& call, Ask ask) override;
    bool ok() const override { return reader_.complete() && !error_; }
    Error error() const override { return error_ ? *error_ : reader_.error(); }
    HttpPhase phase() const override;
    HttpPhaseTimes times() const override;
    HttpAnswer& answer() override { return answer_; }
    const std::string& redirect() const override { return reader_.redirect(); }
    std::optional<TlsFacts> tls() const override { return std::nullopt; }

private:
    using TimePoint = std::chrono::steady_clock::time_point;

    void connect(const Address& address, std::uint16_t port);
    void ready(unsigned events);
    void send();
    void receive();
    void watch(unsigned events);
    void failed(int system_error);
    void finish();

    Loop& loop_;
    Ended ended_;
    int fd_ = -1;
    unsigned watched_ = 0;
    Loop::TimerId ending_;  // of one that failed before `begin` returned
    std::string request_;
    std::size_t sent_ = 0;
    int send_error_ = 0;
    std::optional<TimePoint> began_, connected_, answered_;
    HttpAnswer answer_;
    HttpAnswerReader reader_{answer_};
    std::optional<Error> error_;
};

}  // namespace vedette
