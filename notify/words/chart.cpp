// 640 × 220 dots, twice the size at which it is shown:
//
//      max ┤      ╭╮            what the expression gave; gaps stay gaps
//   < 0.5  ┤╌╌╌╌╌╌││╌╌╌╌╌╌╌╌    the threshold
//      min ┤──────╯╰─────────
//          09:00         15:00
#include "notify/words/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/template/value.h"
#include "notify/words/png.h"

namespace vedette::notify {
namespace {

enum Ink : std::uint8_t { Paper, Grid, Words, Line, Limit, Tint };
constexpr std::array<Color, Picture::colors> palette{{{255, 255, 255}, {225, 228, 232}, {70, 78, 88},
                                                      {31, 98, 168}, {192, 57, 43}, {250, 228, 225}}};
constexpr int width = 640, height = 220, left = 110, right = 624, top = 16, bottom = 180;

struct Range {
    double low = 0, high = 0;
};

/// What is drawn, with room above and below; the threshold is always seen.
Range range_of(const History& history) {
    Range out{INFINITY, -INFINITY};
    const auto take = [&](double value) {
        if (!std::isfinite(value)) return;
        out.low = std::min(out.low, value);
        out.high = std::max(out.high, value);
    };
    for (const auto& [at, value] : history.points) take(value);
    if (history.threshold) take(*history.threshold);
    const double spread = out.high - out.low;
    const double more = spread > 0 ? spread * 0.08 : std::max(std::abs(out.high) * 0.1, 0.5);
    return {out.low - more, out.high + more};
}

class Chart {
public:
    Chart(const History& history, const TimeZone* zone)
        : history_(history), zone_(zone), picture_(width, height, palette), range_(range_of(history)) {}

    std::string draw() {
        tint();
        axes();
        line();
        return picture_.png();
    }

private:
    int x_of(Timestamp at) const {
        const double all = static_cast<double>(history_.points.back().first.ms - history_.points.front().first.ms);
        const double part = static_cast<double>(at.ms - history_.points.front().first.ms);
        return left + static_cast<int>(std::lround((right - left) * part / std::max(all, 1.0)));
    }
    int y_of(double value) const {
        const double part = (value - range_.low) / (range_.high - range_.low);
        return bottom - static_cast<int>(std::lround((bottom - top) * part));
    }
    void label(double value, const std::string& before, Ink ink) {
        const std::string text = before + fmt::format("{:.3g}", value);
        picture_.text(left - 10 - Picture::text_width(text), std::clamp(y_of(value) - 7, 0, bottom - 7), text, ink);
    }
    void tint() {
        if (!history_.threshold) return;
        const int limit = std::clamp(y_of(*history_.threshold), top, bottom);
        if (history_.comparison.starts_with('>')) picture_.box(left, top, right, limit, Tint);
        if (history_.comparison.starts_with('<')) picture_.box(left, limit, right, bottom, Tint);
    }
    void axes() {
        for (int i = 0; i <= 4; ++i) {
            const int y = top + (bottom - top) * i / 4;
            picture_.line(left, y, right, y, Grid);
        }
        Range seen{INFINITY, -INFINITY};
        for (const auto& [at, value] : history_.points)
            if (std::isfinite(value)) seen = {std::min(seen.low, value), std::max(seen.high, value)};
        const auto far_from_limit = [&](double value) {
            return !history_.threshold || std::abs(y_of(value) - y_of(*history_.threshold)) > 18;
        };
        if (far_from_limit(seen.high)) label(seen.high, "", Words);
        if (far_from_limit(seen.low) && y_of(seen.low) - y_of(seen.high) > 18) label(seen.low, "", Words);
        if (history_.threshold) {
            const int y = y_of(*history_.threshold);
            picture_.line(left, y, right, y, Limit, 2, 8);
            label(*history_.threshold, history_.comparison, Limit);
        }
        const std::string from = format_go_time(history_.points.front().first, "15:04", zone_);
        const std::string to = format_go_time(history_.points.back().first, "15:04", zone_);
        picture_.text(left, bottom + 14, from, Words);
        picture_.text(right - Picture::text_width(to) + 2, bottom + 14, to, Words);
    }
    void line() {
        const std::pair<Timestamp, double>* last = nullptr;
        for (const auto& point : history_.points) {
            if (!std::isfinite(point.second)) {
                last = nullptr;
                continue;
            }
            const auto& from = last == nullptr ? point : *last;
            picture_.line(x_of(from.first), y_of(from.second), x_of(point.first), y_of(point.second), Line, 3);
            last = &point;
        }
    }

    const History& history_;
    const TimeZone* zone_;
    Picture picture_;
    Range range_;
};

}  // namespace

std::optional<std::string> draw_chart(const History& history, const TimeZone* zone) {
    const auto drawn = std::ranges::count_if(history.points, [](const auto& one) { return std::isfinite(one.second); });
    if (drawn < 2) return std::nullopt;
    return Chart(history, zone).draw();
}

const History* lead_history(const Message& message) {
    for (const bool over : {false, true})
        for (const AlertRef& alert : message.alerts) {
            const auto found = message.histories.find(alert->id.fingerprint);
            if (is_over(*alert) == over && found != message.histories.end()) return found->second.get();
        }
    return nullptr;
}

}  // namespace vedette::notify
