#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vedette::app {

/// Whether colours belong on this stream: a terminal, and nobody asked for none (`NO_COLOR`).
bool has_colours(int fd);

enum class Ink { Plain, Quiet, Good, Bad, Strong };
/// `text` in that colour, or as it is.
std::string ink(Ink kind, std::string_view text, bool colours);

/// `1 target`, `9 targets`
std::string counted(std::size_t number, std::string_view one, std::string_view many);

/// How many columns a text takes: its code points.
std::size_t display_width(std::string_view text);

/// Whether the terminal's character set is UTF-8: the locale names no other.
bool speaks_utf8();

/// Rows and columns of the terminal behind `fd`; 24 and 80 when it is none.
struct TerminalSize {
    std::size_t rows = 24, columns = 80;
};
TerminalSize terminal_size(int fd);

/// Columns padded to their widest cell, two spaces between, numbers right when `right` says so.
/// Cells are UTF-8; width counts code points.
std::string table(const std::vector<std::vector<std::string>>& rows,
                  const std::vector<bool>& right = {});

}  // namespace vedette::app
