#include "app/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>

#include "app/terminal.h"
#include "core/sample.h"

namespace vedette::app {
namespace {

// Told apart also by who does not see red and green.
constexpr std::array<int, plot_series_max> inks = {39,  208, 42,  170, 220, 51,
                                                   141, 203, 118, 75,  180, 245};
constexpr std::string_view letters = "*o+x#@%&abcd";
constexpr std::size_t no_series = static_cast<std::size_t>(-1);

std::string coloured(int ink, std::string_view text) {
    return fmt::format("\x1b[38;5;{}m{}\x1b[0m", ink, text);
}

std::string utf8(char32_t rune) {
    return {static_cast<char>(0xe0 | (rune >> 12)), static_cast<char>(0x80 | ((rune >> 6) & 0x3f)),
            static_cast<char>(0x80 | (rune & 0x3f))};
}

/// 1, 2 or 5 times a power of ten, at least `least`.
double round_step(double least) {
    const double power = std::pow(10, std::floor(std::log10(least)));
    for (const double factor : {1.0, 2.0, 5.0})
        if (factor * power >= least * (1 - 1e-9)) return factor * power;
    return 10 * power;
}

/// The vertical axis: round bounds, round steps.
struct Scale {
    double low = 0, high = 1, step = 1;

    double part(double value) const { return (high - value) / (high - low); }
};

Scale make_scale(double least, double greatest, std::size_t height) {
    if (least == greatest) {
        const double around = least == 0 ? 1 : std::fabs(least) * 0.1;
        least -= around;
        greatest += around;
    }
    // Zero belongs to the picture when it is not far.
    if (least > 0 && least < greatest * 0.4) least = 0;
    if (greatest < 0 && greatest > least * 0.4) greatest = 0;
    Scale scale;
    const double ticks = std::max(2.0, static_cast<double>(height) / 4.0);
    scale.step =
        round_step(std::max((greatest - least) / ticks, std::numeric_limits<double>::min()));
    scale.low = std::floor(least / scale.step + 1e-9) * scale.step;
    scale.high = std::ceil(greatest / scale.step - 1e-9) * scale.step;
    return scale;
}

/// A number of the axis: as many decimals as the step needs, a prefix for thousands.
std::string tick_text(double value, const Scale& scale, bool ascii) {
    struct Prefix {
        double factor;
        const char* text;
    };
    const std::array<Prefix, 9> prefixes = {{{1e15, "P"},
                                             {1e12, "T"},
                                             {1e9, "G"},
                                             {1e6, "M"},
                                             {1e3, "k"},
                                             {1, ""},
                                             {1e-3, "m"},
                                             {1e-6, ascii ? "u" : "µ"},
                                             {1e-9, "n"}}};
    if (std::fabs(value) < scale.step / 2) return "0";
    const double size = std::max(std::fabs(scale.low), std::fabs(scale.high));
    // 1000 is well read as it is, and so is 0.01.
    const double at = size >= 1e4 || size < 0.01 ? size : 1;
    const auto prefix = std::find_if(prefixes.begin(), prefixes.end(), [&](const Prefix& one) {
        return at >= one.factor * (1 - 1e-9);
    });
    if (prefix == prefixes.end() || size >= 1e18) return fmt::format("{:.3g}", value);
    const double digits = -std::floor(std::log10(scale.step / prefix->factor) + 1e-9);
    return fmt::format("{:.{}f}{}", value / prefix->factor,
                       static_cast<int>(std::clamp(digits, 0.0, 9.0)), prefix->text);
}

/// The field between the axes: braille dots, two by four in a character, or a letter in each.
class Field {
public:
    Field(std::size_t width, std::size_t height, bool dots)
        : width_(width), height_(height), dots_(dots), cells_(width * height) {}

    double columns() const { return static_cast<double>(width_ * (dots_ ? 2 : 1)); }
    double rows() const { return static_cast<double>(height_ * (dots_ ? 4 : 1)); }

    /// Places of a dot; both within the field.
    struct Spot {
        long x = 0, y = 0;
    };

    void line(Spot from, Spot to, std::size_t series) {
        const long dx = std::abs(to.x - from.x), dy = -std::abs(to.y - from.y);
        const long step_x = from.x < to.x ? 1 : -1, step_y = from.y < to.y ? 1 : -1;
        long error = dx + dy;
        for (;;) {
            dot(from, series);
            if (from.x == to.x && from.y == to.y) return;
            const long doubled = 2 * error;
            if (doubled >= dy) {
                error += dy;
                from.x += step_x;
            }
            if (doubled <= dx) {
                error += dx;
                from.y += step_y;
            }
        }
    }

    /// One row as text; `grid` fills what is empty.
    std::string row(std::size_t number, bool colours, const std::string& grid) const {
        std::string out;
        for (std::size_t x = 0; x < width_; ++x) {
            const Cell& cell = cells_[number * width_ + x];
            if (cell.series == no_series) {
                out += grid.empty() ? " " : grid;
                continue;
            }
            const std::string text =
                dots_ ? utf8(0x2800 + cell.dots) : std::string(1, letters[cell.series]);
            out += colours ? coloured(inks[cell.series], text) : text;
        }
        if (grid.empty() && !colours) out.erase(out.find_last_not_of(' ') + 1);
        return out;
    }

private:
    struct Cell {
        unsigned dots = 0;
        std::size_t series = no_series;
    };

    void dot(Spot at, std::size_t series) {
        // Braille numbers its dots 1 2 3 7 down the left side and 4 5 6 8 down the right.
        constexpr unsigned bits[2][4] = {{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}};
        const auto x = static_cast<std::size_t>(at.x), y = static_cast<std::size_t>(at.y);
        Cell& cell = cells_[(dots_ ? y / 4 : y) * width_ + (dots_ ? x / 2 : x)];
        if (dots_) cell.dots |= bits[x % 2][y % 4];
        cell.series = series;
    }

    std::size_t width_, height_;
    bool dots_;
    std::vector<Cell> cells_;
};

/// A time on the axis and where it stands.
struct TimeTick {
    std::size_t column = 0;
    std::string text;
};

std::string time_text(double local_seconds, double step) {
    using namespace std::chrono;
    constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto whole = static_cast<std::int64_t>(std::llround(local_seconds));
    const sys_seconds time{seconds(whole)};
    const sys_days day = floor<days>(time);
    const hh_mm_ss clock(time - day);
    if (step >= 86400 || (clock.to_duration().count() == 0 && step >= 60)) {
        const year_month_day date(day);
        return fmt::format("{} {}", months[static_cast<unsigned>(date.month()) - 1],
                           static_cast<unsigned>(date.day()));
    }
    if (step < 60)
        return fmt::format("{:02}:{:02}:{:02}", clock.hours().count(), clock.minutes().count(),
                           clock.seconds().count());
    return fmt::format("{:02}:{:02}", clock.hours().count(), clock.minutes().count());
}

std::vector<TimeTick> time_ticks(const PlotSettings& settings, std::size_t width) {
    constexpr std::array<double, 23> steps = {
        1,    2,    5,     10,    15,    30,    60,     120,    300,     600,     900,     1800,
        3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000, 31536000};
    const double span = std::max(settings.end - settings.start, 1.0);
    const double least = span * 13 / static_cast<double>(width);
    const auto found =
        std::find_if(steps.begin(), steps.end(), [&](double s) { return s >= least; });
    const double step = found == steps.end() ? std::ceil(least / 31536000) * 31536000 : *found;
    std::vector<TimeTick> out;
    const auto offset = static_cast<double>(settings.utc_offset_seconds);
    const double local_start = settings.start + offset;
    for (double at = std::ceil(local_start / step) * step; at <= settings.end + offset;
         at += step) {
        const double part = (at - local_start) / span;
        out.push_back({static_cast<std::size_t>(std::lround(part * static_cast<double>(width - 1))),
                       time_text(at, step)});
    }
    return out;
}

/// A name cut in the middle of nowhere gets an ellipsis.
std::string fitted(std::string_view text, std::size_t columns, bool ascii) {
    if (display_width(text) <= columns) return std::string(text);
    const std::string_view dots = ascii ? "..." : "…";
    std::size_t left = columns - std::min(columns, display_width(dots)), end = 0;
    while (end < text.size() && left > 0) {
        ++end;
        while (end < text.size() && (text[end] & 0xc0) == 0x80) ++end;
        --left;
    }
    return std::string(text.substr(0, end)) + std::string(dots);
}

class Plot {
public:
    Plot(const std::vector<PlotSeries>& series, const PlotSettings& settings)
        : settings_(settings), all_(series) {
        shown_ = std::min(series.size(), plot_series_max);
        for (std::size_t i = 0; i < shown_; ++i)
            for (const auto& point : series[i].points) {
                if (!std::isfinite(point.second)) continue;
                least_ = std::min(least_, point.second);
                greatest_ = std::max(greatest_, point.second);
            }
    }

    std::string draw() {
        if (least_ > greatest_) return "";
        scale_ = make_scale(least_, greatest_, settings_.height);
        std::vector<std::string> labels(settings_.height);
        for (double value = scale_.low; value <= scale_.high + scale_.step / 2;
             value += scale_.step)
            labels[row_of(value)] = tick_text(value, scale_, settings_.ascii);
        for (const auto& label : labels) margin_ = std::max(margin_, display_width(label));
        width_ = std::max<std::size_t>(settings_.width, margin_ + 24) - margin_ - 4;
        const bool dots = !settings_.ascii && (settings_.colours || shown_ == 1);
        Field field(width_, settings_.height, dots);
        for (std::size_t i = 0; i < shown_; ++i) draw_series(field, i);
        std::string out;
        for (std::size_t row = 0; row < settings_.height; ++row)
            out += line(field, row, labels[row]);
        return out + time_axis() + legend(dots);
    }

private:
    std::size_t row_of(double value) const {
        return static_cast<std::size_t>(
            std::lround(scale_.part(value) * static_cast<double>(settings_.height - 1)));
    }

    std::string quiet(std::string_view text) const {
        return ink(Ink::Quiet, text, settings_.colours);
    }

    std::string line(const Field& field, std::size_t row, const std::string& label) const {
        const bool tick = !label.empty();
        const std::string grid =
            tick && settings_.colours ? quiet(settings_.ascii ? "." : "┈") : "";
        const std::string axis = settings_.ascii ? (tick ? "+" : "|") : (tick ? "┤" : "│");
        return " " + std::string(margin_ - display_width(label), ' ') + label + " " + quiet(axis) +
               field.row(row, settings_.colours, grid) + "\n";
    }

    Field::Spot spot(const Field& field, double at, double value) const {
        const double span = std::max(settings_.end - settings_.start, 1e-3);
        const double across = std::clamp((at - settings_.start) / span, 0.0, 1.0);
        // The middle of a row of characters is where its label stands.
        const double rows = field.rows(), per_row = rows / static_cast<double>(settings_.height);
        const double down = scale_.part(value) * (rows - per_row) + (per_row - 1) / 2;
        return {std::lround(across * (field.columns() - 1)),
                std::clamp(std::lround(down), 0L, static_cast<long>(rows) - 1)};
    }

    void draw_series(Field& field, std::size_t number) const {
        std::optional<std::pair<double, double>> before;
        for (const auto& point : all_[number].points) {
            if (!std::isfinite(point.second)) {
                before.reset();
                continue;
            }
            const Field::Spot here = spot(field, point.first, point.second);
            const bool joined = before && point.first - before->first <= settings_.step * 1.5;
            field.line(joined ? spot(field, before->first, before->second) : here, here, number);
            before = point;
        }
    }

    std::string time_axis() const {
        const std::string_view dash = settings_.ascii ? "-" : "─",
                               mark = settings_.ascii ? "+" : "┬";
        const std::vector<TimeTick> ticks = time_ticks(settings_, width_);
        std::string axis, labels(margin_ + 3, ' ');
        std::size_t next = 0;
        for (std::size_t x = 0; x < width_; ++x) {
            const bool is_tick = next < ticks.size() && ticks[next].column == x;
            if (is_tick) ++next;
            axis += is_tick ? mark : dash;
        }
        for (const TimeTick& tick : ticks) {
            const std::size_t middle = margin_ + 3 + tick.column, half = tick.text.size() / 2;
            // Labels at the edges move inwards.
            const std::size_t begin =
                std::min(std::max(middle - std::min(middle, half), margin_ + 3),
                         settings_.width - std::min(settings_.width, tick.text.size()));
            if (begin < labels.size()) continue;
            labels += std::string(begin - labels.size(), ' ') + tick.text + "  ";
        }
        labels.erase(labels.find_last_not_of(' ') + 1);
        return " " + std::string(margin_ + 1, ' ') + quiet((settings_.ascii ? "+" : "└") + axis) +
               "\n" + labels + "\n";
    }

    static std::string short_number(double value) {
        const double size = std::fabs(value);
        return fmt::format("{:.{}g}", value, size >= 1e5 && size < 1e7 ? 7 : 5);
    }

    std::string legend(bool dots) const {
        std::vector<std::vector<std::string>> rows;
        for (std::size_t i = 0; i < shown_; ++i) {
            double last = std::nan(""), least = std::numeric_limits<double>::infinity(),
                   greatest = -least;
            for (const auto& point : all_[i].points) {
                last = point.second;
                if (!std::isfinite(last)) continue;
                least = std::min(least, last);
                greatest = std::max(greatest, last);
            }
            const bool any = least <= greatest;
            rows.push_back({all_[i].name, "last " + short_number(last),
                            any ? "min " + short_number(least) : "",
                            any ? "max " + short_number(greatest) : ""});
        }
        std::array<std::size_t, 4> widths{};
        for (const auto& row : rows)
            for (std::size_t i = 0; i < 4; ++i)
                widths[i] = std::max(widths[i], display_width(row[i]));
        // A narrow terminal goes without the greatest, then the least, then the last.
        constexpr std::size_t name_least = 10, mark = 3;
        std::size_t cells = 4, numbers = 0;
        for (; cells > 1; --cells) {
            numbers = 0;
            for (std::size_t i = 1; i < cells; ++i) numbers += widths[i] + 3;
            if (settings_.width >= numbers + name_least + mark) break;
            numbers = 0;
        }
        widths[0] =
            std::min(widths[0], settings_.width - std::min(settings_.width, numbers + mark));
        std::string out = "\n";
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const std::string sign = dots ? "━" : std::string(1, letters[i]);
            const std::string name = fitted(rows[i][0], widths[0], settings_.ascii);
            out += " " + (settings_.colours ? coloured(inks[i], sign) : sign) + " " + name;
            std::string numbers_text(widths[0] - display_width(name), ' ');
            for (std::size_t cell = 1; cell < cells; ++cell)
                numbers_text += "   " + rows[i][cell] +
                                std::string(widths[cell] - display_width(rows[i][cell]), ' ');
            numbers_text.erase(numbers_text.find_last_not_of(' ') + 1);
            out += quiet(numbers_text) + "\n";
        }
        if (all_.size() > shown_)
            out += quiet(fmt::format("   and {} that are not drawn\n",
                                     counted(all_.size() - shown_, "series", "series")));
        return out;
    }

    const PlotSettings& settings_;
    const std::vector<PlotSeries>& all_;
    std::size_t shown_ = 0, margin_ = 0, width_ = 0;
    double least_ = std::numeric_limits<double>::infinity(), greatest_ = -least_;
    Scale scale_;
};

}  // namespace

std::string plot(const std::vector<PlotSeries>& series, const PlotSettings& settings) {
    return Plot(series, settings).draw();
}

}  // namespace vedette::app
