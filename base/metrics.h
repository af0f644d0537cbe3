#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/metric_family.h"

namespace vedette {

/// Counts up; never down. Safe between threads, as are the two below.
class Counter {
public:
    virtual ~Counter() = default;
    virtual void add(double by = 1) = 0;
    virtual double value() const = 0;
};

class Gauge {
public:
    virtual ~Gauge() = default;
    virtual void set(double value) = 0;
    virtual void add(double by) = 0;
    virtual double value() const = 0;
};

class HistogramMetric {
public:
    virtual ~HistogramMetric() = default;
    virtual void observe(double value) = 0;
};

/// The program's own numbers, over prometheus-cpp's registry. Names are `vedette_<room>_<what>_<unit>`.
/// What is handed out lives as long as this object; asking twice gives the same one. Bad names are a
/// bug and stop the program. Safe between threads.
class Metrics {
public:
    Metrics();
    ~Metrics();
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;

    Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
    Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
    HistogramMetric& histogram(std::string_view name, std::string_view help,
                               std::vector<double> bounds, const Labels& labels = {});
    /// A gauge (or counter) whose value is asked for when somebody looks. `read` may be called from any thread.
    void observed(std::string_view name, std::string_view help, MetricFamily::Type type,
                  std::function<double()> read, const Labels& labels = {});

    /// Everything, by name, points by label. The last bucket of a histogram has the bound +Inf. No
    /// lock is held while observed values are read.
    std::vector<MetricFamily> collect() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace vedette
