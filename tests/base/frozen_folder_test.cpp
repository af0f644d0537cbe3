#include "base/frozen_folder.h"

#include <catch2/catch.hpp>
#include <thread>

#include "base/sha256.h"
#include "tests/support/temp_folder.h"

using namespace vedette;

namespace {

const FrozenFolder::Skip nothing = [](std::string_view) { return false; };

std::string read(const FrozenFolder& frozen, std::string_view path) {
    const auto* entry = frozen.find(path);
    if (entry == nullptr) return "not there";
    std::string out(100, '\0');
    out.resize(frozen.read_at(*entry, 0, out).value());
    return out;
}

}  // namespace

TEST_CASE("a frozen folder goes on saying what it said when it was taken", "[base][frozen]") {
    const TempFolder folder;
    const auto files = make_files();
    const std::string data = folder.path() + "/data";
    REQUIRE(files->make_folders(data + "/wal"));
    REQUIRE(files->write_atomically(data + "/wal/1", "first"));
    REQUIRE(files->write_atomically(data + "/goes", "gone soon"));
    REQUIRE(files->write_atomically(data + "/changes", "old"));
    REQUIRE(files->write_atomically(data + "/skipped", "x"));
    auto frozen = FrozenFolder::take(data, [](std::string_view path) { return path == "skipped"; });
    REQUIRE(frozen);
    {
        auto log = files->open(data + "/wal/1", Files::Open::Append);
        REQUIRE((*log)->append(" and more"));
    }
    REQUIRE(files->remove(data + "/goes"));
    REQUIRE(files->write_atomically(data + "/changes", "new"));
    REQUIRE(files->write_atomically(data + "/comes", "x"));

    CHECK(frozen->entries().size() == 3);
    CHECK(read(*frozen, "wal/1") == "first");
    CHECK(read(*frozen, "goes") == "gone soon");
    CHECK(read(*frozen, "changes") == "old");
    CHECK(read(*frozen, "comes") == "not there");
    REQUIRE(frozen->copy(*frozen->find("wal/1"), folder.path() + "/copy"));
    CHECK(files->read_all(folder.path() + "/copy", 100).value() == "first");
    // What has lost all its names cannot be given another one; it can be copied.
    CHECK_FALSE(frozen->link(*frozen->find("goes"), folder.path() + "/goes"));
    REQUIRE(frozen->copy(*frozen->find("goes"), folder.path() + "/goes"));
    CHECK(frozen->link(*frozen->find("wal/1"), folder.path() + "/link"));
    CHECK(files->read_all(folder.path() + "/link", 100).value() == "first and more");
}

TEST_CASE("a folder that is not there cannot be frozen", "[base][frozen]") {
    const TempFolder folder;
    const auto frozen = FrozenFolder::take(folder.path() + "/none", nothing);
    REQUIRE_FALSE(frozen);
    CHECK(frozen.error().message ==
          "cannot open the folder " + folder.path() + "/none: No such file or directory");
}

TEST_CASE("files that replace each other are frozen before or after, never between",
          "[base][frozen]") {
    const TempFolder folder;
    const auto files = make_files();
    const std::string data = folder.path() + "/data";
    REQUIRE(files->make_folders(data + "/a"));
    REQUIRE(files->make_folders(data + "/b"));
    // Number n is in `a` when it is even, in `b` when it is odd; the next is there before it goes.
    const auto name = [&](int n) {
        return data + (n % 2 == 0 ? "/a/" : "/b/") + std::to_string(n);
    };
    REQUIRE(files->write_atomically(name(0), "0"));
    std::jthread mover([&](std::stop_token stop) {
        for (int n = 1; !stop.stop_requested(); ++n) {
            (void)files->write_atomically(name(n), std::to_string(n));
            (void)files->remove(name(n - 1));
            std::this_thread::yield();
        }
    });
    for (int i = 0; i < 50; ++i) {
        const auto frozen = FrozenFolder::take(
            data, [](std::string_view path) { return path.find(".tmp-") != path.npos; });
        if (!frozen) continue;  // it did not hold still, and that was said
        std::vector<int> found;
        for (const auto& entry : frozen->entries())
            found.push_back(std::stoi(entry.path.substr(entry.path.rfind('/') + 1)));
        std::sort(found.begin(), found.end());
        REQUIRE(!found.empty());
        REQUIRE(found.size() <= 2);
        if (found.size() == 2) REQUIRE(found[1] == found[0] + 1);
    }
}

TEST_CASE("what is written to a frozen folder's scratch disk stays in memory", "[base][frozen]") {
    const TempFolder folder;
    const auto files = make_files();
    const std::string data = folder.path() + "/data";
    REQUIRE(files->make_folders(data + "/wal"));
    REQUIRE(files->write_atomically(data + "/wal/1", "first"));
    REQUIRE(files->write_atomically(data + "/format", "3"));
    auto frozen = FrozenFolder::take(data, nothing);
    REQUIRE(frozen);
    const auto scratch = make_scratch_files(*frozen);
    CHECK(scratch->map(data + "/wal/1").value()->bytes() == "first");
    auto log = scratch->open(data + "/wal/1", Files::Open::Append);
    REQUIRE((*log)->append(" and more"));
    REQUIRE(scratch->write_atomically(data + "/wal/2.tmp", "second"));
    REQUIRE(scratch->rename(data + "/wal/2.tmp", data + "/wal/2"));
    REQUIRE(scratch->remove(data + "/format"));
    CHECK(scratch->list(data + "/wal").value() == std::vector<std::string>{"1", "2"});
    CHECK(scratch->list(data).value() == std::vector<std::string>{"wal"});
    CHECK(scratch->read_all(data + "/wal/1", 100).value() == "first and more");
    CHECK_FALSE(scratch->exists(data + "/format"));
    CHECK_FALSE(scratch->open(data + "/wal/2", Files::Open::CreateNew));
    CHECK(scratch->read_all(data + "/format", 100).error().fault == Fault::NotFound);
    CHECK(files->read_all(data + "/wal/1", 100).value() == "first");
    CHECK(files->exists(data + "/format"));
    CHECK_FALSE(files->exists(data + "/wal/2"));
}

TEST_CASE("sums are those of sha256sum", "[base][sha256]") {
    CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    Sha256 pieces;
    pieces.add("ab");
    pieces.add("c");
    CHECK(pieces.finish() == sha256("abc"));
    CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
