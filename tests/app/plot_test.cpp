#include "app/plot.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <sstream>

namespace vedette::app {
namespace {

PlotSettings hour(bool ascii) {
    PlotSettings settings;
    settings.start = 1'790'006'400;  // 2026-09-21 16:00 UTC
    settings.end = settings.start + 3600;
    settings.width = 60;
    settings.height = 9;
    settings.ascii = ascii;
    return settings;
}

PlotSeries line(const std::string& name, double (*value)(double part)) {
    PlotSeries out{name, {}};
    for (int i = 0; i <= 60; ++i) out.points.emplace_back(1'790'006'400 + i * 60, value(i / 60.0));
    return out;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> out;
    std::istringstream in(text);
    for (std::string one; std::getline(in, one);) out.push_back(one);
    return out;
}

std::size_t columns(const std::string& text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

TEST_CASE("a plot in ASCII has round numbers on the left and times below", "[app][plot]") {
    const std::string text = plot({line("up", [](double part) { return part * 100; })}, hour(true));
    const auto lines = lines_of(text);
    REQUIRE(lines.size() == 13);
    CHECK(lines[0].starts_with(" 100 + "));
    CHECK(lines[0].ends_with("**"));
    CHECK(lines[4].starts_with("  50 + "));
    CHECK(lines[8].starts_with("   0 +**"));
    CHECK(lines[9].find_first_not_of(" +-") == std::string::npos);
    CHECK(lines[10].find("16:15") != std::string::npos);
    CHECK(lines[12] == " * up   last 100   min 0   max 100");
}

TEST_CASE("no line of a plot is wider than the terminal", "[app][plot]") {
    const auto width = GENERATE(std::size_t{40}, 61, 80, 133, 250);
    const bool ascii = GENERATE(false, true);
    PlotSettings settings = hour(ascii);
    settings.width = width;
    const std::string name =
        "a_very_long_name{with=\"labels that nobody wants to read in a legend of a plot\"}";
    const std::string text = plot({line(name, [](double part) { return std::sin(part * 9) * 1e7; }),
                                   line("b", [](double part) { return -3e6 * part; })},
                                  settings);
    for (const auto& one : lines_of(text)) {
        CAPTURE(one);
        CHECK(columns(one) <= width);
    }
}

TEST_CASE("a plot without colours has no escapes, and ASCII means ASCII", "[app][plot]") {
    const auto two = {line("a", [](double part) { return part; }),
                      line("b", [](double part) { return 1 - part; })};
    const std::string letters = plot(two, hour(true));
    CHECK(std::all_of(letters.begin(), letters.end(),
                      [](char c) { return c == '\n' || (c >= ' ' && c < 0x7f); }));
    const std::string boxes = plot(two, hour(false));
    CHECK(boxes.find('\x1b') == std::string::npos);
    CHECK(boxes.find("* a ") != std::string::npos);
    CHECK(boxes.find("o b ") != std::string::npos);
}

TEST_CASE("with colours every series has its own and the lines are dots", "[app][plot]") {
    PlotSettings settings = hour(false);
    settings.colours = true;
    const std::string text = plot({line("a", [](double part) { return part; }),
                                   line("b", [](double part) { return 1 - part; })},
                                  settings);
    CHECK(text.find("\x1b[38;5;39m━") != std::string::npos);
    CHECK(text.find("\x1b[38;5;208m━") != std::string::npos);
    CHECK(text.find("\u2800") == std::string::npos);  // an empty cell is no dots, not blank dots
}

TEST_CASE("gaps, infinities and NaN are not joined over", "[app][plot]") {
    PlotSeries broken{"x", {}};
    for (int i = 0; i <= 60; ++i) {
        if (i > 20 && i < 40) continue;
        broken.points.emplace_back(1'790'006'400 + i * 60, i == 50 ? std::nan("") : 5.0);
    }
    const auto lines = lines_of(plot({broken}, hour(true)));
    const auto drawn = std::find_if(lines.begin(), lines.end(), [](const std::string& one) {
        return one.find('*') != std::string::npos;
    });
    REQUIRE(drawn != lines.end());
    CHECK(drawn->substr(8).find("     ") != std::string::npos);
    CHECK(lines.back() == " * x   last 5   min 5   max 5");
}

TEST_CASE("nothing finite is no plot, and a thirteenth series is counted", "[app][plot]") {
    CHECK(plot({}, hour(true)).empty());
    CHECK(plot({{"x", {{1'790'006'400, std::nan("")}}}}, hour(true)).empty());
    std::vector<PlotSeries> many;
    for (int i = 0; i < 14; ++i) many.push_back(line("s", [](double part) { return part; }));
    CHECK(plot(many, hour(true)).ends_with("   and 2 series that are not drawn\n"));
}

TEST_CASE("numbers of the axis have the decimals their step needs", "[app][plot]") {
    struct Row {
        const char* what;
        double greatest;
        const char* label;
    };
    const auto row = GENERATE(values<Row>({
        {"plain", 100, " 100 +"},
        {"small", 1, " 1.0 +"},
        {"tiny", 1e-5, " 10u +"},
        {"thousands", 1e5, " 100k +"},
        {"bytes", 1e10, " 10G +"},
        {"huge", 1e21, " 1e+21 +"},
    }));
    CAPTURE(row.what);
    PlotSeries one{"x", {{1'790'006'400, 0}, {1'790'010'000, row.greatest}}};
    const std::string text = plot({one}, hour(true));
    CHECK(text.starts_with(row.label));
}

}  // namespace
}  // namespace vedette::app
