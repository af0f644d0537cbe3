#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "tests/promql/slow_evaluator.h"
#include "tests/promql/slow_histograms.h"

namespace vedette::promql {

namespace {

/// `$1`, `${1}`, `$name` and `$$`, as Go's templates of regular expressions have them.
std::string expand(const std::string& text, const RE2& regex,
                   const std::vector<re2::StringPiece>& groups) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        const bool braced = text.compare(i, 2, "${") == 0;
        std::size_t end = i + (braced ? 2 : 1);
        if (text[i] != '$' || end >= text.size()) {
            out += text[i++];
            continue;
        }
        if (text[end] == '$') {
            out += '$';
            i = end + 1;
            continue;
        }
        std::string name;
        while (end < text.size() &&
               (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_'))
            name += text[end++];
        i = braced ? end + 1 : end;
        std::size_t group = groups.size();
        if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos)
            group = std::stoul(name);
        else if (const auto named = regex.NamedCapturingGroups().find(name);
                 named != regex.NamedCapturingGroups().end())
            group = static_cast<std::size_t>(named->second);
        if (group < groups.size()) out.append(groups[group].data(), groups[group].size());
    }
    return out;
}

/// Of two numbers the one nearer to `infinity`; NaN yields only to that infinity itself, and -0
/// is below 0.
double end_of(std::pair<double, double> numbers, double infinity) {
    const auto [a, b] = numbers;
    if (a == infinity || b == infinity) return infinity;
    if (std::isnan(a) || std::isnan(b)) return std::nan("");
    const auto place = [](double x) { return std::pair(x, std::signbit(x) ? 0 : 1); };
    return (place(a) < place(b)) == (infinity < 0) ? a : b;
}

const std::string& text_argument(const Call& call, std::size_t index) {
    return unwrapped(*call.args[index]).as<Text>()->value;
}

}  // namespace

Result<SlowTimeline> SlowEvaluator::label_call(const Call& call, const Times& times) {
    const bool joins = call.function->name == "label_join";
    auto vectors = eval(*call.args[0], times);
    if (!vectors) return vectors;
    const std::string& target = text_argument(call, 1);
    const RE2 regex(joins ? "" : text_argument(call, 4));
    for (SlowVector& vector : *vectors) {
        for (SlowItem& item : vector) {
            item.from = item.labels;
            std::string made;
            for (std::size_t i = 3; joins && i < call.args.size(); ++i)
                made += (i > 3 ? text_argument(call, 2) : "") +
                        std::string(item.labels.get(text_argument(call, i)));
            if (!joins) {
                const std::string value(item.labels.get(text_argument(call, 3)));
                std::vector<re2::StringPiece> groups(
                    static_cast<std::size_t>(regex.NumberOfCapturingGroups()) + 1);
                if (!regex.Match(value, 0, value.size(), RE2::ANCHOR_BOTH, groups.data(),
                                 static_cast<int>(groups.size())))
                    continue;
                made = expand(text_argument(call, 2), regex, groups);
            }
            item.labels = LabelsBuilder(item.labels).set(target, made).build();
        }
    }
    return checked(std::move(*vectors), true);
}

SlowTimeline SlowEvaluator::histogram(const Call& call,
                                      const std::vector<SlowTimeline>& args) const {
    SlowTimeline out(args[0].size());
    for (std::size_t i = 0; i < out.size(); ++i) {
        std::vector<std::pair<Labels, std::map<double, double>>> all;
        const double first = args[0][i].front().value;
        const bool quantile = call.args.size() == 2;
        std::set<Labels> natives;
        for (const SlowItem& item : args.back()[i])
            if (item.histogram) natives.insert(item.labels);
        std::set<Labels> both;
        for (const SlowItem& item : args.back()[i]) {
            if (item.histogram) continue;
            const auto bound = parse_value(item.labels.get("le"));
            if (!bound) continue;
            const Labels named = LabelsBuilder(item.labels).del("le").build();
            if (natives.count(named) > 0) {
                both.insert(named);
                continue;
            }
            const Labels key = LabelsBuilder(named).del(metric_name_label).build();
            auto at = std::find_if(all.begin(), all.end(),
                                   [&](const auto& one) { return one.first == key; });
            if (at == all.end()) at = all.insert(at, {key, {}});
            at->second[*bound] += item.value;
        }
        for (const SlowItem& item : args.back()[i]) {
            if (!item.histogram || both.count(item.labels) > 0) continue;
            const Histogram& h = *item.histogram;
            out[i].push_back({LabelsBuilder(item.labels).del(metric_name_label).build(),
                              quantile ? slow_native_quantile(first, h)
                                       : slow_native_fraction(first, args[1][i].front().value, h)});
        }
        for (const auto& [labels, counts] : all) {
            const SlowBuckets buckets(counts.begin(), counts.end());
            out[i].push_back({labels, quantile ? slow_bucket_quantile(first, buckets)
                                               : slow_bucket_fraction(
                                                     first, args[1][i].front().value, buckets)});
        }
    }
    return out;
}

Result<std::vector<SlowTimeline>> SlowEvaluator::arguments(const Call& call, const Times& times) {
    std::vector<SlowTimeline> out;
    for (const ExprPtr& arg : call.args) {
        auto evaluated = eval(*arg, times);
        if (!evaluated) return fail(evaluated.error());
        out.push_back(std::move(*evaluated));
    }
    return out;
}

Result<SlowTimeline> SlowEvaluator::call(const Expr& expr, const Times& times) {
    const Call& call = *expr.as<Call>();
    const std::string_view name = call.function->name;
    if (name == "absent_over_time") return absent_over_time(call, times);
    for (const ExprPtr& arg : call.args)
        if (arg->type == Type::Matrix) return over_time(call, times);
    if (name == "label_replace" || name == "label_join") return label_call(call, times);
    if (name == "timestamp" && unwrapped(*call.args[0]).as<Selector>() != nullptr)
        return unnamed(selected(unwrapped(*call.args[0]), times, true), false);
    auto args = arguments(call, times);
    if (!args) return fail(args.error());
    if (name == "histogram_quantile" || name == "histogram_fraction")
        return checked(histogram(call, *args), false);
    const bool no_args = args->empty();  // time(), pi(), and dates of the step itself
    SlowTimeline out = no_args ? SlowTimeline(times.size(), SlowVector{{}}) : args->front();
    const auto parameter = [&](std::size_t index, std::size_t step) {
        return (*args)[index][step].front().value;
    };
    const bool counts = name == "histogram_count" || name == "histogram_sum" ||
                        name == "histogram_avg" || name == "histogram_stddev" ||
                        name == "histogram_stdvar";
    const bool takes_all = counts || name == "absent" || name == "timestamp";
    for (std::size_t i = 0; i < times.size(); ++i) {
        SlowVector kept;
        if (!takes_all) out[i] = numbers_of(out[i]);
        if (no_args) out[i].front().value = static_cast<double>(times[i]) / 1000;
        if (name == "absent" && out[i].empty()) kept.push_back({absent_labels(*call.args[0]), 1});
        if (name == "scalar" && out[i].size() != 1) kept.push_back({{}, std::nan("")});
        if (name == "sort" || name == "sort_desc") sort_by_value(out[i], name == "sort_desc");
        if (name == "absent") out[i].clear();
        if (name == "scalar" && out[i].size() != 1) out[i].clear();
        for (SlowItem item : out[i]) {
            double& v = item.value;
            if (counts && !item.histogram) continue;
            if (counts) v = slow_native_number(name, *item.histogram);
            item.histogram = nullptr;
            if (name == "scalar") item.labels = {};
            if (name == "pi") v = 3.14159265358979323846;
            if (name == "timestamp") v = static_cast<double>(times[i]) / 1000;
            if (const auto made = slow_math(name, v)) v = *made;
            if (const auto made = slow_date(name, v)) v = *made;
            if (name == "round") {
                const double inverse = 1 / (args->size() > 1 ? parameter(1, i) : 1.0);
                v = std::floor(v * inverse + 0.5) / inverse;
            }
            if (name.starts_with("clamp")) {
                const double low = name == "clamp_max" ? -INFINITY : parameter(1, i);
                const double high = name == "clamp_min"   ? INFINITY
                                    : name == "clamp_max" ? parameter(1, i)
                                                          : parameter(2, i);
                if (high < low) continue;
                v = end_of({v, high}, -INFINITY);
                v = end_of({v, low}, INFINITY);
            }
            kept.push_back(item);
        }
        out[i] = kept;
    }
    const bool keeps_names = expr.type == Type::Scalar || name == "vector" || name == "absent" ||
                             name.starts_with("sort");
    return keeps_names ? std::move(out) : unnamed(std::move(out), false);
}

}  // namespace vedette::promql
