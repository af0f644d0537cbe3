// Buckets as they are made, written and read back, and which of them are chosen.

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <random>
#include <sstream>

#include "store/blocks/writer.h"
#include "store/dump.h"
#include "store/rollups/columns.h"
#include "store/rollups/cursor.h"
#include "store/rollups/plan.h"
#include "tests/support/memory_files.h"
#include "tests/support/memory_source.h"

namespace vedette::store {
namespace {

using As = RolledUp::As;
using Wanted = Hints::Wanted;
using std::chrono::hours;
using std::chrono::minutes;

constexpr std::int64_t hour = 3'600'000;
constexpr std::int64_t day = 24 * hour;
constexpr Milliseconds five = minutes(5);
constexpr std::int64_t begin_ms = 1'789'948'800'000;  // midnight

HistogramRef counted(double count) {
    auto histogram = std::make_shared<Histogram>();
    histogram->count = histogram->sum = count;
    histogram->positive_spans = {{0, 1}};
    histogram->positive_buckets = {count};
    return histogram;
}

/// Resets, gaps, NaN, infinities, stale markers, histograms, and samples at the very ends of
/// buckets.
Samples random_samples(std::mt19937& random, int count, bool histograms = true) {
    Samples out;
    std::int64_t at = begin_ms + std::int64_t(random() % 1000);
    double counter = random() % 1000;
    for (int i = 0; i < count; ++i) {
        at += random() % 40 == 0 ? std::int64_t(random() % (2 * hour)) : 1 + random() % 60'000;
        if (random() % 10 == 0) at += 300'000 - at % 300'000;
        counter = random() % 50 == 0 ? 0.5 : counter + random() % 9;
        const auto kind = random() % 60;
        if (kind == 0)
            out.add({at}, std::nan(""));
        else if (kind == 1)
            out.add({at}, stale_marker());
        else if (kind == 2)
            out.add({at}, -1.0 / 3 * counter);
        else if (kind < 8 && histograms)
            out.add({at}, counted(counter));
        else
            out.add({at}, counter);
    }
    if (!out.histograms.empty()) out.histograms.resize(out.times.size());
    return out;
}

std::string print(double value) {
    return std::isnan(value) ? "NaN" : std::to_string(std::bit_cast<std::uint64_t>(value));
}

std::string print(const Bucket& b) {
    std::string out = std::to_string(b.begin.ms) + "-" + std::to_string(b.end.ms);
    if (b.count > 0)
        for (const double each : {b.count, b.min, b.max, b.sum, b.first, b.last, b.lost,
                                  double(b.first_at.ms), double(b.last_at.ms)})
            out += " " + print(each);
    return out + (b.ended ? " ended" : "") + "\n";
}

std::string print(const Folded& folded) {
    std::string out;
    for (const Bucket& bucket : folded.buckets) out += print(bucket);
    for (std::size_t i = 0; i < folded.histograms.times.size(); ++i)
        out += "h" + std::to_string(folded.histograms.times[i].ms) + " " +
               print(folded.histograms.histograms[i]->count) + "\n";
    return out;
}

/// Bucket by bucket, each number by a loop of its own.
std::string slow_fold(const Samples& samples, Milliseconds resolution) {
    std::map<std::int64_t, std::vector<std::size_t>> members;
    for (std::size_t i = 0; i < samples.times.size(); ++i) {
        std::int64_t end = samples.times[i].ms / resolution.count() * resolution.count();
        if (end < samples.times[i].ms) end += resolution.count();
        members[end].push_back(i);
    }
    std::string buckets, histograms;
    for (const auto& [end, all] : members) {
        Bucket b{.begin = {end - resolution.count()}, .end = {end}};
        std::vector<std::size_t> floats;
        std::optional<std::size_t> histogram;
        bool any_stale = false;
        for (const std::size_t i : all) {
            if (!samples.histograms.empty() && samples.histograms[i])
                histogram = i;
            else if (is_stale(samples.floats[i]))
                any_stale = true;
            else
                floats.push_back(i);
        }
        const std::size_t newest = all.back();
        const bool is_histogram = histogram && *histogram == newest;
        b.ended = !is_histogram && is_stale(samples.floats[newest]);
        b.count = double(floats.size());
        long double sum = 0;
        for (const std::size_t i : floats) sum += samples.floats[i];
        b.sum = double(sum);
        b.min = b.max = std::nan("");
        for (const std::size_t i : floats) {
            if (!(b.min <= samples.floats[i]) && !std::isnan(samples.floats[i]))
                b.min = samples.floats[i];
            if (!(b.max >= samples.floats[i]) && !std::isnan(samples.floats[i]))
                b.max = samples.floats[i];
        }
        if (!floats.empty()) {
            b.first = samples.floats[floats.front()];
            b.last = samples.floats[floats.back()];
            b.first_at = samples.times[floats.front()];
            b.last_at = samples.times[floats.back()];
        }
        for (std::size_t i = 1; i < floats.size(); ++i)
            if (samples.floats[floats[i]] < samples.floats[floats[i - 1]])
                b.lost += samples.floats[floats[i - 1]];
        if (b.count > 0 || any_stale) buckets += print(b);
        if (histogram)
            histograms += "h" + std::to_string(samples.times[*histogram].ms) + " " +
                          print(samples.histograms[*histogram]->count) + "\n";
    }
    return buckets + histograms;
}

Folded folded(const Samples& samples, Milliseconds resolution) {
    Folded out;
    fold({nullptr, samples.times, samples.floats, samples.histograms, {}}, resolution, out);
    return out;
}

BlockAbout about_of(std::uint64_t number, Milliseconds resolution, int days = 1) {
    BlockAbout about;
    about.number = number;
    about.from = {begin_ms};
    about.to = {begin_ms + days * day};
    about.resolution = resolution;
    return about;
}

std::string write_block(Files& files, const std::map<Labels, Folded>& contents, BlockAbout about) {
    auto writer = BlockWriter::open(files, "blocks", std::move(about));
    REQUIRE(writer);
    CodedChunks chunks;
    for (const auto& [labels, rolled] : contents) {
        chunks.clear();
        const auto& [times, floats, histograms] = rolled.histograms;
        add_rolled({&labels, times, floats, histograms, rolled.buckets}, chunks);
        REQUIRE((*writer)->add(labels, chunks.views(), chunks.columns()));
    }
    auto path = (*writer)->finish();
    REQUIRE(path);
    return *path;
}

const RollupReader::OnCorrupt ignore = [](const Labels&, const Error&) {};

std::string read_back(const Block& block, RollupColumns columns,
                      const RollupReader::OnCorrupt& on_corrupt = ignore) {
    std::string out;
    StoredSeries series;
    RollupReader reader(columns, on_corrupt);
    for (SeriesNumber number = 0; number < block.series_count(); ++number) {
        if (!block.read(number, series)) continue;
        Folded rolled;
        reader.read(series, block.about().resolution, {{0}, {begin_ms * 2}}, rolled);
        out += to_string(series.labels) + "\n" + print(rolled);
    }
    return out;
}

std::map<Labels, Folded> some_of_each() {
    std::mt19937 random(3);
    std::map<Labels, Folded> out;
    out[series_name("mixed")] = folded(random_samples(random, 300), five);
    out[series_name("floats")] = folded(random_samples(random, 300, false), five);
    Samples constant, counter;
    for (int i = 0; i < 400; ++i) constant.add({begin_ms + 5000 + i * 15'000}, 7.0);
    for (int i = 0; i < 400; ++i) counter.add({begin_ms + 5000 + i * 15'000}, i * 3.0);
    out[series_name("constant")] = folded(constant, five);
    out[series_name("counter_total")] = folded(counter, five);
    return out;
}

std::string print(const std::map<Labels, Folded>& contents) {
    std::string out;
    for (const auto& [labels, rolled] : contents) out += to_string(labels) + "\n" + print(rolled);
    return out;
}

}  // namespace

TEST_CASE("a bucket says of random samples what looking at each says", "[store][rollup]") {
    std::mt19937 random(1);
    for (int round = 0; round < 200; ++round) {
        const Samples samples = random_samples(random, 1 + int(random() % 400), round % 2 == 0);
        const Milliseconds resolution = round % 3 == 0 ? Milliseconds(hours(1)) : five;
        CAPTURE(round);
        REQUIRE(print(folded(samples, resolution)) == slow_fold(samples, resolution));
    }
}

TEST_CASE("a sample at the end of a bucket is in it, and one a millisecond later is not",
          "[store][rollup]") {
    CHECK(bucket_end({300'000}, five) == Timestamp{300'000});
    CHECK(bucket_end({300'001}, five) == Timestamp{600'000});
    CHECK(bucket_end({-300'000}, five) == Timestamp{-300'000});
    CHECK(bucket_end({-299'999}, five) == Timestamp{0});
}

TEST_CASE("buckets read back from a block bit for bit", "[store][rollup]") {
    MemoryFiles files;
    REQUIRE(files.make_folders("blocks"));
    const auto contents = some_of_each();
    const std::string path = write_block(files, contents, about_of(7, five));
    auto block = Block::open(files, path);
    REQUIRE(block);
    CHECK((*block)->about().resolution == five);
    CHECK(read_back(**block, RollupColumns::all()) == print(contents));
    StoredSeries series;
    REQUIRE((*block)->read(1, series));
    REQUIRE(to_string(series.labels) == "counter_total");
    // Count, both times, last, first, sum; what follows from these is left out.
    CHECK(series.chunks.size() == 6);
}

TEST_CASE("a function reads of buckets what it needs", "[store][rollup]") {
    MemoryFiles files;
    REQUIRE(files.make_folders("blocks"));
    const auto contents = some_of_each();
    auto block = Block::open(files, write_block(files, contents, about_of(7, five)));
    REQUIRE(block);
    for (const std::string_view function : {"rate", "min_over_time", "max_over_time",
                                            "sum_over_time", "avg_over_time", "", "irate"}) {
        CAPTURE(function);
        RollupReader reader(columns_for(function), ignore);
        StoredSeries series;
        for (const auto& [labels, expected] : contents) {
            for (SeriesNumber number = 0; number < (*block)->series_count(); ++number)
                if ((*block)->read(number, series) && series.labels == labels) break;
            Folded found;
            reader.read(series, five, {{0}, {begin_ms * 2}}, found);
            REQUIRE(found.buckets.size() == expected.buckets.size());
            const RollupColumns columns = columns_for(function);
            for (std::size_t i = 0; i < found.buckets.size(); ++i) {
                const Bucket &a = found.buckets[i], &b = expected.buckets[i];
                CHECK(a.count == b.count);
                if (b.count == 0) continue;
                if (columns.has(RollupColumn::Min)) CHECK(print(a.min) == print(b.min));
                if (columns.has(RollupColumn::Max)) CHECK(print(a.max) == print(b.max));
                if (columns.has(RollupColumn::Sum)) CHECK(print(a.sum) == print(b.sum));
                if (columns.has(RollupColumn::Last)) CHECK(print(a.last) == print(b.last));
                if (columns.has(RollupColumn::First)) CHECK(print(a.first) == print(b.first));
                if (columns.has(RollupColumn::Lost)) CHECK(print(a.lost) == print(b.lost));
                if (columns.has(RollupColumn::LastAt)) CHECK(a.last_at == b.last_at);
                if (columns.has(RollupColumn::FirstAt)) CHECK(a.first_at == b.first_at);
            }
        }
    }
}

TEST_CASE("a roll-up block that is cut short anywhere says so", "[store][rollup]") {
    MemoryFiles files;
    REQUIRE(files.make_folders("blocks"));
    const std::string path = write_block(files, some_of_each(), about_of(7, five));
    const std::string whole = files.read_all(path, 1 << 20).value();
    for (std::size_t length = 0; length < whole.size(); length += length < 4000 ? 1 : 3) {
        REQUIRE(files.write_atomically(path, whole.substr(0, length)));
        const auto block = Block::open(files, path);
        REQUIRE_FALSE(block);
        REQUIRE(block.error().fault == Fault::Corrupt);
    }
}

TEST_CASE("with any bit flipped a roll-up block says so, or a chunk does and all else reads back",
          "[store][rollup]") {
    MemoryFiles files;
    REQUIRE(files.make_folders("blocks"));
    const std::map<Labels, Folded> all = some_of_each();
    std::map<Labels, Folded> contents{*all.find(series_name("mixed"))};
    const std::string path = write_block(files, contents, about_of(7, five));
    const std::string whole = files.read_all(path, 1 << 20).value();
    const std::string expected = read_back(**Block::open(files, path), RollupColumns::all());
    std::size_t named = 0, told = 0;
    for (std::size_t bit = 0; bit < whole.size() * 8; bit += 1) {
        std::string bytes = whole;
        bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
        REQUIRE(files.write_atomically(path, bytes));
        const auto block = Block::open(files, path);
        if (!block) {
            ++named;
            continue;
        }
        CAPTURE(bit);
        bool said = false;
        const std::string found = read_back(**block, RollupColumns::all(),
                                            [&](const Labels&, const Error&) { said = true; });
        REQUIRE(said);
        told += said;
        // What is left are lines of what was there.
        std::istringstream lines(found);
        for (std::string line; std::getline(lines, line);)
            REQUIRE(expected.find(line + "\n") != expected.npos);
    }
    CHECK(named > 0);
    CHECK(told > 0);
}

TEST_CASE("a block of samples does not pass for one of roll-ups", "[store][rollup]") {
    MemoryFiles files;
    REQUIRE(files.make_folders("blocks"));
    BlockAbout about = about_of(7, five);
    const std::string path = write_block(files, some_of_each(), about);
    std::ostringstream out;
    REQUIRE(dump(files, path, out));
    CHECK(out.str().find("buckets of 5m") != std::string::npos);
    CHECK(out.str().find("count=20 min=7 max=7 sum=140 first=7 last=7") != std::string::npos);
}

TEST_CASE("a day is rolled up when everything up to its end, that moment too, is in blocks",
          "[store][rollup]") {
    const auto block = [](std::int64_t from, std::int64_t to) {
        return BlockExtent{{{from * hour}, {to * hour}}, 1};
    };
    struct Row {
        const char* what;
        std::vector<BlockExtent> blocks;
        std::int64_t until, done;
        std::optional<Stretch> next;
    };
    const auto row = GENERATE_COPY(values<Row>({
        {"nothing of nothing", {}, 0, -1000, {}},
        {"the day is not over", {block(2, 24)}, 24, -1000, {}},
        {"two hours later it is", {block(2, 24), block(24, 26)}, 26, -1000, Stretch{{0}, {day}}},
        {"a sample at midnight is of the day before",
         {block(0, 24), block(24, 26)},
         26,
         -1000,
         Stretch{{-day}, {0}}},
        {"then the day itself", {block(0, 24), block(24, 26)}, 26, 0, Stretch{{0}, {day}}},
        {"from where it ended",
         {block(0, 48), block(48, 50)},
         50,
         30,
         Stretch{{30 * hour}, {2 * day}}},
        {"days without samples are left out",
         {block(0, 24), block(242, 266)},
         266,
         24,
         Stretch{{10 * day}, {11 * day}}},
        {"all is done", {block(0, 24), block(24, 26)}, 26, 24, {}},
    }));
    CAPTURE(row.what);
    CHECK(next_rollup(row.blocks, {row.until * hour}, {row.done * hour}, hours(24)) == row.next);
}

TEST_CASE("a day is rolled up at once where samples are kept for three, less where they are not",
          "[store][rollup]") {
    CHECK(rollup_stretch(five, hours(2), hours(72)) == hours(24));
    CHECK(rollup_stretch(five, hours(2), hours(72) - minutes(1)) == hours(2));
    CHECK(rollup_stretch(hours(1), hours(2), hours(6)) == hours(2));
    CHECK(rollup_stretch(hours(1), hours(2), hours(6) - minutes(1)) == hours(0));
    CHECK(rollup_stretch(five, minutes(3), hours(6)) == hours(0));  // buckets do not fit into it
}

TEST_CASE("questions are answered from samples, and before them from what is as good",
          "[store][rollup]") {
    // Samples since day 300; buckets of 5m and 1h since day 100, up to day 314 of 315.
    const std::vector<RollupExtent> rollups{{five, {100 * day}, {314 * day}},
                                            {hours(1), {100 * day}, {314 * day}}};
    struct Row {
        const char* what;
        double from, to;  // hours since 1970
        Milliseconds step, range;
        Wanted wanted;
        const char* plan;
    };
    const double first = 300 * 24, end = 315 * 24;
    const auto row = GENERATE_COPY(values<Row>({
        {"where samples are, samples", first, first + 5, minutes(5), minutes(5), Wanted::Newest,
         "samples after 7200"},
        {"an hour before, whole hours", first - 1, first + 5, hours(1), hours(1), Wanted::Buckets,
         "1h exact 7199-7200, samples after 7200"},
        {"with steps of 5m, these", first - 1, first + 5, minutes(5), hours(1), Wanted::Buckets,
         "5m exact 7199-7200, samples after 7200"},
        {"with ranges of 5m, these", first - 1, first + 5, hours(1), minutes(5), Wanted::Buckets,
         "5m exact 7199-7200, samples after 7200"},
        {"the newest of each hour, however short the look-back", first - 1, first + 5, hours(1),
         minutes(5), Wanted::Newest, "1h exact 7199-7200, samples after 7200"},
        {"steps between buckets are rounded to the finest", first - 1, first + 5, minutes(2),
         hours(1), Wanted::Buckets, "5m rounded 7199-7200, samples after 7200"},
        {"the newest sample may be from before the window", first - 1, first + 5, minutes(2),
         minutes(5), Wanted::Newest, "5m rounded 7198.92-7200, samples after 7200"},
        {"no bucket fits into a minute", first - 1, first + 5, minutes(5), minutes(1),
         Wanted::Buckets, "5m newest 7199-7200, samples after 7200"},
        {"who needs all samples gets the newest of the finest", first - 1, first + 5, hours(1),
         hours(1), Wanted::Samples, "5m newest 7199-7200, samples after 7200"},
        {"a week is not long", end - 7 * 24, end, hours(1), hours(1), Wanted::Buckets,
         "samples after 7392"},
        {"more than a week is", end - 7 * 24 - 1, end, hours(1), hours(1), Wanted::Buckets,
         "1h exact 7391-7536, samples after 7536"},
        {"but not for less exact answers", end - 7 * 24 - 1, end, minutes(2), hours(1),
         Wanted::Buckets, "samples after 7391"},
        {"nor for who needs all samples", end - 7 * 24 - 1, end, hours(1), hours(1),
         Wanted::Samples, "samples after 7391"},
        {"copies are of samples only", first - 1, first + 5, hours(1), hours(0), Wanted::Samples,
         "samples after 7199"},
        {"long before all of it", 0, 24, hours(1), hours(1), Wanted::Buckets, "samples after 0"},
        {"from before the roll-ups", 0, end, hours(24), hours(24), Wanted::Buckets,
         "1h exact 2400-7536, samples after 7536"},
    }));
    CAPTURE(row.what);
    Hints hints;
    hints.step = row.step;
    hints.range = row.range;
    hints.wanted = row.wanted;
    const auto at = [](double hours_) { return Timestamp{std::int64_t(hours_ * hour)}; };
    const auto plan = plan_reading({at(row.from), at(row.to)}, hints, at(first), rollups);
    const auto show = [](Timestamp t) {
        std::ostringstream out;
        out << double(t.ms) / hour;
        return out.str();
    };
    std::string text;
    for (const auto& [rollup, ends, as] : plan.pieces)
        text += format_duration(rollups[rollup].resolution) +
                (as == As::Exact     ? " exact "
                 : as == As::Rounded ? " rounded "
                                     : " newest ") +
                show(ends.from) + "-" + show(ends.to) + ", ";
    text += "samples after " + show(plan.samples.from);
    CHECK(text == row.plan);
}

TEST_CASE("an older resolution answers for the time before a younger one", "[store][rollup]") {
    const std::vector<RollupExtent> rollups{{five, {200 * day}, {314 * day}},
                                            {hours(1), {100 * day}, {314 * day}}};
    Hints hints;
    hints.step = minutes(7);
    hints.range = hours(2);
    hints.wanted = Wanted::Buckets;
    const auto plan = plan_reading({{150 * day}, {315 * day}}, hints, {300 * day}, rollups);
    REQUIRE(plan.pieces.size() == 2);
    CHECK(plan.pieces[0].rollup == 1);
    CHECK(plan.pieces[0].ends.to == Timestamp{200 * day});
    CHECK(plan.pieces[1].rollup == 0);
    CHECK(plan.pieces[1].ends.from == Timestamp{200 * day});
    CHECK(plan.samples.from == Timestamp{300 * day});
}

}  // namespace vedette::store
