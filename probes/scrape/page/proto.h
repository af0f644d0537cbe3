#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/wire.h"
#include "probes/scrape/page/reader.h"

namespace vedette::scrape {

/// Takes a protobuf page apart (`io.prometheus.client.MetricFamily`, each with its length before
/// it) into the items that an OpenMetrics page with the same content has:
///
///     │ length │ MetricFamily │ length │ MetricFamily │ …
///                └─ name, help, type, unit ─► comments
///                   Metric ─► counter, gauge, untyped   one sample
///                             summary                   `_count`, `_sum`, one for each quantile
///                             classic histogram         `_count`, `_sum`, one for each bucket
///                             native histogram          one sample; with `classic_too` and
///                             buckets,
///                                                       those of a classic one after it
///
/// The bytes of an item's series are written as OpenMetrics has them, for `read_series`, and are
/// gone with the next item. Borrows the page. `line` counts families.
class ProtoReader final : public PageSource {
public:
    ProtoReader(std::string_view page, bool classic_too) : page_(page), classic_too_(classic_too) {}

    Result<PageItem> next(std::string_view expected = {}) override;
    Error error(std::string_view what) const override;

private:
    struct Family {
        std::string_view name, help, unit;
        std::uint64_t type = 0;
        std::string_view metrics;  ///< the whole message: its metrics are met one by one
    };
    struct Numbered {
        double number = 0, value = 0;  ///< a quantile or an upper bound, and what belongs to it
        std::string_view exemplar;
    };
    /// One Metric, of whatever kind.
    struct Metric {
        std::vector<Label> labels;
        double value = 0;
        double count = 0, sum = 0;
        std::vector<Numbered> parts;              ///< quantiles or buckets
        std::string_view exemplar;                ///< of a counter
        std::vector<std::string_view> exemplars;  ///< of a native histogram
        std::optional<Timestamp> at, created;
        HistogramRef native;
    };
    enum class Step { Family, Type, Unit, Metric, Native, Count, Sum, Part };

    Result<bool> begin_family();
    Result<bool> begin_metric();
    bool read_family(std::string_view bytes);
    bool read_metric(std::string_view bytes);
    bool read_kind(std::string_view bytes, std::uint32_t number);
    bool read_plain(std::string_view bytes);
    bool read_summary(std::string_view bytes);
    bool read_histogram(std::string_view bytes);
    PageItem comment(std::string_view word, std::string_view text);
    PageItem sample(std::string_view suffix, double value);
    Result<PageItem> native_item();
    PageItem part_item();
    bool put_exemplar(std::string_view bytes, bool timed_only);
    void write_series(std::string_view suffix, std::string_view label, double number);
    bool has_parts() const { return family_.type == 2 || family_.type >= 4; }
    bool part_left() const;

    std::string_view page_;
    bool classic_too_;
    int families_ = 0;
    Step step_ = Step::Family;
    Family family_;
    WireReader in_{{}};  ///< of the family's metrics
    Metric metric_;
    std::size_t part_ = 0;
    std::string text_;                        ///< of the item that was given last
    std::deque<std::string> exemplar_texts_;  ///< what `exemplars_` point into
    std::vector<PageExemplar> exemplars_;
    std::string refusal_;  ///< why a native histogram cannot be one
};

/// An upper bound or a quantile as Prometheus 3 writes it in `le` and `quantile`: `1.0`, `+Inf`.
std::string canonical_bound(double bound);

}  // namespace vedette::scrape
