#include "tests/support/memory_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

namespace vedette {

/// A file or a folder: as the program sees it, and as it is on the disk.
struct MemoryFiles::Node {
    using Entries = std::map<std::string, std::shared_ptr<Node>>;

    bool folder = false;
    Entries entries, entries_on_disk;
    std::string bytes, bytes_on_disk;
    std::size_t same = 0;  // so many bytes at the front are the same now and on disk

    void sync() {
        bytes_on_disk.resize(same);
        bytes_on_disk.append(bytes, same);
        same = bytes.size();
    }
    void truncate(std::size_t size) {
        bytes.resize(size);
        same = std::min(same, size);
    }
    void cut_power(std::size_t kept) {
        entries = entries_on_disk;
        const bool appended_only = same == bytes_on_disk.size();
        if (appended_only) bytes_on_disk.append(bytes, same, kept);
        bytes = bytes_on_disk;
        same = bytes.size();
        for (auto& [name, node] : entries) node->cut_power(kept);
    }
};

namespace {

std::vector<std::string> parts_of(const std::string& path) {
    std::vector<std::string> parts;
    std::size_t begin = 0;
    while (begin <= path.size()) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        std::string part = path.substr(begin, end - begin);
        if (!part.empty() && part != ".") parts.push_back(std::move(part));
        begin = end + 1;
    }
    return parts;
}

tl::unexpected<Error> failure(std::string_view doing, const std::string& path, Fault fault,
                              std::string_view why) {
    return fail(fault, fmt::format("cannot {} {}: {}", doing, path, why));
}

tl::unexpected<Error> missing(std::string_view doing, const std::string& path) {
    return failure(doing, path, Fault::NotFound, "No such file or directory");
}

class Copy final : public MappedFile {
public:
    explicit Copy(std::string bytes) : bytes_(std::move(bytes)) {}
    std::string_view bytes() const override { return bytes_; }

private:
    std::string bytes_;
};

}  // namespace

struct MemoryFiles::Disk {
    mutable Mutex mutex;
    std::shared_ptr<Node> root = std::make_shared<Node>();  // `/` and `.` are one
    std::uint64_t power_cuts = 0;
    std::uint64_t free_bytes = std::uint64_t{1} << 40;

    /// The node a path names, or nothing.
    std::shared_ptr<Node> find(const std::string& path) const {
        std::shared_ptr<Node> node = root;
        for (const std::string& part : parts_of(path)) {
            const auto at = node->entries.find(part);
            if (at == node->entries.end()) return nullptr;
            node = at->second;
        }
        return node;
    }
    /// The folder a path is in (nothing when missing) and its name there.
    std::pair<std::shared_ptr<Node>, std::string> place(const std::string& path) const {
        std::shared_ptr<Node> node = root;
        std::vector<std::string> parts = parts_of(path);
        check(!parts.empty(), "the root folder is in no folder");
        std::string name = std::move(parts.back());
        parts.pop_back();
        for (const std::string& part : parts) {
            const auto at = node->entries.find(part);
            if (at == node->entries.end() || !at->second->folder) return {nullptr, name};
            node = at->second;
        }
        return {node, name};
    }
    std::shared_ptr<Node> file(const std::string& path) const {
        auto node = find(path);
        return node && !node->folder ? node : nullptr;
    }
};

class MemoryFiles::OpenFile final : public File {
public:
    OpenFile(std::shared_ptr<Disk> disk, std::shared_ptr<Node> node, std::string path, bool writes)
        : disk_(std::move(disk)), node_(std::move(node)), path_(std::move(path)), writes_(writes) {
        power_cuts_ = disk_->power_cuts;
    }

    Result<void> append(std::string_view bytes) override {
        const Lock lock(disk_->mutex);
        if (auto fine = usable("write to", true); !fine) return fine;
        node_->bytes.append(bytes);
        return {};
    }
    Result<std::size_t> read_at(std::uint64_t offset, std::span<char> out) const override {
        const Lock lock(disk_->mutex);
        if (auto fine = usable("read", false); !fine) return fail(fine.error());
        if (offset >= node_->bytes.size()) return std::size_t{0};
        return node_->bytes.copy(out.data(), out.size(), offset);
    }
    Result<void> sync() override {
        const Lock lock(disk_->mutex);
        if (auto fine = usable("sync", false); !fine) return fine;
        node_->sync();
        return {};
    }
    Result<void> truncate(std::uint64_t bytes) override {
        const Lock lock(disk_->mutex);
        if (auto fine = usable("truncate", true); !fine) return fine;
        node_->truncate(bytes);
        return {};
    }
    Result<std::uint64_t> size() const override {
        const Lock lock(disk_->mutex);
        if (auto fine = usable("ask the size of", false); !fine) return fail(fine.error());
        return node_->bytes.size();
    }

private:
    Result<void> usable(std::string_view doing, bool writing) const {
        if (power_cuts_ != disk_->power_cuts)
            return failure(doing, path_, Fault::Internal, "the power was cut since it was opened");
        if (writing && !writes_)
            return failure(doing, path_, Fault::Internal, "Bad file descriptor");
        return {};
    }

    std::shared_ptr<Disk> disk_;
    std::shared_ptr<Node> node_;
    std::string path_;
    bool writes_;
    std::uint64_t power_cuts_;
};

MemoryFiles::MemoryFiles() : disk_(std::make_shared<Disk>()) {
    disk_->root->folder = true;
}

MemoryFiles::~MemoryFiles() = default;

void MemoryFiles::power_cut(std::size_t kept_unsynced) {
    const Lock lock(disk_->mutex);
    ++disk_->power_cuts;
    disk_->root->cut_power(kept_unsynced);
}

void MemoryFiles::cut(const std::string& path, std::size_t bytes) {
    const Lock lock(disk_->mutex);
    const auto node = disk_->file(path);
    check(node != nullptr && bytes <= node->bytes.size(),
          "only an existing file can be cut shorter");
    node->truncate(bytes);
    node->sync();
}

void MemoryFiles::flip(const std::string& path, std::size_t offset, unsigned char mask) {
    const Lock lock(disk_->mutex);
    const auto node = disk_->file(path);
    check(node != nullptr && offset < node->bytes.size(), "only bytes of a file can be flipped");
    for (std::string* bytes : {&node->bytes, &node->bytes_on_disk})
        if (offset < bytes->size())
            (*bytes)[offset] =
                static_cast<char>(static_cast<unsigned char>((*bytes)[offset]) ^ mask);
}

std::string MemoryFiles::bytes(const std::string& path) const {
    const Lock lock(disk_->mutex);
    const auto node = disk_->file(path);
    check(node != nullptr, "only an existing file has bytes");
    return node->bytes;
}

void MemoryFiles::set_free_bytes(std::uint64_t bytes) {
    const Lock lock(disk_->mutex);
    disk_->free_bytes = bytes;
}

Result<std::unique_ptr<File>> MemoryFiles::open(const std::string& path, Open how) {
    const Lock lock(disk_->mutex);
    const std::string_view doing = how == Open::CreateNew ? "create" : "open";
    const auto [folder, name] = disk_->place(path);
    if (!folder) return missing(doing, path);
    auto& entries = folder->entries;
    const auto at = entries.find(name);
    if (at != entries.end()) {
        if (how == Open::CreateNew) return failure(doing, path, Fault::Refused, "File exists");
        if (at->second->folder) return failure(doing, path, Fault::BadInput, "Is a directory");
        return std::make_unique<OpenFile>(disk_, at->second, path, how != Open::Read);
    }
    if (how == Open::Read) return missing(doing, path);
    auto node = std::make_shared<Node>();
    entries.emplace(name, node);
    return std::make_unique<OpenFile>(disk_, std::move(node), path, true);
}

Result<std::unique_ptr<MappedFile>> MemoryFiles::map(const std::string& path) {
    const Lock lock(disk_->mutex);
    const auto node = disk_->file(path);
    if (!node) return missing("open", path);
    return std::make_unique<Copy>(node->bytes);
}

Result<std::string> MemoryFiles::read_all(const std::string& path, std::size_t bytes_max) {
    const Lock lock(disk_->mutex);
    const auto node = disk_->file(path);
    if (!node) return missing("open", path);
    if (node->bytes.size() > bytes_max)
        return fail(Fault::Limit,
                    fmt::format("{} is larger than the {} bytes that are read", path, bytes_max));
    return node->bytes;
}

Result<void> MemoryFiles::write_atomically(const std::string& path, std::string_view bytes) {
    const Lock lock(disk_->mutex);
    const auto [folder, name] = disk_->place(path);
    if (!folder) return missing("create a temporary file beside", path);
    auto node = std::make_shared<Node>();
    node->bytes = bytes;
    node->sync();
    folder->entries[name] = std::move(node);
    folder->entries_on_disk = folder->entries;
    return {};
}

Result<void> MemoryFiles::rename(const std::string& from, const std::string& to) {
    const Lock lock(disk_->mutex);
    const auto [source, old_name] = disk_->place(from);
    const auto [destination, new_name] = disk_->place(to);
    if (!source || !destination || !source->entries.contains(old_name))
        return missing("rename", fmt::format("{} to {}", from, to));
    auto node = source->entries.extract(old_name);
    destination->entries[new_name] = std::move(node.mapped());
    return {};
}

Result<void> MemoryFiles::remove(const std::string& path) {
    const Lock lock(disk_->mutex);
    const auto [folder, name] = disk_->place(path);
    if (!folder || !folder->entries.contains(name)) return missing("remove", path);
    if (!folder->entries[name]->entries.empty())
        return failure("remove", path, Fault::BadInput, "Directory not empty");
    folder->entries.erase(name);
    return {};
}

Result<void> MemoryFiles::make_folders(const std::string& path) {
    const Lock lock(disk_->mutex);
    std::shared_ptr<Node> node = disk_->root;
    for (const std::string& part : parts_of(path)) {
        auto& entry = node->entries[part];
        if (!entry) {
            entry = std::make_shared<Node>();
            entry->folder = true;
            node->entries_on_disk = node->entries;
        }
        if (!entry->folder) return failure("make the folder", path, Fault::Refused, "File exists");
        node = entry;
    }
    return {};
}

Result<void> MemoryFiles::sync_folder(const std::string& path) {
    const Lock lock(disk_->mutex);
    const auto node = disk_->find(path);
    if (!node) return missing("open the folder", path);
    node->entries_on_disk = node->entries;
    return {};
}

Result<std::vector<std::string>> MemoryFiles::list(const std::string& folder) {
    const Lock lock(disk_->mutex);
    const auto node = disk_->find(folder);
    if (!node) return missing("list", folder);
    std::vector<std::string> names;
    for (const auto& [name, entry] : node->entries) names.push_back(name);
    return names;
}

bool MemoryFiles::exists(const std::string& path) {
    const Lock lock(disk_->mutex);
    return disk_->find(path) != nullptr;
}

Result<std::uint64_t> MemoryFiles::free_bytes(const std::string&) {
    const Lock lock(disk_->mutex);
    return disk_->free_bytes;
}

}  // namespace vedette
