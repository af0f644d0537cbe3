#include "tests/support/failing_files.h"

#include <catch2/catch.hpp>

#include "tests/support/memory_files.h"

using namespace vedette;

namespace {

/// Five operations: make a file, write to it twice, sync, rename.
Result<void> work(Files& files) {
    auto file = files.open("new", Files::Open::CreateNew);
    if (!file) return fail(file.error());
    if (auto done = (*file)->append("one "); !done) return done;
    if (auto done = (*file)->append("two"); !done) return done;
    if (auto done = (*file)->sync(); !done) return done;
    return files.rename("new", "done");
}

}  // namespace

TEST_CASE("each operation can be made to fail, and only that one", "[base][support]") {
    for (std::uint64_t n = 1; n <= 6; ++n) {
        CAPTURE(n);
        MemoryFiles memory;
        FailingFiles files(memory);
        files.fail_at(n, FailingFiles::io_error());
        const auto done = work(files);
        CHECK(done.has_value() == (n == 6));
        if (!done) CHECK(done.error() == FailingFiles::io_error());
        CHECK(files.operations() == std::min<std::uint64_t>(n, 5));
        CHECK(memory.exists("done") == (n == 6));
    }
}

TEST_CASE("all operations of a kind fail until they are healed", "[base][support]") {
    MemoryFiles memory;
    FailingFiles files(memory);
    files.fail_all(FailingFiles::Op::Sync, FailingFiles::disk_full());
    const auto file = files.open("log", Files::Open::Append);
    REQUIRE((*file)->append("x"));
    CHECK((*file)->sync().error() == Error{Fault::Limit, "No space left on device"});
    CHECK((*file)->sync().error() == Error{Fault::Limit, "No space left on device"});
    files.heal();
    CHECK((*file)->sync());
}

TEST_CASE("a short write leaves a part", "[base][support]") {
    MemoryFiles memory;
    FailingFiles files(memory);
    const auto file = files.open("log", Files::Open::Append);
    files.leave(3);
    files.fail_at(2, FailingFiles::io_error());
    CHECK_FALSE((*file)->append("abcdef"));
    CHECK(memory.bytes("log") == "abc");
}

TEST_CASE("a disk fills up in the middle of a record", "[base][support]") {
    MemoryFiles memory;
    FailingFiles files(memory);
    files.fill_after(5);
    const auto file = files.open("log", Files::Open::Append);
    CHECK((*file)->append("abc"));
    CHECK((*file)->append("def").error() == FailingFiles::disk_full());
    CHECK((*file)->append("g").error() == FailingFiles::disk_full());
    CHECK(files.write_atomically("other", "h").error() == FailingFiles::disk_full());
    CHECK(memory.bytes("log") == "abcde");
    files.heal();
    CHECK((*file)->append("!"));
    CHECK(memory.bytes("log") == "abcde!");
}
