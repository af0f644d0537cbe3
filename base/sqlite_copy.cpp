#include "base/sqlite_copy.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <memory>

#include "base/files.h"
#include "base/sqlite.h"

namespace vedette {
namespace {

constexpr int busy_timeout_ms = 5000;

struct Closing {
    void operator()(sqlite3* handle) const { sqlite3_close(handle); }
};
using Handle = std::unique_ptr<sqlite3, Closing>;

tl::unexpected<Error> sqlite_failure(std::string_view doing, const std::string& path,
                                     sqlite3* handle) {
    return fail(Fault::Internal,
                fmt::format("cannot {} {}: {}", doing, path,
                            handle != nullptr ? sqlite3_errmsg(handle) : "no memory"));
}

Result<Handle> open(const std::string& path, int flags) {
    sqlite3* raw = nullptr;
    const int status = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
    Handle handle(raw);
    if (status != SQLITE_OK) return sqlite_failure("open", path, raw);
    sqlite3_busy_timeout(raw, busy_timeout_ms);
    return handle;
}

Result<void> copy_pages(const std::string& from, const std::string& to) {
    auto source = open(from, SQLITE_OPEN_READONLY);
    if (!source) return fail(source.error());
    // Made here, because SQLite would let others read it.
    if (auto made = make_files()->open(to, Files::Open::CreateNew); !made)
        return fail(made.error());
    auto target = open(to, SQLITE_OPEN_READWRITE);
    if (!target) return fail(target.error());
    sqlite3_backup* backup = sqlite3_backup_init(target->get(), "main", source->get(), "main");
    if (backup == nullptr) return sqlite_failure("copy to", to, target->get());
    // All in one step: one read transaction, so one moment; in WAL mode it holds up no writer.
    const int status = sqlite3_backup_step(backup, -1);
    sqlite3_backup_finish(backup);
    if (status != SQLITE_DONE)
        return fail(Fault::Internal,
                    fmt::format("cannot copy {} to {}: {}", from, to, sqlite3_errstr(status)));
    // A copy is one file: what its log held goes into it when it is closed.
    if (sqlite3_exec(target->get(), "PRAGMA journal_mode=DELETE", nullptr, nullptr, nullptr) !=
        SQLITE_OK)
        return sqlite_failure("finish", to, target->get());
    return {};
}

}  // namespace

Result<void> copy_database(const std::string& from, const std::string& to) {
    if (auto copied = copy_pages(from, to); !copied) return copied;
    {
        Database::Settings settings;
        settings.read_only = true;
        auto copy = Database::open(to, settings);
        if (!copy) return fail(copy.error());
        auto fine = copy->integrity_check();
        if (!fine) return fail(fine.error());
        if (*fine != "ok")
            return fail(Fault::Corrupt, fmt::format("{} is damaged: {}", from, *fine));
    }
    const auto files = make_files();
    auto file = files->open(to, Files::Open::Append);
    if (!file) return fail(file.error());
    return (*file)->sync();
}

}  // namespace vedette
