#include "base/http/hop.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "core/limits.h"

namespace vedette {

std::string connection_error(long system_error) {
    switch (system_error) {
        case ECONNREFUSED:
            return "connection refused";
        case ECONNRESET:
            return "connection reset";
        case EHOSTUNREACH:
            return "no route to host";
        case ENETUNREACH:
            return "network unreachable";
        case ETIMEDOUT:
            return "connecting timed out";
        case 0:
            return "cannot connect";
        default:
            return fmt::format("cannot connect: {}", std::strerror(static_cast<int>(system_error)));
    }
}

Error head_cut() {
    return {Fault::Unavailable, "connection closed in the middle of the answer's head"};
}

Error head_too_large() {
    return {Fault::Limit, fmt::format("the answer's head is larger than {} KiB",
                                      limits::answer_header_bytes_max / 1024)};
}

Error body_cut_error(const HttpAnswer& answer, bool length_counts) {
    if (answer.content_length && length_counts)
        return {Fault::Unavailable, fmt::format("body cut: {} of {} bytes came", answer.body_bytes,
                                                *answer.content_length)};
    return {Fault::Unavailable, fmt::format("body cut after {} bytes", answer.body_bytes)};
}

Error not_http() {
    return {Fault::Corrupt, "the answer is not HTTP"};
}

Error broken_chunks() {
    return {Fault::Corrupt, "the answer's chunks are broken"};
}

}  // namespace vedette
