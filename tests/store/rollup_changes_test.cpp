// What is put into a time that is rolled up already, or deleted from it.

#include "store/blocks/deletions.h"
#include "store/rollups/state.h"
#include "tests/store/rollup_world.h"
#include "tests/support/failing_files.h"

namespace vedette::store {
namespace {

using Op = Matcher::Op;
using std::chrono::hours;
using std::chrono::minutes;

constexpr const char* past = "past{job=\"p\"}";

std::vector<Matcher> named(std::string name) {
    return {{Op::Equal, "__name__", std::move(name)}};
}

/// Yields one series.
class OneSeries final : public SeriesCursor {
public:
    OneSeries(std::string_view name, std::vector<Sample> samples) : labels_(series_name(name)) {
        for (const Sample& sample : samples)
            if (const auto* histogram = std::get_if<HistogramRef>(&sample.value))
                samples_.add(sample.at, *histogram);
            else
                samples_.add(sample.at, std::get<double>(sample.value));
    }
    bool next(Column& out) override {
        if (std::exchange(given_, true)) return false;
        out = {&labels_, samples_.times, samples_.floats, samples_.histograms, {}};
        return true;
    }

private:
    Labels labels_;
    Samples samples_;
    bool given_ = false;
};

/// Imports a sample every ten minutes, as blocks of six hours; the twin gets them too.
void import(World& world, const std::string& name, Milliseconds from, Milliseconds to,
            double value, bool to_twin = true) {
    for (Milliseconds at = from; at < to; at += hours(6)) {
        const Milliseconds end = std::min<Milliseconds>(at + hours(6), to);
        std::vector<Sample> samples;
        for (Milliseconds each = at; each < end; each += minutes(10)) {
            const Timestamp time{begin_ms + each.count()};
            samples.push_back({time, value += 1});
            if (to_twin) world.remember(name, time.ms, value);
        }
        OneSeries cursor(name, samples);
        REQUIRE(world.it.store->add_past({{begin_ms + at.count()}, {begin_ms + end.count()}},
                                         cursor));
    }
}

void erase(World& world, const std::string& name, Milliseconds from, Milliseconds to) {
    const Window window{{begin_ms + from.count()}, {begin_ms + to.count()}};
    REQUIRE(world.it.store->erase({named(name)}, window));
    world.forget(named(name), window);
}

/// Asks all that is rolled up, and what is not; empty when the twin says the same.
std::string differences(World& world, std::int64_t start, std::int64_t end) {
    std::string out;
    for (const Milliseconds step : {Milliseconds(hours(1)), Milliseconds(minutes(15))})
        for (const char* query :
             {"count_over_time({__name__=~\"temperature|night|requests_total|past\"}[1h])",
              "max_over_time({__name__=~\"temperature|night|past\"}[1h])",
              "increase({__name__=~\"requests_total|past\"}[1h])",
              "last_over_time({__name__=~\"temperature|silent|past\"}[1h])"})
            if (const auto text = world.difference(query, start, end, step); !text.empty())
                out += std::string(query) + " step " + format_duration(step) + ": " + text + "\n";
    return out;
}

bool is_due(World& world) {
    const auto bytes = world.it.files.read_all("data/rollups/state", 1 << 20);
    if (!bytes) return false;
    return !read_rollup_state(*bytes).value().due.empty();
}

std::size_t count(World& world, const std::string& name, std::int64_t at, const char* range) {
    const auto found = world.ask(*world.it.store, "count_over_time(" + name + "[" + range + "])",
                                 at, at, Milliseconds(0));
    REQUIRE(found);
    if (found->series.empty()) return 0;
    return static_cast<std::size_t>(std::get<double>(found->series[0].samples[0].value));
}

constexpr std::int64_t asked_from = begin_ms + day, asked_to = begin_ms + 11 * day + 20 * hour;

}  // namespace

TEST_CASE("what is deleted is gone from roll-ups, at once, after a restart and after a cleaning",
          "[store][rollup]") {
    World world;
    world.live(hours(24 * 12), minutes(3));
    REQUIRE(differences(world, asked_from, asked_to) == "");
    // Where samples are gone; days in the middle, where they begin; and where all are there.
    erase(world, "temperature", hours(24 * 3), hours(24 * 4 + 5));
    erase(world, "requests_total", hours(24 * 7), hours(24 * 10));
    erase(world, "night", hours(24 * 11) + minutes(7), hours(24 * 11 + 2) + minutes(33));
    CHECK(differences(world, asked_from, asked_to) == "");
    for (int pass = 0; pass < 3; ++pass) REQUIRE(world.it.store->maintain());
    CHECK_FALSE(is_due(world));
    CHECK(differences(world, asked_from, asked_to) == "");
    REQUIRE(world.it.open());
    CHECK(differences(world, asked_from, asked_to) == "");
    REQUIRE(world.it.store->clean_deleted());
    CHECK(differences(world, asked_from, asked_to) == "");
    for (const char* resolution : {"5m", "1h"}) {
        const std::string path = std::string("data/rollups/") + resolution + "/deletions";
        CHECK(read_deletions(world.it.files.read_all(path, 1 << 20).value()).promised == 0);
    }
    REQUIRE(world.it.open());
    CHECK(differences(world, asked_from, asked_to) == "");
    // All that comes goes the usual way.
    world.live(hours(24 * 13), minutes(3));
    CHECK(differences(world, asked_from, asked_to + day) == "");
}

TEST_CASE("of a bucket that a deletion touches nothing is left where its samples are gone",
          "[store][rollup]") {
    World world;
    world.live(hours(24 * 8), minutes(3));
    const std::int64_t at = begin_ms + 2 * day + 3 * hour;
    REQUIRE(count(world, "temperature", at, "1h") == 20);
    erase(world, "temperature", hours(24 * 2 + 2) + minutes(11), hours(24 * 2 + 2) + minutes(24));
    for (int pass = 0; pass < 2; ++pass) {
        CHECK(count(world, "temperature", at, "1h") == 0);
        // 5m: the first two and the last seven of twelve buckets.
        CHECK(count(world, "temperature", at - 50 * 60'000, "10m") > 0);
        CHECK(count(world, "temperature", at - 35 * 60'000, "15m") == 0);
        CHECK(count(world, "temperature", at, "35m") > 0);
        REQUIRE(world.it.store->maintain());
    }
}

TEST_CASE("a deletion is whole in blocks and roll-ups whatever operation fails, or it never was",
          "[store][rollup]") {
    for (std::uint64_t n = 1; n < 40; ++n) {
        CAPTURE(n);
        World world;
        FailingFiles failing(world.it.files);
        REQUIRE(world.it.open(failing));
        world.live(hours(24 * 6), minutes(20));
        REQUIRE(world.it.store->flush());
        const Window window{{begin_ms + day}, {begin_ms + 5 * day + 7 * 60'000}};
        const std::uint64_t done = failing.operations();
        failing.fail_at(done + n, FailingFiles::disk_full());
        const bool erased = world.it.store->erase({named("temperature")}, window).has_value();
        const bool reached = failing.operations() >= done + n;
        failing.heal();
        if (n % 2 == 0) REQUIRE(world.it.open());  // killed
        if (erased || count(world, "temperature", begin_ms + 3 * day, "1d") == 0)
            world.forget(named("temperature"), window);
        CHECK(differences(world, asked_from, begin_ms + 5 * day + 20 * hour) == "");
        for (int pass = 0; pass < 2; ++pass) REQUIRE(world.it.store->maintain());
        CHECK(differences(world, asked_from, begin_ms + 5 * day + 20 * hour) == "");
        if (!reached) break;
    }
}

TEST_CASE("what comes again after a deletion is not deleted by the next start",
          "[store][rollup]") {
    World world;
    world.live(hours(24 * 12), minutes(3));
    erase(world, "temperature", hours(24 * 10), hours(24 * 11));
    import(world, "temperature", hours(24 * 10), hours(24 * 11), 5);
    for (int pass = 0; pass < 3; ++pass) REQUIRE(world.it.store->maintain());
    CHECK(differences(world, asked_from, asked_to) == "");
    REQUIRE(world.it.open());
    CHECK(differences(world, asked_from, asked_to) == "");
}

TEST_CASE("what is imported into times whose samples are there is in roll-ups soon, and asked for "
          "before that it is read from samples",
          "[store][rollup]") {
    World world;
    world.live(hours(24 * 12), minutes(3));
    // Beside what is there and between it: of two samples at one time the old one counts.
    import(world, past, hours(24 * 9 + 5), hours(24 * 11 + 2), 100);
    import(world, "temperature", hours(24 * 9 + 5), hours(24 * 10), 900);
    REQUIRE(is_due(world));
    CHECK(differences(world, begin_ms + 9 * day + 4 * hour, asked_to) == "");
    CHECK(differences(world, asked_from, asked_to) == "");
    for (int pass = 0; pass < 3; ++pass) REQUIRE(world.it.store->maintain());
    CHECK_FALSE(is_due(world));
    CHECK(differences(world, asked_from, asked_to) == "");
    world.live(hours(24 * 20), minutes(3));  // samples of that time are gone now
    CHECK(differences(world, asked_from, asked_to + 7 * day) == "");
}

TEST_CASE("what is imported into times whose samples are gone fills gaps; buckets that are there "
          "stay, and an import that is done twice adds nothing",
          "[store][rollup]") {
    World world;
    world.live(hours(24 * 12), minutes(3));
    for (int time = 0; time < 2; ++time) {
        import(world, past, hours(24 * 2), hours(24 * 4 + 3), 100);
        import(world, "night{job=\"b\"}", hours(24 * 2 + 8), hours(24 * 2 + 12), 7);
        import(world, "temperature", hours(24 * 2), hours(24 * 3), 900, false);
        for (int pass = 0; pass < 3; ++pass) REQUIRE(world.it.store->maintain());
        CHECK_FALSE(is_due(world));
        CHECK(differences(world, asked_from, asked_to) == "");
    }
}

TEST_CASE("what is imported before all that was rolled up is rolled up too", "[store][rollup]") {
    World world;
    world.live(hours(24 * 6), minutes(3));
    import(world, past, -hours(24 * 20), -hours(24 * 2), 100);
    REQUIRE(is_due(world));
    for (int pass = 0; pass < 3; ++pass) REQUIRE(world.it.store->maintain());
    CHECK_FALSE(is_due(world));
    CHECK(differences(world, begin_ms - 20 * day, begin_ms + 5 * day) == "");
    // Samples of then are past retention, and went only now.
    CHECK(world.it.read(named("past")) == "");
}

TEST_CASE("whatever fails while roll-ups are made again, they become right", "[store][rollup]") {
    for (std::uint64_t n = 1; n < 60; n += 2) {
        CAPTURE(n);
        World world;
        FailingFiles failing(world.it.files);
        REQUIRE(world.it.open(failing));
        world.live(hours(24 * 6), minutes(20));
        import(world, past, hours(24 * 4), hours(24 * 5), 100);
        failing.fail_at(failing.operations() + n, FailingFiles::disk_full());
        (void)world.it.store->maintain();
        if (n % 4 == 1) REQUIRE(world.it.open());  // killed
        failing.heal();
        for (int pass = 0; pass < 2; ++pass) REQUIRE(world.it.store->maintain());
        REQUIRE(world.it.open());
        CHECK(world.it.store->recovery().losses.empty());
        CHECK(differences(world, asked_from, begin_ms + 5 * day + 20 * hour) == "");
        for (const char* resolution : {"5m", "1h"})
            for (const std::string& name : files_of(world, resolution))
                CHECK(name.ends_with(".block"));
    }
}

TEST_CASE("a late sample at the very edge of the window is in the roll-up of its day",
          "[store][rollup]") {
    StoreSettings settings = short_lived(hours(24 * 4));
    settings.out_of_order_window = hours(6);
    World world(settings);
    // The day before ends six hours ago, to the second.
    world.live(hours(24 * 5 + 6) + minutes(3), minutes(3));
    const std::int64_t newest = world.it.clock.now().ms;
    for (const std::int64_t at : {newest - 6 * hour, newest - 6 * hour + 1, begin_ms + 5 * day}) {
        if (at < newest - 6 * hour) continue;
        auto added = world.it.add(past, at, double(at - begin_ms));
        REQUIRE(added);
        REQUIRE(added->stored == 1);
        world.remember(past, at, double(at - begin_ms));
    }
    CHECK(world.it.add(past, newest - 6 * hour - 1, 1.0)->stored == 0);
    world.live(hours(24 * 14), minutes(3));
    CHECK(differences(world, asked_from, begin_ms + 13 * day) == "");
    CHECK(count(world, "past", begin_ms + 6 * day, "1d") == 2);
}

TEST_CASE("late samples of a day that is rolled up already come into it, when a reload has made "
          "their window wider",
          "[store][rollup]") {
    World world(short_lived(hours(24 * 4)));
    world.live(hours(24 * 6), minutes(3));
    world.it.store->take_out_of_order(hours(24 * 3));
    const std::int64_t at = begin_ms + 4 * day + 5 * hour + 7 * 60'000;
    REQUIRE(world.it.add(past, at, 5.0)->stored == 1);
    world.remember(past, at, 5.0);
    world.live(hours(24 * 14), minutes(3));
    CHECK(differences(world, asked_from, begin_ms + 9 * day) == "");
    CHECK(count(world, "past", begin_ms + 4 * day + 6 * hour, "1h") == 1);
}

TEST_CASE("classes are dropped when they are rolled up, and what is gone of them is answered from "
          "roll-ups",
          "[store][rollup]") {
    StoreSettings settings = short_lived();
    settings.retention_classes = {{"brief", named("requests_total"), hours(3)},
                                  {"long", named("temperature"), hours(24 * 9)}};
    World world(settings);
    world.live(hours(24 * 12), minutes(3));
    CHECK(differences(world, asked_from, asked_to) == "");
    std::vector<std::string> notes;
    const auto note_of = [&](const char* query, std::int64_t days_ago) {
        const std::int64_t at = begin_ms + (12 - days_ago) * day - 6 * hour;
        CHECK(world.difference(query, at - day, at, hours(1), &notes) == "");
        return !notes.empty();
    };
    CHECK(note_of("max_over_time(requests_total[1h])", 1));
    CHECK_FALSE(note_of("max_over_time(night[1h])", 1));
    CHECK(note_of("max_over_time(night[1h])", 5));
    CHECK_FALSE(note_of("max_over_time(temperature[1h])", 5));
    CHECK(note_of("max_over_time({__name__=~\"temperature|night\"}[1h])", 5));
    // Whatever classes there are next, nothing that was thrown away is looked for.
    for (const auto& classes : std::vector<std::vector<RetentionClass>>{
             {},
             {{"long", named("requests_total"), hours(24 * 9)}},
             {{"brief", named("requests_total"), hours(24 * 9)},
              {"long", named("temperature"), hours(24 * 9)}}}) {
        world.it.settings.retention_classes = classes;
        REQUIRE(world.it.open());
        CHECK(differences(world, asked_from, asked_to) == "");
        REQUIRE(world.it.store->maintain());
        CHECK(differences(world, asked_from, asked_to) == "");
    }
}

TEST_CASE("without what it knew of roll-ups a store says so, and makes them again",
          "[store][rollup]") {
    World world;
    world.live(hours(24 * 8), minutes(3));
    import(world, past, hours(24 * 6), hours(24 * 6 + 6), 100);
    REQUIRE(is_due(world));
    REQUIRE(world.it.store->close());
    const std::string path = "data/rollups/state";
    std::string bytes = world.it.files.read_all(path, 1 << 20).value();
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    REQUIRE(world.it.files.write_atomically(path, bytes));
    REQUIRE(world.it.open());
    REQUIRE(world.it.store->recovery().losses.size() == 1);
    CHECK(world.it.store->recovery().losses[0].text() ==
          "data/rollups/state at byte 0: it does not match its checksum; all samples are rolled up again");
    for (int pass = 0; pass < 3; ++pass) REQUIRE(world.it.store->maintain());
    CHECK_FALSE(is_due(world));
    CHECK(differences(world, asked_from, begin_ms + 7 * day + 20 * hour) == "");
}

TEST_CASE("a state of roll-ups that is cut short anywhere, or has any bit flipped, is refused",
          "[store][rollup]") {
    RollupState state;
    state.set_classes({"node_.*", "debug"});
    state.throw_away(1, {begin_ms});
    state.add_due(minutes(5), {{begin_ms}, {begin_ms + hour}});
    state.add_due(hours(1), {{begin_ms + 2 * hour}, {begin_ms + 3 * hour}});
    const std::string bytes = write_rollup_state(state);
    CHECK(read_rollup_state(bytes).value() == state);
    for (std::size_t length = 0; length < bytes.size(); ++length)
        REQUIRE(read_rollup_state(std::string_view(bytes).substr(0, length)).error().fault ==
                Fault::Corrupt);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        std::string flipped = bytes;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        REQUIRE(read_rollup_state(flipped).error().fault == Fault::Corrupt);
    }
}

TEST_CASE("what is due is joined, and what is done of it is taken away", "[store][rollup]") {
    RollupState state;
    const auto due = [&] {
        std::string out;
        for (const Stretch& each : state.due_of(minutes(5)))
            out += std::to_string(each.from.ms) + "-" + std::to_string(each.to.ms) + " ";
        return out;
    };
    state.add_due(minutes(5), {{100}, {200}});
    state.add_due(minutes(5), {{300}, {400}});
    CHECK(due() == "100-200 300-400 ");
    state.add_due(minutes(5), {{200}, {250}});
    CHECK(due() == "100-250 300-400 ");
    state.done(minutes(5), {{150}, {160}});
    CHECK(due() == "100-150 160-250 300-400 ");
    state.done(minutes(5), {{0}, {350}});
    CHECK(due() == "350-400 ");
    state.done(minutes(5), {{0}, {400}});
    CHECK(state.due.empty());
}

}  // namespace vedette::store
