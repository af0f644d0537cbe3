// What it costs to take a page in, without the store and with it: samples per CPU second.

#include <benchmark/benchmark.h>

#include "probes/scrape/page/series.h"
#include "store/store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_folder.h"

namespace {

using namespace vedette;
using namespace vedette::scrape;

/// Gives every series a number and forgets all else.
class NumberingSink final : public SampleSink {
public:
    Result<SeriesRef> series(const Labels&) override { return SeriesRef{++last_}; }
    std::uint64_t generation() const override { return 1; }
    void metadata(std::string_view, std::string_view, std::string_view, std::string_view) override {
    }
    Result<Appended> append(const Batch& batch) override {
        return Appended{.stored = batch.rows.size(), .first_rejection = {}};
    }

private:
    std::uint64_t last_ = 0;
};

/// A page of a hundred families; every tenth series is missing when `gaps` says so.
std::string page_of(std::size_t series, std::size_t turn, bool gaps) {
    std::string page;
    for (std::size_t n = 0; n < series; ++n) {
        const std::string name = "app_metric_" + std::to_string(n / (series / 100)) + "_total";
        if (n % (series / 100) == 0)
            page += "# HELP " + name + " Help.\n# TYPE " + name + " counter\n";
        if (gaps && n % 10 == turn % 10) continue;
        page += name + "{handler=\"/api/v1/thing\",code=\"200\",shard=\"" + std::to_string(n) +
                "\"} " + std::to_string(n * 7 + turn * 13) + (n % 3 == 0 ? ".25\n" : "\n");
    }
    return page;
}

void take_pages(benchmark::State& state) {
    constexpr std::size_t count = 100'000;
    const bool gaps = state.range(0) != 0;
    const std::vector<std::string> pages{page_of(count, 1, gaps), page_of(count, 2, gaps)};
    const Labels target{{"instance", "10.0.0.1:9100"}, {"job", "app"}};
    const JobSettings job;
    NumberingSink sink;
    PageSeries series(sink);
    std::int64_t at = 0;
    std::size_t samples = 0;
    for (auto _ : state) {
        Batch batch;
        at += 15'000;
        const Taken taken = series.take(pages[static_cast<std::size_t>(at / 15'000) % 2],
                                        PageFormat::Text, job, target, {at}, batch);
        samples += taken.scraped;
        benchmark::DoNotOptimize(batch.rows.data());
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(samples));
}

/// The same into a real store on a real disk, log and all; 15 s a page, blocks cut when they are
/// due.
void take_pages_into_the_store(benchmark::State& state) {
    constexpr std::size_t count = 100'000;
    std::vector<std::string> pages;
    for (std::size_t turn = 0; turn < 8; ++turn) pages.push_back(page_of(count, turn, false));
    const Labels target{{"instance", "10.0.0.1:9100"}, {"job", "app"}};
    const JobSettings job;
    const TempFolder folder;
    const auto files = make_files();
    ManualClock clock;
    Log log{LogSettings{.level = LogLevel::Error, .file = "/dev/null"}};
    Metrics metrics;
    store::StoreSettings settings;
    settings.own_thread = false;
    auto store = store::Store::open(*files, folder / "data", settings, clock, log, metrics);
    check(store.has_value(), "the store opens");
    PageSeries series(**store);
    std::size_t samples = 0, turn = 0;
    for (auto _ : state) {
        clock.wind(std::chrono::seconds(15));
        Batch batch;
        const Taken taken = series.take(pages[turn++ % pages.size()], PageFormat::Text, job, target,
                                        clock.now(), batch);
        const auto appended = (*store)->append(batch);
        check(appended && appended->stored == taken.kept, "the store takes the page");
        if (turn % 4 == 0) check((*store)->maintain().has_value(), "the store tidies up");
        samples += taken.scraped;
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(samples));
}

BENCHMARK(take_pages_into_the_store)->Unit(benchmark::kMillisecond);
BENCHMARK(take_pages)->ArgName("gaps")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
