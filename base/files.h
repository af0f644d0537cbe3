#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace vedette {

/// One open file. Not safe to share between threads, except `read_at`.
class File {
public:
    virtual ~File() = default;
    /// Appends all of it, or fails; after a failure the end may hold a part of it.
    virtual Result<void> append(std::string_view bytes) = 0;
    /// Reads up to `out.size()` bytes at `offset`; fewer at the end of the file.
    virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<char> out) const = 0;
    /// fdatasync: what was appended survives a power cut after this returned.
    virtual Result<void> sync() = 0;
    virtual Result<void> truncate(std::uint64_t bytes) = 0;
    virtual Result<std::uint64_t> size() const = 0;
};

/// A file's bytes, mapped or copied; valid while this lives.
class MappedFile {
public:
    virtual ~MappedFile() = default;
    virtual std::string_view bytes() const = 0;
};

/// The door to the disk. Paths are as the operating system has them. Safe to call from any thread.
/// Its twins for tests, `MemoryFiles` and `FailingFiles`, live in tests/support.
class Files {
public:
    enum class Open { Read, Append, CreateNew };

    virtual ~Files() = default;
    /// Append creates when absent (mode 0600); CreateNew fails with Refused when it is there.
    virtual Result<std::unique_ptr<File>> open(const std::string& path, Open how) = 0;
    virtual Result<std::unique_ptr<MappedFile>> map(const std::string& path) = 0;
    /// Fails with Limit when larger than `bytes_max`.
    virtual Result<std::string> read_all(const std::string& path, std::size_t bytes_max) = 0;
    /// Temporary file, fsync, rename, fsync of the folder: afterwards the old or the new, never a mix.
    virtual Result<void> write_atomically(const std::string& path, std::string_view bytes) = 0;
    virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
    virtual Result<void> remove(const std::string& path) = 0;
    virtual Result<void> make_folders(const std::string& path) = 0;  // mode 0700, synced
    virtual Result<void> sync_folder(const std::string& path) = 0;
    virtual Result<std::vector<std::string>> list(const std::string& folder) = 0;  // names, sorted
    virtual bool exists(const std::string& path) = 0;
    virtual Result<std::uint64_t> free_bytes(const std::string& path) = 0;
};

/// The real disk. What would make a file longer (`append`, `write_atomically`) fails with what
/// `may_grow` says, when it is given and fails; it is called from any thread.
std::unique_ptr<Files> make_files(std::function<Result<void>()> may_grow = {});

/// Shell patterns as rule_files have them (`rules/*.yml`), sorted; relative to `folder`.
/// No match is an empty list, not an error.
std::vector<std::string> expand_glob(const std::string& folder, const std::string& pattern);

/// Holds an exclusive lock on a file while it lives, so that two programs never share a folder.
class FolderLock {
public:
    /// Fails with Refused and says which process holds it.
    static Result<FolderLock> take(const std::string& path);
    FolderLock(FolderLock&& other) noexcept;
    FolderLock& operator=(FolderLock&& other) noexcept;
    ~FolderLock();

private:
    explicit FolderLock(int fd) : fd_(fd) {}
    int fd_ = -1;
};

}  // namespace vedette
