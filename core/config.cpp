#include "core/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>

#include "core/labels.h"
#include "core/limits.h"
#include "core/sample.h"

namespace vedette {

const ConfigNode* ConfigNode::find(std::string_view key) const {
    const auto at =
        std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.key == key; });
    return at == entries.end() ? nullptr : &at->value;
}

// ── problems
// ───────────────────────────────────────────────────────────────────────────────────────

namespace {

std::string line_of(const std::string& text, int line) {
    std::size_t begin = 0;
    for (int i = 1; i < line; ++i) {
        begin = text.find('\n', begin);
        if (begin == std::string::npos) return {};
        ++begin;
    }
    std::string out = text.substr(begin, text.find('\n', begin) - begin);
    if (!out.empty() && out.back() == '\r') out.pop_back();
    return out;
}

/// Hides what follows a word that smells of a secret: a problem is printed, logged and sent, and a
/// misspelt `passwrd: …` is not read as a secret by anybody.
std::string without_secrets(std::string line) {
    static constexpr std::array<std::string_view, 11> words{
        "pass",          "secret", "token",  "credential", "api_key", "apikey",
        "authorization", "bearer", "hooks.", "/services/", "sig="};
    std::string lower = line;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    std::size_t first = std::string::npos;
    for (const std::string_view word : words) first = std::min(first, lower.find(word));
    if (first == std::string::npos) return line;
    const std::size_t colon = line.find_first_of(":=", first);
    return line.substr(0, colon == std::string::npos ? first : colon + 1) + " <hidden>";
}

struct Excerpt {
    std::string text;
    int column = 0;  // of the caret in it
};

/// The part of a long line around the column, so that a file in one line does not fill the screen.
Excerpt excerpt_of(const std::string& line, int column) {
    if (line.size() <= limits::problem_excerpt_bytes_max) return {line, column};
    const auto is_inside = [&](std::size_t at) {
        return at < line.size() && (static_cast<unsigned char>(line[at]) & 0xc0) == 0x80;
    };
    const std::size_t before = limits::problem_excerpt_bytes_max / 2;
    const auto at = std::min(static_cast<std::size_t>(std::max(column - 1, 0)), line.size());
    std::size_t begin = at > before ? at - before : 0;
    while (is_inside(begin)) ++begin;
    std::size_t end = std::min(begin + limits::problem_excerpt_bytes_max, line.size());
    while (is_inside(end)) --end;
    const bool cut = begin > 0;
    return {(cut ? "…" : "") + line.substr(begin, end - begin) + (end < line.size() ? "…" : ""),
            column - static_cast<int>(begin) + (cut ? 1 : 0)};
}

}  // namespace

std::string to_string(const Problem& problem) {
    std::string out = problem.file;
    if (problem.mark.line > 0) out += fmt::format(":{}:{}", problem.mark.line, problem.mark.column);
    out += fmt::format(": {}{}", problem.warning ? "warning: " : "", problem.message);
    if (problem.line.empty()) return out;
    const Excerpt shown = excerpt_of(problem.line, problem.mark.column);
    std::string caret;
    // Tabs stay tabs, so that the caret stands under its column in any terminal.
    for (int i = 1; i < shown.column; ++i) {
        const auto at = static_cast<std::size_t>(i - 1);
        caret += at < shown.text.size() && shown.text[at] == '\t' ? '\t' : ' ';
    }
    return out + "\n    " + shown.text + "\n    " + caret + "^";
}

void Problems::add(const ConfigNode& at, std::string message) {
    add(at.file, at.mark, std::move(message));
}

void Problems::add(const std::shared_ptr<const ConfigFile>& file, Mark mark, std::string message) {
    Problem problem{
        file ? file->name : std::string("configuration"), mark, std::move(message), {}, false};
    // Who will not be shown needs no line: finding it takes time, and there may be 60000 of them.
    const bool shown = problems_.size() < limits::problems_shown_max;
    if (file && mark.line > 0 && shown)
        problem.line = without_secrets(line_of(file->text, mark.line));
    add(std::move(problem));
}

void Problems::add(Problem problem) {
    problems_.push_back(std::move(problem));
}

void Problems::warn(const ConfigNode& at, std::string message) {
    add(at, std::move(message));
    problems_.back().warning = true;
}

bool Problems::any() const {
    return std::any_of(problems_.begin(), problems_.end(),
                       [](const Problem& p) { return !p.warning; });
}

std::string Problems::text() const {
    std::string out;
    std::size_t shown = 0;
    for (const Problem& problem : problems_) {
        if (shown == limits::problems_shown_max) {
            out += fmt::format("and {} more problems\n", problems_.size() - shown);
            break;
        }
        out += to_string(problem) + '\n';
        ++shown;
    }
    return out;
}

// ── nearest word
// ───────────────────────────────────────────────────────────────────────────────────

namespace {

/// Letters to insert, delete, change or swap with their neighbour, to turn one word into the other.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
    std::iota(above.begin(), above.end(), 0);
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, change});
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
        }
        std::swap(before, above);
        std::swap(above, row);
    }
    return above[b.size()];
}

}  // namespace

std::string_view nearest(std::string_view word, const std::vector<std::string>& known) {
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    if (word.size() > 100) return best;
    for (const std::string& candidate : known) {
        if (candidate.size() > 100) continue;
        const std::size_t distance = edit_distance(word, candidate);
        if (distance < best_distance) {
            best_distance = distance;
            best = candidate;
        }
    }
    return best;
}

// ── scalars
// ────────────────────────────────────────────────────────────────────────────────────────

namespace {

std::string kind_name(const ConfigNode& node) {
    switch (node.kind) {
        case ConfigNode::Kind::Null:
            return "nothing";
        case ConfigNode::Kind::List:
            return "a list";
        case ConfigNode::Kind::Map:
            return "a map";
        case ConfigNode::Kind::Scalar:
            return node.text.size() > 60 ? "a long text" : '`' + node.text + '`';
    }
    return "nothing";
}

void wrong_type(const ConfigNode& node, Problems& problems, std::string_view what,
                std::string_view expected) {
    problems.add(node, fmt::format("{} is {}; expected {}", what, kind_name(node), expected));
}

/// YAML 1.1's integers: 0x1f, 0b11, 0o17, 017, 1_000.
std::optional<std::int64_t> yaml_integer(std::string text) {
    std::erase(text, '_');
    bool negative = false;
    std::string_view digits = text;
    if (!digits.empty() && (digits.front() == '-' || digits.front() == '+')) {
        negative = digits.front() == '-';
        digits.remove_prefix(1);
    }
    int base = 10;
    const auto prefixed = [&](std::string_view prefix) {
        return digits.size() > prefix.size() && digits.starts_with(prefix);
    };
    if (prefixed("0x"))
        base = 16, digits.remove_prefix(2);
    else if (prefixed("0b"))
        base = 2, digits.remove_prefix(2);
    else if (prefixed("0o"))
        base = 8, digits.remove_prefix(2);
    else if (prefixed("0"))
        base = 8, digits.remove_prefix(1);
    std::int64_t value = 0;
    const std::string signed_digits = (negative ? "-" : "") + std::string(digits);
    const char* end = signed_digits.data() + signed_digits.size();
    const auto read = std::from_chars(signed_digits.data(), end, value, base);
    if (read.ec != std::errc() || read.ptr != end || digits.empty()) return std::nullopt;
    return value;
}

}  // namespace

std::string scalar_string(const ConfigNode& node, Problems& problems, std::string_view what) {
    if (node.is_scalar()) return node.text;
    if (!node.is_null()) wrong_type(node, problems, what, "a text");
    return {};
}

bool scalar_boolean(const ConfigNode& node, Problems& problems, std::string_view what,
                    bool otherwise) {
    if (node.is_scalar() && !node.quoted) {
        std::string word = node.text;
        std::transform(word.begin(), word.end(), word.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        if (word == "true" || word == "yes" || word == "on" || word == "y") return true;
        if (word == "false" || word == "no" || word == "off" || word == "n") return false;
    }
    wrong_type(node, problems, what, "true or false");
    return otherwise;
}

std::int64_t scalar_integer(const ConfigNode& node, Problems& problems, std::string_view what,
                            std::int64_t otherwise) {
    if (node.is_scalar() && !node.quoted)
        if (const auto value = yaml_integer(node.text)) return *value;
    wrong_type(node, problems, what, "a whole number");
    return otherwise;
}

double scalar_number(const ConfigNode& node, Problems& problems, std::string_view what,
                     double otherwise) {
    if (node.is_scalar() && !node.quoted) {
        if (const auto whole = yaml_integer(node.text)) return static_cast<double>(*whole);
        std::string text = node.text;
        std::erase(text, '_');
        if (text == ".inf" || text == "+.inf" || text == "-.inf")
            return text[0] == '-' ? -INFINITY : INFINITY;
        if (text == ".nan") return NAN;
        const bool is_digits =
            !text.empty() && text.find_first_not_of("0123456789+-.eE") == std::string::npos;
        if (const auto value = parse_value(text); is_digits && value) return *value;
    }
    wrong_type(node, problems, what, "a number");
    return otherwise;
}

Milliseconds scalar_duration(const ConfigNode& node, Problems& problems, std::string_view what,
                             Milliseconds otherwise) {
    if (node.is_scalar())
        if (const auto value = parse_duration(node.text)) return *value;
    wrong_type(node, problems, what, "a duration such as `15s` or `1h30m`");
    return otherwise;
}

// ── map reader
// ─────────────────────────────────────────────────────────────────────────────────────

MapReader::MapReader(const ConfigNode& node, Problems& problems, std::string what)
    : node_(node), problems_(problems), what_(std::move(what)) {
    if (!node.is_map() && !node.is_null()) {
        wrong_type(node, problems_, what_, "a map");
        finished_ = true;
    }
}

MapReader::~MapReader() {
    finish();
}

const ConfigNode* MapReader::node(std::string_view key) {
    known_.emplace_back(key);
    const ConfigNode* found = node_.find(key);
    return found == nullptr || found->is_null() ? nullptr : found;
}

const ConfigNode* MapReader::required(std::string_view key) {
    const ConfigNode* found = node(key);
    if (found == nullptr && !finished_)
        problems_.add(node_, fmt::format("{} has no `{}`", what_, key));
    return found;
}

namespace {

std::string of(std::string_view key, const std::string& what) {
    return fmt::format("`{}` of {}", key, what);
}

}  // namespace

std::string MapReader::string(std::string_view key, std::string_view otherwise) {
    const ConfigNode* found = node(key);
    return found ? scalar_string(*found, problems_, of(key, what_)) : std::string(otherwise);
}

std::string MapReader::required_string(std::string_view key) {
    const ConfigNode* found = required(key);
    if (found == nullptr) return {};
    std::string text = scalar_string(*found, problems_, of(key, what_));
    if (found->is_scalar() && text.empty()) problems_.add(*found, of(key, what_) + " is empty");
    return text;
}

bool MapReader::boolean(std::string_view key, bool otherwise) {
    const ConfigNode* found = node(key);
    return found ? scalar_boolean(*found, problems_, of(key, what_), otherwise) : otherwise;
}

std::int64_t MapReader::integer(std::string_view key, std::int64_t otherwise, std::int64_t min,
                                std::int64_t max) {
    const ConfigNode* found = node(key);
    if (found == nullptr) return otherwise;
    const std::int64_t value = scalar_integer(*found, problems_, of(key, what_), otherwise);
    if (value >= min && value <= max) return value;
    problems_.add(*found,
                  fmt::format("{} is {}; expected {} to {}", of(key, what_), value, min, max));
    return otherwise;
}

double MapReader::number(std::string_view key, double otherwise) {
    const ConfigNode* found = node(key);
    return found ? scalar_number(*found, problems_, of(key, what_), otherwise) : otherwise;
}

Milliseconds MapReader::duration(std::string_view key, Milliseconds otherwise) {
    const ConfigNode* found = node(key);
    return found ? scalar_duration(*found, problems_, of(key, what_), otherwise) : otherwise;
}

std::uint64_t MapReader::bytes(std::string_view key, std::uint64_t otherwise) {
    const ConfigNode* found = node(key);
    if (found == nullptr) return otherwise;
    const std::string& text = found->text;
    std::uint64_t amount = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, amount);
    const std::string unit(read.ptr, end);
    static constexpr std::string_view scale = "KMGTPE";
    std::uint64_t factor = 0;
    if (unit.empty() || unit == "B") factor = 1;
    const std::size_t power = unit.empty() ? std::string_view::npos : scale.find(unit.front());
    if (power != std::string_view::npos &&
        (unit.substr(1) == "B" || unit.substr(1) == "iB" || unit.size() == 1))
        factor = std::uint64_t{1} << (10 * (power + 1));
    std::uint64_t value = 0;
    if (found->is_scalar() && read.ec == std::errc() && factor != 0 &&
        !__builtin_mul_overflow(amount, factor, &value))
        return value;
    wrong_type(*found, problems_, of(key, what_), "a size such as `512MB` or `2GB`");
    return otherwise;
}

std::vector<std::string> MapReader::strings(std::string_view key) {
    std::vector<std::string> out;
    const ConfigNode* found = node(key);
    if (found == nullptr) return out;
    if (!found->is_list()) {
        out.push_back(scalar_string(*found, problems_, of(key, what_)));
        return out;
    }
    for (const ConfigNode& item : found->items)
        out.push_back(scalar_string(item, problems_, "an item of " + of(key, what_)));
    return out;
}

std::vector<std::pair<std::string, std::string>> MapReader::string_map(std::string_view key) {
    std::vector<std::pair<std::string, std::string>> out;
    const ConfigNode* found = node(key);
    if (found == nullptr) return out;
    if (!found->is_map()) wrong_type(*found, problems_, of(key, what_), "a map");
    for (const ConfigNode::Entry& entry : found->entries)
        out.emplace_back(entry.key,
                         scalar_string(entry.value, problems_, of(entry.key, of(key, what_))));
    return out;
}

std::string MapReader::choice(std::string_view key, std::initializer_list<std::string_view> choices,
                              std::string_view otherwise) {
    const ConfigNode* found = node(key);
    if (found == nullptr) return std::string(otherwise);
    const std::string value = scalar_string(*found, problems_, of(key, what_));
    if (std::find(choices.begin(), choices.end(), value) != choices.end()) return value;
    std::string list;
    for (const std::string_view one : choices)
        list += fmt::format("{}`{}`", list.empty() ? "" : ", ", one);
    if (found->is_scalar())
        problems_.add(*found,
                      fmt::format("{} is `{}`; expected one of {}", of(key, what_), value, list));
    return std::string(otherwise);
}

void MapReader::list(std::string_view key, const std::function<void(const ConfigNode&)>& each) {
    const ConfigNode* found = node(key);
    if (found == nullptr) return;
    if (!found->is_list()) {
        wrong_type(*found, problems_, of(key, what_), "a list");
        return;
    }
    for (const ConfigNode& item : found->items) each(item);
}

void MapReader::also_known(std::initializer_list<std::string_view> keys) {
    known_.insert(known_.end(), keys.begin(), keys.end());
}

void MapReader::problem(std::string_view key, std::string message) {
    const ConfigNode* found = node_.find(key);
    problems_.add(found ? *found : node_, std::move(message));
}

void MapReader::finish() {
    if (std::exchange(finished_, true)) return;
    for (const ConfigNode::Entry& entry : node_.entries) {
        if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
        std::string message = fmt::format("unknown key `{}` in {}", entry.key, what_);
        const std::string_view near = nearest(entry.key, known_);
        if (!near.empty()) message += fmt::format("; did you mean `{}`?", near);
        problems_.add(node_.file, entry.mark, std::move(message));
    }
}

}  // namespace vedette
