#include "store/log/wal.h"

#include <catch2/catch.hpp>
#include <random>

#include "store/crc32c.h"
#include "store/log/records.h"
#include "tests/store/scratch.h"

namespace vedette::store {
namespace {

constexpr const char* segment = "data/wal/00000001";

// A log of six batches to two series, and how many samples are whole after so many bytes of it.
struct SampleLog {
    std::string bytes;
    std::vector<std::size_t> ends;  // of the file after each batch

    SampleLog() {
        Scratch it;
        REQUIRE(it.open());
        for (int i = 1; i <= 6; ++i) {
            Batch batch;
            batch.rows.push_back({it.ref(R"(up{job="a"})"), {{i * 1000}, i * 1.5}});
            batch.rows.push_back({it.ref(R"(up{job="b"})"), {{i * 1000}, 7.0}});
            REQUIRE(it.store->append(batch));
            ends.push_back(it.files.bytes(segment).size());
        }
        bytes = it.files.bytes(segment);
    }
    std::size_t batches_before(std::size_t size) const {
        std::size_t whole = 0;
        while (whole < ends.size() && ends[whole] <= size) ++whole;
        return whole;
    }
};

void put_log(Scratch& it, std::string_view bytes) {
    REQUIRE(it.files.make_folders("data/wal"));
    REQUIRE(it.files.write_atomically(segment, bytes));
}

std::size_t samples_in(Scratch& it) {
    const std::string text = it.read_all();
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '@'));
}

}  // namespace

TEST_CASE("the checksum is CRC-32C, by processor and by table", "[store][crc]") {
    CHECK(crc32c("123456789") == 0xe3069283);
    CHECK(crc32c("") == 0);
    std::mt19937_64 random(Catch::rngSeed());
    std::string bytes;
    for (int i = 0; i < 300; ++i) {
        CHECK(crc32c(bytes) == crc32c_by_table(bytes));
        CHECK(crc32c(std::string_view(bytes).substr(bytes.size() / 3),
                     crc32c(std::string_view(bytes).substr(0, bytes.size() / 3))) == crc32c(bytes));
        bytes.push_back(static_cast<char>(random()));
    }
}

TEST_CASE("a log cut at any length loads, keeps the whole batches and goes on", "[store][wal]") {
    const SampleLog log;
    for (std::size_t size = 0; size <= log.bytes.size(); ++size) {
        CAPTURE(size);
        Scratch it;
        put_log(it, log.bytes.substr(0, size));
        REQUIRE(it.open());
        const std::size_t whole = log.batches_before(size);
        REQUIRE(samples_in(it) == whole * 2);
        // Cut between two records there is nothing to say; anywhere else it is said.
        const bool clean = it.store->recovery().losses.empty();
        if (!clean) REQUIRE(it.store->recovery().losses.size() == 1);
        REQUIRE(it.add(R"(up{job="a"})", 10'000, 1.0)->stored == 1);
        REQUIRE(it.open());
        REQUIRE(samples_in(it) == whole * 2 + 1);
        REQUIRE(it.store->recovery().losses.empty());
    }
}

TEST_CASE("a log with any bit flipped loads and says that something was lost", "[store][wal]") {
    const SampleLog log;
    for (std::size_t bit = 0; bit < log.bytes.size() * 8; ++bit) {
        CAPTURE(bit);
        std::string flipped = log.bytes;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
        Scratch it;
        put_log(it, flipped);
        REQUIRE(it.open());
        REQUIRE_FALSE(it.store->recovery().losses.empty());
        // One bit spoils one record: a batch of two, or the series of six samples.
        REQUIRE(samples_in(it) >= 6);
    }
}

TEST_CASE("what was lost is said in words", "[store][wal]") {
    const SampleLog log;
    Scratch it;
    SECTION("a torn tail") {
        put_log(it, log.bytes.substr(0, log.bytes.size() - 3));
        REQUIRE(it.open());
        CHECK(it.store->recovery().text() ==
              "2 series, 10 float and 0 histogram samples and 0 chunks came back from 1 segment "
              "(187 bytes)\n"
              "data/wal/00000001 at byte 170: 17 bytes at its end are a record that was not "
              "finished, and were cut off");
        CHECK(it.files.bytes(segment).size() == 170);
    }
    SECTION("a flipped byte in the middle") {
        put_log(it, log.bytes);
        it.files.flip(segment, log.ends[2] + 12);
        REQUIRE(it.open());
        CHECK(it.store->recovery().text() ==
              "2 series, 10 float and 0 histogram samples and 0 chunks came back from 1 segment "
              "(190 bytes)\n"
              "data/wal/00000001 at byte 130: 20 bytes do not match their checksum and were "
              "skipped");
    }
    SECTION("a series whose record cannot be read") {
        put_log(it, log.bytes);
        it.files.flip(segment, magic_bytes + 12);
        REQUIRE(it.open());
        CHECK(it.store->recovery().text() ==
              "1 series, 6 float and 0 histogram samples and 0 chunks came back from 1 segment "
              "(190 bytes)\n"
              "data/wal/00000001 at byte 70: 6 samples of series that are not known were left out\n"
              "data/wal/00000001 at byte 8: 31 bytes do not match their checksum and were skipped");
    }
    SECTION("a segment that is not there") {
        REQUIRE(it.files.make_folders("data/wal"));
        REQUIRE(it.files.write_atomically("data/wal/00000002", log.bytes));
        REQUIRE(it.open());
        CHECK(it.store->recovery().text() ==
              "2 series, 12 float and 0 histogram samples and 0 chunks came back from 1 segment "
              "(190 bytes)\n"
              "data/wal/00000001 at byte 0: the segment is missing");
    }
}

TEST_CASE("a checkpoint cut or flipped anywhere loads what can be read and says the rest",
          "[store][wal]") {
    Scratch source;
    REQUIRE(source.open());
    for (int i = 1; i <= 130; ++i) REQUIRE(source.add(R"(up{job="a"})", i * 1000, i * 1.0));
    REQUIRE(source.add(R"(up{job="b"})", 1000, 1.0));
    REQUIRE(source.store->checkpoint());
    const std::string bytes = source.files.bytes("data/wal/checkpoint.00000001");
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        CAPTURE(at);
        for (const bool cut : {false, true}) {
            std::string damaged = cut ? bytes.substr(0, at) : bytes;
            if (!cut) damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
            Scratch it;
            REQUIRE(it.files.make_folders("data/wal"));
            REQUIRE(it.files.write_atomically("data/wal/checkpoint.00000001", damaged));
            REQUIRE(it.open());
            REQUIRE_FALSE(it.store->recovery().losses.empty());
            REQUIRE(samples_in(it) <= 131);
        }
    }
}

TEST_CASE("records read back as they were written", "[store][wal]") {
    std::string out;
    const SeriesRecord series{{5, 2}, {{"__name__", "up"}, {"job", "a\nb"}}};
    write_series(out, series);
    const std::vector<SeriesId> ids{{1, 0}, {4'000'000'000, 7}};
    write_dropped(out, ids);
    write_metadata(out, "up", "gauge", "Help.", "seconds");
    RecordReader reader(out, 0);
    RecordReader::Record record;
    REQUIRE(reader.next(record));
    CHECK(read_series(record.payload)->id == series.id);
    CHECK(read_series(record.payload)->labels == series.labels);
    REQUIRE(reader.next(record));
    CHECK(*read_dropped(record.payload) == ids);
    REQUIRE(reader.next(record));
    CHECK(read_metadata(record.payload)->help == "Help.");
    CHECK_FALSE(reader.next(record));
    CHECK(reader.gaps().empty());
}

TEST_CASE("rows of a batch read back whatever their order, times and bits", "[store][wal]") {
    std::mt19937_64 random(Catch::rngSeed());
    for (int round = 0; round < 200; ++round) {
        std::vector<Batch::Row> rows;
        for (std::size_t n = random() % 20; n > 0; --n) {
            const std::uint64_t id = random() % 3 == 0 ? random() : random() % 5;
            const auto at = static_cast<std::int64_t>(random() % 2 == 0 ? random() : 1000);
            const double value = random() % 2 == 0 ? std::bit_cast<double>(random())
                                                   : static_cast<double>(random() % 9);
            rows.push_back({{id}, {{at}, value}});
        }
        std::string out;
        write_samples(out, rows, nullptr);
        std::size_t seen = 0;
        bool same = true;
        REQUIRE(read_samples(
            std::string_view(out).substr(record_head_bytes),
            [&](SeriesId id, const Sample& sample) {
                const Batch::Row& row = rows[seen++];
                same = same && id.ref() == row.series && sample.at == row.sample.at &&
                       std::bit_cast<std::uint64_t>(std::get<double>(sample.value)) ==
                           std::bit_cast<std::uint64_t>(std::get<double>(row.sample.value));
            }));
        CHECK(seen == rows.size());
        CHECK(same);
    }
}

}  // namespace vedette::store
