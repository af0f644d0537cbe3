#include "store/dump.h"

#include <fmt/format.h>

#include <array>
#include <iostream>

#include "app/backup/manifest.h"
#include "app/commands/commands.h"
#include "app/commands/dump_database.h"
#include "base/files.h"

namespace vedette::app {

namespace {

constexpr std::size_t text_bytes_max = std::size_t{64} << 20;

/// The files of the data folder that are text or say nothing.
Result<bool> dump_small(Files& files, const std::string& path, std::ostream& out) {
    const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
    if (name == "reserve") {
        auto file = files.open(path, Files::Open::Read);
        if (!file) return fail(file.error());
        const auto bytes = (*file)->size();
        if (!bytes) return fail(bytes.error());
        constexpr std::uint64_t piece = 1 << 20;
        out << fmt::format("{}: {} bytes of noise, {} whole pieces of 1 MiB for a full disk\n",
                           path, *bytes, *bytes / piece);
        return true;
    }
    if (name.ends_with(".db-wal") || name.ends_with(".db-shm")) {
        out << fmt::format("{}: SQLite's own, of the database {}; print that\n", path,
                           name.substr(0, name.size() - std::string_view("-wal").size()));
        return true;
    }
    if (name != "lock" && name != "import.progress" && name != manifest_name) return false;
    auto text = files.read_all(path, text_bytes_max);
    if (!text) return fail(text.error());
    if (name == manifest_name) {
        const auto manifest = Manifest::read(*text, path);
        if (!manifest) return fail(manifest.error());
        out << fmt::format("{}: {} files, made {}\n", path, manifest->files.size(), manifest->made);
    } else {
        out << path
            << (name == "lock" ? ": the process that had the folder last\n"
                               : ": blocks that an import which is not finished has made, from and "
                                 "to in ms\n");
    }
    out << *text;
    return true;
}

Result<bool> is_database(Files& files, const std::string& path) {
    constexpr std::string_view magic = "SQLite format 3";
    auto file = files.open(path, Files::Open::Read);
    if (!file) return fail(file.error());
    std::array<char, magic.size()> begin{};
    auto got = (*file)->read_at(0, begin);
    if (!got) return fail(got.error());
    return std::string_view(begin.data(), *got) == magic;
}

Result<void> dump_file(Files& files, const std::string& path, std::ostream& out) {
    const auto small = dump_small(files, path, out);
    if (!small) return fail(small.error());
    if (*small) return {};
    const auto database = is_database(files, path);
    if (!database) return fail(database.error());
    return *database ? dump_database(path, out) : store::dump(files, path, out);
}

}  // namespace

Exit dump(const std::string& file) {
    const auto files = make_files();
    const Result<void> done = dump_file(*files, file, std::cout);
    std::cout.flush();
    if (done) return Exit::Fine;
    fmt::print(stderr, "dump: {}\n", done.error().message);
    return Exit::Wrong;
}

}  // namespace vedette::app
