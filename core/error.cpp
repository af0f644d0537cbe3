#include "core/error.h"

#include <cstdio>
#include <cstdlib>

namespace vedette {

std::string_view to_string(Fault fault) {
    switch (fault) {
        case Fault::NotFound:
            return "not found";
        case Fault::BadInput:
            return "bad input";
        case Fault::Refused:
            return "refused";
        case Fault::Limit:
            return "limit reached";
        case Fault::Unavailable:
            return "unavailable";
        case Fault::Timeout:
            return "timed out";
        case Fault::Corrupt:
            return "corrupt";
        case Fault::Cancelled:
            return "cancelled";
        case Fault::Internal:
            return "internal error";
    }
    return "unknown fault";
}

void check(bool condition, std::string_view why, const char* file, int line) {
    if (condition) [[likely]]
        return;
    std::fprintf(stderr, "%s:%d: a bug in vedette: %.*s\n", file, line,
                 static_cast<int>(why.size()), why.data());
    std::abort();
}

}  // namespace vedette
