#include "store/dump.h"

#include <fmt/format.h>

#include <iostream>

#include "app/commands/commands.h"
#include "base/files.h"

namespace vedette::app {

Exit dump(const std::string& file) {
    const auto files = make_files();
    const Result<void> done = store::dump(*files, file, std::cout);
    std::cout.flush();
    if (done) return Exit::Fine;
    fmt::print(stderr, "dump: {}\n", done.error().message);
    return Exit::Wrong;
}

}  // namespace vedette::app
