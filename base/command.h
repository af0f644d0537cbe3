#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/loop.h"
#include "core/time.h"

namespace vedette {

struct CommandCall {
    std::vector<std::string> words;  ///< an absolute path and its arguments
    std::string input;               ///< on its standard input, which then ends
    Milliseconds timeout{0};         ///< then it and what it started are killed
};

struct CommandEnd {
    bool started = false;
    bool timed_out = false;
    int exit_code = 0;   ///< meaningless when a signal ended it
    int signal = 0;
    std::string output;  ///< the first 4 KiB of stdout and stderr together
    std::string error;   ///< one sentence; empty when it ended with 0
};

/// Starts programs of this machine, one process group each: environment of PATH alone, folder `/`, no
/// descriptor but the three, no ambient capability, no core dump. On the loop's thread only; nothing
/// blocks it. When this goes, what still runs is killed and its `done` is not called.
class Commands {
public:
    explicit Commands(Loop& loop);
    ~Commands();
    Commands(const Commands&) = delete;
    Commands& operator=(const Commands&) = delete;

    /// Calls `done` exactly once, on the loop; inside the call when the program cannot be started.
    void start(CommandCall call, std::function<void(CommandEnd)> done);
    std::size_t running() const;

private:
    struct Child;
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace vedette
