#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/loop.h"
#include "exporter/http/access.h"
#include "exporter/http/answerer.h"
#include "exporter/http/body.h"
#include "exporter/http/event_stream.h"
#include "exporter/http/head.h"
#include "exporter/http/transport.h"

namespace vedette::http {

class Engine;

/// What a connection knows about where it came in.
struct Arrival {
    std::string peer;
    std::uint32_t groups = 0;  ///< path groups its listener serves
};

/// One connection, from accept to close. Belongs to the loop's thread.
///
///     Handshake ─► Idle ─► Head ─► Checking ─► Body ─► Answering ─► Idle …
///                   │        │  (a password)              │
///                   │        └── refused ──┐              ├─► Streaming
///                   ▼                      ▼              ▼
///                 closed ◄── Draining ◄─ Closing (output leaves first)
///
/// Each state has a deadline. Invariants: (C1) one request is worked on at a time, answers leave in
/// the order of their requests; (C2) nothing is read into memory beyond one head and one piece
/// while a request is worked on; (C3) while a handler works the socket is still read, so that a
/// caller who goes away stops it.
class Connection {
public:
    Connection(Engine& engine, std::uint64_t id, int fd, const TlsContext& tls, Arrival arrival);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void start();
    /// A worker is done with this connection's request `call_id`.
    void answered(std::uint64_t call_id, Answer answer);
    void password_checked(std::uint64_t call_id, const PasswordCheck& check, bool good);
    void stream_woke();
    /// The server is ending: idle connections close, the others after their answer.
    void end_soon();
    /// The server has ended: stop tokens are requested, the socket closes.
    void abort();
    Loop::TimePoint since() const { return since_; }  ///< when it last changed what it waits for
    bool idle() const { return state_ == State::Idle && unread().empty() && out_.empty(); }

private:
    enum class State {
        Handshake,
        Idle,
        Head,
        Checking,
        Body,
        Answering,
        Streaming,
        Closing,
        Draining,
        Closed
    };
    struct Piece {
        std::string head, body;
        std::string_view fixed_body;
        std::size_t sent = 0;
        std::size_t size() const {
            return head.size() + (fixed_body.empty() ? body.size() : fixed_body.size());
        }
    };
    /// The request that is being worked on.
    struct Current {
        std::string bytes;  ///< of the head; `head` views into it
        Head head;
        Call call;
        std::optional<BodyReader> body;
        std::stop_source stop;
        Loop::TimePoint began;
        std::string user;  ///< for the access log
        bool has_body_to_come = false;
    };

    // connection.cpp: bytes and deadlines
    void ready(unsigned events);
    void handshake();
    void receive();
    void drain();
    void work();
    bool advance();
    void queue(Piece piece);
    bool flush();
    bool flush_piece(Piece& piece);
    void settle();
    void watch();
    void enter(State state);
    Loop::TimePoint due() const;
    void timer_rang();
    void expire();
    void close();
    std::string_view unread() const { return std::string_view(in_).substr(taken_); }
    std::size_t input_max() const;
    void count_buffered(std::size_t now);

    // connection_requests.cpp: one request from its head to its answer
    bool read_head();
    bool read_body();
    void judge();
    void concluded(const Access::Verdict& verdict);
    void admit(const Identity& identity);
    void dispatch();
    void answer_here(std::optional<std::uint64_t> measured);
    void answer_on_worker(std::optional<std::uint64_t> measured);
    void send(Answer answer);
    void refuse(const Refusal& refusal, std::string_view extra_headers = {});
    void open_stream(const Answer& answer);
    void finished(int status);

    Engine& engine_;
    const std::uint64_t id_;
    Transport transport_;
    const Arrival arrival_;
    State state_ = State::Idle;
    Loop::TimePoint since_;        // state entered
    Loop::TimePoint write_since_;  // output began to wait, or last moved on a stream
    Loop::TimerId timer_;
    Loop::TimePoint timer_due_;
    unsigned watched_ = ~0U;
    bool wants_write_ = false;  // TLS must write before it can go on
    bool eof_ = false;
    bool ending_ = false;
    std::string in_;
    std::size_t taken_ = 0;
    std::size_t drained_ = 0;
    std::size_t buffered_ = 0;
    std::vector<Piece> out_;
    HeadScanner scanner_;
    std::unique_ptr<Current> current_;
    std::shared_ptr<FrontEventStream> stream_;
};

}  // namespace vedette::http
