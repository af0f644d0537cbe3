#include "app/backup/manifest.h"

#include <catch2/catch.hpp>

#include "base/sha256.h"

using namespace vedette;
using namespace vedette::app;

namespace {

Manifest example() {
    return {"2026-11-20T15:30:00.000Z by vedette 0.1.0",
            {{sha256("a"), "alerts.db"}, {sha256("b"), "wal/00000001"}}};
}

std::string refusal(std::string_view text) {
    const auto read = Manifest::read(text, "m");
    return read ? "read" : read.error().message;
}

}  // namespace

TEST_CASE("the list of a backup reads back as it was written", "[app][backup]") {
    const auto read = Manifest::read(example().text(), "m");
    REQUIRE(read);
    CHECK(read->made == example().made);
    REQUIRE(read->files.size() == 2);
    CHECK(read->files[1].path == "wal/00000001");
    CHECK(read->files[1].sum == sha256("b"));
}

TEST_CASE("the list of a backup is refused wherever it is cut and whatever bit is flipped",
          "[app][backup]") {
    const std::string text = example().text();
    for (std::size_t length = 0; length < text.size(); ++length) {
        CAPTURE(length);
        REQUIRE_FALSE(Manifest::read(text.substr(0, length), "m"));
    }
    for (std::size_t at = 0; at < text.size(); ++at)
        for (int bit = 0; bit < 8; ++bit) {
            std::string flipped = text;
            flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
            CAPTURE(at, bit);
            REQUIRE_FALSE(Manifest::read(flipped, "m"));
        }
}

TEST_CASE("a list that is none says where, what was found and what was expected", "[app][backup]") {
    CHECK(refusal("") ==
          "m:1: found nothing; expected whole lines up to one that begins with `# whole`: the list "
          "is cut short");
    CHECK(refusal("hello\n") == R"(m:1: found "hello"; expected "# vedette backup 1")");
    const std::string first = "# vedette backup 1\n";
    CHECK(refusal(first + sha256("a") + "  ../../etc/passwd\n") ==
          "m:2: found \"" + sha256("a") +
              "  ../../etc/passwd\"; expected 64 hexadecimal digits, two spaces and a path in the "
              "backup");
    CHECK(
        refusal(first + "# whole 12\n") ==
        "m:2: found \"# whole 12\"; expected the sum of the lines above: one of them was changed");
}
