#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <limits>
#include <system_error>

#include "app/commands/commands.h"
#include "app/history/past_store.h"
#include "app/openmetrics/export.h"
#include "app/terminal.h"
#include "promql/syntax/parse.h"

namespace vedette::app {

namespace {

/// Seconds since 1970 or RFC 3339; `otherwise` when nothing is said.
Result<Timestamp> read_time(const std::string& text, std::string_view flag, Timestamp otherwise) {
    if (text.empty()) return otherwise;
    if (const auto at = parse_rfc3339(text)) return *at;
    const auto seconds = parse_value(text);
    if (!seconds || !(std::abs(*seconds) < 9e15))
        return fail(Fault::BadInput,
                    fmt::format("{} is {}; expected seconds since 1970 or a time such as "
                                "2026-11-20T12:00:00Z",
                                flag, quote(text)));
    return Timestamp{std::llround(*seconds * 1000)};
}

Result<void> put_out(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0)
        return {};
    return fail(Fault::Unavailable,
                fmt::format("cannot write the output: {}", std::generic_category().message(errno)));
}

Result<ExportDone> export_data(const ExportOptions& options) {
    std::vector<std::vector<Matcher>> selectors;
    for (const std::string& text : options.match) {
        auto selector = promql::parse_selector(text);
        if (!selector)
            return fail(Fault::BadInput, fmt::format("--match: {}", selector.error().message));
        selectors.push_back(std::move(*selector));
    }
    using Limits = std::numeric_limits<std::int64_t>;
    const auto start = read_time(options.start, "--start", {Limits::min() + 1});
    if (!start) return fail(start.error());
    const auto end = read_time(options.end, "--end", {Limits::max()});
    if (!end) return fail(end.error());
    auto past = PastStore::open(options.data, "export");
    if (!past) return fail(past.error());
    // Both ends count.
    return export_openmetrics((*past)->store(), selectors, {*start - Milliseconds(1), *end},
                              put_out);
}

}  // namespace

Exit export_openmetrics(const ExportOptions& options) {
    const auto done = export_data(options);
    if (!done) {
        fmt::print(stderr, "export: {}\n", done.error().message);
        return Exit::Wrong;
    }
    fmt::print(stderr, "export: {} of {}\n", counted(done->samples, "sample", "samples"),
               counted(done->series, "series", "series"));
    if (done->stale > 0)
        fmt::print(stderr, "export: left out {}: OpenMetrics cannot say that a series ended\n",
                   counted(done->stale, "stale marker", "stale markers"));
    if (done->histograms == 0) return Exit::Fine;
    fmt::print(stderr,
               "export: left out {}: OpenMetrics has no words for native histograms; `vedette "
               "backup` keeps them\n",
               counted(done->histograms, "sample of a histogram", "samples of histograms"));
    return Exit::LintOnly;
}

}  // namespace vedette::app
