#include "exporter/http/front_metrics.h"

#include "core/labels.h"

namespace vedette::http {

namespace {

const std::vector<double>& duration_bounds() {
    static const std::vector<double> bounds{0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30};
    return bounds;
}

}  // namespace

FrontMetrics::FrontMetrics(Metrics& metrics)
    : connections(metrics.gauge("vedette_http_connections", "Open connections to the HTTP front.")),
      event_streams(metrics.gauge("vedette_http_event_streams", "Open server-sent event streams.")),
      events_cut(metrics.counter("vedette_http_event_streams_cut_total",
                                 "Event streams cut because their reader lagged behind.")),
      abandoned(metrics.counter("vedette_http_requests_abandoned_total",
                                "Requests whose caller went away before the answer.")),
      metrics_(metrics) {}

void FrontMetrics::answered(std::string_view handler, int code, double seconds) {
    const std::string name(handler.empty() ? "none" : handler);
    Counter*& requests = requests_[{name, code}];
    if (requests == nullptr) {
        requests = &metrics_.counter("vedette_http_requests_total", "Requests answered.",
                                     Labels{{"code", std::to_string(code)}, {"handler", name}});
    }
    requests->add();
    HistogramMetric*& duration = durations_[name];
    if (duration == nullptr) {
        duration =
            &metrics_.histogram("vedette_http_request_duration_seconds",
                                "From the whole head of a request to its answer, in seconds.",
                                duration_bounds(), Labels{{"handler", name}});
    }
    duration->observe(seconds);
}

void FrontMetrics::refused(std::string_view reason) {
    Counter*& refusals = refusals_[std::string(reason)];
    if (refusals == nullptr) {
        refusals = &metrics_.counter("vedette_http_refused_total",
                                     "Requests and connections turned away by the front.",
                                     Labels{{"reason", reason}});
    }
    refusals->add();
}

}  // namespace vedette::http
