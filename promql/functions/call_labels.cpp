#include <re2/re2.h>

#include <algorithm>
#include <numeric>

#include "promql/evaluation/evaluator.h"
#include "promql/labels/go_sort.h"
#include "promql/labels/natural_order.h"
#include "promql/labels/regex.h"

namespace vedette::promql {

namespace {

/// Below zero when `a` stands before `b`. Prometheus's own order contradicts itself where chunks
/// differ in leading zeros only or a label is missing; see `eval_sort_by_label`.
int by_labels(const Labels& a, const Labels& b, std::span<const std::string* const> names) {
    for (const std::string* name : names) {
        const std::string_view left = a.get(*name), right = b.get(*name);
        if (left != right) return natural_before(left, right) ? -1 : 1;
    }
    return a < b ? -1 : b < a ? 1 : 0;
}

}  // namespace

Result<Block> Evaluator::eval_sort_by_label(const Call& call) {
    Result<Block> block = eval(*call.args[0]);
    // Over a range, series come in label order.
    if (!block || steps_.count != 1) return block;
    block->show_labels();
    std::vector<const std::string*> names;
    for (std::size_t i = 1; i < call.args.size(); ++i) names.push_back(&text_of(*call.args[i]));
    const int sign = call.function->id == Function::Id::SortByLabelDesc ? -1 : 1;
    std::vector<std::size_t> order(block->rows());
    std::iota(order.begin(), order.end(), 0);
    go_sort(order, [&](std::size_t a, std::size_t b) {
        return sign * by_labels(block->labels[a], block->labels[b], names) < 0;
    });
    Block sorted(1);
    for (const std::size_t r : order) sorted.add_row_of(*block, r);
    return sorted;
}

Result<Block> Evaluator::eval_label_replace(const Call& call) {
    const std::string &target = text_of(*call.args[1]), &replacement = text_of(*call.args[2]),
                      &source = text_of(*call.args[3]), &pattern = text_of(*call.args[4]);
    const auto regex = compile_regex(pattern);
    if (!regex->ok())
        return fail(Fault::BadInput, "invalid regular expression in label_replace(): " + pattern);
    if (target.empty() || !is_utf8(target))
        return fail(Fault::BadInput,
                    "invalid destination label name in label_replace(): " + target);
    Result<Block> block = eval(*call.args[0]);
    if (!block) return block;
    block->show_labels();
    const int groups = regex->NumberOfCapturingGroups() + 1;
    std::vector<re2::StringPiece> found(static_cast<std::size_t>(groups));
    std::vector<std::string_view> views(found.size());
    for (std::size_t r = 0; r < block->rows(); ++r) {
        Labels& labels = block->labels[r];
        const std::string value(labels.get(source));
        if (!regex->Match(value, 0, value.size(), re2::RE2::ANCHOR_BOTH, found.data(), groups))
            continue;
        for (std::size_t i = 0; i < found.size(); ++i)
            views[i] = {found[i].data(), found[i].size()};
        const std::string replaced = expand_template(*regex, replacement, views.data(), groups);
        labels = LabelsBuilder(labels).set(target, replaced).build();
        if (target == metric_name_label) block->name_goes[r] = 0;
    }
    return unique(std::move(*block), Meeting::Refuse);
}

Result<Block> Evaluator::eval_label_join(const Call& call) {
    const std::string &target = text_of(*call.args[1]), &separator = text_of(*call.args[2]);
    for (std::size_t i = 3; i < call.args.size(); ++i) {
        const std::string& source = text_of(*call.args[i]);
        if (source.empty() || !is_utf8(source))
            return fail(Fault::BadInput, "invalid source label name in label_join(): " + source);
    }
    if (target.empty() || !is_utf8(target))
        return fail(Fault::BadInput, "invalid destination label name in label_join(): " + target);
    Result<Block> block = eval(*call.args[0]);
    if (!block) return block;
    block->show_labels();
    for (Labels& labels : block->labels) {
        std::string joined;
        for (std::size_t i = 3; i < call.args.size(); ++i) {
            if (i > 3) joined += separator;
            joined += labels.get(text_of(*call.args[i]));
        }
        labels = LabelsBuilder(labels).set(target, joined).build();
    }
    if (target == metric_name_label) std::ranges::fill(block->name_goes, 0);
    return unique(std::move(*block), Meeting::Refuse);
}

}  // namespace vedette::promql
