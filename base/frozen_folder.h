#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "core/error.h"

namespace vedette {

/// All files below a folder as they were at one moment, while another program goes on writing.
///
///     list ─► open each, ask its size ─► list again       the same names and files both times:
///     then
///       ▲                                     │           there was a moment with just these, and
///       └───────── something came or went ◄───┘           what is open stays readable when it goes
///
/// Holds for folders whose files are never changed once they have their name, or only grow at the
/// end (a log); of a log that grows meanwhile it has the first part. Symbolic links are left out.
/// Safe to share between threads.
class FrozenFolder {
public:
    /// Relative paths that are none of the folder's business; of a folder, all below it.
    using Skip = std::function<bool(std::string_view path)>;

    struct Entry {
        std::string path;         ///< relative to the folder, `blocks/00000001_0_7200000.block`
        std::uint64_t bytes = 0;  ///< what counts of it
        int fd = -1;              ///< open for reading, this object's
    };

    /// Fails when the folder is not there, cannot be read, or does not hold still.
    static Result<FrozenFolder> take(const std::string& folder, const Skip& skip);
    FrozenFolder(FrozenFolder&& other) noexcept;
    FrozenFolder& operator=(FrozenFolder&&) = delete;
    ~FrozenFolder();

    const std::string& folder() const { return folder_; }
    const std::vector<Entry>& entries() const { return entries_; }
    /// Null when there is none.
    const Entry* find(std::string_view path) const;
    /// Reads up to `out.size()` bytes of what counts.
    Result<std::size_t> read_at(const Entry& entry, std::uint64_t offset,
                                std::span<char> out) const;

    /// Gives the file another name, on the same file system, without copying a byte. False when
    /// that is not possible. Only for files that never change: both names lead to the same bytes.
    bool link(const Entry& entry, const std::string& to) const;
    /// Copies what counts of it into a new file, mode 0600, and syncs that.
    Result<void> copy(const Entry& entry, const std::string& to) const;

private:
    explicit FrozenFolder(std::string folder) : folder_(std::move(folder)) {}
    Result<bool> try_take(const Skip& skip);
    void let_go();

    std::string folder_;
    std::vector<Entry> entries_;  // sorted by path
};

/// The frozen folder as a disk of its own that may be written to: what is written stays in memory
/// and is forgotten with this object. So a program that wants a folder to itself can open one that
/// another program has. Not safe to share between threads.
std::unique_ptr<Files> make_scratch_files(const FrozenFolder& folder);

}  // namespace vedette
