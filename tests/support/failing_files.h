#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"
#include "core/mutex.h"

namespace vedette {

/// Another disk with failures on demand. Every call counts as one operation, those on open files
/// included; `exists` and `size` never fail and are not counted. Safe between threads.
///
///     for (std::uint64_t n = 1;; ++n) {            // every way one operation can fail
///         FailingFiles files(memory);
///         files.fail_at(n, FailingFiles::disk_full());
///         …
///         if (files.operations() < n) break;
///     }
class FailingFiles final : public Files {
public:
    enum class Op {
        Open,
        Append,
        ReadAt,
        Sync,
        Truncate,
        Map,
        ReadAll,
        WriteAtomically,
        Rename,
        Remove,
        MakeFolders,
        SyncFolder,
        List,
        FreeBytes
    };

    /// `inner` must outlive this and every file opened through it.
    explicit FailingFiles(Files& inner);
    ~FailingFiles() override;

    /// The `n`-th operation from the beginning fails, counting from 1; those after it are fine.
    void fail_at(std::uint64_t n, Error error);
    /// Every operation of the kind fails from now on.
    void fail_all(Op op, Error error);
    /// An append that fails leaves so many of its bytes in the file: a short write.
    void leave(std::size_t bytes);
    /// From now on so many bytes can be appended; the append that passes it is cut and fails with
    /// `disk_full`, as do all after it.
    void fill_after(std::uint64_t bytes);
    /// Nothing fails any more.
    void heal();
    std::uint64_t operations() const;

    static Error disk_full() { return {Fault::Limit, "No space left on device"}; }
    static Error io_error() { return {Fault::Unavailable, "Input/output error"}; }

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
    struct Plan;
    class FailingFile;
    Files& inner_;
    std::shared_ptr<Plan> plan_;
};

}  // namespace vedette
