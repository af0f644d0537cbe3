#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <map>
#include <set>
#include <system_error>

#include "base/frozen_folder.h"

namespace vedette {
namespace {

tl::unexpected<Error> missing(std::string_view doing, const std::string& path) {
    return fail(Fault::NotFound,
                fmt::format("cannot {} {}: No such file or directory", doing, path));
}

/// A file that was written here.
class WrittenFile final : public File {
public:
    explicit WrittenFile(std::shared_ptr<std::string> bytes) : bytes_(std::move(bytes)) {}
    Result<void> append(std::string_view bytes) override {
        bytes_->append(bytes);
        return {};
    }
    Result<std::size_t> read_at(std::uint64_t offset, std::span<char> out) const override {
        if (offset >= bytes_->size()) return std::size_t{0};
        return bytes_->copy(out.data(), out.size(), offset);
    }
    Result<void> sync() override { return {}; }
    Result<void> truncate(std::uint64_t bytes) override {
        bytes_->resize(bytes);
        return {};
    }
    Result<std::uint64_t> size() const override { return bytes_->size(); }

private:
    std::shared_ptr<std::string> bytes_;
};

class Bytes final : public MappedFile {
public:
    explicit Bytes(std::shared_ptr<std::string> bytes) : bytes_(std::move(bytes)) {}
    std::string_view bytes() const override { return *bytes_; }

private:
    std::shared_ptr<std::string> bytes_;
};

class Mapping final : public MappedFile {
public:
    Mapping(void* start, std::size_t bytes) : start_(start), bytes_(bytes) {}
    ~Mapping() override { ::munmap(start_, bytes_); }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    std::string_view bytes() const override { return {static_cast<const char*>(start_), bytes_}; }

private:
    void* start_;
    std::size_t bytes_;
};

class ScratchFiles final : public Files {
public:
    explicit ScratchFiles(const FrozenFolder& frozen) : frozen_(frozen) {}

    Result<std::unique_ptr<File>> open(const std::string& path, Open how) override {
        if (how == Open::CreateNew && exists(path))
            return fail(Fault::Refused, fmt::format("cannot create {}: File exists", path));
        if (how == Open::Read && !exists(path)) return missing("open", path);
        auto bytes = own_copy(path);
        if (!bytes) return fail(bytes.error());
        return std::make_unique<WrittenFile>(std::move(*bytes));
    }

    Result<std::unique_ptr<MappedFile>> map(const std::string& path) override {
        if (const auto at = written_.find(path); at != written_.end())
            return std::make_unique<Bytes>(at->second);
        const auto* entry = frozen(path);
        if (entry == nullptr) return missing("open", path);
        if (entry->bytes == 0) return std::make_unique<Bytes>(std::make_shared<std::string>());
        void* start = ::mmap(nullptr, entry->bytes, PROT_READ, MAP_SHARED, entry->fd, 0);
        if (start == MAP_FAILED)
            return fail(Fault::Limit, fmt::format("cannot map {}: {}", path,
                                                  std::generic_category().message(errno)));
        return std::make_unique<Mapping>(start, entry->bytes);
    }

    Result<std::string> read_all(const std::string& path, std::size_t bytes_max) override {
        auto mapped = map(path);
        if (!mapped) return fail(mapped.error());
        const std::string_view bytes = (*mapped)->bytes();
        if (bytes.size() > bytes_max)
            return fail(Fault::Limit, fmt::format("{} is larger than the {} bytes that are read",
                                                  path, bytes_max));
        return std::string(bytes);
    }

    Result<void> write_atomically(const std::string& path, std::string_view bytes) override {
        written_[path] = std::make_shared<std::string>(bytes);
        return {};
    }

    Result<void> rename(const std::string& from, const std::string& to) override {
        if (!exists(from)) return missing("rename", from);
        auto bytes = own_copy(from);
        if (!bytes) return fail(bytes.error());
        written_[to] = std::move(*bytes);
        return remove(from);
    }

    Result<void> remove(const std::string& path) override {
        if (!exists(path)) return missing("remove", path);
        written_.erase(path);
        gone_.insert(path);
        return {};
    }

    Result<void> make_folders(const std::string&) override { return {}; }
    Result<void> sync_folder(const std::string&) override { return {}; }

    Result<std::vector<std::string>> list(const std::string& folder) override {
        std::set<std::string> names;
        const auto add = [&](std::string_view path) {
            if (!path.starts_with(folder + "/")) return;
            path.remove_prefix(folder.size() + 1);
            names.emplace(path.substr(0, path.find('/')));
        };
        for (const auto& entry : frozen_.entries()) {
            const std::string path = frozen_.folder() + "/" + entry.path;
            if (!gone_.contains(path)) add(path);
        }
        for (const auto& [path, bytes] : written_) add(path);
        return std::vector<std::string>(names.begin(), names.end());
    }

    bool exists(const std::string& path) override {
        return written_.contains(path) || frozen(path) != nullptr;
    }
    Result<std::uint64_t> free_bytes(const std::string&) override { return std::uint64_t{0}; }

private:
    const FrozenFolder::Entry* frozen(std::string_view path) const {
        const std::string& folder = frozen_.folder();
        if (!path.starts_with(folder) || path.size() <= folder.size() + 1) return nullptr;
        if (gone_.contains(std::string(path))) return nullptr;
        return frozen_.find(path.substr(folder.size() + 1));
    }

    /// The bytes of a file, here from now on; empty for one that is not there.
    Result<std::shared_ptr<std::string>> own_copy(const std::string& path) {
        if (const auto at = written_.find(path); at != written_.end()) return at->second;
        auto bytes = std::make_shared<std::string>();
        if (frozen(path) != nullptr) {
            auto mapped = map(path);
            if (!mapped) return fail(mapped.error());
            *bytes = (*mapped)->bytes();
        }
        written_[path] = bytes;
        return bytes;
    }

    const FrozenFolder& frozen_;
    std::map<std::string, std::shared_ptr<std::string>> written_;
    std::set<std::string> gone_;
};

}  // namespace

std::unique_ptr<Files> make_scratch_files(const FrozenFolder& folder) {
    return std::make_unique<ScratchFiles>(folder);
}

}  // namespace vedette
