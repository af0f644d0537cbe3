#include "app/history/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "app/terminal.h"
#include "core/labels.h"

namespace vedette::app {
namespace {

using rules::testing::AlertHistory;
using rules::testing::Firing;

std::string per_week(double pages) {
    return fmt::format("{:.3g}", pages);
}

std::string difference(double now, double before) {
    const double by = now - before;
    if (std::abs(by) < 0.005) return "same";
    return fmt::format("{:+.3g}", by);
}

std::string to_seconds(Timestamp at) {
    return format_rfc3339(at).substr(0, std::string_view("YYYY-MM-DDTHH:MM:SS").size()) + "Z";
}

std::vector<Milliseconds> lengths(const AlertHistory& history, Timestamp end) {
    std::vector<Milliseconds> out;
    for (const Firing& firing : history.firings) out.push_back(firing.lasted(end));
    std::sort(out.begin(), out.end());
    return out;
}

std::vector<std::string> row_of(const AlertHistory& history, Window window, double before) {
    const auto lasted = lengths(history, window.to);
    const double pages = history.pages_per_week(window);
    return {"  " + history.name,
            std::to_string(history.firings.size()),
            per_week(pages),
            per_week(before),
            difference(pages, before),
            lasted.empty() ? "-" : humanize_duration(lasted[lasted.size() / 2]),
            lasted.empty() ? "-" : humanize_duration(lasted.back())};
}

std::string times_of(const AlertHistory& history, Window window, std::size_t shown_max) {
    std::string out = fmt::format("\n  {}\n", history.name);
    const std::size_t count = history.firings.size();
    const std::size_t left_out = count > shown_max ? count - shown_max : 0;
    if (left_out > 0) out += fmt::format("    … and {} before\n", left_out);
    for (std::size_t i = left_out; i < count; ++i) {
        const Firing& firing = history.firings[i];
        LabelsBuilder labels(firing.labels);
        out +=
            fmt::format("    {}  for {}{}  {}\n", to_seconds(firing.from),
                        humanize_duration(firing.lasted(window.to)), firing.until ? "" : ", and on",
                        to_string(labels.del("alertname").build()));
    }
    return out;
}

}  // namespace

std::string history_report(const Histories& histories, const Histories& before, Window window,
                           std::size_t shown_max) {
    std::map<std::string, double> pages_before;
    for (const AlertHistory& one : before) pages_before[one.name] += one.pages_per_week(window);
    std::vector<std::vector<std::string>> rows{
        {"  alert", "fired", "pages/week", "as it is", "difference", "median", "longest"}};
    std::map<std::string, double> gone = pages_before;
    for (const AlertHistory& one : histories) {
        rows.push_back(row_of(one, window, pages_before[one.name]));
        gone.erase(one.name);
    }
    for (const auto& [name, pages] : gone)
        rows.push_back({"  " + name, "gone", "-", per_week(pages), difference(0, pages), "-", "-"});
    std::string out = table(rows, {false, true, true, true, true, true, true});
    for (const AlertHistory& one : histories)
        if (!one.firings.empty()) out += times_of(one, window, shown_max);
    for (const AlertHistory& one : histories)
        if (one.failed > 0)
            out +=
                fmt::format("\n  {}: {} evaluations failed: {}\n", one.name, one.failed, one.error);
    return out;
}

}  // namespace vedette::app
