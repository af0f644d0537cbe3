#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/files.h"
#include "core/error.h"
#include "store/blocks/plan.h"
#include "store/store.h"

namespace vedette::app {

struct ImportSettings {
    std::size_t samples_a_pass = std::size_t{16} << 20;  ///< held in memory at once, 16 bytes each
    std::size_t samples_a_block = std::size_t{4} << 20;  ///< a block is shorter when it has more
};

/// What a file holds, and what became of it.
struct ImportDone {
    std::size_t lines = 0;  ///< with a sample
    std::size_t series = 0;
    std::size_t stored = 0;     ///< samples in blocks that were made now
    std::size_t blocks = 0;     ///< made now
    std::size_t resumed = 0;    ///< blocks that an import which was cut off had made before
    std::size_t repeated = 0;   ///< lines that say what another line says
    std::size_t conflicts = 0;  ///< lines of a time for which an earlier line has another value
    std::string first_conflict;
    std::size_t exemplars = 0;  ///< left out
    Timestamp oldest, newest;
};

/// Told how far it is: what is being done, and how many of how many bytes of the file.
using ImportProgress = std::function<void(std::string_view, std::uint64_t, std::uint64_t)>;

/// Brings the samples of an OpenMetrics file into a store as blocks, without going through memory
/// or the log. First all of the file is read and nothing written; then it is read again, once for
/// every so many samples, and blocks are written one by one, each whole or not at all.
///
///     granules of ten minutes   ▁▂▂▂▂▂▂▂▁▁▁   █████████████▂▂▂     how many samples each
///     blocks                    ├────┤├───┤   ├─┤├─┤├─┤├─┤├───┤     up to 18 hours, or so many
///     samples
///
/// Times are rounded to milliseconds. The text must outlive this. Not safe to share between
/// threads.
class Import {
public:
    Import(std::string_view text, std::string path, ImportSettings settings,
           ImportProgress progress);

    /// Fails with BadInput and `path:line: what was found; what was expected` at the first line
    /// that cannot be taken: a sample without a time or later than `latest`, labels that are too
    /// long.
    Result<void> read(Timestamp latest);
    /// After `read`. Goes on where an import of the same bytes was cut off: the file at
    /// `progress_path` says which blocks are there; it is removed when all of them are.
    Result<ImportDone> write(store::Store& store, Files& files, const std::string& progress_path);

private:
    struct Row {
        std::uint32_t series = 0;
        Timestamp at;
        double value = 0;
    };
    struct Granule {
        std::size_t samples = 0;
        Timestamp first, last;
    };
    struct Block {
        store::Stretch stretch;
        std::size_t samples = 0;  ///< lines, before what is repeated is left out
    };
    struct Point {
        std::int64_t ms;
        double value;
    };
    class Points;
    using EachRow = std::function<Result<void>(const Row&)>;

    Result<void> each_row(std::string_view doing, bool first_time, const EachRow& each);
    Result<std::uint32_t> find_series(std::string_view text);
    Result<void> take_comment(std::string_view line);
    Error at_line(int line, std::string_view what) const;
    void plan();
    Result<void> gather(store::Stretch stretch);
    void tidy(std::uint32_t series);

    const std::string_view text_;
    const std::string path_;
    const ImportSettings settings_;
    const ImportProgress progress_;
    ImportDone done_;
    std::unordered_map<std::string_view, std::uint32_t> by_text_;
    std::map<Labels, std::uint32_t> by_labels_;
    std::vector<Labels> labels_;
    std::map<std::string, store::MetricMetadata> metadata_;
    std::map<std::int64_t, Granule> granules_;
    std::vector<Block> blocks_;
    std::vector<std::vector<Point>> points_;  // of each series, in one pass
};

}  // namespace vedette::app
