#include "base/code_memory.h"

#include <catch2/catch.hpp>
#include <cstdio>

namespace {

/// Pages of files that are resident in this process.
long resident_of_files() {
    long pages = 0;
    if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%*d %*d %ld", &pages) != 1) pages = 0;
        std::fclose(file);
    }
    return pages;
}

}  // namespace

TEST_CASE("code is given back, and comes back when it is run") {
    const long before = resident_of_files();
    REQUIRE(before > 0);
    vedette::give_back_code();
    CHECK(resident_of_files() < before);
}
