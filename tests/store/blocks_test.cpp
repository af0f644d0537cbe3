// A store that cuts blocks from its head, puts them together and throws them away: to whoever asks
// it must look like one that holds everything in memory.

#include <catch2/catch.hpp>
#include <random>
#include <thread>

#include "tests/store/scratch.h"
#include "tests/support/failing_files.h"

namespace vedette::store {
namespace {

using Op = Matcher::Op;
using std::chrono::minutes;

constexpr std::int64_t begin_ms = 1'790'000'100'000;  // a multiple of one, three and nine minutes
constexpr std::int64_t step_ms = 2000;

StoreSettings quick(Milliseconds retention = std::chrono::hours(24)) {
    StoreSettings settings;
    settings.block_range = minutes(1);
    settings.retention = retention;
    return settings;
}

HistogramRef counted(double count) {
    auto histogram = std::make_shared<Histogram>();
    histogram->count = count;
    histogram->positive_spans = {{0, 1}};
    histogram->positive_buckets = {count};
    return histogram;
}

Value value_of(std::size_t series, int step) {
    if (series % 4 == 3) return counted(step);
    if (series % 4 == 2 && step % 40 > 30) return stale_marker();
    return series + step * 0.1;
}

const std::vector<std::string>& names() {
    static const std::vector<std::string> all{
        "a",  R"(up{job="a"})", R"(up{job="b"})",  R"(seconds{job="a"})",
        "zz", R"(up{job="c"})", R"(up{zone="z"})", R"(seconds{job="b"})"};
    return all;
}

/// One scrape: all series but every eighth, each of which is away for some minutes of ten.
void scrape(Scratch& it, int step, MemorySource* twin = nullptr) {
    const Timestamp at{begin_ms + step * step_ms};
    it.clock.wind(at - it.clock.now());
    Batch batch;
    for (std::size_t i = 0; i < names().size(); ++i) {
        if (static_cast<std::size_t>(step / 150) % names().size() == i) continue;
        const Value value = value_of(i, step);
        batch.rows.push_back({it.ref(names()[i]), {at, value}});
        if (twin != nullptr) twin->add(series_name(names()[i]), at, value);
    }
    const auto appended = it.store->append(batch);
    REQUIRE(appended);
    REQUIRE(appended->stored == batch.rows.size());
}

void scrape(Scratch& it, int from, int to) {
    for (int step = from; step < to; ++step) scrape(it, step);
}

std::size_t samples_in(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '@'));
}

std::vector<std::string> block_names(Scratch& it) {
    return it.files.list("data/blocks").value();
}

std::string print(SeriesCursor& cursor) {
    std::string out;
    Column column;
    while (cursor.next(column)) {
        out += to_string(*column.labels);
        for (std::size_t i = 0; i < column.times.size(); ++i) {
            const bool histogram = !column.histograms.empty() && column.histograms[i];
            const double value = histogram ? column.histograms[i]->count : column.floats[i];
            out += (histogram ? " h" : " ") +
                   (is_stale(value) ? std::string("stale") : format_value(value)) + "@" +
                   std::to_string(column.times[i].ms);
        }
        out += '\n';
    }
    return out;
}

}  // namespace

TEST_CASE("with blocks a store answers as one that has everything in memory", "[store][blocks]") {
    std::mt19937 random(7);
    Scratch it(quick());
    REQUIRE(it.open());
    MemorySource twin;
    const std::vector<std::vector<Matcher>> questions{
        {{Op::NotEqual, "__name__", ""}},
        {{Op::Equal, "__name__", "up"}},
        {{Op::Match, "job", "a|b"}, {Op::NotEqual, "__name__", "up"}},
        {{Op::Equal, "job", ""}, {Op::Match, "__name__", ".*z.*|up"}},
    };
    constexpr int steps = 1500;
    for (int step = 0; step < steps; ++step) {
        scrape(it, step, &twin);
        if (random() % 20 == 0) REQUIRE(it.store->maintain());
        if (random() % 200 == 0) {
            REQUIRE(it.open());
            REQUIRE(it.store->recovery().losses.empty());
        }
        if (random() % 10 != 0) continue;
        const std::int64_t from = begin_ms + std::int64_t(random() % (steps * step_ms)) - 1;
        const Window window{{from}, {from + std::int64_t(random() % 700'000)}};
        const auto& question = questions[random() % questions.size()];
        Hints hints;
        hints.latest_only = random() % 3 == 0;
        CAPTURE(step, window.from.ms, window.to.ms, hints.latest_only);
        std::string expected = print(**twin.select(question, window, {}, {}));
        if (hints.latest_only) {
            std::string latest;
            for (std::size_t at = 0; at < expected.size();) {
                const std::size_t end = expected.find('\n', at);
                const std::string line = expected.substr(at, end - at);
                latest += line.substr(0, line.find(' ')) + line.substr(line.rfind(' ')) + "\n";
                at = end + 1;
            }
            expected = std::move(latest);
        }
        REQUIRE(it.read(question, window, hints) == expected);
    }
    CHECK(block_names(it).size() < 10);  // fifty minutes, so some have been put together
    CHECK(it.store->memory_bytes() < 100'000);
}

TEST_CASE("whatever fails while a block is cut, nothing is lost and nothing is there twice",
          "[store][blocks]") {
    enum class Then { Goes, Killed, Unplugged };
    const Then then = GENERATE(Then::Goes, Then::Killed, Then::Unplugged);
    for (std::uint64_t n = 1;; ++n) {
        CAPTURE(n, static_cast<int>(then));
        Scratch it(quick());
        FailingFiles failing(it.files);
        REQUIRE(it.open(failing));
        scrape(it, 0, 100);
        REQUIRE(it.store->maintain());
        scrape(it, 100, 290);
        REQUIRE(it.store->flush());
        const std::string before = it.read_all();
        const std::uint64_t done = failing.operations();
        failing.fail_at(done + n, FailingFiles::disk_full());
        failing.leave(n % 5);
        const auto maintained = it.store->maintain();
        const bool reached = failing.operations() >= done + n;
        REQUIRE(it.read_all() == before);
        if (then != Then::Goes) {
            if (then == Then::Unplugged) it.files.power_cut();
            it.store.reset();
            REQUIRE(it.open());
            REQUIRE(it.store->recovery().losses.empty());
            REQUIRE(it.read_all() == before);
        }
        failing.heal();
        REQUIRE(it.store->maintain());
        REQUIRE(it.read_all() == before);
        REQUIRE(it.open());
        REQUIRE(it.store->recovery().losses.empty());
        REQUIRE(it.read_all() == before);
        for (const std::string& name : block_names(it)) REQUIRE(name.ends_with(".block"));
        if (!reached) {
            REQUIRE(maintained);
            break;
        }
    }
}

TEST_CASE("killed at any moment of a cut, a store opens with each sample once", "[store][blocks]") {
    // From the n-th operation on nothing reaches the disk any more: what is there is what a killed
    // program leaves.
    for (std::uint64_t n = 1;; ++n) {
        CAPTURE(n);
        Scratch it(quick());
        FailingFiles failing(it.files);
        REQUIRE(it.open(failing));
        scrape(it, 0, 250);
        const std::string before = it.read_all();
        const std::uint64_t done = failing.operations();
        for (std::uint64_t each = n; each < n + 200; ++each)
            failing.fail_at(done + each, FailingFiles::io_error());
        (void)it.store->maintain();
        const bool reached = failing.operations() >= done + n;
        REQUIRE(it.open());
        REQUIRE(it.store->recovery().losses.empty());
        REQUIRE(it.read_all() == before);
        scrape(it, 250, 400);
        REQUIRE(it.store->maintain());
        REQUIRE(samples_in(it.read_all()) == 400 * 7);
        if (!reached) break;
    }
}

TEST_CASE("who asked before a cut reads to the end what memory has forgotten since",
          "[store][blocks]") {
    Scratch it(quick());
    REQUIRE(it.open());
    scrape(it, 0, 200);
    const std::string before = it.read_all();
    const std::vector<Matcher> all{{Op::NotEqual, "__name__", ""}};
    auto cursor = it.store->select(all, {{0}, {begin_ms * 2}}, {}, {});
    REQUIRE(cursor);
    REQUIRE(it.store->maintain());
    CHECK_FALSE(block_names(it).empty());
    const std::size_t held = it.store->memory_bytes();
    REQUIRE(it.store->maintain());
    CHECK(print(**cursor) == before);
    CHECK(it.read_all() == before);
    cursor->reset();
    REQUIRE(it.store->maintain());
    CHECK(it.store->memory_bytes() < held);
    CHECK(it.read_all() == before);
}

TEST_CASE("who reads while blocks are cut and put together sees every sample once",
          "[store][blocks][threads]") {
    StoreSettings settings = quick();
    settings.block_range = std::chrono::seconds(10);
    Scratch it(settings);
    REQUIRE(it.open());
    constexpr int steps = 600;
    std::atomic<int> written = 0, wrong = 0, reads = 0;
    std::jthread reader([&](std::stop_token stop) {
        const std::vector<Matcher> matchers{{Op::Equal, "__name__", "up"}};
        while (!stop.stop_requested()) {
            const int at_least = written;
            auto cursor = it.store->select(matchers, {{begin_ms - 1}, {begin_ms * 2}}, {}, {});
            Column column;
            while ((*cursor)->next(column)) {
                if (static_cast<int>(column.times.size()) < at_least) ++wrong;
                for (std::size_t i = 0; i < column.times.size(); ++i)
                    if (column.times[i].ms != begin_ms + std::int64_t(i) * 1000) ++wrong;
            }
            ++reads;
        }
    });
    std::atomic<int> passes = 0;
    std::jthread maintainer([&](std::stop_token stop) {
        for (; !stop.stop_requested(); ++passes) (void)it.store->maintain();
    });
    const auto append = [&](int step) {
        Batch batch;
        for (const char* name : {R"(up{job="a"})", R"(up{job="b"})", R"(up{job="c"})"})
            batch.rows.push_back({it.ref(name), {{begin_ms + step * 1000}, double(step)}});
        return it.store->append(batch);
    };
    for (int step = 0; step < steps; ++step) {
        it.clock.wind(Timestamp{begin_ms + step * 1000} - it.clock.now());
        auto appended = append(step);
        // Two passes fit between a series and its first sample: it is dropped as empty.
        while (!appended && appended.error().fault == Fault::NotFound) appended = append(step);
        if (!appended || appended->stored != 3) ++wrong;
        written = step + 1;
        for (const int before = passes; step % 30 == 0 && passes < before + 2;)
            std::this_thread::yield();
    }
    maintainer = std::jthread();
    reader = std::jthread();
    CHECK(wrong == 0);
    CHECK(reads > 0);
    CHECK_FALSE(block_names(it).empty());
    CHECK(samples_in(it.read_all()) == steps * 3);
}

TEST_CASE("what is large is read in parts where it lies in blocks and in the head",
          "[store][blocks]") {
    StoreSettings settings = quick();
    settings.block_range = std::chrono::hours(6);
    Scratch it(settings);
    REQUIRE(it.open());
    for (std::int64_t minute = 0; minute < 1'000; ++minute) {
        const Timestamp at{begin_ms + minute * 60'000};
        it.clock.wind(at - it.clock.now());
        Batch batch;
        // Some are in the oldest block only, some are not in it.
        for (int n = 0; n < 2'600; ++n)
            if (n % 10 == 0 ? minute < 100 : n % 10 == 1 ? minute > 500 : true)
                batch.rows.push_back({it.ref("up{n=\"" + std::to_string(n) + "\"}"),
                                      {at, static_cast<double>(minute)}});
        REQUIRE(it.store->append(batch));
        if (minute % 100 == 99) REQUIRE(it.store->maintain());
    }
    REQUIRE(block_names(it).size() > 0);
    const std::vector<Matcher> matchers{{Op::Equal, "__name__", "up"}};
    const auto read = [](SeriesCursor& cursor) {
        std::string out;
        for (Column column; cursor.next(column);)
            out += to_string(*column.labels) + " " + std::to_string(column.times.size()) + " " +
                   std::to_string(column.times.front().ms) + "\n";
        return out;
    };
    for (const std::int64_t minutes_asked : {1'000, 50}) {
        CAPTURE(minutes_asked);
        const Window window{{begin_ms - 1}, {begin_ms + minutes_asked * 60'000}};
        auto parts = it.store->select_parts(matchers, window, {}, 4, {}).value();
        CHECK((parts.size() > 1) == (minutes_asked > 100));
        std::vector<std::string> texts(parts.size());
        {
            std::vector<std::jthread> readers;
            for (std::size_t i = 0; i < parts.size(); ++i)
                readers.emplace_back([&, i] { texts[i] = read(*parts[i]); });
        }
        std::string joined;
        for (const std::string& text : texts) {
            CHECK(!text.empty());
            joined += text;
        }
        CHECK(joined == read(*it.store->select(matchers, window, {}, {}).value()));
    }
}

TEST_CASE("a sample may be late by half a block, and is told why it may not be later",
          "[store][blocks]") {
    Scratch it(quick());
    REQUIRE(it.open());
    scrape(it, 0, 76);  // two and a half minutes
    REQUIRE(it.store->maintain());
    CHECK(block_names(it) ==
          std::vector<std::string>{"00000001_1790000100000_1790000160000.block",
                                   "00000002_1790000160000_1790000220000.block"});
    CHECK(it.add("late", begin_ms + 120'000, 1.0)->stored == 1);
    const auto later = it.add("later", begin_ms + 119'999, 1.0);
    CHECK(later->too_old == 1);
    CHECK(later->first_rejection ==
          "too old sample: later at 2026-09-21T14:16:59.999Z, nothing before "
          "2026-09-21T14:17:00.000Z is taken");
    REQUIRE(it.open());
    CHECK(it.add("later", begin_ms + 119'999, 1.0)->too_old == 1);
}

TEST_CASE("labels of series that only blocks remember are found", "[store][blocks]") {
    Scratch it(quick());
    REQUIRE(it.open());
    REQUIRE(it.add(R"(gone{job="old",site="x"})", begin_ms, 1.0));
    scrape(it, 1, 200);
    for (int pass = 0; pass < 3; ++pass) REQUIRE(it.store->maintain());
    CHECK(it.store->series_count() == 7);  // one more is away
    using Texts = std::vector<std::string>;
    const Window all{{0}, {begin_ms * 2}}, late{{begin_ms + 370'000}, {begin_ms * 2}},
        early{{begin_ms - 1}, {begin_ms + 1000}};
    CHECK(it.store->label_names({}, all).value() == Texts{"__name__", "job", "site", "zone"});
    CHECK(it.store->label_names({}, late).value() == Texts{"__name__", "job", "zone"});
    CHECK(it.store->label_names({}, early).value() == Texts{"__name__", "job", "site"});
    CHECK(it.store->label_values("job", {}, all).value() == Texts{"a", "b", "c", "old"});
    const std::vector<std::vector<Matcher>> old{{{Op::Equal, "job", "old"}},
                                                {{Op::Equal, "zone", "z"}}};
    CHECK(it.store->label_values("__name__", old, all).value() == Texts{"gone", "up"});
    CHECK(it.store->series_in(old, all).value() ==
          std::vector<Labels>{series_name(R"(gone{job="old",site="x"})"),
                              series_name(R"(up{zone="z"})")});
    CHECK(it.store->series_in(old, late).value() ==
          std::vector<Labels>{series_name(R"(up{zone="z"})")});
    const Labels gone = series_name(R"(gone{job="old",site="x"})");
    CHECK_FALSE(it.store->latest(gone));
    CHECK(std::get<double>(it.store->current(gone, {begin_ms + 5000})->value) == 1);
    CHECK_FALSE(it.store->current(gone, {begin_ms + 400'000}));
}

TEST_CASE("blocks past retention go, by time and by size", "[store][blocks]") {
    Scratch it(quick(minutes(10)));
    REQUIRE(it.open());
    SECTION("by time") {
        for (int step = 0; step < 1000; ++step) {
            scrape(it, step);
            if (step % 30 == 0) REQUIRE(it.store->maintain());
        }
        const std::string all = it.read_all();
        CHECK(samples_in(all) > 300 * 7);  // ten minutes
        CHECK(samples_in(all) < 370 * 7);  // and no more than a block of one
        CHECK(block_names(it).size() < 13);
    }
    SECTION("by size") {
        scrape(it, 0, 290);
        REQUIRE(it.store->maintain());
        const std::size_t whole = block_names(it).size();
        for (const std::string folder : {"data/blocks", "data/wal"}) {
            const auto names_in = it.files.list(folder).value();
            for (const std::string& name : names_in)
                it.settings.retention_bytes += it.files.bytes(folder + "/" + name).size();
        }
        it.settings.retention_bytes -= 1;
        REQUIRE(it.open());
        REQUIRE(it.store->maintain());
        CHECK(block_names(it).size() == whole - 1);
        const std::string left = it.read_all();
        CHECK(samples_in(left) < 290 * 7);
        REQUIRE(it.open());
        CHECK(it.read_all() == left);
    }
}

TEST_CASE("a damaged block is named with what is lost, and the others are served",
          "[store][blocks]") {
    Scratch it(quick());
    REQUIRE(it.open());
    scrape(it, 0, 110);
    REQUIRE(it.store->maintain());
    const std::vector<std::string> blocks = block_names(it);
    REQUIRE(blocks.size() == 1);  // three minutes in one
    scrape(it, 110, 200);
    REQUIRE(it.store->maintain());
    const std::string path = "data/blocks/" + blocks.front();
    it.files.cut(path, 1000);
    REQUIRE(it.open());
    CHECK(it.store->recovery().text().find(
              path + " at byte 0: the block ends too early, after 1000 bytes; samples from "
                     "2026-09-21T14:15:00.000Z to 2026-09-21T14:18:00.000Z are lost") !=
          std::string::npos);
    CHECK(samples_in(it.read_all()) == 110 * 7);
    CHECK(it.files.exists(path));
    scrape(it, 200, 290);
    REQUIRE(it.store->maintain());
    CHECK(samples_in(it.read_all()) == 200 * 7);
}

TEST_CASE("blocks that another was made of are not read beside it", "[store][blocks]") {
    Scratch it(quick());
    REQUIRE(it.open());
    scrape(it, 0, 76);
    REQUIRE(it.store->maintain());
    std::vector<std::pair<std::string, std::string>> parents;
    for (const std::string& name : block_names(it))
        parents.emplace_back("data/blocks/" + name, it.files.bytes("data/blocks/" + name));
    REQUIRE(parents.size() == 2);
    scrape(it, 76, 110);
    REQUIRE(it.store->maintain());
    const std::string before = it.read_all();
    const auto names = block_names(it);
    REQUIRE(names == std::vector<std::string>{"00000004_1790000100000_1790000280000.block"});
    for (const auto& [path, bytes] : parents) REQUIRE(it.files.write_atomically(path, bytes));
    REQUIRE(it.files.write_atomically("data/blocks/00000005.block.tmp", "half"));
    REQUIRE(it.open());
    CHECK(it.read_all() == before);
    CHECK(block_names(it) == names);
    // The same twice over, under another number: a careless copy.
    REQUIRE(it.files.write_atomically("data/blocks/00000009_1790000100000_1790000280000.block",
                                      it.files.bytes("data/blocks/" + names.front())));
    REQUIRE(it.open());
    CHECK(it.read_all() == before);
}

TEST_CASE("a clock that was set back takes samples out of blocks too, and new ones are taken",
          "[store][blocks]") {
    Scratch it(quick());
    REQUIRE(it.open());
    scrape(it, 0, 100);
    REQUIRE(it.store->maintain());
    const std::string before = it.read_all();
    scrape(it, 100, 500);
    REQUIRE(it.store->maintain());
    const bool failing = GENERATE(false, true);
    FailingFiles disk(it.files);
    if (failing) REQUIRE(it.open(disk));
    it.clock.step(Timestamp{begin_ms + 99 * step_ms} - it.clock.now());
    if (failing) {
        disk.fail_all(FailingFiles::Op::Open, FailingFiles::disk_full());
        REQUIRE_FALSE(it.store->maintain());
        disk.heal();
    }
    REQUIRE(it.store->maintain());
    CHECK(it.read_all() == before);
    scrape(it, 100, 200);
    REQUIRE(it.store->maintain());
    CHECK(samples_in(it.read_all()) == 200 * 7);
    const std::string after = it.read_all();
    REQUIRE(it.open());
    CHECK(it.store->recovery().losses.empty());
    CHECK(it.read_all() == after);
}

TEST_CASE("where no block can be written the head keeps its samples, and says why",
          "[store][blocks]") {
    Scratch it(quick());
    FailingFiles failing(it.files);
    REQUIRE(it.open(failing));
    scrape(it, 0, 200);
    const std::string before = it.read_all();
    failing.fail_all(FailingFiles::Op::Open, {Fault::Unavailable, "Read-only file system"});
    const auto failed = it.store->maintain();
    REQUIRE_FALSE(failed);
    CHECK(failed.error().message == "Read-only file system");
    CHECK(it.read_all() == before);
    CHECK(it.metrics
              ->counter("vedette_store_block_failures_total",
                        "Times a block could not be written or removed.")
              .value() == 1);
    failing.heal();
    REQUIRE(it.store->maintain());
    CHECK_FALSE(block_names(it).empty());
    CHECK(it.read_all() == before);
}

}  // namespace vedette::store
