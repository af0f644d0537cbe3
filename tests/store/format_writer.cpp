// Writes a folder as this program's format has it, for those who come after: scripts/record_format
// puts it under tests/store/recorded. What a new format adds belongs in it: here, blocks of ten
// minutes, two of them put together, a checkpoint and a log behind it; some scrapes come late.
//
//   store_format_writer FOLDER

#include <cstdio>

#include "tests/store/format_samples.h"
#include "tests/support/manual_clock.h"

namespace {

using namespace vedette;
using namespace vedette::store;

bool write(Store& store, ManualClock& clock) {
    for (int i = 0; i < recorded_scrapes; ++i) {
        // The eighth of each twenty changes places with the ninth.
        const int swapped = i % 20 == 7 ? i + 1 : i % 20 == 8 ? i - 1 : i;
        if (!add_recorded_scrape(store, swapped)) return false;
        clock.wind(std::chrono::seconds(15));
        if (i + 1 == recorded_before_checkpoint && (!store.maintain() || !store.checkpoint()))
            return false;
    }
    return store.close().has_value();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    StoreSettings settings;
    settings.lock_folder = false;
    settings.own_thread = false;
    settings.block_range = std::chrono::minutes(10);
    settings.out_of_order_window = std::chrono::minutes(5);
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
