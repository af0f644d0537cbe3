#pragma once

#include <memory>
#include <string>

#include "base/files.h"
#include "base/log.h"
#include "base/metrics.h"
#include "core/time.h"
#include "store/store.h"

namespace vedette::app {

/// A data folder as it is at one moment, to be read; a daemon may run on it. Nothing that happens
/// here reaches the disk.
class PastStore {
public:
    /// Says what cannot be read on standard error, a line each that begins with `verb`.
    static Result<std::unique_ptr<PastStore>> open(const std::string& data, std::string_view verb);

    store::Store& store() { return *store_; }

private:
    PastStore() = default;

    SystemClock clock_;
    Log log_{LogSettings{.level = LogLevel::Error}};
    Metrics metrics_;
    std::unique_ptr<Files> files_;
    std::unique_ptr<store::Store> store_;
};

}  // namespace vedette::app
