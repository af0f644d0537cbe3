#include <cstddef>
#include <cstdint>

#include "app/backup/manifest.h"

/// Any text is refused, or is a list that reads back the same and names no path outside.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using vedette::app::Manifest;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto manifest = Manifest::read(text, "manifest");
    if (!manifest) return 0;
    for (const auto& file : manifest->files)
        if (file.path.starts_with('/') || file.path.find("../") == 0) __builtin_trap();
    const auto again = Manifest::read(manifest->text(), "manifest");
    if (!again || again->files.size() != manifest->files.size()) __builtin_trap();
    return 0;
}
