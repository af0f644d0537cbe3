#include "probes/scrape/page/created.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace vedette::scrape {
namespace {

constexpr std::string_view created_suffix = "_created";

/// What a line's name may have behind that of its family, by the family's type.
bool is_suffix_of(std::string_view type, std::string_view suffix) {
    if (type == "counter") return suffix == "_total";
    if (type == "summary") return suffix.empty() || suffix == "_count" || suffix == "_sum";
    return suffix == "_bucket" || suffix == "_count" || suffix == "_sum";
}

bool may_be_created(std::string_view type) {
    return type == "counter" || type == "summary" || type == "histogram";
}

}  // namespace

CreatedReader::CreatedReader(std::string_view page) : page_(page, PageFormat::OpenMetrics) {
    PageReader first(page, PageFormat::OpenMetrics);
    while (true) {
        const auto item = first.next();
        // What is wrong is met, and said, the second time.
        if (!item || item->kind == PageItem::Kind::End) break;
        if (item->kind == PageItem::Kind::Comment) note_family(*item);
        bool says_created = false;
        const auto metric = metric_of(*item, says_created);
        if (metric && says_created && std::abs(item->value) < 9e15)
            created_.emplace(*metric, Timestamp{static_cast<std::int64_t>(item->value * 1000)});
    }
    family_.clear();
    type_.clear();
}

void CreatedReader::note_family(const PageItem& item) {
    const auto comment = read_comment(item.text, PageFormat::OpenMetrics);
    if (!comment || comment->kind != PageComment::Kind::Type) return;
    family_ = comment->metric;
    type_ = comment->text;
}

std::optional<Labels> CreatedReader::metric_of(const PageItem& item, bool& says_created) const {
    if (item.kind != PageItem::Kind::Sample || !may_be_created(type_)) return std::nullopt;
    // Cheaper than to read the labels of every line.
    if (item.text.find(family_) == std::string_view::npos) return std::nullopt;
    const auto labels = read_series(item.text);
    if (!labels) return std::nullopt;
    const std::string_view name = labels->get(metric_name_label);
    if (!name.starts_with(family_)) return std::nullopt;
    const std::string_view suffix = name.substr(family_.size());
    says_created = suffix == created_suffix;
    if (!says_created && !is_suffix_of(type_, suffix)) return std::nullopt;
    LabelsBuilder metric(*labels);
    metric.set(metric_name_label, family_);
    if (type_ == "histogram") metric.del("le");
    if (type_ == "summary") metric.del("quantile");
    return metric.build();
}

Result<PageItem> CreatedReader::next(std::string_view expected) {
    while (true) {
        Result<PageItem> item = page_.next(expected);
        if (!item) return item;
        if (item->kind == PageItem::Kind::Comment) note_family(*item);
        bool says_created = false;
        const auto metric = metric_of(*item, says_created);
        if (metric && says_created) continue;
        const auto known = metric ? created_.find(*metric) : created_.end();
        if (known != created_.end()) item->created = known->second;
        return item;
    }
}

}  // namespace vedette::scrape
