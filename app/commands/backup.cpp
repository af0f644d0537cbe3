#include "app/backup/backup.h"

#include <fmt/format.h>

#include "app/commands/commands.h"

namespace vedette::app {

Exit backup(const std::string& target, const std::string& data) {
    const auto done = make_backup({.data = data, .target = target});
    if (!done) {
        fmt::print(stderr, "backup: {}\n", done.error().message);
        return Exit::Wrong;
    }
    fmt::print("{}: {} files of {}, {} bytes; {} blocks are linked, not copied\n", target,
               done->linked + done->copied, data, done->bytes, done->linked);
    return Exit::Fine;
}

Exit restore(const RestoreOptions& options) {
    const auto done = restore_backup(options);
    if (!done) {
        fmt::print(stderr, "restore: {}\n", done.error().message);
        return Exit::Wrong;
    }
    for (const std::string& note : done->notes) fmt::print(stderr, "restore: {}\n", note);
    fmt::print("{}: {} files, {} bytes; opens with {}\n", options.data, done->files, done->bytes,
               done->opened);
    return done->notes.empty() ? Exit::Fine : Exit::LintOnly;
}

}  // namespace vedette::app
