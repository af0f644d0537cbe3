#include "store/forgetful_files.h"

#include <atomic>
#include <limits>

namespace vedette::store {
namespace {

class ForgetfulFile final : public File {
public:
    Result<void> append(std::string_view bytes) override {
        size_ += bytes.size();
        return {};
    }
    Result<std::size_t> read_at(std::uint64_t, std::span<char>) const override { return 0; }
    Result<void> sync() override { return {}; }
    Result<void> truncate(std::uint64_t bytes) override {
        size_ = bytes;
        return {};
    }
    Result<std::uint64_t> size() const override { return size_.load(); }

private:
    std::atomic<std::uint64_t> size_ = 0;
};

class ForgetfulFiles final : public Files {
public:
    Result<std::unique_ptr<File>> open(const std::string& path, Open how) override {
        if (how == Open::Read) return absent(path);
        return std::make_unique<ForgetfulFile>();
    }
    Result<std::unique_ptr<MappedFile>> map(const std::string& path) override {
        return absent(path);
    }
    Result<std::string> read_all(const std::string& path, std::size_t) override {
        return absent(path);
    }
    Result<void> write_atomically(const std::string&, std::string_view) override { return {}; }
    Result<void> rename(const std::string&, const std::string&) override { return {}; }
    Result<void> remove(const std::string&) override { return {}; }
    Result<void> make_folders(const std::string&) override { return {}; }
    Result<void> sync_folder(const std::string&) override { return {}; }
    Result<std::vector<std::string>> list(const std::string&) override {
        return std::vector<std::string>();
    }
    bool exists(const std::string&) override { return false; }
    Result<std::uint64_t> free_bytes(const std::string&) override {
        return std::numeric_limits<std::uint64_t>::max();
    }

private:
    static tl::unexpected<Error> absent(const std::string& path) {
        return fail(Fault::NotFound, path + ": no such file or directory");
    }
};

}  // namespace

std::unique_ptr<Files> make_forgetful_files() {
    return std::make_unique<ForgetfulFiles>();
}

}  // namespace vedette::store
