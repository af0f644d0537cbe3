#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/time.h"
#include "store/blocks/plan.h"

namespace vedette::store {

/// What the blocks do not say of themselves: since when samples are whole, and what was put into
/// times that are rolled up already. A value; the file `rollups/state` when it is to survive.
struct RollupState {
    struct Class {
        std::string text;  ///< its selector; empty for the series of no class
        Timestamp whole_from;
        bool operator==(const Class&) const = default;
    };
    struct Due {
        Milliseconds resolution{0};
        std::vector<Stretch> stretches;  ///< ascending, apart
        bool operator==(const Due&) const = default;
    };
    /// In the order in which they are asked, the series of no class last. Before `whole_from`
    /// samples of the class may have been thrown away.
    std::vector<Class> classes;
    /// Buckets that begin in these are to be made again.
    std::vector<Due> due;

    bool operator==(const RollupState&) const = default;

    /// The same for other classes: what one of the old ones threw away, any of the new may miss.
    void set_classes(std::vector<std::string> texts);
    /// Samples of one class, or of all, before `until` are thrown away.
    void throw_away(std::size_t index, Timestamp until);
    void throw_away(Timestamp until);
    /// Empty where nothing is due.
    const std::vector<Stretch>& due_of(Milliseconds resolution) const;
    void add_due(Milliseconds resolution, Stretch stretch);
    /// What is due inside the stretch is done.
    void done(Milliseconds resolution, Stretch stretch);
    /// Some of the window is due.
    bool is_due(Window window) const;
};

inline constexpr std::string_view rollup_state_magic = "vdtrol1\n";

/// The bytes of `rollups/state`; docs/formats/block.md draws it.
std::string write_rollup_state(const RollupState& state);
/// Corrupt when the bytes are not whole.
Result<RollupState> read_rollup_state(std::string_view bytes);

}  // namespace vedette::store
