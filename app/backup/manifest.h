#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace vedette::app {

inline constexpr std::string_view manifest_name = "manifest.sha256";

/// What a backup holds. Written as `sha256sum` writes it, so that `sha256sum -c` can look at a
/// backup too; the last line says whether the list itself is whole:
///
///     # vedette backup 1
///     # made 2026-11-20T15:30:00Z by vedette 0.1.0
///     3b9c…  alerts.db
///     77f0…  blocks/00000001_1790006400000_1790013600000.block
///     # whole 90ac…                         the sum of all lines above
struct Manifest {
    struct File {
        std::string sum;   ///< SHA-256, hexadecimal
        std::string path;  ///< relative to the backup
    };
    std::string made;  ///< when and by whom, for people
    std::vector<File> files;

    std::string text() const;
    /// Fails with Corrupt and says what is wrong where; `name` is the file's, for the message.
    static Result<Manifest> read(std::string_view text, std::string_view name);
};

}  // namespace vedette::app
