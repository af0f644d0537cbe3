#include "probes/scrape/page/nhcb.h"

#include <algorithm>
#include <cmath>

#include "core/histogram.h"

namespace vedette::scrape {
namespace {

constexpr std::string_view bucket_suffix = "_bucket", count_suffix = "_count", sum_suffix = "_sum";

/// Null when these cannot be one histogram.
HistogramRef converted(const std::map<double, double>& buckets, std::optional<double> count,
                       double sum) {
    if (buckets.empty() && !count) return nullptr;
    auto made = std::make_shared<Histogram>();
    made->schema = custom_buckets_schema;
    made->count = count.value_or(buckets.empty() ? 0 : buckets.rbegin()->second);
    made->sum = sum;
    bool whole = made->count == std::round(made->count);
    double before = 0;
    const auto put = [&](double up_to) {
        made->positive_buckets.push_back(up_to - before);
        whole = whole && up_to == std::round(up_to);
        before = up_to;
    };
    for (const auto& [bound, up_to] : buckets) {
        if (up_to < before) return nullptr;
        put(up_to);
        if (bound != INFINITY) made->custom_bounds.push_back(bound);
    }
    const bool closed = !buckets.empty() && buckets.rbegin()->first == INFINITY;
    if (made->count < before || (closed && made->count != before)) return nullptr;
    if (!closed) put(made->count);
    made->positive_spans.push_back({0, static_cast<std::uint32_t>(made->positive_buckets.size())});
    if (!validate(*made, whole)) return nullptr;
    compact(*made);
    return made;
}

}  // namespace

void NhcbReader::take_exemplars(const PageItem& item) {
    for (const PageExemplar& each : item.exemplars) {
        if (!each.at) continue;  // as of every native histogram
        gathered_.exemplars.push_back(each);
        gathered_.exemplar_texts.emplace_back(each.labels);
        gathered_.exemplars.back().labels = gathered_.exemplar_texts.back();
    }
}

/// Whether the line is part of a classic histogram that becomes a native one.
Result<NhcbReader::Part> NhcbReader::take(const PageItem& item) {
    if (!histogram_) return Part::No;
    auto labels = read_series(item.text);
    if (!labels) return fail(error(labels.error().message));
    const std::string_view name = labels->get(metric_name_label);
    if (!name.starts_with(family_)) return Part::No;
    const std::string_view suffix = name.substr(family_.size());
    if (suffix == "_created") return Part::Created;
    LabelsBuilder rest(*labels);
    rest.del(metric_name_label);
    if (item.histogram && suffix.empty()) {
        native_labels_ = rest.build();
        native_name_ = family_;
        return Part::No;
    }
    const bool bucket = suffix == bucket_suffix;
    if (!bucket && suffix != count_suffix && suffix != sum_suffix) return Part::No;
    const Result<double> bound = bucket ? parse_value(labels->get("le")) : Result<double>(0.0);
    if (!bound || std::isnan(*bound)) return Part::No;
    if (bucket) rest.del("le");
    const Labels own = rest.build();
    if (native_name_ == family_ && native_labels_ == own) return Part::No;
    if (gathered_.name != family_ || gathered_.labels != own) {
        finish();
        gathered_.name = family_;
        gathered_.labels = own;
    }
    if (bucket)
        gathered_.buckets[*bound] = item.value;
    else
        (suffix == count_suffix ? gathered_.count : gathered_.sum) = item.value;
    if (item.at) gathered_.at = item.at;
    if (item.created) gathered_.created = item.created;
    take_exemplars(item);
    return Part::Classic;
}

void NhcbReader::finish() {
    finished_ = std::move(gathered_);
    gathered_ = {};
    made_ = finished_.name.empty()
                ? nullptr
                : converted(finished_.buckets, finished_.count, finished_.sum.value_or(0));
}

PageItem NhcbReader::made() {
    LabelsBuilder labels(finished_.labels);
    text_ = to_string(labels.set(metric_name_label, finished_.name).build());
    PageItem item;
    item.kind = PageItem::Kind::Sample;
    item.text = text_;
    item.histogram = std::move(made_);
    item.at = finished_.at;
    item.created = finished_.created;
    std::stable_sort(finished_.exemplars.begin(), finished_.exemplars.end(),
                     [](const auto& a, const auto& b) {
                         return a.at != b.at ? a.at < b.at : a.value < b.value;
                     });
    item.exemplars = finished_.exemplars;
    return item;
}

Result<PageItem> NhcbReader::next(std::string_view expected) {
    if (held_) return *std::exchange(held_, std::nullopt);
    while (true) {
        const Result<PageItem> item = page_.next(expected);
        if (!item) return item;
        bool kept = true;
        if (item->kind == PageItem::Kind::Sample) {
            const Result<Part> part = take(*item);
            if (!part) return fail(part.error());
            if (*part == Part::No) finish();
            kept = *part == Part::No || (*part == Part::Classic && classic_too_);
        } else {
            finish();
            const auto comment = item->kind == PageItem::Kind::Comment
                                     ? read_comment(item->text, format_)
                                     : Result<PageComment>(PageComment{});
            if (comment && comment->kind == PageComment::Kind::Type) {
                family_ = comment->metric;
                histogram_ = comment->text == "histogram";
            }
        }
        if (made_) {
            if (kept) held_ = *item;
            return made();
        }
        if (kept) return item;
    }
}

}  // namespace vedette::scrape
