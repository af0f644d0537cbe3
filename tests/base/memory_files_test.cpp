#include "tests/support/memory_files.h"

#include <catch2/catch.hpp>

using namespace vedette;

namespace {

std::unique_ptr<File> open(MemoryFiles& files, const std::string& path) {
    auto file = files.open(path, Files::Open::Append);
    REQUIRE(file);
    return std::move(*file);
}

}  // namespace

TEST_CASE("a power cut takes what was appended after the last sync", "[base][support]") {
    MemoryFiles files;
    const auto file = open(files, "log");
    REQUIRE(files.sync_folder("."));
    REQUIRE(file->append("kept"));
    REQUIRE(file->sync());
    REQUIRE(file->append(" and lost"));
    CHECK(files.bytes("log") == "kept and lost");

    SECTION("all of it") {
        files.power_cut();
        CHECK(files.bytes("log") == "kept");
    }
    SECTION("or all but what the disk had time for") {
        files.power_cut(4);
        CHECK(files.bytes("log") == "kept and");
    }
    CHECK(file->append("x").error() ==
          Error{Fault::Internal, "cannot write to log: the power was cut since it was opened"});
}

TEST_CASE("a power cut brings back what was cut off but not synced", "[base][support]") {
    MemoryFiles files;
    const auto file = open(files, "log");
    REQUIRE(files.sync_folder("."));
    REQUIRE(file->append("0123456789"));
    REQUIRE(file->sync());
    REQUIRE(file->truncate(3));
    REQUIRE(file->append("abc"));
    files.power_cut();
    CHECK(files.bytes("log") == "0123456789");
}

TEST_CASE("a sync after a cut writes both", "[base][support]") {
    MemoryFiles files;
    const auto file = open(files, "log");
    REQUIRE(files.sync_folder("."));
    REQUIRE(file->append("0123456789"));
    REQUIRE(file->sync());
    REQUIRE(file->truncate(3));
    REQUIRE(file->append("abc"));
    REQUIRE(file->sync());
    files.power_cut();
    CHECK(files.bytes("log") == "012abc");
}

TEST_CASE("a power cut undoes names whose folder was not synced", "[base][support]") {
    MemoryFiles files;
    REQUIRE(files.make_folders("wal"));
    REQUIRE(open(files, "wal/old")->sync());
    REQUIRE(files.sync_folder("wal"));

    SECTION("a new file is gone, however well its bytes were synced") {
        const auto file = open(files, "wal/new");
        REQUIRE(file->append("x"));
        REQUIRE(file->sync());
        files.power_cut();
        CHECK(files.list("wal") == std::vector<std::string>{"old"});
    }
    SECTION("a new name is forgotten") {
        REQUIRE(files.rename("wal/old", "wal/renamed"));
        files.power_cut();
        CHECK(files.list("wal") == std::vector<std::string>{"old"});
    }
    SECTION("a removed file is back") {
        REQUIRE(files.remove("wal/old"));
        files.power_cut();
        CHECK(files.list("wal") == std::vector<std::string>{"old"});
    }
    SECTION("a sync of the folder makes all three last") {
        REQUIRE(files.rename("wal/old", "wal/renamed"));
        REQUIRE(open(files, "wal/new")->sync());
        REQUIRE(files.sync_folder("wal"));
        files.power_cut();
        CHECK(files.list("wal") == std::vector<std::string>{"new", "renamed"});
    }
    SECTION("what was written atomically stays") {
        REQUIRE(files.write_atomically("wal/whole", "all of it"));
        files.power_cut();
        CHECK(files.bytes("wal/whole") == "all of it");
    }
}

TEST_CASE("a test can cut a file and flip its bits, for ever", "[base][support]") {
    MemoryFiles files;
    REQUIRE(files.write_atomically("block", "abcdef"));
    files.flip("block", 1, 0x20);
    files.cut("block", 4);
    CHECK(files.bytes("block") == "aBcd");
    files.power_cut();
    CHECK(files.bytes("block") == "aBcd");
}

TEST_CASE("a file that was opened to be read is not written to", "[base][support]") {
    MemoryFiles files;
    REQUIRE(files.write_atomically("block", "abc"));
    const auto file = files.open("block", Files::Open::Read);
    REQUIRE(file);
    CHECK((*file)->append("d").error() ==
          Error{Fault::Internal, "cannot write to block: Bad file descriptor"});
    CHECK(files.bytes("block") == "abc");
}
