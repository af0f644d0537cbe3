#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "core/mutex.h"

namespace vedette {

/// A disk in memory that knows what a power cut would leave. Errors read as the real disk's.
///
///     folder ── entries now ──────► file: bytes now
///            └─ entries on disk ──►       bytes on disk
///
/// `File::sync` brings a file's bytes to disk, `sync_folder` a folder's entries: a new, renamed or
/// removed name is lost without it, whatever became of the bytes. `write_atomically` and
/// `make_folders` are durable when they return. The folders `/` and `.` exist from the beginning.
/// Safe between threads.
class MemoryFiles final : public Files {
public:
    MemoryFiles();
    ~MemoryFiles() override;

    /// What was not synced is gone; files that are open fail from now on. Of bytes appended after
    /// the last sync the first `kept_unsynced` survive, as a disk may have had time for some.
    void power_cut(std::size_t kept_unsynced = 0);
    /// Cuts a file, now and on disk.
    void cut(const std::string& path, std::size_t bytes);
    /// Inverts the bits of `mask` in one byte, now and on disk.
    void flip(const std::string& path, std::size_t offset, unsigned char mask = 0xff);
    /// What a file holds now. A missing file stops the test.
    std::string bytes(const std::string& path) const;
    /// What `free_bytes` says. Writing does not change it.
    void set_free_bytes(std::uint64_t bytes);

    Result<std::unique_ptr<File>> open(const std::string& path, Open how) override;
    Result<std::unique_ptr<MappedFile>> map(const std::string& path) override;
    Result<std::string> read_all(const std::string& path, std::size_t bytes_max) override;
    Result<void> write_atomically(const std::string& path, std::string_view bytes) override;
    Result<void> rename(const std::string& from, const std::string& to) override;
    Result<void> remove(const std::string& path) override;
    Result<void> make_folders(const std::string& path) override;
    Result<void> sync_folder(const std::string& path) override;
    Result<std::vector<std::string>> list(const std::string& folder) override;
    bool exists(const std::string& path) override;
    Result<std::uint64_t> free_bytes(const std::string& path) override;

private:
    struct Node;
    struct Disk;
    class OpenFile;
    std::shared_ptr<Disk> disk_;
};

}  // namespace vedette
