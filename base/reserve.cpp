#include "base/reserve.h"

#include <algorithm>
#include <random>
#include <utility>

namespace vedette {
namespace {

/// One piece of bytes that no file system makes smaller.
std::string noise() {
    std::mt19937_64 random(20261120);
    std::string out(limits::reserve_piece_bytes, '\0');
    for (char& each : out) each = static_cast<char>(random());
    return out;
}

}  // namespace

Reserve::Reserve(Files& files, Settings settings, Log& log, Metrics& metrics)
    : files_(files),
      settings_(std::move(settings)),
      path_(settings_.folder + "/reserve"),
      log_(log),
      held_bytes_(metrics.gauge("vedette_disk_reserve_bytes",
                                "Space kept in the data directory for a full disk.")),
      given_bytes_(metrics.counter("vedette_disk_reserve_given_bytes_total",
                                   "Space of the reserve given up because the disk was full.")) {}

void Reserve::open() {
    const Lock lock(mutex_);
    if (auto file = files_.open(path_, Files::Open::Read))
        if (const auto bytes = (*file)->size()) hold(*bytes);
    if (held_ > settings_.bytes) {
        const Result<void> done =
            settings_.bytes == 0 ? files_.remove(path_) : cut(settings_.bytes);
        if (done)
            hold(settings_.bytes);
        else
            log_.warn("reserve not made smaller", {{"error", done.error().message}});
    }
    refill_locked();
    const auto room = files_.free_bytes(settings_.folder);
    full_ = !whole() && room && *room < limits::reserve_piece_bytes;
    if (!whole())
        log_.warn("the disk has no room for the whole reserve",
                  {{"file", path_}, {"bytes", held_.load()}, {"wanted", settings_.bytes}});
}

bool Reserve::give(const Error& error, Whose whose) {
    const Lock lock(mutex_);
    const auto room = files_.free_bytes(settings_.folder);
    const bool full = room && *room < limits::reserve_piece_bytes;
    if (!full && error.fault != Fault::Limit) return false;
    const std::uint64_t left = whose == Whose::Starting ? 0 : limits::reserve_piece_bytes;
    if (held_ <= left) return false;
    const std::uint64_t given = std::min<std::uint64_t>(limits::reserve_piece_bytes, held_ - left);
    if (const Result<void> done = cut(held_ - given); !done) {
        log_.error("reserve not given", {{"error", done.error().message}});
        return false;
    }
    full_ = true;
    given_bytes_.add(static_cast<double>(given));
    log_.warn(
        "the disk is full; space of the reserve is given to the ledger",
        {{"file", path_}, {"bytes", given}, {"left", held_.load()}, {"error", error.message}});
    return true;
}

void Reserve::refill() {
    const Lock lock(mutex_);
    refill_locked();
}

void Reserve::refill_locked() {
    if (whole()) return;
    const auto room = files_.free_bytes(settings_.folder);
    // As much again stays free, or the disk would be full because of this.
    if (!room || *room < settings_.bytes - held_ + settings_.bytes) return;
    const bool was_full = full_.exchange(false);
    const Result<void> grown = grow();
    if (!grown && !std::exchange(refill_failed_, true))
        log_.warn("reserve not filled", {{"error", grown.error().message}});
    if (!grown) return;
    refill_failed_ = false;
    if (was_full)
        log_.info("the disk has room again; the reserve is whole",
                  {{"file", path_}, {"bytes", held_.load()}});
}

Result<void> Reserve::may_others_grow() const {
    if (!full_) return {};
    return fail(Fault::Limit, "the disk is full; what is left is for the ledger");
}

Result<void> Reserve::grow() {
    auto file = files_.open(path_, Files::Open::Append);
    if (!file) return fail(file.error());
    const std::string piece = noise();
    while (held_ < settings_.bytes) {
        const auto bytes = std::min<std::uint64_t>(piece.size(), settings_.bytes - held_);
        if (auto done = (*file)->append(std::string_view(piece).substr(0, bytes)); !done) {
            if (const auto size = (*file)->size()) hold(*size);
            return done;
        }
        hold(held_ + bytes);
    }
    return {};
}

Result<void> Reserve::cut(std::uint64_t bytes) {
    auto file = files_.open(path_, Files::Open::Append);
    if (!file) return fail(file.error());
    if (auto done = (*file)->truncate(bytes); !done) return done;
    hold(bytes);
    // Some file systems give blocks back only when the change is on the disk; if that fails, the
    // next write will say whether they did.
    (void)(*file)->sync();
    return {};
}

void Reserve::hold(std::uint64_t bytes) {
    held_ = bytes;
    held_bytes_.set(static_cast<double>(bytes));
}

}  // namespace vedette
