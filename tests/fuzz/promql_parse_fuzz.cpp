#include <cstdint>

#include "promql/syntax/parse.h"

/// Whatever the bytes: no crash, and what reads also prints and reads back as the same tree.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace vedette::promql;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    ParseProblem problem;
    const auto expr = parse(text, &problem);
    if (!expr) return 0;
    for (const std::string& printed : {print(**expr), print_pretty(**expr)}) {
        const auto again = parse(printed);
        vedette::check(again && same(**expr, **again), "a printed query reads back as it was");
    }
    return 0;
}
