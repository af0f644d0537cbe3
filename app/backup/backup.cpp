#include "app/backup/backup.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "app/backup/manifest.h"
#include "app/commands/commands.h"
#include "base/files.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/sha256.h"
#include "base/sqlite.h"
#include "base/sqlite_copy.h"
#include "core/time.h"
#include "store/blocks/layout.h"
#include "store/store.h"

namespace vedette::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t read_bytes = 1 << 20;

bool is_database(std::string_view path) {
    return path.ends_with(".db");
}

/// What nobody misses after a restore.
bool is_passing(std::string_view path) {
    const auto is = [&](std::string_view name) { return path == name; };
    return is("lock") || is("reserve") || is("snapshots") || path.starts_with("reserve.") ||
           path.ends_with(".tmp") || path.find(".tmp-") != path.npos || path.ends_with("-wal") ||
           path.ends_with("-shm") || path.ends_with("-journal");
}

Result<std::string> sum_of(Files& files, const std::string& path, std::uint64_t& bytes) {
    auto file = files.open(path, Files::Open::Read);
    if (!file) return fail(file.error());
    Sha256 sum;
    std::string piece(read_bytes, '\0');
    for (std::uint64_t at = 0;;) {
        auto got = (*file)->read_at(at, piece);
        if (!got) return fail(got.error());
        if (*got == 0) return sum.finish();
        sum.add(std::string_view(piece).substr(0, *got));
        at += *got;
        bytes += *got;
    }
}

/// A folder that becomes `name` when it is finished; removed when it is not.
class Unfinished {
public:
    static Result<Unfinished> make(Files& files, std::string name) {
        while (name.size() > 1 && name.ends_with('/')) name.pop_back();
        std::error_code error;
        if (fs::exists(name, error) &&
            (!fs::is_directory(name, error) || !fs::is_empty(name, error)))
            return fail(Fault::Refused,
                        fmt::format("{} is there and not empty; expected a folder that is to be "
                                    "made, or an empty one",
                                    name));
        Unfinished made(std::move(name));
        fs::remove_all(made.path_, error);
        if (error)
            return fail(Fault::Refused,
                        fmt::format("cannot remove {}: {}", made.path_, error.message()));
        if (auto folders = files.make_folders(made.path_); !folders) return fail(folders.error());
        return made;
    }
    Unfinished(Unfinished&& other) noexcept
        : name_(std::move(other.name_)), path_(std::exchange(other.path_, {})) {}
    Unfinished& operator=(Unfinished&&) = delete;
    ~Unfinished() {
        std::error_code ignored;
        if (!path_.empty()) fs::remove_all(path_, ignored);
    }

    const std::string& path() const { return path_; }
    /// Makes the folders of a path in it.
    Result<std::string> place(Files& files, const std::string& relative) const {
        const std::string path = path_ + "/" + relative;
        if (auto made = files.make_folders(fs::path(path).parent_path().string()); !made)
            return fail(made.error());
        return path;
    }
    /// Brings all names to the disk, then gives the folder its own.
    Result<void> finish(Files& files) {
        std::error_code error;
        for (auto at = fs::recursive_directory_iterator(path_, error);
             !error && at != fs::recursive_directory_iterator(); at.increment(error))
            if (at->is_directory(error))
                if (auto synced = files.sync_folder(at->path().string()); !synced) return synced;
        if (auto synced = files.sync_folder(path_); !synced) return synced;
        if (auto renamed = files.rename(path_, name_); !renamed) return renamed;
        path_.clear();
        const std::string above = fs::path(name_).parent_path().string();
        return files.sync_folder(above.empty() ? "." : above);
    }

private:
    explicit Unfinished(std::string name) : name_(std::move(name)), path_(name_ + ".unfinished") {}
    std::string name_, path_;
};

}  // namespace

Result<FrozenFolder> freeze_data(const std::string& data) {
    if (!make_files()->exists(data + "/format"))
        return fail(
            Fault::BadInput,
            fmt::format("{} has no file `format`; expected the data folder of a vedette", data));
    return FrozenFolder::take(data, is_passing);
}

Result<BackupDone> make_backup(const BackupOptions& options) {
    const auto files = make_files();
    auto frozen = freeze_data(options.data);
    if (!frozen) return fail(frozen.error());
    auto target = Unfinished::make(*files, options.target);
    if (!target) return fail(target.error());
    BackupDone done;
    Manifest manifest;
    manifest.made = fmt::format("{} by vedette {}", format_rfc3339(SystemClock().now()), version());
    for (const auto& entry : frozen->entries()) {
        if (options.skip_head && entry.path.starts_with("wal/")) continue;
        if (entry.path.find('\n') != std::string::npos) continue;  // none of ours
        auto to = target->place(*files, entry.path);
        if (!to) return fail(to.error());
        Result<void> copied;
        if (is_database(entry.path)) {
            copied = copy_database(options.data + "/" + entry.path, *to);
            ++done.copied;
        } else if (options.link && entry.path.ends_with(".block") && frozen->link(entry, *to)) {
            ++done.linked;
        } else {
            copied = frozen->copy(entry, *to);
            ++done.copied;
        }
        if (!copied) return fail(copied.error());
        auto sum = sum_of(*files, *to, done.bytes);
        if (!sum) return fail(sum.error());
        manifest.files.push_back({std::move(*sum), entry.path});
    }
    const std::string list = target->path() + "/" + std::string(manifest_name);
    if (auto written = files->write_atomically(list, manifest.text()); !written)
        return fail(written.error());
    if (auto finished = target->finish(*files); !finished) return fail(finished.error());
    return done;
}

// ── back again ──

namespace {

constexpr std::size_t manifest_bytes_max = std::size_t{64} << 20;

/// What a file of ours holds, for whoever is to lose it.
std::string held_by(std::string_view path) {
    const std::string_view name = path.substr(path.rfind('/') + 1);
    store::BlockAbout about;
    if (store::read_block_name(name, about))
        return fmt::format("{} from {} to {}",
                           path.starts_with("rollups/") ? "roll-ups" : "samples",
                           format_rfc3339(about.from), format_rfc3339(about.to));
    if (path == "rollups/state") return "what is to be rolled up again";
    if (path.starts_with("wal/")) return "the newest hours";
    if (path == "alerts.db") return "alerts, silences and what was sent";
    if (path == "format") return "the number of the folder's format";
    return "a file of the data folder";
}

/// Everything in a backup that is not as its list says, a line each.
std::vector<std::string> faults_of(Files& files, const std::string& backup,
                                   const Manifest& manifest, std::uint64_t& bytes) {
    std::vector<std::string> faults;
    for (const Manifest::File& file : manifest.files) {
        const std::string path = backup + "/" + file.path;
        auto sum = sum_of(files, path, bytes);
        if (!sum)
            faults.push_back(fmt::format(
                "{} ({}): {}", path, held_by(file.path),
                sum.error().fault == Fault::NotFound ? "is missing" : sum.error().message));
        else if (*sum != file.sum)
            faults.push_back(fmt::format("{} ({}): is damaged; its sum is {}, the list says {}",
                                         path, held_by(file.path), *sum, file.sum));
    }
    return faults;
}

Result<Manifest> read_manifest(Files& files, const std::string& backup) {
    const std::string path = backup + "/" + std::string(manifest_name);
    if (!files.exists(path))
        return fail(Fault::BadInput,
                    fmt::format("{} is not there; expected a folder that `vedette backup` made, "
                                "which holds one once it is finished",
                                path));
    auto text = files.read_all(path, manifest_bytes_max);
    if (!text) return fail(text.error());
    return Manifest::read(*text, path);
}

/// Opens a folder as a daemon would; what is lost goes to `notes`.
Result<std::string> try_to_open(Files& files, const std::string& folder,
                                std::vector<std::string>& notes) {
    auto names = files.list(folder);
    if (!names) return fail(names.error());
    for (const std::string& name : *names) {
        if (!is_database(name)) continue;
        auto database = Database::open(folder + "/" + name, {.read_only = true});
        if (!database) return fail(database.error());
        auto fine = database->integrity_check();
        if (!fine) return fail(fine.error());
        if (*fine != "ok") notes.push_back(fmt::format("{}: {}", name, *fine));
    }
    store::StoreSettings settings;
    settings.lock_folder = false;
    settings.own_thread = false;
    SystemClock clock;
    Log log(LogSettings{.level = LogLevel::Error});
    Metrics metrics;
    auto opened = store::Store::open(files, folder, settings, clock, log, metrics);
    if (!opened) return fail(opened.error());
    const store::Recovery& recovery = (*opened)->recovery();
    for (const auto& loss : recovery.losses) notes.push_back(loss.text());
    if (recovery.losses_more > 0) notes.push_back(fmt::format("and {} more", recovery.losses_more));
    const std::string found =
        fmt::format("{} blocks, {} series in memory", recovery.blocks, recovery.series);
    if (auto closed = (*opened)->close(); !closed) return fail(closed.error());
    return found;
}

}  // namespace

Result<RestoreDone> restore_backup(const RestoreOptions& options) {
    const auto files = make_files();
    auto manifest = read_manifest(*files, options.backup);
    if (!manifest) return fail(manifest.error());
    auto target = Unfinished::make(*files, options.data);
    if (!target) return fail(target.error());
    RestoreDone done;
    done.notes = faults_of(*files, options.backup, *manifest, done.bytes);
    if (!done.notes.empty() && !options.damaged) {
        std::string all = fmt::format("{} of {} files of the backup are not as its list says",
                                      done.notes.size(), manifest->files.size());
        for (const std::string& fault : done.notes) all += "\n  " + fault;
        return fail(Fault::Corrupt, all);
    }
    auto source = FrozenFolder::take(options.backup,
                                     [](std::string_view path) { return path == manifest_name; });
    if (!source) return fail(source.error());
    for (const Manifest::File& file : manifest->files) {
        const auto* entry = source->find(file.path);
        if (entry == nullptr) continue;  // missing, and said
        auto to = target->place(*files, file.path);
        if (!to) return fail(to.error());
        if (auto copied = source->copy(*entry, *to); !copied) return fail(copied.error());
        ++done.files;
    }
    for (const auto& entry : source->entries())
        if (std::ranges::none_of(manifest->files,
                                 [&](const auto& file) { return file.path == entry.path; }))
            done.notes.push_back(
                fmt::format("{}/{} is not in the list; left out", options.backup, entry.path));
    auto opened = try_to_open(*files, target->path(), done.notes);
    if (!opened) return fail(opened.error());
    done.opened = std::move(*opened);
    if (auto finished = target->finish(*files); !finished) return fail(finished.error());
    return done;
}

}  // namespace vedette::app
