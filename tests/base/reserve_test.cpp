#include "base/reserve.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "tests/support/failing_files.h"
#include "tests/support/memory_files.h"
#include "tests/support/temp_folder.h"

using namespace vedette;

namespace {

constexpr std::uint64_t piece = limits::reserve_piece_bytes;
constexpr std::uint64_t plenty = std::uint64_t{1} << 40;
const Error no_space{Fault::Limit, "No space left on device"};
const Error io_error{Fault::Unavailable, "Input/output error"};

struct Room {
    MemoryFiles memory;
    FailingFiles files{memory};
    TempFolder folder;
    std::string log_path = folder / "log";
    Log log{LogSettings{.file = log_path}};
    Metrics metrics;

    Reserve make(std::uint64_t pieces = 4) {
        return {files, {.folder = ".", .bytes = pieces * piece}, log, metrics};
    }
    std::uint64_t pieces() {
        return memory.exists("reserve") ? memory.bytes("reserve").size() / piece : 0;
    }
    bool logged(const std::string& what) {
        log.flush();
        std::ifstream file(log_path);
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        return text.find(what) != std::string::npos;
    }
};

}  // namespace

TEST_CASE("a reserve is taken at the start, and taken up as it was left", "[base][reserve]") {
    Room room;
    {
        Reserve reserve = room.make();
        reserve.open();
        CHECK(reserve.whole());
        CHECK(reserve.may_others_grow());
        CHECK(room.pieces() == 4);
        CHECK(room.metrics.gauge("vedette_disk_reserve_bytes", "").value() == 4 * piece);
    }
    SECTION("a larger one grows") {
        Reserve reserve = room.make(6);
        reserve.open();
        CHECK(room.pieces() == 6);
    }
    SECTION("a smaller one shrinks") {
        Reserve reserve = room.make(2);
        reserve.open();
        CHECK(room.pieces() == 2);
        CHECK(reserve.whole());
    }
    SECTION("none is no file") {
        Reserve reserve = room.make(0);
        reserve.open();
        CHECK_FALSE(room.memory.exists("reserve"));
        CHECK(reserve.whole());
        CHECK_FALSE(reserve.give(no_space, Reserve::Whose::Starting));
    }
    SECTION("it is noise, so that a compressing file system keeps the space too") {
        const std::string bytes = room.memory.bytes("reserve");
        std::array<std::size_t, 256> counts{};
        for (const char each : bytes) ++counts[static_cast<unsigned char>(each)];
        for (const std::size_t count : counts) CHECK(count > bytes.size() / 512);
    }
}

TEST_CASE("a full disk gets one piece after the other; the last is for a start",
          "[base][reserve]") {
    Room room;
    Reserve reserve = room.make();
    reserve.open();
    room.memory.set_free_bytes(0);
    CHECK(reserve.give(no_space, Reserve::Whose::Running));
    CHECK(room.pieces() == 3);
    CHECK(reserve.may_others_grow().error().message ==
          "the disk is full; what is left is for the ledger");
    CHECK(room.logged("the disk is full; space of the reserve is given to the ledger"));
    CHECK(reserve.give(no_space, Reserve::Whose::Running));
    CHECK(reserve.give(no_space, Reserve::Whose::Running));
    CHECK_FALSE(reserve.give(no_space, Reserve::Whose::Running));
    CHECK(room.pieces() == 1);
    CHECK(room.metrics.counter("vedette_disk_reserve_given_bytes_total", "").value() == 3 * piece);

    Reserve next = room.make();
    next.open();
    CHECK_FALSE(next.may_others_grow());
    CHECK_FALSE(next.give(no_space, Reserve::Whose::Running));
    CHECK(next.give(no_space, Reserve::Whose::Starting));
    CHECK(room.pieces() == 0);
    CHECK_FALSE(next.give(no_space, Reserve::Whose::Starting));
}

TEST_CASE("what is no matter of space is given nothing", "[base][reserve]") {
    Room room;
    Reserve reserve = room.make();
    reserve.open();
    CHECK_FALSE(reserve.give(io_error, Reserve::Whose::Running));
    CHECK(reserve.may_others_grow());
    // SQLite says `disk I/O error` too when it cannot make its index of the log longer.
    room.memory.set_free_bytes(piece - 1);
    CHECK(reserve.give(io_error, Reserve::Whose::Running));
    CHECK(room.pieces() == 3);
}

TEST_CASE("a reserve is whole again when there is room for it and as much again",
          "[base][reserve]") {
    Room room;
    Reserve reserve = room.make();
    reserve.open();
    room.memory.set_free_bytes(0);
    REQUIRE(reserve.give(no_space, Reserve::Whose::Running));
    REQUIRE(reserve.give(no_space, Reserve::Whose::Running));
    room.memory.set_free_bytes(6 * piece - 1);
    reserve.refill();
    CHECK(room.pieces() == 2);
    CHECK_FALSE(reserve.may_others_grow());
    room.memory.set_free_bytes(6 * piece);
    reserve.refill();
    CHECK(reserve.whole());
    CHECK(room.pieces() == 4);
    CHECK(reserve.may_others_grow());
    CHECK(room.logged("the disk has room again; the reserve is whole"));
}

TEST_CASE("a disk without room starts without a reserve, and nobody has to wait",
          "[base][reserve]") {
    Room room;
    room.memory.set_free_bytes(8 * piece - 1);
    Reserve reserve = room.make();
    reserve.open();
    CHECK_FALSE(reserve.whole());
    CHECK(reserve.may_others_grow());
    CHECK(room.logged("the disk has no room for the whole reserve"));
    room.memory.set_free_bytes(plenty);
    reserve.refill();
    CHECK(reserve.whole());
}

TEST_CASE("whichever operation fails, a reserve says what it holds and goes on",
          "[base][reserve]") {
    for (std::uint64_t n = 1;; ++n) {
        CAPTURE(n);
        Room room;
        room.files.fail_at(n, FailingFiles::io_error());
        Reserve reserve = room.make(2);
        reserve.open();
        (void)reserve.give(no_space, Reserve::Whose::Running);
        reserve.refill();
        const bool reached = room.files.operations() >= n;
        reserve.refill();
        CHECK(reserve.whole());
        CHECK(room.memory.bytes("reserve").size() == 2 * piece);
        if (!reached) break;
    }
}

TEST_CASE("writers that can do without are refused what would make a file longer",
          "[base][files]") {
    const TempFolder folder;
    bool full = false;
    const auto files = make_files([&] {
        return full ? Result<void>(fail(Fault::Limit, "the disk is full")) : Result<void>();
    });
    const auto file = files->open(folder / "log", Files::Open::Append);
    REQUIRE(file);
    REQUIRE((*file)->append("one"));
    full = true;
    CHECK((*file)->append("two").error().message == "the disk is full");
    CHECK(files->write_atomically(folder / "other", "x").error().message == "the disk is full");
    CHECK((*file)->truncate(1));
    CHECK(files->remove(folder / "log"));
}
