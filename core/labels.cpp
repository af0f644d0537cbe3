#include "core/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <new>

#include "core/error.h"
#include "core/label_hash.h"
#include "core/printable.h"

namespace vedette {

// ── the block
// ──────────────────────────────────────────────────────────────────────────────────────

/// Header of the shared allocation; behind it 2·count end offsets (uint32), then the text.
struct Labels::Block {
    std::atomic<std::uint32_t> references{1};
    std::uint32_t count = 0;
    std::uint64_t hash = 0;

    const std::uint32_t* ends() const { return reinterpret_cast<const std::uint32_t*>(this + 1); }
    std::uint32_t* ends() { return reinterpret_cast<std::uint32_t*>(this + 1); }
    const char* text() const { return reinterpret_cast<const char*>(ends() + 2 * count); }
    char* text() { return reinterpret_cast<char*>(ends() + 2 * count); }
    std::size_t text_bytes() const { return count == 0 ? 0 : ends()[2 * count - 1]; }

    Label at(std::size_t index) const {
        const std::uint32_t* end = ends() + 2 * index;
        const std::uint32_t begin = index == 0 ? 0 : end[-1];
        return {{text() + begin, end[0] - begin}, {text() + end[0], end[1] - end[0]}};
    }

    static Block* make(const std::vector<Label>& sorted);
};

namespace {

std::uint64_t hash_bytes(std::string_view bytes) {
    return std::hash<std::string_view>{}(bytes);
}

/// End offsets of names and values, then their text: what a block holds behind its head, and what
/// is hashed. The offsets are hashed too, so that {ab="c"} and {a="bc"} differ.
void write_parts(std::span<const Label> labels, char* out) {
    std::uint32_t end = 0;
    char* ends = out;
    char* text = out + 2 * labels.size() * sizeof end;
    for (const Label& label : labels) {
        for (const std::string_view part : {label.name, label.value}) {
            if (!part.empty()) std::memcpy(text + end, part.data(), part.size());
            end += static_cast<std::uint32_t>(part.size());
            std::memcpy(ends, &end, sizeof end);
            ends += sizeof end;
        }
    }
}

std::size_t bytes_of_parts(std::span<const Label> labels) {
    std::size_t bytes = 2 * labels.size() * sizeof(std::uint32_t);
    for (const Label& label : labels) bytes += label.name.size() + label.value.size();
    return bytes;
}

void sort_and_clean(std::vector<Label>& labels) {
    // Most sets are made of another set's labels and are in order already.
    if (is_label_set(labels)) return;
    std::stable_sort(labels.begin(), labels.end(),
                     [](const Label& a, const Label& b) { return a.name < b.name; });
    // Of one name the last wins; an empty value is no label.
    std::size_t kept = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const bool is_last = i + 1 == labels.size() || labels[i + 1].name != labels[i].name;
        if (is_last && !labels[i].value.empty() && !labels[i].name.empty())
            labels[kept++] = labels[i];
    }
    labels.resize(kept);
}

}  // namespace

Labels::Block* Labels::Block::make(const std::vector<Label>& sorted) {
    if (sorted.empty()) return nullptr;
    const std::size_t bytes = bytes_of_parts(sorted);
    check(bytes < (std::size_t{1} << 31), "labels fit in 2 GiB; limits.h is far below");
    auto* block = new (::operator new(sizeof(Block) + bytes)) Block;
    block->count = static_cast<std::uint32_t>(sorted.size());
    auto* parts = reinterpret_cast<char*>(block->ends());
    write_parts(sorted, parts);
    block->hash = hash_bytes({parts, bytes});
    return block;
}

bool is_label_set(std::span<const Label> labels) {
    std::string_view before;
    for (const Label& label : labels) {
        if (label.name <= before || label.value.empty()) return false;
        before = label.name;
    }
    return true;
}

std::uint64_t hash_of(std::span<const Label> labels, std::string& scratch) {
    if (labels.empty()) return 0;
    const std::size_t bytes = bytes_of_parts(labels);
    if (scratch.size() < bytes) scratch.resize(bytes);
    write_parts(labels, scratch.data());
    return hash_bytes({scratch.data(), bytes});
}

bool has_just(const Labels& set, std::span<const Label> labels) {
    if (set.size() != labels.size()) return false;
    for (std::size_t i = 0; i < labels.size(); ++i)
        if (set[i] != labels[i]) return false;
    return true;
}

Labels::Labels(std::initializer_list<Label> labels) : Labels(std::vector<Label>(labels)) {}

Labels::Labels(std::vector<Label> labels) {
    sort_and_clean(labels);
    block_ = Block::make(labels);
}

Labels::Labels(const Labels& other) noexcept : block_(other.block_) {
    if (block_ != nullptr) block_->references.fetch_add(1, std::memory_order_relaxed);
}

Labels::~Labels() {
    if (block_ == nullptr) return;
    if (block_->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    block_->~Block();
    ::operator delete(block_);
}

std::size_t Labels::size() const {
    return block_ == nullptr ? 0 : block_->count;
}

Label Labels::operator[](std::size_t index) const {
    check(index < size(), "a label's index is below the set's size");
    return block_->at(index);
}

std::string_view Labels::get(std::string_view name) const {
    std::size_t low = 0, high = size();
    while (low < high) {
        const std::size_t middle = (low + high) / 2;
        const Label label = block_->at(middle);
        const int order = label.name.compare(name);
        if (order == 0) return label.value;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return {};
}

std::uint64_t Labels::hash() const {
    return block_ == nullptr ? 0 : block_->hash;
}

std::size_t Labels::bytes() const {
    if (block_ == nullptr) return 0;
    return sizeof(Block) + block_->count * 2 * sizeof(std::uint32_t) + block_->text_bytes();
}

Labels::Iterator Labels::begin() const {
    return {this, 0};
}

Labels::Iterator Labels::end() const {
    return {this, size()};
}

bool Labels::operator==(const Labels& other) const {
    if (block_ == other.block_) return true;
    if (block_ == nullptr || other.block_ == nullptr) return false;
    if (block_->hash != other.block_->hash || block_->count != other.block_->count) return false;
    const std::size_t bytes = block_->count * 2 * sizeof(std::uint32_t) + block_->text_bytes();
    return block_->text_bytes() == other.block_->text_bytes() &&
           std::memcmp(block_->ends(), other.block_->ends(), bytes) == 0;
}

std::strong_ordering Labels::operator<=>(const Labels& other) const {
    if (block_ == other.block_) return std::strong_ordering::equal;
    const std::size_t shared = std::min(size(), other.size());
    for (std::size_t i = 0; i < shared; ++i) {
        const Label mine = block_->at(i), theirs = other.block_->at(i);
        if (const auto order = mine.name <=> theirs.name; order != 0) return order;
        if (const auto order = mine.value <=> theirs.value; order != 0) return order;
    }
    return size() <=> other.size();
}

// ── builder and pool
// ───────────────────────────────────────────────────────────────────────────────

LabelsBuilder::LabelsBuilder(const Labels& from) {
    labels_.reserve(from.size());
    for (const Label label : from) labels_.emplace_back(label.name, label.value);
}

LabelsBuilder& LabelsBuilder::set(std::string_view name, std::string_view value) {
    if (value.empty()) return del(name);
    const auto at =
        std::lower_bound(labels_.begin(), labels_.end(), name,
                         [](const auto& label, std::string_view n) { return label.first < n; });
    if (at != labels_.end() && at->first == name)
        at->second = value;
    else
        labels_.emplace(at, name, value);
    return *this;
}

LabelsBuilder& LabelsBuilder::del(std::string_view name) {
    std::erase_if(labels_, [&](const auto& label) { return label.first == name; });
    return *this;
}

LabelsBuilder& LabelsBuilder::keep(std::span<const std::string> names) {
    std::erase_if(labels_, [&](const auto& label) {
        return std::find(names.begin(), names.end(), label.first) == names.end();
    });
    return *this;
}

std::string_view LabelsBuilder::get(std::string_view name) const {
    for (const auto& [label_name, value] : labels_)
        if (label_name == name) return value;
    return {};
}

Labels LabelsBuilder::build() const {
    std::vector<Label> labels;
    labels.reserve(labels_.size());
    for (const auto& [name, value] : labels_) labels.push_back({name, value});
    return Labels(std::move(labels));
}

// ── text
// ───────────────────────────────────────────────────────────────────────────────────────────

namespace {

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Length of the well-formed UTF-8 character at the front, 0 when there is none.
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto follows = [&](std::size_t i, unsigned low, unsigned high) {
        return i < text.size() && byte(i) >= low && byte(i) <= high;
    };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return follows(1, 0x80, 0xbf) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        const unsigned low = first == 0xe0 ? 0xa0 : 0x80, high = first == 0xed ? 0x9f : 0xbf;
        return follows(1, low, high) && follows(2, 0x80, 0xbf) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const unsigned low = first == 0xf0 ? 0x90 : 0x80, high = first == 0xf4 ? 0x8f : 0xbf;
        return follows(1, low, high) && follows(2, 0x80, 0xbf) && follows(3, 0x80, 0xbf) ? 4 : 0;
    }
    return 0;
}

}  // namespace

bool is_classic_metric_name(std::string_view name) {
    if (name.empty() || is_digit(name.front())) return false;
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return is_letter(c) || is_digit(c) || c == ':'; });
}

bool is_classic_label_name(std::string_view name) {
    if (name.empty() || is_digit(name.front())) return false;
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return is_letter(c) || is_digit(c); });
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

namespace {

char32_t code_point_of(std::string_view rune) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(rune[i]); };
    if (rune.size() == 1) return byte(0);
    char32_t out = byte(0) & (0x7f >> rune.size());
    for (std::size_t i = 1; i < rune.size(); ++i) out = out << 6 | (byte(i) & 0x3f);
    return out;
}

/// One well-formed character as Go's %q shows it.
void append_quoted(std::string& out, std::string_view rune) {
    constexpr std::string_view short_names = "abtnvfr";  // from 7 on
    const char32_t c = code_point_of(rune);
    if (c == '"' || c == '\\') {
        out += '\\';
        out += rune;
    } else if (is_printable(c)) {
        out += rune;
    } else if (c >= 7 && c < 7 + short_names.size()) {
        out += '\\';
        out += short_names[c - 7];
    } else if (c < 0x80) {
        out += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    } else {
        out += c < 0x10000 ? fmt::format("\\u{:04x}", static_cast<unsigned>(c))
                           : fmt::format("\\U{:08x}", static_cast<unsigned>(c));
    }
}

}  // namespace

std::string quote(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        if (length == 0)
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
        else
            append_quoted(out, text.substr(0, length));
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out + '"';
}

std::string to_string(const Labels& labels) {
    const std::string_view name = labels.get(metric_name_label);
    const bool name_outside = is_classic_metric_name(name);
    std::string out(name_outside ? name : std::string_view());
    std::string inside;
    const auto comma = [&] { return inside.empty() ? "" : ", "; };
    if (!name.empty() && !name_outside) inside += quote(name);
    for (const Label label : labels) {
        if (label.name == metric_name_label) continue;
        inside += comma();
        inside += is_classic_label_name(label.name) ? std::string(label.name) : quote(label.name);
        inside += '=' + quote(label.value);
    }
    if (inside.empty() && name_outside) return out;
    return out + '{' + inside + '}';
}

std::uint64_t fingerprint(const Labels& labels) {
    std::uint64_t hash = 14695981039346656037ULL;
    const auto take = [&](std::string_view bytes) {
        for (const char c : bytes) {
            hash ^= static_cast<unsigned char>(c);
            hash *= 1099511628211ULL;
        }
        hash ^= 0xff;
        hash *= 1099511628211ULL;
    };
    for (const Label label : labels) {
        take(label.name);
        take(label.value);
    }
    return hash;
}

std::string format_fingerprint(std::uint64_t fingerprint) {
    return fmt::format("{:016x}", fingerprint);
}

}  // namespace vedette
