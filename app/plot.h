#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace vedette::app {

/// One line of a plot; points are (seconds since 1970, value) in time order. What is not finite is
/// a gap, and so is a place where more than `step` is missing.
struct PlotSeries {
    std::string name;
    std::vector<std::pair<double, double>> points;
};

struct PlotSettings {
    double start = 0, end = 0, step = 60;  ///< seconds since 1970, seconds
    std::size_t width = 80, height = 15;   ///< of all, and of the field between the axes
    bool colours = false;
    bool ascii = false;           ///< nothing beyond ASCII; otherwise braille and lines of boxes
    long utc_offset_seconds = 0;  ///< of the times on the axis
};

/// Draws lines over time for a terminal: a scale of round numbers on the left, times below, and
/// under it who is who with the last, least and greatest value. Several series without colours are
/// drawn with a letter each. At most `plot_series_max` are drawn, the rest is counted.
///
///   8 ┤        ⢀⡠⠔⠒⠢⢄
///   4 ┤⣀⡠⠤⠒⠊⠉        ⠑⠤⣀
///   0 ┼──────┬───────┬────
///         10:00   10:15
///   ━ up{job="api"}   last 3   min 2   max 7
std::string plot(const std::vector<PlotSeries>& series, const PlotSettings& settings);

inline constexpr std::size_t plot_series_max = 12;

}  // namespace vedette::app
