#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "app/commands/commands.h"
#include "app/openmetrics/import.h"
#include "app/terminal.h"
#include "base/log.h"
#include "base/metrics.h"

namespace vedette::app {

namespace {

/// A line on the terminal that is written again and again; nothing elsewhere.
class ProgressLine {
public:
    ~ProgressLine() { clear(); }
    void show(std::string_view doing, std::uint64_t bytes, std::uint64_t all) {
        if (!terminal_) return;
        fmt::print(stderr, "\r{} {:>3} %  ", doing, all == 0 ? 100 : bytes * 100 / all);
        std::fflush(stderr);
        shown_ = true;
    }
    void clear() {
        if (shown_) fmt::print(stderr, "\r\x1b[K");
        shown_ = false;
    }

private:
    const bool terminal_ = ::isatty(STDERR_FILENO) == 1;
    bool shown_ = false;
};

Result<std::unique_ptr<store::Store>> open_store(Files& files, const std::string& data,
                                                 Clock& clock, Log& log, Metrics& metrics) {
    store::StoreSettings settings;
    settings.own_thread = false;
    auto opened = store::Store::open(files, data, settings, clock, log, metrics);
    if (!opened && opened.error().fault == Fault::Refused)
        return fail(Fault::Refused,
                    fmt::format("{}. Stop the daemon first: an import writes blocks "
                                "beside what it holds in memory",
                                opened.error().message));
    return opened;
}

Result<ImportDone> import_file(const ImportOptions& options, ProgressLine& line) {
    const auto files = make_files();
    auto file = files->map(options.file);
    if (!file) return fail(file.error());
    SystemClock clock;
    Log log(LogSettings{.level = LogLevel::Error});
    Metrics metrics;
    // Before the file is read, which may take long: nobody else is to have the folder meanwhile.
    auto store = open_store(*files, options.data, clock, log, metrics);
    if (!store) return fail(store.error());
    for (const auto& loss : (*store)->recovery().losses)
        fmt::print(stderr, "import: {}\n", loss.text());
    Import import((*file)->bytes(), options.file, {},
                  [&](std::string_view doing, std::uint64_t bytes, std::uint64_t all) {
                      line.show(doing, bytes, all);
                  });
    if (auto read = import.read(clock.now()); !read) return fail(read.error());
    auto done = import.write(**store, *files, options.data + "/import.progress");
    if (auto closed = (*store)->close(); !closed) return fail(closed.error());
    return done;
}

void print_notes(const ImportDone& done) {
    const auto note = [](std::string_view text) { fmt::print(stderr, "import: {}\n", text); };
    if (done.resumed > 0)
        note(fmt::format("went on: {} were there already",
                         counted(done.resumed, "block", "blocks")));
    if (done.repeated > 0)
        note(fmt::format("{} said the same as another", counted(done.repeated, "line", "lines")));
    if (done.conflicts > 0)
        note(fmt::format("left out {} of times that an earlier line speaks of: {}",
                         counted(done.conflicts, "line", "lines"), done.first_conflict));
    if (done.exemplars > 0)
        note(fmt::format("left out {}: they are not kept",
                         counted(done.exemplars, "exemplar", "exemplars")));
    if (done.lines == 0) return;
    const Milliseconds age = SystemClock().now() - done.oldest;
    if (age > store::StoreSettings().retention)
        note(
            fmt::format("the oldest sample is {} old: `vedette run` drops what is older than "
                        "`storage.retention`, {} unless set",
                        humanize_duration(age), format_duration(store::StoreSettings().retention)));
}

}  // namespace

Exit import_openmetrics(const ImportOptions& options) {
    ProgressLine line;
    const auto done = import_file(options, line);
    line.clear();
    if (!done) {
        fmt::print(stderr, "import: {}\n", done.error().message);
        return Exit::Wrong;
    }
    print_notes(*done);
    fmt::print("{}: {} of {} in {} of {}\n", options.file,
               counted(done->stored, "sample", "samples"),
               counted(done->series, "series", "series"),
               counted(done->blocks, "new block", "new blocks"), options.data);
    return done->conflicts > 0 ? Exit::LintOnly : Exit::Fine;
}

}  // namespace vedette::app
