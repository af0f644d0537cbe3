#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/files.h"
#include "store/blocks/block.h"

namespace vedette::store {

/// Samples that somebody deleted: those of the series that a selector selects, inside a window.
/// Head and log forget them at once; blocks do not change, so what is deleted in them is left out
/// whenever they are read, until they are written anew. Immutable.
class Deletion {
public:
    using Selectors = std::vector<std::vector<Matcher>>;

    /// The numbers of blocks of roll-ups, by their resolution.
    using OfRollups = std::vector<std::pair<Milliseconds, std::uint64_t>>;

    /// `through`: blocks with a higher number were written without these samples, or hold samples
    /// that came later; `rollups` say the same of roll-ups. Fails with BadInput for a pattern that
    /// is no RE2 expression.
    static Result<std::shared_ptr<const Deletion>> make(std::uint64_t through, Window window,
                                                        Selectors selectors,
                                                        OfRollups rollups = {});
    /// Reads the payload of a Deleted record, which `record` is the whole of.
    static Result<std::shared_ptr<const Deletion>> read(std::string_view payload);
    const std::string& record() const { return record_; }

    std::uint64_t through() const { return through_; }
    /// The same deletion as the blocks of these roll-ups know it.
    std::shared_ptr<const Deletion> of_rollup(Milliseconds resolution) const;
    Window window() const { return window_; }
    const std::vector<std::vector<ReadyMatcher>>& selectors() const { return ready_; }
    bool concerns(const BlockAbout& block) const;
    /// `{__name__="up"} from 2026-09-21T14:15:00.000Z to …, in blocks up to 7`
    std::string text() const;

private:
    Deletion() = default;

    std::uint64_t through_ = 0;
    Window window_;
    OfRollups rollups_;
    Selectors said_;
    std::vector<std::vector<ReadyMatcher>> ready_;
    std::string record_;
};

using Deletions = std::vector<std::shared_ptr<const Deletion>>;

/// Makes windows ascend, and one of those that touch.
void join(std::vector<Window>& windows);

/// What of a block is deleted, this deletion included; null when nothing is. Of roll-ups, the times
/// at which buckets begin that hold anything of the window.
std::shared_ptr<const DeletedSeries> deleted_from(const Block& block, const Deletion& deletion);

inline constexpr std::string_view deletions_magic = "vdtdel1\n";

/// The file `blocks/deletions`; docs/formats/deletions.md draws it.
std::string write_deletions(const Deletions& deletions);
struct DeletionsRead {
    Deletions deletions;
    std::uint32_t promised = 0;  ///< how many the file says there are
    bool whole = false;          ///< as many as that, and nothing that cannot be read
};
DeletionsRead read_deletions(std::string_view bytes);

}  // namespace vedette::store
