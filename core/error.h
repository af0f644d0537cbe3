#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace vedette {

/// What kind of failure it was: the word a program branches on.
enum class Fault {
    NotFound,
    BadInput,     ///< the caller's data is wrong; trying again changes nothing
    Refused,      ///< not permitted
    Limit,        ///< a stated limit was reached; the message names it
    Unavailable,  ///< the other side is not there; trying again may help
    Timeout,
    Corrupt,  ///< stored bytes do not say what they should
    Cancelled,
    Internal,
};

std::string_view to_string(Fault fault);

/// A failure: a kind to branch on and one sentence for a person to read.
struct Error {
    Fault fault = Fault::Internal;
    std::string message;

    bool operator==(const Error&) const = default;
};

/// A value or an `Error`. Being down is an answer and belongs in the value; `Error` is for
/// failures.
template <typename T>
struct [[nodiscard]] Result : tl::expected<T, Error> {
    using tl::expected<T, Error>::expected;
};

/// `return fail(Fault::BadInput, "…")` from a function that returns any `Result`.
inline tl::unexpected<Error> fail(Fault fault, std::string message) {
    return tl::unexpected<Error>(Error{fault, std::move(message)});
}

inline tl::unexpected<Error> fail(Error error) {
    return tl::unexpected<Error>(std::move(error));
}

/// Stops the program when `condition` is false: a bug, not a fault. `why` says what must hold.
/// Writes file and line to stderr first. Stays on in release builds.
void check(bool condition, std::string_view why, const char* file = __builtin_FILE(),
           int line = __builtin_LINE());

}  // namespace vedette
