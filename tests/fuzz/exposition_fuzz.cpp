#include <cstddef>
#include <cstdint>

#include "exporter/exposition_lint.h"

/// Any text is either refused with its line, or read, linted and counted.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace vedette;
    const auto families =
        read_exposition(std::string_view(reinterpret_cast<const char*>(data), size));
    if (!families) return 0;
    for (const auto& family : *families)
        if (family.name.empty() || family.samples.empty()) __builtin_trap();
    (void)exporter::lint_exposition(*families);
    (void)exporter::cardinality_table(*families);
    return 0;
}
