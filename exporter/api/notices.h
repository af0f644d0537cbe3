#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/http.h"
#include "core/mutex.h"
#include "core/time.h"

namespace vedette::exporter {

/// What whoever runs this program ought to know of it, as Prometheus's pages show it:
/// `/api/v1/notifications`, and `/api/v1/notifications/live` as events. Safe from any thread.
class Notices {
public:
    explicit Notices(Clock& clock) : clock_(clock) {}

    /// Says it, once, until it is taken back.
    void add(const std::string& text);
    void remove(const std::string& text);
    /// The routes refer to this object.
    std::vector<Route> routes();

private:
    struct Notice {
        std::string text;
        Timestamp since;
        bool active = true;

        std::string json() const;
    };
    void tell(const Notice& notice) VEDETTE_REQUIRES(mutex_);

    Clock& clock_;
    Mutex mutex_;
    std::vector<Notice> notices_ VEDETTE_GUARDED_BY(mutex_);
    std::vector<std::shared_ptr<EventStream>> streams_ VEDETTE_GUARDED_BY(mutex_);
};

}  // namespace vedette::exporter
