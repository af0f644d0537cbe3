// Which series of a block satisfy matchers. The memory's own answer stands in `Index`; this one
// reads lists that lie in a file.

#include <algorithm>
#include <unordered_map>

#include "store/blocks/block.h"
#include "store/bytes.h"

namespace vedette::store {

std::optional<std::uint32_t> Block::find_symbol(std::string_view text) const {
    std::uint32_t begin = 0, end = symbols_.count;
    while (begin < end) {
        const std::uint32_t middle = begin + (end - begin) / 2;
        if (symbol(middle) < text)
            begin = middle + 1;
        else
            end = middle;
    }
    if (begin < symbols_.count && symbol(begin) == text) return begin;
    return std::nullopt;
}

Block::Rows Block::rows_of(std::string_view name) const {
    const auto wanted = find_symbol(name);
    if (!wanted) return {};
    const auto first_not = [&](auto before) {
        std::uint32_t begin = 0, end = postings_.count;
        while (begin < end) {
            const std::uint32_t middle = begin + (end - begin) / 2;
            if (before(postings_.number(middle, 0)))
                begin = middle + 1;
            else
                end = middle;
        }
        return begin;
    };
    const std::uint32_t begin = first_not([&](std::uint32_t each) { return each < *wanted; });
    return {begin, std::max(begin, first_not([&](std::uint32_t each) { return each <= *wanted; }))};
}

std::optional<std::uint32_t> Block::find_row(Rows rows, std::string_view value) const {
    const auto wanted = find_symbol(value);
    if (!wanted) return std::nullopt;
    const std::uint32_t end = rows.end;
    while (rows.begin < rows.end) {
        const std::uint32_t middle = rows.begin + (rows.end - rows.begin) / 2;
        if (postings_.number(middle, 1) < *wanted)
            rows.begin = middle + 1;
        else
            rows.end = middle;
    }
    if (rows.begin < end && postings_.number(rows.begin, 1) == *wanted) return rows.begin;
    return std::nullopt;
}

void Block::take_row(std::uint32_t row, std::vector<SeriesNumber>& out) const {
    ByteReader in(postings_.piece(row));
    std::uint64_t number = 0;
    for (std::size_t left = in.count(); left > 0; --left) {
        number += in.varint();
        if (number >= series_.count) return;
        out.push_back(static_cast<SeriesNumber>(number));
    }
}

std::vector<SeriesNumber> Block::everything() const {
    std::vector<SeriesNumber> numbers(series_.count);
    for (SeriesNumber i = 0; i < series_.count; ++i) numbers[i] = i;
    return numbers;
}

std::vector<SeriesNumber> Block::union_of(const ReadyMatcher& matcher, std::stop_token stop) const {
    std::vector<SeriesNumber> numbers;
    const Rows rows = rows_of(matcher.name());
    if (const auto* only = matcher.only_values()) {
        for (const auto& text : *only)
            if (const auto row = find_row(rows, text)) take_row(*row, numbers);
    } else {
        for (std::uint32_t row = rows.begin; row < rows.end; ++row) {
            if (stop.stop_requested()) break;
            if (matcher.holds(symbol(postings_.number(row, 1)))) take_row(row, numbers);
        }
    }
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    return numbers;
}

// Starts from what is cheapest, as `Index` does: the lists that `=` names; else the values that a
// pattern names or finds; else every series. Matchers still to be looked at go to `rest`.
std::vector<SeriesNumber> Block::first_candidates(std::span<const ReadyMatcher> matchers,
                                                  std::vector<const ReadyMatcher*>& rest,
                                                  std::stop_token stop) const {
    std::optional<std::vector<SeriesNumber>> common;
    for (const ReadyMatcher& matcher : matchers) {
        const auto* only = matcher.only_values();
        if (only == nullptr || only->size() != 1 || matcher.holds_empty()) {
            if (!matcher.holds_always()) rest.push_back(&matcher);
            continue;
        }
        std::vector<SeriesNumber> list;
        if (const auto row = find_row(rows_of(matcher.name()), only->front())) take_row(*row, list);
        if (common) {
            std::vector<SeriesNumber> both;
            std::ranges::set_intersection(*common, list, std::back_inserter(both));
            list = std::move(both);
        }
        common = std::move(list);
        if (common->empty()) return {};
    }
    if (common) return std::move(*common);
    auto first = std::ranges::find_if(rest, [](const ReadyMatcher* m) {
        return !m->holds_empty() && m->only_values() != nullptr;
    });
    if (first == rest.end())
        first = std::ranges::find_if(rest, [](const ReadyMatcher* m) { return !m->holds_empty(); });
    if (first == rest.end()) return everything();
    const ReadyMatcher& matcher = **first;
    rest.erase(first);
    return union_of(matcher, stop);
}

// The symbol of the label's value, if the series has the label.
std::optional<std::uint32_t> Block::value_of(SeriesNumber number, std::uint32_t name) const {
    ByteReader in(series_.piece(number));
    for (std::size_t left = in.count(2); left > 0; --left) {
        const std::uint64_t each = in.varint(), value = in.varint();
        if (each == name) return static_cast<std::uint32_t>(value);
    }
    return std::nullopt;
}

void Block::filter(std::vector<SeriesNumber>& numbers, const ReadyMatcher& matcher,
                   std::stop_token stop) const {
    const auto name = find_symbol(matcher.name());
    // Many series share few values, so each value is asked about once.
    std::unordered_map<std::uint32_t, bool> answers;
    std::erase_if(numbers, [&](SeriesNumber number) {
        if (stop.stop_requested()) return true;
        const auto value = name ? value_of(number, *name) : std::nullopt;
        if (!value) return !matcher.holds_empty();
        const auto [answer, fresh] = answers.try_emplace(*value, false);
        if (fresh) answer->second = matcher.holds(symbol(*value));
        return !answer->second;
    });
}

std::vector<SeriesNumber> Block::matching(std::span<const ReadyMatcher> matchers,
                                          std::stop_token stop) const {
    std::vector<const ReadyMatcher*> rest;
    std::vector<SeriesNumber> numbers = first_candidates(matchers, rest, stop);
    for (const ReadyMatcher* matcher : rest) {
        if (numbers.empty()) break;
        filter(numbers, *matcher, stop);
    }
    return numbers;
}

std::vector<std::string> Block::names() const {
    std::vector<std::string> out;
    for (std::uint32_t row = 0; row < postings_.count; ++row) {
        const std::uint32_t name = postings_.number(row, 0);
        if (row == 0 || name != postings_.number(row - 1, 0)) out.emplace_back(symbol(name));
    }
    return out;
}

std::vector<std::string> Block::values(std::string_view name) const {
    std::vector<std::string> out;
    const Rows rows = rows_of(name);
    for (std::uint32_t row = rows.begin; row < rows.end; ++row)
        out.emplace_back(symbol(postings_.number(row, 1)));
    return out;
}

}  // namespace vedette::store
