#include "base/frozen_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>

namespace vedette {
namespace {

using namespace std::chrono_literals;

constexpr int attempts_max = 100;
constexpr auto between_attempts = 20ms;
constexpr std::size_t copy_bytes = 1 << 20;

tl::unexpected<Error> os_failure(std::string_view doing, std::string_view path, int error = errno) {
    const Fault fault = error == ENOENT                                         ? Fault::NotFound
                        : error == EACCES || error == EROFS || error == EEXIST  ? Fault::Refused
                        : error == ENOSPC || error == EDQUOT || error == EMFILE ? Fault::Limit
                                                                                : Fault::Internal;
    return fail(fault, fmt::format("cannot {} {}: {}", doing, path,
                                   std::generic_category().message(error)));
}

/// A file's name and which file it is.
struct Seen {
    std::string path;
    dev_t device = 0;
    ino_t number = 0;
    bool operator==(const Seen&) const = default;
};

/// What is below `folder`, sorted by path. What goes meanwhile is not there.
Result<void> look(const std::string& folder, const std::string& below,
                  const FrozenFolder::Skip& skip, std::vector<Seen>& out) {
    const std::string path = below.empty() ? folder : folder + "/" + below;
    DIR* opened = ::opendir(path.c_str());
    if (opened == nullptr) {
        if (errno == ENOENT && !below.empty()) return {};
        return os_failure("open the folder", path);
    }
    const std::unique_ptr<DIR, int (*)(DIR*)> closing(opened, ::closedir);
    std::vector<std::string> folders;
    while (const dirent* entry = ::readdir(opened)) {
        const std::string_view name = entry->d_name;
        if (name == "." || name == "..") continue;
        const std::string relative =
            below.empty() ? std::string(name) : fmt::format("{}/{}", below, name);
        if (skip(relative)) continue;
        struct stat status{};
        if (::fstatat(::dirfd(opened), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (S_ISDIR(status.st_mode)) folders.push_back(relative);
        if (S_ISREG(status.st_mode)) out.push_back({relative, status.st_dev, status.st_ino});
    }
    for (const std::string& each : folders)
        if (auto looked = look(folder, each, skip, out); !looked) return looked;
    return {};
}

Result<std::vector<Seen>> look(const std::string& folder, const FrozenFolder::Skip& skip) {
    std::vector<Seen> seen;
    if (auto looked = look(folder, {}, skip, seen); !looked) return fail(looked.error());
    std::sort(seen.begin(), seen.end(),
              [](const Seen& a, const Seen& b) { return a.path < b.path; });
    return seen;
}

}  // namespace

FrozenFolder::FrozenFolder(FrozenFolder&& other) noexcept
    : folder_(std::move(other.folder_)), entries_(std::exchange(other.entries_, {})) {}

FrozenFolder::~FrozenFolder() {
    let_go();
}

void FrozenFolder::let_go() {
    for (const Entry& entry : entries_) ::close(entry.fd);
    entries_.clear();
}

// False: something changed meanwhile.
Result<bool> FrozenFolder::try_take(const Skip& skip) {
    let_go();
    const auto before = look(folder_, skip);
    if (!before) return fail(before.error());
    for (const Seen& seen : *before) {
        const std::string path = folder_ + "/" + seen.path;
        const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 && (errno == ENOENT || errno == ELOOP)) return false;
        if (fd < 0) return os_failure("open", path);
        entries_.push_back({seen.path, 0, fd});
        struct stat status{};
        if (::fstat(fd, &status) != 0) return os_failure("ask the size of", path);
        if (status.st_ino != seen.number || status.st_dev != seen.device) return false;
        entries_.back().bytes = static_cast<std::uint64_t>(status.st_size);
    }
    const auto after = look(folder_, skip);
    if (!after) return fail(after.error());
    return *before == *after;
}

Result<FrozenFolder> FrozenFolder::take(const std::string& folder, const Skip& skip) {
    FrozenFolder frozen(folder);
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        if (attempt > 0) std::this_thread::sleep_for(between_attempts);
        auto taken = frozen.try_take(skip);
        if (!taken) return fail(taken.error());
        if (*taken) return frozen;
    }
    return fail(
        Fault::Unavailable,
        fmt::format("{}: its files came and went in each of {} looks at it", folder, attempts_max));
}

const FrozenFolder::Entry* FrozenFolder::find(std::string_view path) const {
    const auto at = std::lower_bound(
        entries_.begin(), entries_.end(), path,
        [](const Entry& entry, std::string_view wanted) { return entry.path < wanted; });
    return at != entries_.end() && at->path == path ? &*at : nullptr;
}

Result<std::size_t> FrozenFolder::read_at(const Entry& entry, std::uint64_t offset,
                                          std::span<char> out) const {
    if (offset >= entry.bytes) return 0;
    out = out.first(std::min<std::uint64_t>(out.size(), entry.bytes - offset));
    std::size_t done = 0;
    while (done < out.size()) {
        const ssize_t got = ::pread(entry.fd, out.data() + done, out.size() - done,
                                    static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return os_failure("read", folder_ + "/" + entry.path);
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    return done;
}

bool FrozenFolder::link(const Entry& entry, const std::string& to) const {
    // By its number and not by its name, which may lead to another file by now.
    const std::string from = fmt::format("/proc/self/fd/{}", entry.fd);
    return ::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

Result<void> FrozenFolder::copy(const Entry& entry, const std::string& to) const {
    const auto files = make_files();
    auto file = files->open(to, Files::Open::CreateNew);
    if (!file) return fail(file.error());
    std::string piece(copy_bytes, '\0');
    for (std::uint64_t at = 0; at < entry.bytes;) {
        auto got = read_at(entry, at, piece);
        if (!got) return fail(got.error());
        if (*got == 0)
            return fail(Fault::Corrupt,
                        fmt::format("{}/{} became shorter while it was copied: {} of {} bytes",
                                    folder_, entry.path, at, entry.bytes));
        if (auto put = (*file)->append(std::string_view(piece).substr(0, *got)); !put) return put;
        at += *got;
    }
    return (*file)->sync();
}

}  // namespace vedette
