#include "base/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace vedette {
namespace {

Fault fault_of(int error) {
    switch (error) {
        case ENOENT:
            return Fault::NotFound;
        case EACCES:
        case EPERM:
        case EEXIST:
        case EROFS:
        case EBUSY:
            return Fault::Refused;
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
        case EMFILE:
        case ENFILE:
            return Fault::Limit;
        case EIO:
        case EAGAIN:
            return Fault::Unavailable;
        case ENOTDIR:
        case EISDIR:
        case ENOTEMPTY:
        case ENAMETOOLONG:
        case EINVAL:
        case ELOOP:
            return Fault::BadInput;
        default:
            return Fault::Internal;
    }
}

/// `cannot open data/lock: Permission denied`
tl::unexpected<Error> os_failure(std::string_view doing, std::string_view path, int error = errno) {
    return fail(fault_of(error), fmt::format("cannot {} {}: {}", doing, path,
                                             std::generic_category().message(error)));
}

/// Closes a descriptor when it goes.
class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    explicit operator bool() const { return fd_ >= 0; }
    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }

private:
    int fd_;
};

/// Opens and goes on when a signal came.
int open_retrying(const std::string& path, int flags, mode_t mode = 0) {
    int fd = -1;
    do {
        fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

/// Writes all of it, however many calls it takes. False leaves errno.
bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
        if (wrote < 0) {
            if (errno == EINTR) continue;
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return true;
}

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

using MayGrow = std::function<Result<void>()>;

class DiskFile final : public File {
public:
    DiskFile(int fd, std::string path, MayGrow may_grow)
        : fd_(fd), path_(std::move(path)), may_grow_(std::move(may_grow)) {}

    Result<void> append(std::string_view bytes) override {
        if (may_grow_)
            if (auto refused = may_grow_(); !refused) return refused;
        if (!write_all(fd_.get(), bytes)) return os_failure("write to", path_);
        return {};
    }
    Result<std::size_t> read_at(std::uint64_t offset, std::span<char> out) const override {
        std::size_t done = 0;
        while (done < out.size()) {
            const ssize_t got = ::pread(fd_.get(), out.data() + done, out.size() - done,
                                        static_cast<off_t>(offset + done));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return os_failure("read", path_);
            if (got == 0) break;
            done += static_cast<std::size_t>(got);
        }
        return done;
    }
    Result<void> sync() override {
        if (::fdatasync(fd_.get()) != 0) return os_failure("sync", path_);
        return {};
    }
    Result<void> truncate(std::uint64_t bytes) override {
        if (::ftruncate(fd_.get(), static_cast<off_t>(bytes)) != 0)
            return os_failure("truncate", path_);
        return {};
    }
    Result<std::uint64_t> size() const override {
        struct stat status{};
        if (::fstat(fd_.get(), &status) != 0) return os_failure("ask the size of", path_);
        return static_cast<std::uint64_t>(status.st_size);
    }

private:
    Descriptor fd_;
    std::string path_;
    MayGrow may_grow_;
};

class DiskMapping final : public MappedFile {
public:
    DiskMapping(void* start, std::size_t bytes) : start_(start), bytes_(bytes) {}
    ~DiskMapping() override {
        if (start_ != nullptr) ::munmap(start_, bytes_);
    }
    DiskMapping(const DiskMapping&) = delete;
    DiskMapping& operator=(const DiskMapping&) = delete;

    std::string_view bytes() const override { return {static_cast<const char*>(start_), bytes_}; }

private:
    void* start_;
    std::size_t bytes_;
};

class Disk final : public Files {
public:
    explicit Disk(MayGrow may_grow) : may_grow_(std::move(may_grow)) {}

    Result<std::unique_ptr<File>> open(const std::string& path, Open how) override {
        int flags = O_RDONLY;
        if (how == Open::Append) flags = O_RDWR | O_APPEND | O_CREAT;
        if (how == Open::CreateNew) flags = O_RDWR | O_APPEND | O_CREAT | O_EXCL;
        const int fd = open_retrying(path, flags, 0600);
        if (fd < 0) return os_failure(how == Open::CreateNew ? "create" : "open", path);
        return std::make_unique<DiskFile>(fd, path, how == Open::Read ? MayGrow() : may_grow_);
    }

    Result<std::unique_ptr<MappedFile>> map(const std::string& path) override {
        const Descriptor fd(open_retrying(path, O_RDONLY));
        if (!fd) return os_failure("open", path);
        struct stat status{};
        if (::fstat(fd.get(), &status) != 0) return os_failure("ask the size of", path);
        const auto bytes = static_cast<std::size_t>(status.st_size);
        if (bytes == 0) return std::make_unique<DiskMapping>(nullptr, 0);
        void* start = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd.get(), 0);
        if (start == MAP_FAILED) return os_failure("map", path);
        return std::make_unique<DiskMapping>(start, bytes);
    }

    Result<std::string> read_all(const std::string& path, std::size_t bytes_max) override {
        const Descriptor fd(open_retrying(path, O_RDONLY));
        if (!fd) return os_failure("open", path);
        // Not by the size it claims: pipes and files under /proc claim none.
        std::string text;
        char piece[64 * 1024];
        while (true) {
            const ssize_t got = ::read(fd.get(), piece, sizeof piece);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return os_failure("read", path);
            if (got == 0) return text;
            if (static_cast<std::size_t>(got) > bytes_max - text.size())
                return fail(
                    Fault::Limit,
                    fmt::format("{} is larger than the {} bytes that are read", path, bytes_max));
            text.append(piece, static_cast<std::size_t>(got));
        }
    }

    Result<void> write_atomically(const std::string& path, std::string_view bytes) override {
        if (may_grow_)
            if (auto refused = may_grow_(); !refused) return refused;
        std::string temporary = path + ".tmp-XXXXXX";
        Descriptor fd(::mkostemp(temporary.data(), O_CLOEXEC));
        if (!fd) return os_failure("create a temporary file beside", path);
        const auto failed = [&](std::string_view doing) {
            const int error = errno;
            ::unlink(temporary.c_str());
            return os_failure(doing, path, error);
        };
        if (!write_all(fd.get(), bytes)) return failed("write");
        if (::fsync(fd.get()) != 0) return failed("sync");
        // Closed here, not at the end: some file systems say only now that the disk was full.
        if (::close(fd.release()) != 0) return failed("close");
        if (::rename(temporary.c_str(), path.c_str()) != 0) return failed("replace");
        return sync_folder(folder_of(path));
    }

    Result<void> rename(const std::string& from, const std::string& to) override {
        if (::rename(from.c_str(), to.c_str()) == 0) return {};
        const int error = errno;
        return os_failure("rename", fmt::format("{} to {}", from, to), error);
    }

    Result<void> remove(const std::string& path) override {
        if (::remove(path.c_str()) != 0) return os_failure("remove", path);
        return {};
    }

    Result<void> make_folders(const std::string& path) override {
        for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
            const std::string part = path.substr(0, end);
            if (::mkdir(part.c_str(), 0700) == 0) {
                if (auto synced = sync_folder(folder_of(part)); !synced) return synced;
            } else if (const int error = errno; !is_folder(part)) {
                return os_failure("make the folder", part, error);
            }
            if (end == std::string::npos) return {};
        }
    }

    Result<void> sync_folder(const std::string& path) override {
        const Descriptor fd(open_retrying(path, O_RDONLY | O_DIRECTORY));
        if (!fd) return os_failure("open the folder", path);
        if (::fsync(fd.get()) != 0) return os_failure("sync the folder", path);
        return {};
    }

    Result<std::vector<std::string>> list(const std::string& folder) override {
        DIR* stream = ::opendir(folder.c_str());
        if (stream == nullptr) return os_failure("list", folder);
        std::vector<std::string> names;
        errno = 0;
        while (const dirent* entry = ::readdir(stream)) {
            const std::string_view name = entry->d_name;
            if (name != "." && name != "..") names.emplace_back(name);
            errno = 0;
        }
        const int error = errno;
        ::closedir(stream);
        if (error != 0) return os_failure("list", folder, error);
        std::sort(names.begin(), names.end());
        return names;
    }

    bool exists(const std::string& path) override { return ::access(path.c_str(), F_OK) == 0; }

    Result<std::uint64_t> free_bytes(const std::string& path) override {
        struct statvfs status{};
        if (::statvfs(path.c_str(), &status) != 0) return os_failure("ask the free space of", path);
        return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
    }

private:
    static bool is_folder(const std::string& path) {
        struct stat status{};
        return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
    }

    const MayGrow may_grow_;
};

/// Adds to `found` what `rest` of a pattern names below `base` (empty, or ending in '/').
void expand(Files& files, const std::string& base, std::string_view rest,
            std::vector<std::string>& found) {
    const auto slash = rest.find('/');
    const std::string part(rest.substr(0, slash));
    const bool last = slash == std::string_view::npos;
    std::vector<std::string> names;
    if (part.find_first_of("*?[\\") == std::string::npos) {
        names.push_back(part);
    } else if (auto listed = files.list(base.empty() ? "." : base)) {
        // Names that begin with a dot match `*` too, as in Go.
        std::erase_if(*listed, [&](const std::string& name) {
            return ::fnmatch(part.c_str(), name.c_str(), 0) != 0;
        });
        names = std::move(*listed);
    }
    for (const std::string& name : names) {
        if (!last)
            expand(files, base + name + "/", rest.substr(slash + 1), found);
        else if (files.exists(base + name))
            found.push_back(base + name);
    }
}

}  // namespace

std::unique_ptr<Files> make_files(std::function<Result<void>()> may_grow) {
    return std::make_unique<Disk>(std::move(may_grow));
}

std::vector<std::string> expand_glob(const std::string& folder, const std::string& pattern) {
    std::vector<std::string> found;
    if (pattern.empty()) return found;
    Disk disk({});
    std::string base;
    if (pattern.front() != '/' && !folder.empty())
        base = folder.back() == '/' ? folder : folder + "/";
    expand(disk, base, pattern, found);
    std::sort(found.begin(), found.end());
    return found;
}

Result<FolderLock> FolderLock::take(const std::string& path) {
    Descriptor fd(open_retrying(path, O_RDWR | O_CREAT, 0600));
    if (!fd) return os_failure("open", path);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return os_failure("lock", path);
        char text[32] = {};
        const ssize_t got = ::pread(fd.get(), text, sizeof text - 1, 0);
        long pid = 0;
        if (got > 0) std::from_chars(text, text + got, pid);
        const std::string holder = pid > 0 ? fmt::format("process {}", pid) : "another process";
        return fail(
            Fault::Refused,
            fmt::format("{} is locked by {}; two programs cannot share a folder", path, holder));
    }
    const std::string pid = fmt::format("{}\n", ::getpid());
    // For people, who may do without: the lock holds on a full disk too.
    if (::ftruncate(fd.get(), 0) == 0) (void)write_all(fd.get(), pid);
    return FolderLock(fd.release());
}

FolderLock::FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FolderLock& FolderLock::operator=(FolderLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

FolderLock::~FolderLock() {
    if (fd_ >= 0) ::close(fd_);
}

}  // namespace vedette
