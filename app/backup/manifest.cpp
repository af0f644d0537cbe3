#include "app/backup/manifest.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/sha256.h"
#include "core/labels.h"

namespace vedette::app {
namespace {

constexpr std::string_view first_line = "# vedette backup 1";
constexpr std::string_view made_word = "# made ";
constexpr std::string_view whole_word = "# whole ";
constexpr std::size_t sum_digits = 64;

bool is_sum(std::string_view text) {
    return text.size() == sum_digits &&
           text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// A path that stays below its folder.
bool is_inside(std::string_view path) {
    if (path.empty() || path.front() == '/') return false;
    while (!path.empty()) {
        const std::string_view part = path.substr(0, path.find('/'));
        if (part.empty() || part == "." || part == "..") return false;
        path.remove_prefix(std::min(path.size(), part.size() + 1));
    }
    return true;
}

}  // namespace

std::string Manifest::text() const {
    std::string out = fmt::format("{}\n{}{}\n", first_line, made_word, made);
    for (const File& file : files) out += fmt::format("{}  {}\n", file.sum, file.path);
    return out + fmt::format("{}{}\n", whole_word, sha256(out));
}

Result<Manifest> Manifest::read(std::string_view text, std::string_view name) {
    Manifest manifest;
    std::size_t at = 0;
    int number = 0;
    const auto wrong = [&](std::string_view line, std::string_view expected) {
        return fail(Fault::Corrupt, fmt::format("{}:{}: found {}; expected {}", name, number,
                                                line.empty() ? "nothing" : quote(line), expected));
    };
    while (true) {
        const std::size_t end = text.find('\n', at);
        const std::string_view line = text.substr(at, end == text.npos ? end : end - at);
        ++number;
        if (end == text.npos)
            return wrong(line,
                         "whole lines up to one that begins with `# whole`: the list is cut "
                         "short");
        if (number == 1 && line != first_line) return wrong(line, quote(first_line));
        if (line.starts_with(whole_word)) {
            if (line.substr(whole_word.size()) != sha256(text.substr(0, at)))
                return wrong(line, "the sum of the lines above: one of them was changed");
            return manifest;
        }
        if (line.starts_with(made_word)) {
            manifest.made = line.substr(made_word.size());
        } else if (number > 1) {
            const std::string_view path =
                line.size() > sum_digits + 2 ? line.substr(sum_digits + 2) : "";
            if (!is_sum(line.substr(0, sum_digits)) || line.substr(sum_digits, 2) != "  " ||
                !is_inside(path))
                return wrong(line, "64 hexadecimal digits, two spaces and a path in the backup");
            manifest.files.push_back({std::string(line.substr(0, sum_digits)), std::string(path)});
        }
        at = end + 1;
    }
}

}  // namespace vedette::app
