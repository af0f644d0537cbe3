#include "base/http/answer_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "base/http/hop.h"
#include "core/limits.h"

namespace vedette {
namespace {

constexpr std::string_view prefix = "HTTP/";

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// The last of the codings named in the answer's Transfer-Encoding headers, in lower case; empty
/// when there is none.
std::string last_coding(const HttpAnswer& answer) {
    std::string last;
    for (const auto& [name, value] : answer.headers) {
        if (name != "transfer-encoding") continue;
        const auto comma = value.rfind(',');
        last = lower_case(trimmed(comma == value.npos ? std::string_view(value)
                                                      : std::string_view(value).substr(comma + 1)));
    }
    return last;
}

}  // namespace

void HttpAnswerReader::begin(const Wish& wish) {
    wish_ = wish;
    head_.follow(wish.follow);
}

void HttpAnswerReader::fail(Error error) {
    error_ = std::move(error);
    state_ = State::Broken;
}

bool HttpAnswerReader::take(std::string_view bytes) {
    while (!bytes.empty() && state_ != State::Complete && state_ != State::Broken) step(bytes);
    return state_ != State::Complete && state_ != State::Broken;
}

void HttpAnswerReader::end() {
    switch (state_) {
        case State::StatusLine:
            if (head_.bytes() == 0)
                return fail({Fault::Unavailable, "connection closed without an answer"});
            return fail(head_cut());
        case State::HeaderLine:
            return fail(head_cut());
        case State::UntilClose:
            state_ = State::Complete;
            return;
        case State::Length:
            return fail(body_cut_error(answer_, true));
        case State::ChunkSize:
        case State::ChunkExtension:
        case State::ChunkData:
        case State::ChunkEnd:
        case State::Trailer:
            return fail(body_cut_error(answer_, false));
        case State::Complete:
        case State::Broken:
            return;
    }
}

void HttpAnswerReader::step(std::string_view& bytes) {
    switch (state_) {
        case State::StatusLine:
        case State::HeaderLine:
        case State::Trailer:
            return take_line(bytes);
        case State::Length:
        case State::UntilClose:
        case State::ChunkData:
            return take_body(bytes);
        case State::ChunkSize:
        case State::ChunkExtension:
            return take_chunk_size(bytes);
        case State::ChunkEnd:
            return take_chunk_end(bytes);
        case State::Complete:
        case State::Broken:
            return;
    }
}

void HttpAnswerReader::take_line(std::string_view& bytes) {
    const auto newline = bytes.find('\n');
    const bool whole = newline != bytes.npos;
    const std::string_view piece = whole ? bytes.substr(0, newline + 1) : bytes;
    bytes.remove_prefix(piece.size());
    if (head_.bytes() + line_.size() + piece.size() > limits::answer_header_bytes_max)
        return fail(head_too_large());
    if (whole && line_.empty()) return head_line(piece);
    line_ += piece;
    // Said at once: who does not speak HTTP may also never end the line.
    const std::string_view begun = std::string_view(line_).substr(0, prefix.size());
    if (state_ == State::StatusLine && !prefix.starts_with(begun)) return fail(not_http());
    if (!whole) return;
    const std::string line = std::exchange(line_, {});
    head_line(line);
}

void HttpAnswerReader::head_line(std::string_view line) {
    const bool empty = line == "\n" || line == "\r\n";
    if (state_ == State::StatusLine) {
        if (!read_status_line(line)) return fail(not_http());
        state_ = State::HeaderLine;
    } else if (state_ == State::HeaderLine && !empty) {
        const bool folded =
            (line.front() == ' ' || line.front() == '\t') && !answer_.headers.empty();
        const bool fine = line.find('\0') == line.npos && (folded || line.find(':') != line.npos);
        if (!fine) return fail(not_http());
    }
    if (!head_.take_line(line)) return fail(head_too_large());
    if (!empty) return;
    if (state_ == State::Trailer)
        state_ = State::Complete;
    else
        end_head();
}

/// `HTTP/1.1 200 any words`; HTTP/2 and later are only named by servers that know no better.
bool HttpAnswerReader::read_status_line(std::string_view line) {
    if (!line.starts_with(prefix) || line.find('\0') != line.npos) return false;
    const auto space = line.find(' ');
    if (space == line.npos) return false;
    constexpr std::array<std::string_view, 6> versions = {"1.1", "1.0", "2", "2.0", "3", "3.0"};
    const std::string_view version = line.substr(prefix.size(), space - prefix.size());
    if (std::find(versions.begin(), versions.end(), version) == versions.end()) return false;
    const std::string_view code = line.substr(space + 1);
    if (code.size() < 4) return false;
    return code[0] >= '1' && code[0] <= '9' && is_digit(code[1]) && is_digit(code[2]) &&
           !is_digit(code[3]);
}

void HttpAnswerReader::end_head() {
    const int status = answer_.status;
    if (status >= 100 && status < 200 && status != 101) {
        state_ = State::StatusLine;
        return;
    }
    const bool bodyless = wish_.head_only || status == 204 || status == 304;
    if (bodyless || !redirect().empty()) {
        state_ = State::Complete;
        return;
    }
    const std::string coding = last_coding(answer_);
    if (coding == "chunked") {
        state_ = State::ChunkSize;
        return;
    }
    std::optional<std::uint64_t> length;
    for (const auto& [name, value] : answer_.headers) {
        if (name != "content-length" || !coding.empty()) continue;
        std::uint64_t bytes = 0;
        const auto read = std::from_chars(value.data(), value.data() + value.size(), bytes);
        if (read.ec != std::errc() || read.ptr != value.data() + value.size())
            return fail({Fault::Corrupt, "the answer's Content-Length is no number"});
        if (length && *length != bytes)
            return fail({Fault::Corrupt, "the answer has two different lengths"});
        length = bytes;
    }
    if (!length) {
        state_ = State::UntilClose;
        return;
    }
    left_ = *length;
    state_ = left_ == 0 ? State::Complete : State::Length;
}

void HttpAnswerReader::take_body(std::string_view& bytes) {
    const bool counted = state_ != State::UntilClose;
    const std::size_t size =
        counted ? static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()))
                : bytes.size();
    const std::size_t taken = std::min<std::size_t>(
        size, wish_.body_bytes_max - static_cast<std::size_t>(answer_.body_bytes));
    answer_.body_bytes += taken;
    if (wish_.keep_body) answer_.body.append(bytes.substr(0, taken));
    bytes.remove_prefix(size);
    if (taken < size) {
        answer_.body_cut = true;
        state_ = State::Complete;
        return;
    }
    if (!counted) return;
    left_ -= size;
    if (left_ > 0) return;
    state_ = state_ == State::Length ? State::Complete : State::ChunkEnd;
}

void HttpAnswerReader::take_chunk_size(std::string_view& bytes) {
    const char c = bytes.front();
    bytes.remove_prefix(1);
    if (++chunk_line_bytes_ > limits::answer_chunk_line_bytes_max) return fail(broken_chunks());
    const int digit = hex_value(c);
    if (state_ == State::ChunkSize && digit >= 0) {
        if (++digits_ > 16 || left_ > std::numeric_limits<std::int64_t>::max() / 16)
            return fail(broken_chunks());
        left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        return;
    }
    if (digits_ == 0) return fail(broken_chunks());
    state_ = State::ChunkExtension;
    if (c != '\n') return;
    digits_ = chunk_line_bytes_ = 0;
    state_ = left_ > 0 ? State::ChunkData : State::Trailer;
}

void HttpAnswerReader::take_chunk_end(std::string_view& bytes) {
    const char c = bytes.front();
    bytes.remove_prefix(1);
    if (c == '\r' && chunk_line_bytes_++ == 0) return;
    if (c != '\n') return fail(broken_chunks());
    chunk_line_bytes_ = 0;
    state_ = State::ChunkSize;
}

}  // namespace vedette
