#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace vedette::notify {

struct Color {
    std::uint8_t red = 0, green = 0, blue = 0;
};

/// A small picture of at most eight colours; (0, 0) is its upper left corner. What is drawn outside
/// is not there.
class Picture {
public:
    static constexpr std::size_t colors = 8;

    Picture(int width, int height, const std::array<Color, colors>& palette);

    int width() const { return width_; }
    int height() const { return height_; }
    void dot(int x, int y, std::uint8_t color);
    std::uint8_t at(int x, int y) const;
    /// `thickness` in dots; `dash` of them on and off in turn, 0: no gaps.
    void line(int x0, int y0, int x1, int y1, std::uint8_t color, int thickness = 1, int dash = 0);
    void box(int x0, int y0, int x1, int y1, std::uint8_t color);
    /// Digits, `. : - + e % < > = /` and blanks, others are left out; 7 dots high times `scale`.
    void text(int x, int y, const std::string& text, std::uint8_t color, int scale = 2);
    static int text_width(const std::string& text, int scale = 2);

    /// The bytes of a PNG file.
    std::string png() const;

private:
    int width_, height_;
    std::array<Color, colors> palette_;
    std::vector<std::uint8_t> dots_;
};

}  // namespace vedette::notify
