#include "base/metrics.h"

#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "core/mutex.h"

namespace vedette {
namespace {

class RegisteredCounter final : public Counter {
public:
    explicit RegisteredCounter(prometheus::Counter& inner) : inner_(inner) {}
    void add(double by) override {
        check(by >= 0, "a counter only counts up");
        inner_.Increment(by);
    }
    double value() const override { return inner_.Value(); }

private:
    prometheus::Counter& inner_;
};

class RegisteredGauge final : public Gauge {
public:
    explicit RegisteredGauge(prometheus::Gauge& inner) : inner_(inner) {}
    void set(double value) override { inner_.Set(value); }
    void add(double by) override { inner_.Increment(by); }
    double value() const override { return inner_.Value(); }

private:
    prometheus::Gauge& inner_;
};

class RegisteredHistogram final : public HistogramMetric {
public:
    explicit RegisteredHistogram(prometheus::Histogram& inner) : inner_(inner) {}
    void observe(double value) override { inner_.Observe(value); }

private:
    prometheus::Histogram& inner_;
};

/// A value that is asked for when somebody looks.
struct Observed {
    std::string name, help;
    MetricFamily::Type type;
    Labels labels;
    std::function<double()> read;
};

prometheus::Labels library_labels(const Labels& labels) {
    prometheus::Labels out;
    for (const Label label : labels) out.emplace(label.name, label.value);
    return out;
}

/// Calls the library, whose exceptions all mean that a name is wrong.
template <typename Call>
auto& registered(std::string_view name, const Call& call) {
    try {
        return call();
    } catch (const std::exception& error) {
        check(false,
              fmt::format("the metric {} must be fit for registration: {}", name, error.what()));
        std::abort();
    }
}

MetricFamily::Type type_of(prometheus::MetricType type) {
    switch (type) {
        case prometheus::MetricType::Counter:
            return MetricFamily::Type::Counter;
        case prometheus::MetricType::Gauge:
            return MetricFamily::Type::Gauge;
        case prometheus::MetricType::Histogram:
            return MetricFamily::Type::Histogram;
        case prometheus::MetricType::Summary:
            return MetricFamily::Type::Summary;
        default:
            return MetricFamily::Type::Untyped;
    }
}

MetricFamily::Point point_of(const prometheus::ClientMetric& metric, MetricFamily::Type type) {
    MetricFamily::Point point;
    std::vector<Label> labels;
    for (const auto& label : metric.label) labels.push_back({label.name, label.value});
    point.labels = Labels(std::move(labels));
    if (type == MetricFamily::Type::Counter) point.value = metric.counter.value;
    if (type == MetricFamily::Type::Gauge) point.value = metric.gauge.value;
    if (type != MetricFamily::Type::Histogram) return point;
    point.count = static_cast<double>(metric.histogram.sample_count);
    point.sum = metric.histogram.sample_sum;
    for (const auto& bucket : metric.histogram.bucket)
        point.buckets.emplace_back(bucket.upper_bound,
                                   static_cast<double>(bucket.cumulative_count));
    return point;
}

}  // namespace

struct Metrics::State {
    using Key = std::pair<std::string, Labels>;

    prometheus::Registry registry;
    mutable Mutex mutex;
    std::map<std::string, MetricFamily::Type, std::less<>> types VEDETTE_GUARDED_BY(mutex);
    std::map<Key, std::unique_ptr<Counter>> counters VEDETTE_GUARDED_BY(mutex);
    std::map<Key, std::unique_ptr<Gauge>> gauges VEDETTE_GUARDED_BY(mutex);
    std::map<Key, std::unique_ptr<HistogramMetric>> histograms VEDETTE_GUARDED_BY(mutex);
    std::map<Key, Observed> observed VEDETTE_GUARDED_BY(mutex);

    void expect_type(std::string_view name, MetricFamily::Type type) VEDETTE_REQUIRES(mutex) {
        check(is_classic_metric_name(name), "a metric's name is letters, digits, `_` and `:`");
        const auto [at, is_new] = types.emplace(name, type);
        check(is_new || at->second == type, "a metric has one type");
    }
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}

Metrics::~Metrics() = default;

Counter& Metrics::counter(std::string_view name, std::string_view help, const Labels& labels) {
    const Lock lock(state_->mutex);
    state_->expect_type(name, MetricFamily::Type::Counter);
    auto& mine = state_->counters[{std::string(name), labels}];
    if (mine) return *mine;
    auto& inner = registered(name, [&]() -> prometheus::Counter& {
        return prometheus::BuildCounter()
            .Name(std::string(name))
            .Help(std::string(help))
            .Register(state_->registry)
            .Add(library_labels(labels));
    });
    mine = std::make_unique<RegisteredCounter>(inner);
    return *mine;
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, const Labels& labels) {
    const Lock lock(state_->mutex);
    state_->expect_type(name, MetricFamily::Type::Gauge);
    auto& mine = state_->gauges[{std::string(name), labels}];
    if (mine) return *mine;
    auto& inner = registered(name, [&]() -> prometheus::Gauge& {
        return prometheus::BuildGauge()
            .Name(std::string(name))
            .Help(std::string(help))
            .Register(state_->registry)
            .Add(library_labels(labels));
    });
    mine = std::make_unique<RegisteredGauge>(inner);
    return *mine;
}

HistogramMetric& Metrics::histogram(std::string_view name, std::string_view help,
                                    std::vector<double> bounds, const Labels& labels) {
    const Lock lock(state_->mutex);
    state_->expect_type(name, MetricFamily::Type::Histogram);
    const auto not_rising =
        std::adjacent_find(bounds.begin(), bounds.end(), std::greater_equal<>());
    check(not_rising == bounds.end(), "bounds of a histogram rise");
    auto& mine = state_->histograms[{std::string(name), labels}];
    if (mine) return *mine;
    auto& inner = registered(name, [&]() -> prometheus::Histogram& {
        return prometheus::BuildHistogram()
            .Name(std::string(name))
            .Help(std::string(help))
            .Register(state_->registry)
            .Add(library_labels(labels), bounds);
    });
    mine = std::make_unique<RegisteredHistogram>(inner);
    return *mine;
}

void Metrics::observed(std::string_view name, std::string_view help, MetricFamily::Type type,
                       std::function<double()> read, const Labels& labels) {
    const Lock lock(state_->mutex);
    state_->expect_type(name, type);
    for (const Label label : labels)
        check(is_classic_label_name(label.name), "a label's name is letters, digits and `_`");
    State::Key key{std::string(name), labels};
    const bool is_new = !state_->observed.contains(key) && !state_->counters.contains(key) &&
                        !state_->gauges.contains(key);
    check(is_new, "a series has one source");
    state_->observed.emplace(std::move(key), Observed{std::string(name), std::string(help), type,
                                                      labels, std::move(read)});
}

std::vector<MetricFamily> Metrics::collect() const {
    std::map<std::string, MetricFamily> families;
    for (const auto& from : state_->registry.Collect()) {
        MetricFamily& family = families[from.name];
        family.name = from.name;
        family.type = type_of(from.type);
        family.help = from.help;
        for (const auto& metric : from.metric)
            family.points.push_back(point_of(metric, family.type));
    }
    std::vector<Observed> observed;
    {
        const Lock lock(state_->mutex);
        for (const auto& [key, one] : state_->observed) observed.push_back(one);
    }
    // Outside the lock: whoever is asked may itself look at a metric.
    for (const Observed& one : observed) {
        MetricFamily& family = families[one.name];
        if (family.name.empty()) {
            family.name = one.name;
            family.type = one.type;
            family.help = one.help;
        }
        family.points.push_back({.labels = one.labels, .value = one.read()});
    }
    std::vector<MetricFamily> out;
    for (auto& [name, family] : families) {
        std::sort(family.points.begin(), family.points.end(),
                  [](const auto& a, const auto& b) { return a.labels < b.labels; });
        out.push_back(std::move(family));
    }
    return out;
}

}  // namespace vedette
