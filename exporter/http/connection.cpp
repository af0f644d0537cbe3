#include "exporter/http/connection.h"

#include <algorithm>
#include <utility>

#include "exporter/http/engine.h"

namespace vedette::http {

namespace {

/// Answers to pipelined requests are collected up to here before they are written.
constexpr std::size_t flush_bytes = 64 * 1024;
/// Up to here copying a body behind its head is cheaper than sending two pieces.
constexpr std::size_t small_answer_bytes = 4096;
/// Pieces read from one socket before the others have their turn.
constexpr int reads_per_turn = 16;

}  // namespace

Connection::Connection(Engine& engine, std::uint64_t id, int fd, const TlsContext& tls,
                       Arrival arrival)
    : engine_(engine),
      id_(id),
      transport_(fd, tls),
      arrival_(std::move(arrival)),
      since_(engine.loop.now()),
      write_since_(since_),
      scanner_({engine.limits().head_line_bytes, engine.limits().head_bytes,
                engine.limits().header_count}) {
    if (transport_.tls()) state_ = State::Handshake;
}

Connection::~Connection() {
    engine_.loop.cancel(timer_);
}

void Connection::start() {
    // The first bytes are often there already: one turn of the loop saved.
    ready(Loop::readable);
}

void Connection::ready(unsigned events) {
    if (state_ == State::Closed) return;
    wants_write_ = false;
    if (state_ == State::Handshake) handshake();
    if (state_ == State::Draining) {
        drain();
    } else if ((events & Loop::readable) != 0 && state_ != State::Handshake) {
        receive();
    }
    work();
}

void Connection::handshake() {
    switch (transport_.handshake()) {
        case Transport::Outcome::Done:
            enter(State::Idle);
            break;
        case Transport::Outcome::WantRead:
            break;
        case Transport::Outcome::WantWrite:
            wants_write_ = true;
            break;
        case Transport::Outcome::Closed:
            engine_.metrics.refused("tls_handshake");
            close();
            break;
    }
}

std::size_t Connection::input_max() const {
    return engine_.limits().head_bytes + engine_.piece.size();
}

void Connection::receive() {
    for (int i = 0; i < reads_per_turn || transport_.pending(); ++i) {
        if (eof_ || state_ == State::Closed || state_ == State::Closing) return;
        if (state_ == State::Draining) return drain();
        if (unread().size() >= input_max()) return;
        const Transport::Io io = transport_.read(engine_.piece.data(), engine_.piece.size());
        if (io.outcome == Transport::Outcome::WantWrite) wants_write_ = true;
        if (io.outcome == Transport::Outcome::Closed ||
            (io.outcome == Transport::Outcome::Done && io.bytes == 0)) {
            eof_ = true;
            if (current_) current_->stop.request_stop();
            if (io.outcome == Transport::Outcome::Closed || state_ == State::Streaming) close();
            return;
        }
        if (io.outcome != Transport::Outcome::Done) return;
        if (state_ == State::Streaming) continue;  // nothing is asked for on a stream
        in_.append(engine_.piece.data(), io.bytes);
        work();
        // A short read means the socket is empty: the next event says when there is more.
        if (io.bytes < engine_.piece.size() && !transport_.tls()) return;
    }
}

/// Reads and forgets what a refused caller still sends: closing at once would reset the connection
/// and take the answer away from him.
void Connection::drain() {
    for (int i = 0; i < reads_per_turn && state_ == State::Draining; ++i) {
        const Transport::Io io = transport_.read(engine_.piece.data(), engine_.piece.size());
        drained_ += io.bytes;
        const bool over = io.outcome == Transport::Outcome::Done
                              ? io.bytes == 0 || drained_ > limits::drain_bytes_max
                              : io.outcome == Transport::Outcome::Closed;
        if (over) return close();
        if (io.outcome != Transport::Outcome::Done) return;
    }
}

/// Goes on as far as the bytes received and the socket's readiness allow.
void Connection::work() {
    // (C1) An answer that does not leave holds up the next request.
    while (flush()) {
        std::size_t waiting = 0;
        bool moved = false;
        while (waiting < flush_bytes && state_ != State::Closed && advance()) {
            moved = true;
            waiting = 0;
            for (const Piece& piece : out_) waiting += piece.size() - piece.sent;
        }
        if (!moved) break;
    }
    settle();
}

/// One step; false when something has to happen first.
bool Connection::advance() {
    switch (state_) {
        case State::Idle:
            if (unread().empty()) {
                if (ending_) enter(State::Closing);
                return false;
            }
            scanner_ = HeadScanner({engine_.limits().head_line_bytes, engine_.limits().head_bytes,
                                    engine_.limits().header_count});
            enter(State::Head);
            return true;
        case State::Head:
            return read_head();
        case State::Body:
            return read_body();
        default:
            return false;
    }
}

/// Small answers to pipelined requests leave in one write.
void Connection::queue(Piece piece) {
    if (!piece.body.empty() && piece.size() <= small_answer_bytes) {
        piece.head += piece.body;
        piece.body.clear();
    }
    if (!out_.empty() && piece.body.empty() && piece.fixed_body.empty()) {
        Piece& last = out_.back();
        if (last.body.empty() && last.fixed_body.empty() && last.head.size() < flush_bytes) {
            last.head += piece.head;
            return;
        }
    }
    out_.push_back(std::move(piece));
}

/// Writes what waits. True when all is gone.
bool Connection::flush() {
    while (!out_.empty() && state_ != State::Closed) {
        if (!flush_piece(out_.front())) return false;
        out_.erase(out_.begin());
    }
    return state_ != State::Closed;
}

bool Connection::flush_piece(Piece& piece) {
    while (piece.sent < piece.size()) {
        std::string_view head = piece.head;
        std::string_view body =
            piece.fixed_body.empty() ? std::string_view(piece.body) : piece.fixed_body;
        const std::size_t of_head = std::min(piece.sent, head.size());
        head.remove_prefix(of_head);
        body.remove_prefix(piece.sent - of_head);
        const Transport::Io io = transport_.write(head, body);
        if (io.outcome == Transport::Outcome::Closed) return close(), false;
        if (io.outcome != Transport::Outcome::Done) return false;
        piece.sent += io.bytes;
        if (stream_) {
            stream_->sent(io.bytes);
            write_since_ = engine_.loop.now();
        }
    }
    return true;
}

/// After any change: what to wait for, until when, and memory given back.
void Connection::settle() {
    if (state_ == State::Closed) return;
    if (state_ == State::Closing && out_.empty()) {
        if (eof_) return close();
        transport_.finish();
        enter(State::Draining);
        // Some of what he sent may stand here already, the end of it included.
        drain();
    }
    if (eof_ && out_.empty() &&
        (state_ == State::Idle || state_ == State::Head || state_ == State::Body)) {
        return close();
    }
    if (state_ == State::Closed) return;
    if (taken_ == in_.size()) {
        in_.clear();
        if (state_ == State::Idle && in_.capacity() > 1024) in_.shrink_to_fit();
        taken_ = 0;
    } else if (taken_ > 0) {
        in_.erase(0, taken_);
        taken_ = 0;
    }
    watch();
    const Loop::TimePoint until = due();
    if (!timer_ || until < timer_due_) {
        engine_.loop.cancel(timer_);
        timer_due_ = until;
        timer_ = engine_.loop.at(until, [this] { timer_rang(); });
    }
}

void Connection::watch() {
    unsigned events = 0;
    if (!eof_ && unread().size() < input_max() && state_ != State::Closing)
        events |= Loop::readable;
    if (wants_write_ || !out_.empty()) events |= Loop::writable;
    if (events == watched_) return;
    const bool waited = watched_ != ~0U && (watched_ & Loop::writable) != 0;
    if ((events & Loop::writable) != 0 && !waited) write_since_ = engine_.loop.now();
    watched_ = events;
    engine_.loop.watch(transport_.fd(), events, [this](unsigned what) { ready(what); });
}

void Connection::enter(State state) {
    state_ = state;
    since_ = engine_.loop.now();
}

Loop::TimePoint Connection::due() const {
    const FrontLimits& limits = engine_.limits();
    const Loop::TimePoint written = write_since_ + limits.response_deadline;
    Loop::TimePoint until = since_;
    switch (state_) {
        case State::Handshake:
            until += limits.handshake_deadline;
            break;
        case State::Idle:
            until += limits.idle;
            break;
        case State::Head:
            until += limits.head_deadline;
            break;
        case State::Body:
            until += limits.body_deadline;
            break;
        case State::Checking:
        case State::Answering:
            until += limits.response_deadline;
            break;
        case State::Streaming:
            until += limits.event_ping;
            break;
        case State::Closing:
            until += limits.response_deadline;
            break;
        case State::Draining:
            until += limits::drain_max;
            break;
        case State::Closed:
            break;
    }
    return out_.empty() ? until : std::min(until, written);
}

void Connection::timer_rang() {
    timer_ = {};
    if (state_ == State::Closed) return;
    if (due() <= engine_.loop.now()) expire();
    if (state_ != State::Closed) work();
}

void Connection::expire() {
    const bool stuck =
        !out_.empty() && write_since_ + engine_.limits().response_deadline <= engine_.loop.now();
    if (stuck) {
        engine_.metrics.refused("slow_reader");
        return close();
    }
    switch (state_) {
        case State::Head:
            return refuse({408, "head_deadline", "the headers did not come in time"});
        case State::Body:
            return refuse({408, "body_deadline", "the body did not come in time"});
        case State::Handshake:
            engine_.metrics.refused("handshake_deadline");
            return close();
        case State::Checking:
        case State::Answering:
            current_->stop.request_stop();
            return refuse({503, "response_deadline", "the answer took too long"});
        case State::Streaming: {
            // Keeps proxies from hanging up, and finds out about listeners that went silently.
            Piece ping;
            ping.head = ":\n\n";
            if (out_.empty()) queue(std::move(ping));
            since_ = engine_.loop.now();
            return;
        }
        case State::Idle:
            if (out_.empty()) return close();
            since_ = engine_.loop.now();
            return;
        default:
            return close();
    }
}

void Connection::end_soon() {
    ending_ = true;
    if (stream_ || idle() || state_ == State::Handshake || state_ == State::Draining)
        return close();
    work();
}

void Connection::abort() {
    close();
}

void Connection::close() {
    if (state_ == State::Closed) return;
    state_ = State::Closed;
    if (current_) {
        current_->stop.request_stop();
        engine_.metrics.abandoned.add();
        finished(0);
    }
    if (stream_) {
        stream_->close();
        --engine_.event_streams;
        engine_.metrics.event_streams.set(static_cast<double>(engine_.event_streams));
    }
    engine_.loop.cancel(timer_);
    if (watched_ != ~0U) engine_.loop.unwatch(transport_.fd());
    engine_.release(id_);
}

void Connection::count_buffered(std::size_t now) {
    engine_.buffered_bytes += now;
    engine_.buffered_bytes -= buffered_;
    buffered_ = now;
}

}  // namespace vedette::http
