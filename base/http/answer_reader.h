#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/http/client.h"
#include "base/http/head.h"
#include "core/error.h"

namespace vedette {

/// Reads one HTTP/1 answer from bytes as they come, in any pieces. Reads no socket and no clock;
/// as strict or lenient as libcurl, so that a target looks the same through either.
///
///     head ──► 1xx: another head
///       ├────► no body: HEAD, 204, 304, a redirect that is followed ──────────────► complete
///       ├────► chunked:  size ─► data ─► line end ─► size … 0 ─► trailers ─► empty ► complete
///       ├────► content-length: so many bytes ─────────────────────────────────────► complete
///       └────► neither: until the other side closes ──────────────────────────────► complete
///
/// Invariants: 1. What it keeps is bounded by limits::answer_header_bytes_max and `body_bytes_max`,
/// whatever comes. 2. The pieces the bytes come in make no difference. 3. Chunks beat a length that
/// is also given (RFC 9112, 6.3). Only the HTTP client includes this header.
class HttpAnswerReader {
public:
    struct Wish {
        bool head_only = false;  ///< HEAD was asked
        bool follow = true;      ///< a redirect is complete with its head
        bool keep_body = true;
        std::size_t body_bytes_max = 0;
    };

    explicit HttpAnswerReader(HttpAnswer& answer) : answer_(answer), head_(answer) {}
    void begin(const Wish& wish);

    /// Takes the next bytes. False when no more are wanted: the answer is complete or broken.
    bool take(std::string_view bytes);
    /// The other side closed: the answer is complete or broken now.
    void end();

    bool complete() const { return state_ == State::Complete; }
    /// Why it is broken; call when it is.
    const Error& error() const { return *error_; }
    /// A status line was read, so that what follows is the transfer.
    bool answered() const { return head_.bytes() > 0 && answer_.status != 0; }
    const std::string& redirect() const { return head_.redirect(); }

private:
    enum class State : std::uint8_t {
        StatusLine,
        HeaderLine,
        Length,
        UntilClose,
        ChunkSize,
        ChunkExtension,
        ChunkData,
        ChunkEnd,
        Trailer,
        Complete,
        Broken
    };

    /// Takes some of `bytes` off its front; called while some are left and the answer wants them.
    void step(std::string_view& bytes);
    void take_line(std::string_view& bytes);
    void head_line(std::string_view line);
    bool read_status_line(std::string_view line);
    void end_head();
    void take_body(std::string_view& bytes);
    void take_chunk_size(std::string_view& bytes);
    void take_chunk_end(std::string_view& bytes);
    void fail(Error error);

    HttpAnswer& answer_;
    HttpHead head_;
    Wish wish_;
    State state_ = State::StatusLine;
    std::string line_;        // of the head, not yet complete
    std::uint64_t left_ = 0;  // of the body or of a chunk
    std::size_t digits_ = 0, chunk_line_bytes_ = 0;
    std::optional<Error> error_;
};

}  // namespace vedette
