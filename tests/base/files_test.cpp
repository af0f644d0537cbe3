#include "base/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <fstream>
#include <memory>

#include "tests/support/memory_files.h"
#include "tests/support/temp_folder.h"

using namespace vedette;

namespace {

/// The real disk in a fresh folder, or the one in memory: both must behave alike.
struct Place {
    explicit Place(bool real) {
        if (real) {
            files = make_files();
            folder = temporary.path();
        } else {
            files = std::make_unique<MemoryFiles>();
            folder = "data";
            REQUIRE(files->make_folders(folder));
        }
    }
    std::string operator/(const std::string& name) const { return folder + "/" + name; }

    TempFolder temporary;
    std::unique_ptr<Files> files;
    std::string folder;
};

std::string read_some(const File& file, std::uint64_t offset, std::size_t bytes) {
    std::string out(bytes, '\0');
    const auto got = file.read_at(offset, out);
    REQUIRE(got);
    out.resize(*got);
    return out;
}

}  // namespace

TEST_CASE("a file is appended to, read and cut", "[base][files]") {
    const Place place(GENERATE(true, false));
    const auto file = place.files->open(place / "log", Files::Open::Append);
    REQUIRE(file);
    REQUIRE((*file)->append("hello "));
    REQUIRE((*file)->append("world"));
    REQUIRE((*file)->sync());
    CHECK((*file)->size() == 11U);
    CHECK(read_some(**file, 6, 100) == "world");
    CHECK(read_some(**file, 11, 100).empty());
    REQUIRE((*file)->truncate(5));
    REQUIRE((*file)->append("!"));
    CHECK(place.files->read_all(place / "log", 100) == "hello!");
    CHECK((*place.files->map(place / "log"))->bytes() == "hello!");
    const auto again = place.files->open(place / "log", Files::Open::Append);
    REQUIRE((*again)->append("?"));
    CHECK(place.files->read_all(place / "log", 7) == "hello!?");
}

TEST_CASE("an empty file maps to nothing", "[base][files]") {
    const Place place(GENERATE(true, false));
    REQUIRE(place.files->open(place / "empty", Files::Open::CreateNew));
    CHECK((*place.files->map(place / "empty"))->bytes().empty());
}

TEST_CASE("failures of the disk name the path and the reason", "[base][files]") {
    const Place place(GENERATE(true, false));
    Files& files = *place.files;
    REQUIRE(files.write_atomically(place / "here", "12345"));
    REQUIRE(files.make_folders(place / "full"));
    REQUIRE(files.write_atomically(place / "full/x", ""));

    const auto error = [](const auto& result) { return result ? Error{} : result.error(); };
    const std::string missing = ": No such file or directory";
    CHECK(error(files.open(place / "none", Files::Open::Read)) ==
          Error{Fault::NotFound, "cannot open " + (place / "none") + missing});
    CHECK(error(files.open(place / "no/file", Files::Open::Append)) ==
          Error{Fault::NotFound, "cannot open " + (place / "no/file") + missing});
    CHECK(error(files.open(place / "here", Files::Open::CreateNew)) ==
          Error{Fault::Refused, "cannot create " + (place / "here") + ": File exists"});
    CHECK(error(files.map(place / "none")) ==
          Error{Fault::NotFound, "cannot open " + (place / "none") + missing});
    CHECK(error(files.read_all(place / "here", 4)) ==
          Error{Fault::Limit, (place / "here") + " is larger than the 4 bytes that are read"});
    CHECK(error(files.rename(place / "none", place / "some")) ==
          Error{Fault::NotFound,
                "cannot rename " + (place / "none") + " to " + (place / "some") + missing});
    CHECK(error(files.remove(place / "none")) ==
          Error{Fault::NotFound, "cannot remove " + (place / "none") + missing});
    CHECK(error(files.remove(place / "full")) ==
          Error{Fault::BadInput, "cannot remove " + (place / "full") + ": Directory not empty"});
    CHECK(error(files.list(place / "none")) ==
          Error{Fault::NotFound, "cannot list " + (place / "none") + missing});
    CHECK(error(files.sync_folder(place / "none")) ==
          Error{Fault::NotFound, "cannot open the folder " + (place / "none") + missing});
    CHECK(error(files.make_folders(place / "here")) ==
          Error{Fault::Refused, "cannot make the folder " + (place / "here") + ": File exists"});
    CHECK(error(files.write_atomically(place / "no/file", "")) ==
          Error{Fault::NotFound,
                "cannot create a temporary file beside " + (place / "no/file") + missing});
}

TEST_CASE("names are listed in order, and go and move as told", "[base][files]") {
    const Place place(GENERATE(true, false));
    Files& files = *place.files;
    REQUIRE(files.make_folders(place / "b/c"));
    REQUIRE(files.make_folders(place / "b/c"));
    REQUIRE(files.write_atomically(place / "z", "1"));
    REQUIRE(files.write_atomically(place / "a", "2"));
    REQUIRE(files.write_atomically(place / "b/c/x", "3"));
    CHECK(files.list(place.folder) == std::vector<std::string>{"a", "b", "z"});
    REQUIRE(files.rename(place / "a", place / "z"));
    CHECK(files.read_all(place / "z", 10) == "2");
    REQUIRE(files.rename(place / "b", place / "d"));
    CHECK(files.read_all(place / "d/c/x", 10) == "3");
    REQUIRE(files.remove(place / "d/c/x"));
    REQUIRE(files.remove(place / "d/c"));
    CHECK(files.exists(place / "d"));
    CHECK_FALSE(files.exists(place / "d/c"));
    CHECK(*files.free_bytes(place.folder) > 0);
}

TEST_CASE("what is written atomically leaves no temporary file behind", "[base][files]") {
    const TempFolder folder;
    const auto files = make_files();
    REQUIRE(files->write_atomically(folder / "state", "old"));
    REQUIRE(files->write_atomically(folder / "state", "new"));
    REQUIRE(files->make_folders(folder / "taken/by"));
    CHECK_FALSE(files->write_atomically(folder / "taken", "x"));
    CHECK(files->read_all(folder / "state", 10) == "new");
    CHECK(files->list(folder.path()) == std::vector<std::string>{"state", "taken"});
}

TEST_CASE("files and folders are for their owner only", "[base][files]") {
    const TempFolder folder;
    const auto files = make_files();
    REQUIRE(files->make_folders(folder / "data/wal"));
    REQUIRE(files->open(folder / "data/wal/1", Files::Open::Append));
    REQUIRE(files->write_atomically(folder / "data/format", "1"));
    const auto mode = [&](const std::string& name) {
        struct stat status{};
        REQUIRE(::stat((folder / name).c_str(), &status) == 0);
        return status.st_mode & 0777;
    };
    CHECK(mode("data/wal") == 0700);
    CHECK(mode("data/wal/1") == 0600);
    CHECK(mode("data/format") == 0600);
}

TEST_CASE("a full disk is a limit, and a part may be there", "[base][files]") {
    const auto files = make_files();
    const auto full = files->open("/dev/full", Files::Open::Append);
    REQUIRE(full);
    CHECK((*full)->append("x").error() ==
          Error{Fault::Limit, "cannot write to /dev/full: No space left on device"});
}

TEST_CASE("patterns of rule files find what a shell would", "[base][files]") {
    const TempFolder folder;
    const auto files = make_files();
    REQUIRE(files->make_folders(folder / "rules/team"));
    for (const char* name : {"rules/b.yml", "rules/a.yml", "rules/c.txt", "rules/team/d.yml",
                             "rules/.hidden.yml", "rules/[x].yml"})
        std::ofstream(folder / name) << "";
    struct Row {
        const char* pattern;
        std::vector<std::string> found;
    };
    const auto row = GENERATE(values<Row>({
        {"rules/*.yml", {".hidden.yml", "[x].yml", "a.yml", "b.yml"}},
        {"rules/?.yml", {"a.yml", "b.yml"}},
        {"rules/[ab].yml", {"a.yml", "b.yml"}},
        {"rules/[^a].yml", {"b.yml"}},
        {"rules/\\[x\\].yml", {"[x].yml"}},
        {"*/*/*.yml", {"team/d.yml"}},
        {"rules/a.yml", {"a.yml"}},
        {"rules/none.yml", {}},
        {"none/*.yml", {}},
        {"", {}},
    }));
    CAPTURE(row.pattern);
    std::vector<std::string> wanted;
    for (const std::string& name : row.found) wanted.push_back(folder / "rules/" + name);
    CHECK(expand_glob(folder.path(), row.pattern) == wanted);
    if (*row.pattern) CHECK(expand_glob("/elsewhere", folder / row.pattern) == wanted);
}

TEST_CASE("a folder is locked by one program at a time", "[base][files]") {
    const TempFolder folder;
    {
        auto held = FolderLock::take(folder / "lock");
        REQUIRE(held);
        FolderLock moved = std::move(*held);
        const auto second = FolderLock::take(folder / "lock");
        REQUIRE_FALSE(second);
        CHECK(second.error() == Error{Fault::Refused, (folder / "lock") + " is locked by process " +
                                                          std::to_string(::getpid()) +
                                                          "; two programs cannot share a folder"});
    }
    CHECK(FolderLock::take(folder / "lock"));
}
