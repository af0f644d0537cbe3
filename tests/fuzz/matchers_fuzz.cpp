#include <cstdint>

#include "notify/matcher.h"

/// Whatever text comes in: no crash, and what is read prints to what reads the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto parsed =
        vedette::notify::parse_matchers({reinterpret_cast<const char*>(data), size});
    if (!parsed || !vedette::is_utf8({reinterpret_cast<const char*>(data), size})) return 0;
    const std::string printed = vedette::notify::to_string(*parsed);
    const auto again = vedette::notify::parse_matchers(printed);
    vedette::check(again.has_value(), "what was printed can be read");
    vedette::check(vedette::notify::to_string(*again) == printed, "and prints the same");
    return 0;
}
