#include "base/http/head.h"

#include <algorithm>
#include <charconv>

#include "core/limits.h"

namespace vedette {
namespace {

bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

std::string lower_case(std::string_view text) {
    std::string copy(text);
    std::transform(copy.begin(), copy.end(), copy.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return copy;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view space = " \t\r\n";
    const auto first = text.find_first_not_of(space);
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(space) - first + 1);
}

bool HttpHead::take_line(std::string_view line) {
    bytes_ += line.size();
    if (bytes_ > limits::answer_header_bytes_max) {
        too_large_ = true;
        return false;
    }
    // Of a head, perhaps after one that only said 100 Continue.
    const bool may_begin = bytes_ == line.size() || (done_ && answer_.status < 200);
    if (may_begin && line.starts_with("HTTP/")) {
        answer_.headers.clear();
        done_ = false;
        const auto space = std::min(line.find(' '), line.size() - 1);
        answer_.version = std::string(line.substr(5, space - 5));
        const auto digits = line.substr(space + 1);
        answer_.status = 0;
        std::from_chars(digits.data(), digits.data() + digits.size(), answer_.status);
        return true;
    }
    if (done_) return true;  // a trailer
    if (line == "\r\n" || line == "\n") {
        end();
        return true;
    }
    if ((line.front() == ' ' || line.front() == '\t') && !answer_.headers.empty()) {
        answer_.headers.back().second.append(" ").append(trimmed(line));
        return true;
    }
    const auto colon = line.find(':');
    if (colon != line.npos)
        answer_.headers.emplace_back(lower_case(trimmed(line.substr(0, colon))),
                                     trimmed(line.substr(colon + 1)));
    return true;
}

void HttpHead::end() {
    done_ = true;
    answer_.content_length.reset();
    if (const auto length = answer_.header("content-length"); !length.empty()) {
        std::uint64_t bytes = 0;
        const auto read = std::from_chars(length.data(), length.data() + length.size(), bytes);
        if (read.ec == std::errc() && read.ptr == length.data() + length.size())
            answer_.content_length = bytes;
    }
    if (follow_ && is_redirect(answer_.status)) redirect_ = answer_.header("location");
}

}  // namespace vedette
