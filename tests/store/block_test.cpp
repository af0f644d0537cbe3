#include "store/blocks/block.h"

#include <fmt/format.h>

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <sstream>

#include "store/blocks/writer.h"
#include "store/bytes.h"
#include "store/chunks/histogram_bytes.h"
#include "store/crc32c.h"
#include "store/dump.h"
#include "tests/support/failing_files.h"
#include "tests/support/memory_files.h"
#include "tests/support/memory_source.h"

namespace vedette::store {
namespace {

constexpr std::int64_t begin_ms = 1'790'006'400'000;  // of a block's times
constexpr Window always{{std::numeric_limits<std::int64_t>::min()},
                        {std::numeric_limits<std::int64_t>::max()}};

using Contents = std::map<Labels, Samples>;

HistogramRef histogram_of(int count) {
    auto made = std::make_shared<Histogram>();
    made->schema = 2;
    made->positive_spans = {{0, 3}};
    made->positive_buckets = {1, 2, double(count)};
    made->count = count + 3;
    made->sum = count / 3.0;
    return made;
}

/// Some of each kind: long and short, decimals and none, histograms, both in one series.
Contents some_of_each() {
    Contents out;
    const auto at = [](int i) { return Timestamp{begin_ms + i * 15'000}; };
    for (int job = 0; job < 5; ++job) {
        const std::string labels =
            "{job=\"j" + std::to_string(job) + "\",zone=\"z" + std::to_string(job % 2) + "\"}";
        Samples& counter = out[series_name("requests_total" + labels)];
        for (int i = 0; i < 480; ++i) counter.add(at(i), i * 7.0 + job);
        Samples& ratio = out[series_name("ratio" + labels)];
        for (int i = 0; i < 30; ++i) ratio.add(at(i), std::sqrt(i + job));
    }
    Samples& up = out[series_name("up")];
    for (int i = 0; i < 1000; ++i)
        up.add({begin_ms + i * 7000 + i % 3}, i % 9 ? 1 : stale_marker());
    Samples& seconds = out[series_name("seconds{job=\"j1\"}")];
    for (int i = 0; i < 150; ++i) seconds.add(at(i), histogram_of(i));
    for (int i = 150; i < 160; ++i) seconds.add(at(i), double(i));
    for (int i = 160; i < 170; ++i) seconds.add(at(i), histogram_of(i));
    return out;
}

Contents tiny() {
    Contents out;
    out[series_name("up{job=\"a\"}")].add({begin_ms + 1000}, 1.0);
    out[series_name("up{job=\"a\"}")].add({begin_ms + 2000}, 1.5);
    out[series_name("up{job=\"b\"}")].add({begin_ms + 1000}, std::sqrt(2.0));
    out[series_name("x")].add({begin_ms}, histogram_of(4));
    return out;
}

BlockAbout about_of(std::uint64_t number) {
    BlockAbout about;
    about.number = number;
    about.from = {begin_ms};
    about.to = {begin_ms + 7'200'000};
    return about;
}

Result<std::string> write_block(Files& files, const Contents& contents,
                                BlockAbout about = about_of(7)) {
    auto writer = BlockWriter::open(files, "blocks", std::move(about));
    if (!writer) return fail(writer.error());
    CodedChunks chunks;
    for (const auto& [labels, samples] : contents) {
        chunks.clear();
        chunks.add(Column{&labels, samples.times, samples.floats, samples.histograms});
        if (auto added = (*writer)->add(labels, chunks.views()); !added) return fail(added.error());
    }
    return (*writer)->finish();
}

std::string print(const Samples& samples) {
    std::string out;
    for (std::size_t i = 0; i < samples.times.size(); ++i) {
        const bool histogram = i < samples.histograms.size() && samples.histograms[i];
        std::string bytes;
        if (histogram)
            put_histogram(bytes, *samples.histograms[i]);
        else
            put_fixed(bytes, std::bit_cast<std::uint64_t>(samples.floats[i]));
        out += std::to_string(samples.times[i].ms) + (histogram ? "h" : "f") + bytes;
    }
    return out;
}

std::string labels_of(const Block& block, SeriesNumber number) {
    StoredSeries series;
    REQUIRE(block.read(number, series));
    return to_string(series.labels);
}

std::vector<std::string> matching(const Block& block, const std::vector<Matcher>& matchers) {
    std::vector<ReadyMatcher> ready;
    for (const Matcher& matcher : matchers) ready.push_back(*ReadyMatcher::make(matcher));
    std::vector<std::string> out;
    for (const SeriesNumber number : block.matching(ready, {}))
        out.push_back(labels_of(block, number));
    return out;
}

/// Every series of the block whose bytes can be read, with what can be read of it.
Contents read_whole(const Block& block, std::size_t& errors) {
    Contents out;
    StoredSeries series;
    for (SeriesNumber number = 0; number < block.series_count(); ++number) {
        if (!block.read(number, series)) {
            ++errors;
            continue;
        }
        Samples samples;
        for (const StoredChunk& chunk : series.chunks)
            if (!decode(chunk, always, samples)) ++errors;
        out[series.labels] = std::move(samples);
    }
    return out;
}

MemoryFiles with_blocks_folder() {
    MemoryFiles files;
    REQUIRE(files.make_folders("blocks"));
    return files;
}

}  // namespace

TEST_CASE("a block gives back every sample that was put into it, bit for bit", "[store][block]") {
    MemoryFiles files = with_blocks_folder();
    const Contents put = some_of_each();
    const auto path = write_block(files, put);
    REQUIRE(path);
    CHECK(*path == "blocks/00000007_1790006400000_1790013600000.block");
    CHECK(files.list("blocks").value().size() == 1);
    const auto block = Block::open(files, *path);
    REQUIRE(block);
    CHECK((*block)->about().number == 7);
    CHECK((*block)->about().samples == 5 * 510 + 1000 + 170);
    CHECK((*block)->about().series == put.size());
    std::size_t errors = 0;
    const Contents read = read_whole(**block, errors);
    CHECK(errors == 0);
    REQUIRE(read.size() == put.size());
    for (const auto& [labels, samples] : put) {
        CAPTURE(to_string(labels));
        REQUIRE(read.contains(labels));
        CHECK(print(read.at(labels)) == print(samples));
    }
    StoredSeries last;
    REQUIRE((*block)->read((*block)->series_count() - 1, last));
    CHECK(to_string(last.labels) == "up");
    CHECK(last.chunks.size() == 3);  // 480, 480, 40
}

TEST_CASE("a block finds the series that a search through all of them finds", "[store][block]") {
    MemoryFiles files = with_blocks_folder();
    const Contents put = some_of_each();
    const auto block = Block::open(files, *write_block(files, put));
    REQUIRE(block);
    using Op = Matcher::Op;
    const auto matchers = GENERATE(values<std::vector<Matcher>>({
        {},
        {{Op::Equal, "__name__", "up"}},
        {{Op::Equal, "__name__", "nothing"}},
        {{Op::Equal, "nothing", "up"}},
        {{Op::Equal, "__name__", "requests_total"}, {Op::Equal, "zone", "z1"}},
        {{Op::Equal, "__name__", "requests_total"}, {Op::NotEqual, "zone", "z1"}},
        {{Op::Equal, "job", ""}},
        {{Op::NotEqual, "job", ""}},
        {{Op::Equal, "zone", ""}, {Op::Match, "job", "j.+"}},
        {{Op::Match, "__name__", "r.*"}, {Op::Match, "job", "j1|j3"}},
        {{Op::Match, "job", "j1|j3|j1"}},
        {{Op::Match, "job", "|j3"}},
        {{Op::Match, "job", "j[13]"}},
        {{Op::NotMatch, "job", "j[13]"}, {Op::NotMatch, "zone", ".*0"}},
        {{Op::Match, "zone", ".*"}},
        {{Op::Match, "zone", ".+"}, {Op::Equal, "zone", "z0"}},
    }));
    std::string text;
    for (const Matcher& matcher : matchers) text += to_string(matcher) + " ";
    CAPTURE(text);
    std::vector<std::string> expected;
    for (const auto& [labels, samples] : put) {
        bool all = true;
        for (const Matcher& matcher : matchers)
            all = all && ReadyMatcher::make(matcher)->holds(labels.get(matcher.name));
        if (all) expected.push_back(to_string(labels));
    }
    CHECK(matching(**block, matchers) == expected);
}

TEST_CASE("a block knows its names and values", "[store][block]") {
    MemoryFiles files = with_blocks_folder();
    const auto block = Block::open(files, *write_block(files, some_of_each()));
    REQUIRE(block);
    using Texts = std::vector<std::string>;
    CHECK((*block)->names() == Texts{"__name__", "job", "zone"});
    CHECK((*block)->values("zone") == Texts{"z0", "z1"});
    CHECK((*block)->values("__name__") == Texts{"ratio", "requests_total", "seconds", "up"});
    CHECK((*block)->values("z0").empty());
    CHECK((*block)->values("nothing").empty());
}

TEST_CASE("the worked example of docs/formats/block.md is what is written", "[store][block]") {
    MemoryFiles files = with_blocks_folder();
    Contents put;
    put[series_name("up{job=\"a\"}")].add({begin_ms + 1000}, 1.0);
    put[series_name("up{job=\"a\"}")].add({begin_ms + 2000}, 1.0);
    const std::string bytes = files.bytes(*write_block(files, put));
    std::string hex;
    for (const char byte : bytes.substr(8, bytes.size() - 8 - block_footer_bytes))
        hex += fmt::format("{:02x} ", static_cast<unsigned char>(byte));
    CHECK(hex ==
          "00 02 f0 3f "
          "07 01 80 d0 90 cb 98 68 80 f4 ee 06 01 01 02 00 "
          "04 00 00 00 08 00 00 00 09 00 00 00 0c 00 00 00 0e 00 00 00 "
          "5f 5f 6e 61 6d 65 5f 5f 61 6a 6f 62 75 70 "
          "01 00 00 00 12 00 00 00 02 00 03 02 01 01 08 03 02 d0 0f d0 0f 04 21 42 62 2d "
          "02 00 00 00 00 00 00 00 03 00 00 00 02 00 00 00 02 00 00 00 01 00 00 00 04 00 00 00 "
          "01 00 01 00 ");
    std::ostringstream out;
    REQUIRE(dump(files, "blocks/00000007_1790006400000_1790013600000.block", out));
    CHECK(out.str() ==
          "blocks/00000007_1790006400000_1790013600000.block: block 7 of level 1, 216 bytes\n"
          "            from 2026-09-21T16:00:00.000Z to 2026-09-21T18:00:00.000Z: 1 series, 1 "
          "chunks, 2 samples\n"
          "       0  series up{job=\"a\"}\n"
          "            packed floats of 2 samples in 4 bytes\n"
          "              2026-09-21T16:00:01.000Z 1\n"
          "              2026-09-21T16:00:02.000Z 1\n");
}

TEST_CASE("the dump of a damaged block says which part is damaged, and where",
          "[store][block][dump]") {
    MemoryFiles files = with_blocks_folder();
    const std::string path = *write_block(files, tiny());
    const std::string bytes = files.bytes(path);
    const auto dumped = [&] {
        std::ostringstream out;
        const auto done = dump(files, path, out);
        return out.str() + (done ? "fine" : done.error().message);
    };
    files.flip(path, bytes.find("__name__"), 0x01);
    CHECK(dumped() ==
          path + ": block, " + std::to_string(bytes.size()) + " bytes, damaged\n" +
              "    footer at 239: version 1\n"
              "    about at 53, 16 bytes: sound\n"
              "    symbols at 69, 44 bytes: its checksum is e3d9b103, the footer says 11d5bcfd\n"
              "    series at 113, 65 bytes: sound\n"
              "    postings at 178, 61 bytes: sound\n" +
              path +
              ": its section `symbols` does not match its checksum; samples from "
              "2026-09-21T16:00:00.000Z to 2026-09-21T18:00:00.000Z are lost");
    REQUIRE(files.write_atomically(path, bytes));
    files.cut(path, bytes.size() - 1);
    CHECK(dumped().find("the file does not end with vdtblkE; it is cut short, or something stands "
                        "behind it\n") != std::string::npos);
    REQUIRE(files.write_atomically(path, bytes));
    files.flip(path, bytes.size() - block_footer_bytes, 0x80);
    CHECK(dumped().find(": does not match its checksum\n") != std::string::npos);
    files.cut(path, 20);
    CHECK(dumped().find("    footer: not there; 20 bytes are too few\n") != std::string::npos);
}

TEST_CASE("a block cut at any length says what was lost", "[store][block]") {
    MemoryFiles files = with_blocks_folder();
    const std::string path = *write_block(files, tiny());
    const std::string bytes = files.bytes(path);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        CAPTURE(length);
        REQUIRE(files.write_atomically(path, bytes.substr(0, length)));
        const auto opened = Block::open(files, path);
        REQUIRE_FALSE(opened);
        REQUIRE(opened.error().fault == Fault::Corrupt);
        const std::string what =
            length < 8 ? "its first bytes are not a block's"
                       : "the block ends too early, after " + std::to_string(length) + " bytes";
        REQUIRE(opened.error().message ==
                path + ": " + what +
                    "; samples from 2026-09-21T16:00:00.000Z to 2026-09-21T18:00:00.000Z are lost");
    }
}

TEST_CASE("a block with any bit flipped is refused, or lacks the one chunk and says so",
          "[store][block]") {
    MemoryFiles files = with_blocks_folder();
    const Contents put = tiny();
    const std::string path = *write_block(files, put);
    const std::string bytes = files.bytes(path);
    std::size_t refused = 0, lacking = 0;
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        CAPTURE(bit);
        std::string flipped = bytes;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        REQUIRE(files.write_atomically(path, flipped));
        const auto opened = Block::open(files, path);
        if (!opened) {
            REQUIRE(opened.error().fault == Fault::Corrupt);
            ++refused;
            continue;
        }
        std::size_t errors = 0, whole = 0;
        for (const auto& [labels, samples] : read_whole(**opened, errors))
            whole += print(samples) == print(put.at(labels)) ? 1 : 0;
        REQUIRE(errors == 1);
        REQUIRE(whole == put.size() - 1);
        ++lacking;
    }
    CHECK(refused > 0);
    CHECK(lacking > 0);
}

TEST_CASE("whichever operation of the disk fails, a block is there whole or not at all",
          "[store][block]") {
    for (std::uint64_t n = 1;; ++n) {
        CAPTURE(n);
        MemoryFiles files = with_blocks_folder();
        FailingFiles failing(files);
        failing.fail_at(n, FailingFiles::disk_full());
        failing.leave(n % 7);
        const auto path = write_block(failing, tiny());
        const bool reached = failing.operations() >= n;
        REQUIRE(path.has_value() == !reached);
        files.power_cut();
        const auto left = files.list("blocks").value();
        if (!reached) {
            REQUIRE(Block::open(files, *path));
            break;
        }
        REQUIRE(left.empty());
    }
}

TEST_CASE("a block of a version to come is refused by number", "[store][block]") {
    MemoryFiles files = with_blocks_folder();
    const std::string path = *write_block(files, tiny());
    std::string bytes = files.bytes(path);
    const std::size_t footer = bytes.size() - block_footer_bytes;
    bytes[footer] = 3;
    std::string sum;
    const std::size_t summed = block_footer_bytes - block_end_magic.size() - 4;
    put_fixed(sum, crc32c(std::string_view(bytes).substr(footer, summed)));
    bytes.replace(footer + summed, 4, sum);
    REQUIRE(files.write_atomically("blocks/some", bytes));
    const auto opened = Block::open(files, "blocks/some");
    REQUIRE_FALSE(opened);
    CHECK(opened.error().message == "blocks/some: its version is 3; this vedette reads 1 and 2");
}

TEST_CASE("only names of blocks are read as such", "[store][block]") {
    BlockAbout about;
    REQUIRE(read_block_name("00000012_-7200000_0.block", about));
    CHECK(about.number == 12);
    CHECK(about.from.ms == -7'200'000);
    CHECK(about.to.ms == 0);
    CHECK(block_path("b", about) == "b/00000012_-7200000_0.block");
    for (const char* name : {"00000012.block", "00000012.block.tmp", "a_1_2.block", "1_2.block",
                             "1_2_3.block2", "1_2_3.4.block", "__.block", ".block", ""}) {
        CAPTURE(name);
        CHECK_FALSE(read_block_name(name, about));
    }
}

}  // namespace vedette::store
