// An answer in any pieces: the pieces make no difference, and what is kept stays within its limits.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/http/answer_reader.h"
#include "core/limits.h"

using namespace vedette;

namespace {

constexpr std::size_t body_bytes_max = 300;

struct Read {
    HttpAnswer answer;
    HttpAnswerReader reader{answer};
    bool open = true;

    Read(std::string_view bytes, std::size_t piece, unsigned flags) {
        reader.begin({.head_only = (flags & 1) != 0,
                      .follow = (flags & 2) != 0,
                      .keep_body = (flags & 4) != 0,
                      .body_bytes_max = body_bytes_max});
        for (std::size_t at = 0; open && at < bytes.size(); at += piece)
            open = reader.take(bytes.substr(at, piece));
        if (open) reader.end();
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data + 2), size - 2);
    const Read pieces(bytes, data[0] + 1U, data[1]);
    const Read whole(bytes, size, data[1]);
    if (pieces.reader.complete() != whole.reader.complete()) std::abort();
    if (pieces.answer.status != whole.answer.status || pieces.answer.body != whole.answer.body ||
        pieces.answer.headers != whole.answer.headers)
        std::abort();
    if (!whole.reader.complete() && whole.reader.error() != pieces.reader.error()) std::abort();
    if (whole.reader.complete() && (whole.answer.status < 100 || whole.answer.status > 999))
        std::abort();
    if (whole.answer.body_bytes > body_bytes_max || whole.answer.body.size() > body_bytes_max)
        std::abort();
    std::size_t head = 0;
    for (const Header& header : whole.answer.headers)
        head += header.first.size() + header.second.size();
    if (head > limits::answer_header_bytes_max) std::abort();
    return 0;
}
