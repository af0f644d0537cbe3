#include "exporter/http/body.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>

namespace vedette::http {

namespace {

constexpr int chunk_digits_max = 8;

Refusal odd_chunk(std::string text) {
    return {400, "chunk_framing", std::move(text)};
}

Refusal too_large(std::size_t bytes_max) {
    return {413, "body_bytes", fmt::format("the body is larger than {} bytes", bytes_max)};
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

std::optional<Refusal> ChunkedReader::read_framing(char c) {
    switch (state_) {
        case State::Size: {
            const int value = hex_value(c);
            if (c == '\r' && digits_ > 0) {
                state_ = State::SizeLf;
            } else if (value < 0) {
                return odd_chunk("a chunk does not begin with its size in hexadecimal digits");
            } else if (++digits_ > chunk_digits_max) {
                return odd_chunk("a chunk's size has too many digits");
            } else {
                left_ = left_ * 16 + static_cast<std::uint64_t>(value);
            }
            return std::nullopt;
        }
        case State::SizeLf:
            if (c != '\n') return odd_chunk("a chunk's size does not end in CR LF");
            state_ = left_ == 0 ? State::LastCr : State::Data;
            return std::nullopt;
        case State::DataCr:
            if (c != '\r') return odd_chunk("a chunk is longer than it said, or lacks its CR LF");
            state_ = State::DataLf;
            return std::nullopt;
        case State::DataLf:
            if (c != '\n') return odd_chunk("a chunk does not end in CR LF");
            state_ = State::Size;
            digits_ = 0;
            return std::nullopt;
        case State::LastCr:
            if (c != '\r') return odd_chunk("trailers after a chunked body are not taken");
            state_ = State::LastLf;
            return std::nullopt;
        case State::LastLf:
            if (c != '\n') return odd_chunk("the last chunk does not end in CR LF");
            state_ = State::Done;
            return std::nullopt;
        case State::Data:
        case State::Done:
            break;
    }
    return std::nullopt;
}

std::optional<Refusal> ChunkedReader::read(std::string_view& bytes, std::string& out,
                                           std::size_t out_bytes_max) {
    while (!bytes.empty() && state_ != State::Done && out.size() <= out_bytes_max) {
        if (state_ == State::Data) {
            const auto part =
                static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
            out.append(bytes.substr(0, part));
            bytes.remove_prefix(part);
            left_ -= part;
            if (left_ == 0) state_ = State::DataCr;
        } else {
            if (auto refusal = read_framing(bytes.front())) return refusal;
            bytes.remove_prefix(1);
        }
    }
    return std::nullopt;
}

struct Inflater::Stream {
    z_stream z{};
};

Inflater::Inflater() : stream_(std::make_unique<Stream>()) {
    // 32: gzip or zlib, whichever the first bytes say.
    if (inflateInit2(&stream_->z, 15 + 32) != Z_OK) stream_.reset();
}

Inflater::~Inflater() {
    if (stream_) inflateEnd(&stream_->z);
}

std::optional<Refusal> Inflater::feed(std::string_view bytes, std::string& out,
                                      std::size_t out_bytes_max) {
    if (!stream_) return Refusal{503, "memory", "no memory to decompress"};
    z_stream& z = stream_->z;
    std::array<char, 16 * 1024> piece;
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    z.avail_in = static_cast<uInt>(bytes.size());
    while (true) {
        if (finished_ && z.avail_in > 0) {
            // gzip files may stand one behind the other.
            inflateReset(&z);
            finished_ = false;
        }
        if (finished_) return std::nullopt;
        z.next_out = reinterpret_cast<Bytef*>(piece.data());
        z.avail_out = static_cast<uInt>(piece.size());
        const int result = inflate(&z, Z_NO_FLUSH);
        const std::size_t made = piece.size() - z.avail_out;
        if (out.size() + made > out_bytes_max) return too_large(out_bytes_max);
        out.append(piece.data(), made);
        if (result == Z_STREAM_END) {
            finished_ = true;
        } else if (result == Z_BUF_ERROR ||
                   (result == Z_OK && z.avail_in == 0 && made < piece.size())) {
            return std::nullopt;
        } else if (result != Z_OK) {
            return Refusal{400, "encoding", "the body is not what its Content-Encoding says"};
        }
    }
}

BodyReader::BodyReader(const Head& head, std::size_t bytes_max)
    : framing_(head.framing), left_(head.length), bytes_max_(bytes_max) {}

std::variant<BodyReader, Refusal> BodyReader::open(const Head& head, std::size_t bytes_max) {
    BodyReader reader(head, bytes_max);
    if (head.framing == Framing::Length && head.length > bytes_max) return too_large(bytes_max);
    const std::string_view encoding = head.header("content-encoding");
    if (same_word(encoding, "gzip") || same_word(encoding, "x-gzip") ||
        same_word(encoding, "deflate")) {
        if (head.framing != Framing::None) reader.inflater_ = std::make_unique<Inflater>();
    } else if (!encoding.empty() && !same_word(encoding, "identity") &&
               !same_word(encoding, "snappy")) {
        // snappy belongs to remote write, whose reader undoes it with a limit of its own.
        return Refusal{
            415, "encoding",
            "the Content-Encodings understood here are gzip, deflate, snappy and identity"};
    }
    return reader;
}

bool BodyReader::done() const {
    switch (framing_) {
        case Framing::None:
            return true;
        case Framing::Length:
            return left_ == 0;
        case Framing::Chunked:
            return chunks_.done();
    }
    return true;
}

std::optional<Refusal> BodyReader::decode(std::string_view sent) {
    sent_ += sent.size();
    if (sent_ > bytes_max_) return too_large(bytes_max_);
    if (inflater_) return inflater_->feed(sent, body_, bytes_max_);
    body_.append(sent);
    return std::nullopt;
}

std::optional<Refusal> BodyReader::read(std::string_view& bytes) {
    std::optional<Refusal> refusal;
    if (framing_ == Framing::Length) {
        const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
        refusal = decode(bytes.substr(0, part));
        bytes.remove_prefix(part);
        left_ -= part;
    } else if (framing_ == Framing::Chunked && inflater_) {
        std::string piece;
        refusal = chunks_.read(bytes, piece, bytes_max_ - sent_);
        if (!refusal) refusal = decode(piece);
    } else if (framing_ == Framing::Chunked) {
        refusal = chunks_.read(bytes, body_, bytes_max_);
        if (!refusal && body_.size() > bytes_max_) refusal = too_large(bytes_max_);
    }
    if (!refusal && done() && inflater_ && !inflater_->finished()) {
        refusal = Refusal{400, "encoding", "the compressed body ends too early"};
    }
    return refusal;
}

std::string gzipped(std::string_view text) {
    z_stream z{};
    if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return {};
    std::string out(deflateBound(&z, static_cast<uLong>(text.size())), '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    z.avail_in = static_cast<uInt>(text.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    const bool whole = deflate(&z, Z_FINISH) == Z_STREAM_END;
    out.resize(whole ? z.total_out : 0);
    deflateEnd(&z);
    return out;
}

}  // namespace vedette::http
