#include "notify/words/png.h"

#include <zlib.h>

#include <cmath>
#include <cstdlib>
#include <string_view>

#include "core/error.h"

namespace vedette::notify {
namespace {

struct Glyph {
    char letter;
    /// Seven rows from the top, five bits each, the left one highest.
    std::array<std::uint8_t, 7> rows;
};

constexpr Glyph glyphs[] = {
    {'0', {14, 17, 19, 21, 25, 17, 14}}, {'1', {4, 12, 4, 4, 4, 4, 14}},
    {'2', {14, 17, 1, 2, 4, 8, 31}},     {'3', {31, 2, 4, 2, 1, 17, 14}},
    {'4', {2, 6, 10, 18, 31, 2, 2}},     {'5', {31, 16, 30, 1, 1, 17, 14}},
    {'6', {6, 8, 16, 30, 17, 17, 14}},   {'7', {31, 1, 2, 4, 8, 8, 8}},
    {'8', {14, 17, 17, 14, 17, 17, 14}}, {'9', {14, 17, 17, 15, 1, 2, 12}},
    {'.', {0, 0, 0, 0, 0, 12, 12}},      {':', {0, 12, 12, 0, 12, 12, 0}},
    {'-', {0, 0, 0, 31, 0, 0, 0}},       {'+', {0, 4, 4, 31, 4, 4, 0}},
    {'e', {0, 0, 14, 17, 31, 16, 14}},   {'%', {24, 25, 2, 4, 8, 19, 3}},
    {'<', {2, 4, 8, 16, 8, 4, 2}},       {'>', {8, 4, 2, 1, 2, 4, 8}},
    {'=', {0, 0, 31, 0, 31, 0, 0}},      {'/', {0, 1, 2, 4, 8, 16, 0}}};

void add_number(std::string& out, std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 255);
}

/// length, kind, bytes, CRC of kind and bytes
void add_chunk(std::string& out, std::string_view kind, std::string_view bytes) {
    add_number(out, static_cast<std::uint32_t>(bytes.size()));
    const std::string body = std::string(kind) + std::string(bytes);
    out += body;
    add_number(out, static_cast<std::uint32_t>(
                        crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()))));
}

std::string deflated(const std::string& bytes) {
    uLongf size = compressBound(static_cast<uLong>(bytes.size()));
    std::string out(size, '\0');
    const int done = compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                               reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uLong>(bytes.size()), 9);
    check(done == Z_OK, "zlib compresses what fits in its own bound");
    out.resize(size);
    return out;
}

}  // namespace

Picture::Picture(int width, int height, const std::array<Color, colors>& palette)
    : width_(width), height_(height), palette_(palette),
      dots_(static_cast<std::size_t>(width) * static_cast<std::size_t>(height)) {}

void Picture::dot(int x, int y, std::uint8_t color) {
    if (x < 0 || y < 0 || x >= width_ || y >= height_) return;
    dots_[static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(x)] = color;
}

std::uint8_t Picture::at(int x, int y) const {
    return dots_[static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(x)];
}

void Picture::line(int x0, int y0, int x1, int y1, std::uint8_t color, int thickness, int dash) {
    const int steps = std::max({std::abs(x1 - x0), std::abs(y1 - y0), 1});
    for (int i = 0; i <= steps; ++i) {
        if (dash > 0 && i / dash % 2 == 1) continue;
        const int x = x0 + static_cast<int>(std::lround(static_cast<double>(x1 - x0) * i / steps));
        const int y = y0 + static_cast<int>(std::lround(static_cast<double>(y1 - y0) * i / steps));
        for (int dx = 0; dx < thickness; ++dx)
            for (int dy = 0; dy < thickness; ++dy) dot(x + dx, y + dy, color);
    }
}

void Picture::box(int x0, int y0, int x1, int y1, std::uint8_t color) {
    for (int y = y0; y <= y1; ++y)
        for (int x = x0; x <= x1; ++x) dot(x, y, color);
}

void Picture::text(int x, int y, const std::string& text, std::uint8_t color, int scale) {
    for (const char letter : text) {
        for (const Glyph& glyph : glyphs) {
            if (glyph.letter != letter) continue;
            for (int row = 0; row < 7; ++row)
                for (int column = 0; column < 5; ++column)
                    if ((glyph.rows[static_cast<std::size_t>(row)] >> (4 - column) & 1) != 0)
                        box(x + column * scale, y + row * scale, x + column * scale + scale - 1,
                            y + row * scale + scale - 1, color);
        }
        x += 6 * scale;
    }
}

int Picture::text_width(const std::string& text, int scale) {
    return static_cast<int>(text.size()) * 6 * scale;
}

std::string Picture::png() const {
    std::string out = "\x89PNG\r\n\x1a\n";
    std::string head, palette, rows;
    add_number(head, static_cast<std::uint32_t>(width_));
    add_number(head, static_cast<std::uint32_t>(height_));
    head += std::string("\x08\x03\x00\x00\x00", 5);  // eight bits a dot, a palette, no interlacing
    for (const Color& color : palette_)
        for (const std::uint8_t part : {color.red, color.green, color.blue}) palette += static_cast<char>(part);
    for (int y = 0; y < height_; ++y) {
        rows += '\0';  // no filter
        for (int x = 0; x < width_; ++x) rows += static_cast<char>(at(x, y));
    }
    add_chunk(out, "IHDR", head);
    add_chunk(out, "PLTE", palette);
    add_chunk(out, "IDAT", deflated(rows));
    add_chunk(out, "IEND", "");
    return out;
}

}  // namespace vedette::notify
