#include "probes/probes.h"

namespace vedette::probes {

Probes::Probes(Loop& loop, HttpClient& http, SampleSink& sink, Clock& clock, Log& log,
               Metrics& metrics)
    : world_{loop, http, clock},
      metrics_(metrics),
      book_(sink, log, metrics),
      targets_(metrics.gauge("vedette_probe_targets", "Targets that are watched")) {}

Probes::~Probes() {
    stop();
}

void Probes::load(const Settings& settings) {
    auto before = std::exchange(places_, {});
    std::vector<Book::Entry> entries;
    std::vector<Scheduler::Job> jobs;
    book_of_job_.clear();
    for (const ProbeSettings& settings_of_one : settings.probes) {
        const auto probe = std::make_shared<const ProbeSettings>(settings_of_one);
        for (std::size_t i = 0; i < probe->targets.size(); ++i) {
            const Key key{probe->name, probe->targets[i].instance};
            const auto known = before.find(key);
            Place place = known == before.end() ? Place{} : known->second;
            if (place.book == 0) place.book = ++last_id_;
            if (place.job == 0 || place.every != probe->every) place.job = ++last_id_;
            place.every = probe->every;
            places_.emplace(key, place);
            book_of_job_.emplace(place.job, place.book);
            entries.push_back({place.book, probe, i});
            jobs.push_back({place.job, probe, i});
        }
    }
    targets_.set(static_cast<double>(entries.size()));
    book_.replace(entries, world_.clock.now());
    if (!scheduler_)
        scheduler_ =
            std::make_unique<Scheduler>(world_, metrics_, [this](Scheduler::Id job, Measured m) {
                book_.record(book_of_job_.at(job), std::move(m));
            });
    scheduler_->replace(jobs);
}

void Probes::stop() {
    scheduler_.reset();
}

}  // namespace vedette::probes
