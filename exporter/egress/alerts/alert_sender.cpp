#include "exporter/egress/alerts/alert_sender.h"

#include <fmt/format.h>

#include <algorithm>

#include "exporter/json_writer.h"

namespace vedette::exporter {

namespace {

using namespace std::chrono_literals;

constexpr Milliseconds first_wait = 1s, longest_wait = 1min;

/// External labels where the alert has none of that name, then the rules; false when it is dropped.
bool dress(Alert& alert, const AlertingSettings& settings, const AlertmanagerSettings& to) {
    LabelsBuilder labels(alert.labels);
    for (const Label label : settings.external_labels)
        if (labels.get(label.name).empty()) labels.set(label.name, label.value);
    if (!scrape::relabel(settings.alert_relabel, labels)) return false;
    if (!scrape::relabel(to.alert_relabel, labels)) return false;
    alert.labels = labels.build();
    return !alert.labels.empty();
}

}  // namespace

std::string write_alerts(const std::vector<std::pair<const Alert*, Timestamp>>& alerts) {
    JsonWriter json;
    json.begin_list();
    for (const auto& [alert, ends] : alerts) {
        json.begin_object().key("annotations").annotations(alert->annotations);
        json.field("endsAt", format_rfc3339(ends));
        json.field("startsAt", format_rfc3339(alert->fired_at.value_or(alert->active_at)));
        json.field("generatorURL", alert->generator_url).key("labels").labels(alert->labels);
        json.end_object();
    }
    return json.end_list().take();
}

AlertSender::AlertSender(Loop& loop, Post post, const Clock& clock, Log& log, Metrics& metrics)
    : loop_(loop), post_(std::move(post)), clock_(clock), log_(log), metrics_(metrics) {}

AlertSender::~AlertSender() {
    *alive_ = false;
    const Lock lock(mutex_);
    for (const QueueRef& queue : queues_) loop_.cancel(queue->timer);
}

Counter& AlertSender::counter(std::string_view name, std::string_view help,
                              const std::string& url) {
    return metrics_.counter(std::string(name), std::string(help),
                            Labels{{"alertmanager", redact_url(url)}});
}

void AlertSender::load(const AlertingSettings& settings) {
    {
        const Lock lock(mutex_);
        settings_ = settings;
        std::vector<QueueRef> kept;
        for (const AlertmanagerSettings& to : settings.alertmanagers) {
            const auto found = std::ranges::find_if(
                queues_, [&](const QueueRef& one) { return one->to.url == to.url; });
            kept.push_back(found == queues_.end() ? std::make_shared<Queue>() : *found);
            kept.back()->to = to;
        }
        queues_ = std::move(kept);
    }
    wake_all();
}

void AlertSender::send(std::span<const Alert> alerts) {
    {
        const Lock lock(mutex_);
        if (queues_.empty()) return;
        for (const Alert& alert : alerts)
            if (alert.state != AlertState::Pending)
                for (const QueueRef& queue : queues_) put(*queue, alert);
        if (std::exchange(woken_, true)) return;
    }
    wake_all();
}

void AlertSender::put(Queue& queue, const Alert& alert) {
    Word word{++last_order_, alert, {}};
    if (!dress(word.alert, settings_, queue.to)) return;
    word.ends = alert.resolved_at.value_or(clock_.now() + settings_.valid_for);
    const std::uint64_t key = fingerprint(word.alert.labels);
    if (const auto known = queue.words.find(key); known != queue.words.end())
        queue.order.erase(known->second.order);
    queue.order[word.order] = key;
    queue.words[key] = std::move(word);
    if (queue.words.size() <= queue_max) return;
    queue.words.erase(queue.order.begin()->second);
    queue.order.erase(queue.order.begin());
    counter("vedette_alerting_dropped_total", "Alerts that were dropped: the queue was full.",
            queue.to.url)
        .add();
}

AlertSender::Urls AlertSender::urls() const {
    const Lock lock(mutex_);
    Urls out;
    for (const QueueRef& queue : queues_) out.active.push_back(queue->to.url);
    out.dropped = settings_.dropped;
    return out;
}

void AlertSender::wake_all() {
    loop_.post([this, alive = alive_] {
        if (!*alive) return;
        std::vector<QueueRef> all;
        {
            const Lock lock(mutex_);
            woken_ = false;
            all = queues_;
        }
        for (const QueueRef& queue : all)
            if (!queue->timer) begin(queue);
    });
}

void AlertSender::begin(const QueueRef& queue) {
    std::vector<Word> batch;
    HttpCall call;
    Milliseconds timeout;
    {
        const Lock lock(mutex_);
        if (queue->in_flight || queue->words.empty()) return;
        while (!queue->order.empty() && batch.size() < batch_max) {
            const auto found = queue->words.find(queue->order.begin()->second);
            batch.push_back(std::move(found->second));
            queue->words.erase(found);
            queue->order.erase(queue->order.begin());
        }
        queue->in_flight = true;
        call.url = queue->to.url;
        call.settings = queue->to.http;
        timeout = queue->to.timeout;
    }
    std::vector<std::pair<const Alert*, Timestamp>> said;
    for (const Word& word : batch) said.emplace_back(&word.alert, word.ends);
    call.method = "POST";
    call.headers = {{"Content-Type", "application/json"}};
    call.body = write_alerts(said);
    call.fresh_connection = false;
    post_(std::move(call), Deadline::after(clock_.steady(), timeout),
          [this, alive = alive_, queue,
           batch = std::make_shared<std::vector<Word>>(std::move(batch))](HttpOutcome outcome) {
              if (*alive) finished(queue, std::move(*batch), outcome);
          });
}

void AlertSender::finished(const QueueRef& queue, std::vector<Word> batch,
                           const HttpOutcome& outcome) {
    const bool sent = outcome && outcome->status / 100 == 2;
    // What an Alertmanager calls wrong stays wrong.
    const bool refused = outcome && outcome->status / 100 == 4 && outcome->status != 429;
    std::string url;
    unsigned failures = 0;
    {
        const Lock lock(mutex_);
        queue->in_flight = false;
        url = queue->to.url;
        failures = queue->failures = sent || refused ? 0 : queue->failures + 1;
        if (!sent && !refused)
            for (Word& word : batch) {
                // A newer word on the same alert came meanwhile.
                const std::uint64_t key = fingerprint(word.alert.labels);
                if (queue->words.contains(key)) continue;
                queue->order[word.order] = key;
                queue->words.emplace(key, std::move(word));
            }
    }
    if (sent)
        counter("vedette_alerting_sent_total", "Alerts that an Alertmanager took.", url)
            .add(static_cast<double>(batch.size()));
    else
        counter("vedette_alerting_errors_total", "Sendings of alerts that failed.", url).add();
    if (!sent && failures <= 1)
        log_.warn("alerts not sent to Alertmanager",
                  {{"url", redact_url(url)},
                   {"alerts", batch.size()},
                   {"error", outcome ? fmt::format("HTTP {}: {}", outcome->status,
                                                   outcome->body.substr(0, 200))
                                     : outcome.error().error.message}});
    if (failures == 0) return begin(queue);
    const Milliseconds wait = std::min(first_wait * (1U << std::min(failures - 1, 10U)), longest_wait);
    queue->timer = loop_.after(wait, [this, alive = alive_, queue] {
        if (!*alive) return;
        queue->timer = {};
        begin(queue);
    });
}

}  // namespace vedette::exporter
