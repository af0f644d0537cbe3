#include "store/log/wal.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "core/limits.h"
#include "store/bytes.h"
#include "store/crc32c.h"

namespace vedette::store {
namespace {

constexpr char mark = static_cast<char>(0xb7);
constexpr auto type_last = static_cast<std::uint8_t>(RecordType::Exemplars);
constexpr std::size_t crc_offset = 6;  // of the sum in a record; it covers type, length and payload
constexpr std::string_view checkpoint_prefix = "checkpoint.";

std::uint32_t crc_of(std::string_view record) {
    const std::uint32_t head = crc32c(record.substr(1, crc_offset - 1));
    return crc32c(record.substr(record_head_bytes), head);
}

std::string eight_digits(std::uint64_t number) {
    std::string digits = std::to_string(number);
    return std::string(digits.size() < 8 ? 8 - digits.size() : 0, '0') + digits;
}

bool parse_number(std::string_view text, std::uint64_t& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() && text.size() >= 8;
}

}  // namespace

std::size_t begin_record(std::string& out, RecordType type) {
    const std::size_t begin = out.size();
    out.push_back(mark);
    put_u8(out, static_cast<std::uint8_t>(type));
    out.append(record_head_bytes - 2, '\0');
    return begin;
}

void end_record(std::string& out, std::size_t begin) {
    const auto length = static_cast<std::uint32_t>(out.size() - begin - record_head_bytes);
    std::memcpy(out.data() + begin + 2, &length, sizeof(length));
    const std::uint32_t sum = crc_of(std::string_view(out).substr(begin));
    std::memcpy(out.data() + begin + crc_offset, &sum, sizeof(sum));
}

RecordReader::RecordReader(std::string_view file, std::size_t from)
    : file_(file), at_(std::min(from, file.size())) {}

bool RecordReader::read_at(std::size_t at, Record& out, std::size_t& end) const {
    const std::string_view rest = file_.substr(at);
    if (rest.size() < record_head_bytes || rest[0] != mark) return false;
    ByteReader head(rest.substr(1));
    const std::uint8_t type = head.u8();
    const auto length = head.fixed<std::uint32_t>();
    const auto sum = head.fixed<std::uint32_t>();
    if (type == 0 || type > type_last || length > limits::wal_record_bytes_max ||
        length > rest.size() - record_head_bytes)
        return false;
    if (crc_of(rest.substr(0, record_head_bytes + length)) != sum) return false;
    out = {static_cast<RecordType>(type), rest.substr(record_head_bytes, length), at};
    end = at + record_head_bytes + length;
    return true;
}

bool RecordReader::next(Record& out) {
    for (std::size_t at = at_; at < file_.size(); ++at) {
        at = std::min(file_.find(mark, at), file_.size());
        std::size_t end = 0;
        if (at == file_.size() || !read_at(at, out, end)) continue;
        if (at > at_) gaps_.push_back({at_, at - at_, false});
        at_ = end;
        return true;
    }
    if (at_ < file_.size()) gaps_.push_back({at_, file_.size() - at_, true});
    at_ = file_.size();
    return false;
}

std::string segment_path(const std::string& folder, std::uint64_t number) {
    return folder + "/" + eight_digits(number);
}

std::string checkpoint_path(const std::string& folder, std::uint64_t number) {
    return folder + "/" + std::string(checkpoint_prefix) + eight_digits(number);
}

Result<WalFolder> WalFolder::list(Files& files, const std::string& folder) {
    auto names = files.list(folder);
    if (!names) return fail(names.error());
    WalFolder found;
    for (const std::string& name : *names) {
        std::uint64_t number = 0;
        const std::string_view text = name;
        if (text.ends_with(".tmp")) {
            found.leftovers.push_back(name);
        } else if (parse_number(text, number)) {
            found.segments.push_back(number);
        } else if (text.starts_with(checkpoint_prefix) &&
                   parse_number(text.substr(checkpoint_prefix.size()), number)) {
            found.checkpoints.push_back(number);
        }
    }
    std::sort(found.segments.begin(), found.segments.end());
    std::sort(found.checkpoints.begin(), found.checkpoints.end());
    return found;
}

Result<std::unique_ptr<Wal>> Wal::open(Files& files, std::string folder, std::uint64_t number) {
    std::unique_ptr<Wal> wal(new Wal(files, std::move(folder)));
    if (auto begun = wal->begin_segment(number); !begun) return fail(begun.error());
    return wal;
}

Result<void> Wal::begin_segment(std::uint64_t number) {
    const std::string path = segment_path(folder_, number);
    auto file = files_.open(path, Files::Open::Append);
    if (!file) return fail(file.error());
    auto again = files_.open(path, Files::Open::Append);
    if (!again) return fail(again.error());
    auto size = (*file)->size();
    if (!size) return fail(size.error());
    if (*size < magic_bytes) {
        // New, or torn before its first record: there is nothing in it to lose.
        if (*size > 0)
            if (auto cut = (*file)->truncate(0); !cut) return cut;
        if (auto written = (*file)->append(segment_magic); !written) {
            (void)(*file)->truncate(0);
            return written;
        }
        size = magic_bytes;
    }
    if (auto synced = files_.sync_folder(folder_); !synced) return synced;
    file_ = std::move(*file);
    number_ = number;
    good_bytes_ = *size;
    spoiled_ = false;
    const Lock lock(sync_mutex_);
    sync_file_ = std::move(*again);
    dirty_ = true;
    return {};
}

Result<void> Wal::append(std::string_view records) {
    if (spoiled_ || good_bytes_ + records.size() > limits::wal_segment_bytes) {
        if (spoiled_ || good_bytes_ > magic_bytes)
            if (auto rotated = rotate(); !rotated) return fail(rotated.error());
    }
    auto written = file_->append(records);
    if (written) {
        good_bytes_ += records.size();
        dirty_ = true;
        return {};
    }
    spoiled_ = !file_->truncate(good_bytes_);
    return written;
}

Result<std::uint64_t> Wal::rotate() {
    // The old segment first: a log whose later part survives a power cut has no hole before it.
    if (auto synced = sync(); !synced) return fail(synced.error());
    const std::uint64_t ended = number_;
    if (auto begun = begin_segment(ended + 1); !begun) return fail(begun.error());
    return ended;
}

Result<void> Wal::sync() {
    const Lock lock(sync_mutex_);
    // Cleared first: what is appended while the disk works is not yet safe.
    if (!dirty_.exchange(false)) return {};
    auto synced = sync_file_->sync();
    if (!synced) dirty_ = true;
    return synced;
}

}  // namespace vedette::store
