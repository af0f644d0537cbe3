// Appends to a store on the real disk until somebody kills it, and prints how far it was
// acknowledged: one line, `acknowledged N`, after each batch that append has returned for.
//
//   store_writer FOLDER FIRST CHECKPOINT_BYTES
//
// Batch n puts the value n at n seconds into each of five series. Blocks of five minutes are cut and
// rolled up before the first batch, and when a checkpoint is due.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "store/store.h"

namespace {

using namespace vedette;

int write_for_ever(store::Store& store, std::int64_t first) {
    for (std::int64_t n = first;; ++n) {
        Batch batch;
        for (const char* name : {"a", "b", "c", "d", "e"}) {
            auto ref = store.series({{"__name__", "up"}, {"job", name}});
            if (!ref) return 1;
            batch.rows.push_back({*ref, {{n * 1000}, static_cast<double>(n)}});
        }
        if (auto appended = store.append(batch); !appended || appended->stored != 5) return 1;
        const std::string line = "acknowledged " + std::to_string(n) + "\n";
        if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) return 1;
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    store::StoreSettings settings;
    settings.checkpoint_after_bytes = static_cast<std::size_t>(std::atoll(argv[3]));
    settings.wal_sync_interval = Milliseconds(3);
    settings.block_range = std::chrono::minutes(5);
    settings.retention = std::chrono::hours(71);  // so that a block is rolled up at once
    const auto files = make_files();
    SystemClock clock;
    Log log{LogSettings{.level = LogLevel::Error}};
    Metrics metrics;
    auto store = store::Store::open(*files, argv[1], settings, clock, log, metrics);
    if (!store) {
        std::fprintf(stderr, "%s\n", store.error().message.c_str());
        return 1;
    }
    if (!(*store)->maintain()) return 1;
    return write_for_ever(**store, std::atoll(argv[2]));
}
