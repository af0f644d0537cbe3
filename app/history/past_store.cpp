#include "app/history/past_store.h"

#include <fmt/format.h>

#include <cstdio>

#include "app/backup/backup.h"
#include "store/forgetful_files.h"

namespace vedette::app {

Result<std::unique_ptr<PastStore>> PastStore::open(const std::string& data, std::string_view verb) {
    auto frozen = freeze_data(data);
    if (!frozen) return fail(frozen.error());
    std::unique_ptr<PastStore> made(new PastStore());
    made->files_ = make_scratch_files(*frozen);
    store::StoreSettings settings;
    settings.lock_folder = false;
    settings.own_thread = false;
    auto opened =
        store::Store::open(*made->files_, data, settings, made->clock_, made->log_, made->metrics_);
    if (!opened) return fail(opened.error());
    made->store_ = std::move(*opened);
    for (const auto& loss : made->store_->recovery().losses)
        fmt::print(stderr, "{}: {}\n", verb, loss.text());
    return made;
}

}  // namespace vedette::app
