#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "exporter/http/head.h"

namespace vedette::http {

/// Takes chunked framing off a body, piece by piece.
///
///     Size ──CR──► SizeLf ──LF──► Data ──all──► DataCr ──CR──► DataLf ──LF──► Size
///                     └─ size 0 ─► LastCr ──CR──► LastLf ──LF──► Done
///
/// Strict, because odd framing is how requests are smuggled: one to eight hex digits, no sign, no
/// blank, no extension, CR LF everywhere, no trailers.
class ChunkedReader {
public:
    /// Reads from the front of `bytes` and takes what it read off it; the data goes to the end of
    /// `out`. Stops early once `out` holds more than `out_bytes_max`.
    std::optional<Refusal> read(std::string_view& bytes, std::string& out,
                                std::size_t out_bytes_max);
    bool done() const { return state_ == State::Done; }

private:
    enum class State { Size, SizeLf, Data, DataCr, DataLf, LastCr, LastLf, Done };
    std::optional<Refusal> read_framing(char c);

    State state_ = State::Size;
    std::uint64_t left_ = 0;
    int digits_ = 0;
};

/// Undoes `Content-Encoding: gzip` or `deflate` with bounded output.
class Inflater {
public:
    Inflater();
    ~Inflater();
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    /// Appends to `out`, at most `out_bytes_max` in all; beyond is a refusal with 413.
    std::optional<Refusal> feed(std::string_view bytes, std::string& out,
                                std::size_t out_bytes_max);
    /// Whether the compressed data ended where it said it would.
    bool finished() const { return finished_; }

private:
    struct Stream;
    std::unique_ptr<Stream> stream_;
    bool finished_ = false;
};

/// Collects one body: framing off, encoding undone, within its limit, as sent and as decoded.
class BodyReader {
public:
    /// Judges what the head says of the body: its length, and an encoding that is not understood
    /// (415).
    static std::variant<BodyReader, Refusal> open(const Head& head, std::size_t bytes_max);

    /// Takes what belongs to the body off `bytes`.
    std::optional<Refusal> read(std::string_view& bytes);
    bool done() const;
    std::size_t buffered() const { return body_.size(); }
    std::string take() { return std::move(body_); }

private:
    BodyReader(const Head& head, std::size_t bytes_max);
    std::optional<Refusal> decode(std::string_view sent);

    Framing framing_;
    std::uint64_t left_;
    std::size_t bytes_max_, sent_ = 0;
    ChunkedReader chunks_;
    std::unique_ptr<Inflater> inflater_;
    std::string body_;
};

/// gzip at the speed a server wants. Empty when zlib has no memory.
std::string gzipped(std::string_view text);

}  // namespace vedette::http
