#include "probes/book.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "core/limits.h"

namespace vedette::probes {

struct Book::Kept {
    std::atomic<std::uint64_t> number = 0;  // of its latest reading, among all
    mutable Mutex mutex;
    std::shared_ptr<const ProbeSettings> probe VEDETTE_GUARDED_BY(mutex);
    std::size_t target VEDETTE_GUARDED_BY(mutex) = 0;
    State state VEDETTE_GUARDED_BY(mutex) = State::Unknown;
    Timestamp since VEDETTE_GUARDED_BY(mutex);
    std::string reason VEDETTE_GUARDED_BY(mutex);
    std::vector<Phase> phases VEDETTE_GUARDED_BY(mutex);
    std::vector<Moment> ring VEDETTE_GUARDED_BY(mutex);
    std::size_t ring_next VEDETTE_GUARDED_BY(mutex) =
        0;  // where the next moment goes when it is full
    std::deque<Failure> failures VEDETTE_GUARDED_BY(mutex);  // newest first
    TargetSeries series VEDETTE_GUARDED_BY(mutex);

    const Target& asked() const VEDETTE_REQUIRES(mutex) { return probe->targets[target]; }
    std::vector<Moment> recent() const VEDETTE_REQUIRES(mutex);
    TargetStatus status() const VEDETTE_REQUIRES(mutex);
    void remember(Measured& measured) VEDETTE_REQUIRES(mutex);
    /// Moves to the state of a reading; tells when it is another one.
    std::optional<Change> judge(const Measured& measured) VEDETTE_REQUIRES(mutex);
};

std::vector<Moment> Book::Kept::recent() const {
    std::vector<Moment> out(ring.begin() + static_cast<std::ptrdiff_t>(ring_next), ring.end());
    out.insert(out.end(), ring.begin(), ring.begin() + static_cast<std::ptrdiff_t>(ring_next));
    return out;
}

TargetStatus Book::Kept::status() const {
    TargetStatus out{probe->name,
                     probe->type,
                     probe->group,
                     asked().instance,
                     asked().address,
                     asked().labels,
                     probe->every,
                     probe->timeout,
                     state,
                     since,
                     std::nullopt,
                     reason,
                     phases,
                     recent(),
                     {failures.begin(), failures.end()}};
    if (!out.recent.empty()) out.latest = out.recent.back();
    return out;
}

void Book::Kept::remember(Measured& measured) {
    Reading& reading = measured.reading;
    const Moment moment{measured.at, measured.took, reading.up};
    if (ring.size() < limits::probe_recent_readings) {
        ring.push_back(moment);
    } else {
        ring[ring_next] = moment;
        ring_next = (ring_next + 1) % ring.size();
    }
    if (!reading.up) {
        failures.push_front({measured.at, measured.took, reading.reason, reading.phases,
                             std::make_shared<const std::string>(std::move(reading.transcript))});
        if (failures.size() > limits::probe_failures_kept) failures.pop_back();
    }
    reason = std::move(reading.reason);
    phases = std::move(reading.phases);
}

std::optional<Change> Book::Kept::judge(const Measured& measured) {
    const State next = measured.reading.up ? State::Up : State::Down;
    if (next == state) return std::nullopt;
    since = measured.at;
    return Change{measured.at,
                  probe->name,
                  asked().instance,
                  asked().labels,
                  std::exchange(state, next),
                  next,
                  measured.reading.reason,
                  probe->targets.size() == 1};
}

Book::Book(SampleSink& sink, Log& log, Metrics& metrics)
    : writer_(sink, log, metrics), pages_(std::make_shared<const Pages>()) {}

Book::~Book() = default;

std::shared_ptr<const Book::Pages> Book::pages() const {
    const Lock lock(mutex_);
    return pages_;
}

void Book::replace(const std::vector<Entry>& entries, Timestamp now) {
    auto before = std::exchange(by_id_, {});
    auto pages = std::make_shared<Pages>();
    const auto end_series = [&](Kept& kept) {
        {
            const Lock lock(kept.mutex);
            writer_.prepare_end(kept.series, kept.asked().labels, now);
        }
        writer_.commit();
    };
    for (const Entry& entry : entries) {
        const auto known = before.find(entry.id);
        auto kept = known == before.end() ? std::make_shared<Kept>() : std::move(known->second);
        if (known != before.end()) {
            before.erase(known);
            bool same_series = false;
            {
                const Lock lock(kept->mutex);
                same_series = kept->asked().labels == entry.probe->targets[entry.target].labels;
            }
            if (!same_series) end_series(*kept);
        }
        {
            const Lock lock(kept->mutex);
            kept->probe = entry.probe;
            kept->target = entry.target;
        }
        pages->all.push_back(kept);
        const std::string& instance = entry.probe->targets[entry.target].instance;
        pages->by_name.emplace(std::pair(entry.probe->name, instance), kept.get());
        by_id_.emplace(entry.id, std::move(kept));
    }
    for (auto& [id, gone] : before) end_series(*gone);
    const Lock lock(mutex_);
    pages_ = std::move(pages);
}

void Book::record(Id id, Measured measured) {
    const auto at = by_id_.find(id);
    if (at == by_id_.end()) return;
    Kept& kept = *at->second;
    std::optional<Change> change;
    {
        const Lock lock(kept.mutex);
        writer_.prepare(kept.series, kept.asked().labels, measured.at, measured.reading.metrics);
        change = kept.judge(measured);
        kept.remember(measured);
    }
    kept.number = ++readings_;
    writer_.commit();
    if (!change) return;
    for (const auto& observer : observers_) observer(*change);
}

void Book::on_change(std::function<void(const Change&)> observer) {
    observers_.push_back(std::move(observer));
}

std::vector<TargetStatus> Book::snapshot() const {
    const auto all = pages();
    std::vector<TargetStatus> out;
    out.reserve(all->all.size());
    for (const auto& kept : all->all) {
        const Lock lock(kept->mutex);
        out.push_back(kept->status());
    }
    return out;
}

Book::News Book::news(std::uint64_t since) const {
    News out;
    out.until = readings_;  // first: what comes meanwhile is told again rather than not
    const auto all = pages();
    for (const auto& kept : all->all) {
        if (kept->number <= since) continue;
        const Lock lock(kept->mutex);
        out.targets.push_back(kept->status());
    }
    return out;
}

std::optional<TargetStatus> Book::find(std::string_view probe, std::string_view instance) const {
    const auto all = pages();
    const auto at = all->by_name.find({std::string(probe), std::string(instance)});
    if (at == all->by_name.end()) return std::nullopt;
    const Lock lock(at->second->mutex);
    return at->second->status();
}

std::string Book::why_down(std::string_view probe, std::string_view instance) const {
    const auto all = pages();
    const auto at = all->by_name.find({std::string(probe), std::string(instance)});
    if (at == all->by_name.end()) return {};
    const Lock lock(at->second->mutex);
    return at->second->state == State::Down ? at->second->reason : std::string();
}

std::vector<MetricFamily> Book::families() const {
    FamilyCollector families;
    const auto all = pages();
    for (const auto& kept : all->all) {
        const Lock lock(kept->mutex);
        for (const Line& line : kept->series.lines)
            families.add(line.metric->name, line.metric->help,
                         joined(kept->asked().labels, line.own), line.value);
    }
    return families.take();
}

}  // namespace vedette::probes
