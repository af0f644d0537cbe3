#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vedette {

/// The label that holds a series' metric name.
inline constexpr std::string_view metric_name_label = "__name__";

/// One name and value, borrowed.
struct Label {
    std::string_view name, value;

    auto operator<=>(const Label&) const = default;
};

/// A set of labels: sorted by name, immutable, hashed once, in one block of memory that copies
/// share.
///
///   block:  [ references | hash | count | end offsets, two a label | name value name value … ]
///
/// Invariants: (L1) names strictly ascend in byte order; (L2) no name and no value is empty: an
/// empty value is the same as no label, as in Prometheus; (L3) equal sets have equal hashes in one
/// process. Copying and comparing for equality do not allocate. Safe to share between threads.
class Labels {
public:
    class Iterator;

    Labels() noexcept = default;
    /// Sorts; drops labels with an empty value; of two with one name the last wins.
    Labels(std::initializer_list<Label> labels);
    explicit Labels(std::vector<Label> labels);
    Labels(const Labels& other) noexcept;
    Labels(Labels&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
    Labels& operator=(Labels other) noexcept {
        std::swap(block_, other.block_);
        return *this;
    }
    ~Labels();

    std::size_t size() const;
    bool empty() const { return size() == 0; }
    Label operator[](std::size_t index) const;
    /// The value of `name`, or an empty view. Lives as long as any copy of this set.
    std::string_view get(std::string_view name) const;
    bool has(std::string_view name) const { return !get(name).empty(); }
    /// Of names and values; the same in one process, not for disk (see `fingerprint`).
    std::uint64_t hash() const;
    /// Bytes of heap the shared block takes.
    std::size_t bytes() const;

    Iterator begin() const;
    Iterator end() const;

    bool operator==(const Labels& other) const;
    /// Label by label, name before value; a prefix comes first. The order in which cursors yield.
    std::strong_ordering operator<=>(const Labels& other) const;

private:
    struct Block;
    Block* block_ = nullptr;
};

class Labels::Iterator {
public:
    using value_type = Label;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;

    Iterator() = default;
    Iterator(const Labels* labels, std::size_t index) : labels_(labels), index_(index) {}
    Label operator*() const { return (*labels_)[index_]; }
    Iterator& operator++() {
        ++index_;
        return *this;
    }
    Iterator operator++(int) {
        Iterator before = *this;
        ++index_;
        return before;
    }
    bool operator==(const Iterator& other) const { return index_ == other.index_; }

private:
    const Labels* labels_ = nullptr;
    std::size_t index_ = 0;
};

/// Changes a label set: starts from one, sets and deletes, builds another. Owns its text.
class LabelsBuilder {
public:
    LabelsBuilder() = default;
    explicit LabelsBuilder(const Labels& from);

    /// An empty value deletes.
    LabelsBuilder& set(std::string_view name, std::string_view value);
    LabelsBuilder& del(std::string_view name);
    /// Keeps only these names.
    LabelsBuilder& keep(std::span<const std::string> names);
    std::string_view get(std::string_view name) const;
    Labels build() const;

private:
    std::vector<std::pair<std::string, std::string>> labels_;  // sorted by name
};

/// `up{instance="a", job="b"}`: as Prometheus prints a series. Names that need it are quoted.
std::string to_string(const Labels& labels);

/// Alertmanager's fingerprint of a label set (64-bit FNV-1a over name, 0xff, value, 0xff in name
/// order): the same in every program and for ever, so fit for disk and for API v2.
std::uint64_t fingerprint(const Labels& labels);
/// Sixteen hexadecimal digits, as API v2 prints it.
std::string format_fingerprint(std::uint64_t fingerprint);

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`
bool is_classic_metric_name(std::string_view name);
/// `[a-zA-Z_][a-zA-Z0-9_]*`
bool is_classic_label_name(std::string_view name);
/// Well-formed UTF-8, without surrogates and overlong forms.
bool is_utf8(std::string_view text);

/// Quotes as Go's %q does for printable UTF-8: `\n`, `\"`, `\\`, `\x00` for the rest.
std::string quote(std::string_view text);

}  // namespace vedette
