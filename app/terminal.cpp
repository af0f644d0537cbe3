#include "app/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace vedette::app {

bool has_colours(int fd) {
    return isatty(fd) == 1 && std::getenv("NO_COLOR") == nullptr;
}

std::string ink(Ink kind, std::string_view text, bool colours) {
    const char* code = "";
    switch (kind) {
        case Ink::Plain:
            break;
        case Ink::Quiet:
            code = "\x1b[2m";
            break;
        case Ink::Good:
            code = "\x1b[32m";
            break;
        case Ink::Bad:
            code = "\x1b[31m";
            break;
        case Ink::Strong:
            code = "\x1b[1m";
            break;
    }
    if (!colours || *code == '\0') return std::string(text);
    return code + std::string(text) + "\x1b[0m";
}

std::string counted(std::size_t number, std::string_view one, std::string_view many) {
    return std::to_string(number) + ' ' + std::string(number == 1 ? one : many);
}

std::size_t display_width(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

bool speaks_utf8() {
    // The first that is set counts.
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const char* value = std::getenv(name);
        if (value == nullptr || *value == '\0') continue;
        std::string lower(value);
        for (char& c : lower)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
        return lower.find("utf-8") != std::string::npos || lower.find("utf8") != std::string::npos;
    }
    return true;
}

TerminalSize terminal_size(int fd) {
    winsize size{};
    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
    return {size.ws_row, size.ws_col};
}

std::string table(const std::vector<std::vector<std::string>>& rows,
                  const std::vector<bool>& right) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
    }
    std::string out;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string pad(widths[i] - display_width(row[i]), ' ');
            const bool to_the_right = i < right.size() && right[i];
            line += (i == 0 ? "" : "  ") + (to_the_right ? pad + row[i] : row[i] + pad);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + '\n';
    }
    return out;
}

}  // namespace vedette::app
