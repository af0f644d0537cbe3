// Writes a folder as this program's format has it, for those who come after: scripts/record_format
// puts it under tests/store/recorded. What a new format adds belongs in it: here, blocks of ten
// minutes, two of them put together, roll-ups of five minutes, a checkpoint and a log behind it; some
// scrapes come late, two series are deleted, one sample has an exemplar.
//
//   store_format_writer FOLDER

#include <cstdio>

#include "tests/store/format_samples.h"
#include "tests/support/manual_clock.h"

namespace {

using namespace vedette;
using namespace vedette::store;

/// Adds a series and deletes it, so that nothing is to be found of it.
bool add_and_delete(Store& store, const char* name, int scrape) {
    const auto ref = store.series({{"__name__", name}, {"job", "old"}});
    if (!ref) return false;
    Batch batch;
    for (int i = scrape; i < scrape + 5; ++i) batch.rows.push_back({*ref, {recorded_at(i), 1.0}});
    if (!store.append(batch)) return false;
    return store
        .erase({{{Matcher::Op::Equal, "__name__", name}}}, {recorded_at(-1), recorded_at(1000)})
        .has_value();
}

bool add_exemplar(Store& store) {
    const auto ref = store.series({{"__name__", "counter_total"}, {"job", "old"}});
    if (!ref) return false;
    Batch batch;
    batch.exemplars.push_back({*ref, {{"trace_id", "abc"}}, recorded_at(300), 0.5});
    return store.append(batch).has_value();
}

bool write(Store& store, ManualClock& clock) {
    for (int i = 0; i < recorded_scrapes; ++i) {
        // The eighth of each twenty changes places with the ninth.
        const int swapped = i % 20 == 7 ? i + 1 : i % 20 == 8 ? i - 1 : i;
        if (!add_recorded_scrape(store, swapped)) return false;
        clock.wind(std::chrono::seconds(15));
        if (i == 200 && !add_and_delete(store, "deleted_from_blocks", i)) return false;
        if (i + 1 == recorded_before_checkpoint && (!store.maintain() || !store.checkpoint()))
            return false;
    }
    if (!add_and_delete(store, "deleted_from_memory", recorded_scrapes) || !add_exemplar(store))
        return false;
    return store.close().has_value();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    StoreSettings settings;
    settings.lock_folder = false;
    settings.own_thread = false;
    settings.block_range = std::chrono::minutes(10);
    settings.retention = std::chrono::hours(48);  // so that a block is rolled up at once
    settings.out_of_order_window = std::chrono::minutes(5);
    settings.exemplars_max = 10;
    const auto files = make_files();
    ManualClock clock(recorded_at(0));
    Log log{LogSettings{.level = LogLevel::Error}};
    Metrics metrics;
    auto store = Store::open(*files, argv[1], settings, clock, log, metrics);
    if (store && write(**store, clock)) return 0;
    std::fprintf(stderr, "the folder could not be written%s%s\n", store ? "" : ": ",
                 store ? "" : store.error().message.c_str());
    return 1;
}
