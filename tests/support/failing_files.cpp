#include "tests/support/failing_files.h"

#include <algorithm>
#include <map>
#include <utility>

namespace vedette {

struct FailingFiles::Plan {
    static constexpr std::uint64_t endless = std::numeric_limits<std::uint64_t>::max();

    Mutex mutex;
    std::uint64_t operations = 0;
    std::map<std::uint64_t, Error> at;
    std::map<Op, Error> all;
    std::size_t left = 0;          // bytes that a failing append leaves
    std::uint64_t room = endless;  // bytes until the disk is full

    /// Counts one operation and says how it fails, if it does.
    Result<void> count(Op op) {
        const Lock lock(mutex);
        ++operations;
        if (const auto planned = at.find(operations); planned != at.end())
            return fail(planned->second);
        if (const auto planned = all.find(op); planned != all.end()) return fail(planned->second);
        return {};
    }
    /// How many of `wanted` bytes still fit; takes them.
    std::size_t take_room(std::size_t wanted) {
        const Lock lock(mutex);
        if (room == endless) return wanted;
        const auto fits = static_cast<std::size_t>(std::min<std::uint64_t>(room, wanted));
        room -= fits;
        return fits;
    }
    std::size_t bytes_left() {
        const Lock lock(mutex);
        return left;
    }
};

class FailingFiles::FailingFile final : public File {
public:
    FailingFile(std::unique_ptr<File> inner, std::shared_ptr<Plan> plan)
        : inner_(std::move(inner)), plan_(std::move(plan)) {}

    Result<void> append(std::string_view bytes) override {
        if (auto fine = plan_->count(Op::Append); !fine) {
            const std::string_view part = bytes.substr(0, plan_->bytes_left());
            if (!part.empty())
                if (auto done = inner_->append(part); !done) return done;
            return fine;
        }
        const std::size_t fits = plan_->take_room(bytes.size());
        if (auto done = inner_->append(bytes.substr(0, fits)); !done) return done;
        if (fits < bytes.size()) return fail(disk_full());
        return {};
    }
    Result<std::size_t> read_at(std::uint64_t offset, std::span<char> out) const override {
        if (auto fine = plan_->count(Op::ReadAt); !fine) return fail(fine.error());
        return inner_->read_at(offset, out);
    }
    Result<void> sync() override {
        if (auto fine = plan_->count(Op::Sync); !fine) return fine;
        return inner_->sync();
    }
    Result<void> truncate(std::uint64_t bytes) override {
        if (auto fine = plan_->count(Op::Truncate); !fine) return fine;
        return inner_->truncate(bytes);
    }
    Result<std::uint64_t> size() const override { return inner_->size(); }

private:
    std::unique_ptr<File> inner_;
    std::shared_ptr<Plan> plan_;
};

FailingFiles::FailingFiles(Files& inner) : inner_(inner), plan_(std::make_shared<Plan>()) {}

FailingFiles::~FailingFiles() = default;

void FailingFiles::fail_at(std::uint64_t n, Error error) {
    const Lock lock(plan_->mutex);
    plan_->at.insert_or_assign(n, std::move(error));
}

void FailingFiles::fail_all(Op op, Error error) {
    const Lock lock(plan_->mutex);
    plan_->all.insert_or_assign(op, std::move(error));
}

void FailingFiles::leave(std::size_t bytes) {
    const Lock lock(plan_->mutex);
    plan_->left = bytes;
}

void FailingFiles::fill_after(std::uint64_t bytes) {
    const Lock lock(plan_->mutex);
    plan_->room = bytes;
}

void FailingFiles::heal() {
    const Lock lock(plan_->mutex);
    plan_->at.clear();
    plan_->all.clear();
    plan_->left = 0;
    plan_->room = Plan::endless;
}

std::uint64_t FailingFiles::operations() const {
    const Lock lock(plan_->mutex);
    return plan_->operations;
}

Result<std::unique_ptr<File>> FailingFiles::open(const std::string& path, Open how) {
    if (auto fine = plan_->count(Op::Open); !fine) return fail(fine.error());
    auto opened = inner_.open(path, how);
    if (!opened) return opened;
    return std::make_unique<FailingFile>(std::move(*opened), plan_);
}

Result<std::unique_ptr<MappedFile>> FailingFiles::map(const std::string& path) {
    if (auto fine = plan_->count(Op::Map); !fine) return fail(fine.error());
    return inner_.map(path);
}

Result<std::string> FailingFiles::read_all(const std::string& path, std::size_t bytes_max) {
    if (auto fine = plan_->count(Op::ReadAll); !fine) return fail(fine.error());
    return inner_.read_all(path, bytes_max);
}

Result<void> FailingFiles::write_atomically(const std::string& path, std::string_view bytes) {
    if (auto fine = plan_->count(Op::WriteAtomically); !fine) return fine;
    if (plan_->take_room(bytes.size()) < bytes.size()) return fail(disk_full());
    return inner_.write_atomically(path, bytes);
}

Result<void> FailingFiles::rename(const std::string& from, const std::string& to) {
    if (auto fine = plan_->count(Op::Rename); !fine) return fine;
    return inner_.rename(from, to);
}

Result<void> FailingFiles::remove(const std::string& path) {
    if (auto fine = plan_->count(Op::Remove); !fine) return fine;
    return inner_.remove(path);
}

Result<void> FailingFiles::make_folders(const std::string& path) {
    if (auto fine = plan_->count(Op::MakeFolders); !fine) return fine;
    return inner_.make_folders(path);
}

Result<void> FailingFiles::sync_folder(const std::string& path) {
    if (auto fine = plan_->count(Op::SyncFolder); !fine) return fine;
    return inner_.sync_folder(path);
}

Result<std::vector<std::string>> FailingFiles::list(const std::string& folder) {
    if (auto fine = plan_->count(Op::List); !fine) return fail(fine.error());
    return inner_.list(folder);
}

bool FailingFiles::exists(const std::string& path) {
    return inner_.exists(path);
}

Result<std::uint64_t> FailingFiles::free_bytes(const std::string& path) {
    if (auto fine = plan_->count(Op::FreeBytes); !fine) return fail(fine.error());
    return inner_.free_bytes(path);
}

}  // namespace vedette
