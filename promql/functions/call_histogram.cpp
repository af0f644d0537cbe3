#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "promql/evaluation/evaluator.h"
#include "promql/labels/group_key.h"

namespace vedette::promql {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

using Bucket = ClassicBucket;

/// What a vector holds of histograms.
struct Histograms {
    /// The series that are buckets of one classic histogram.
    struct One {
        Labels labels;
        std::string_view name;
        std::vector<std::pair<double, std::size_t>> rows;  ///< bound and row, bounds ascending
    };
    /// A series of native ones. Where the classic one of its name and labels has buckets too,
    /// neither counts.
    struct Native {
        std::size_t row;
        std::size_t classic;  ///< index of that one, or `none`
    };
    static constexpr std::size_t none = SIZE_MAX;
    std::vector<One> all;
    std::vector<Native> natives;
    std::vector<std::size_t> malformed;  ///< rows whose `le` is no number
};

std::string_view name_of(const Block& block, std::size_t row) {
    return block.nameless ? std::string_view() : block.labels[row].get(metric_name_label);
}

Labels with_name(const Labels& labels, std::string_view name) {
    return LabelsBuilder(labels).set(metric_name_label, name).build();
}

Histograms gather(const Block& block) {
    Histograms out;
    const std::vector<std::string> not_counted = {"le"};
    GroupKey key(not_counted, true);
    const auto key_of = [&](std::size_t row) {
        return std::string(name_of(block, row)) + '\0' + key.of(block.labels[row], true);
    };
    std::unordered_map<std::string, std::size_t> known;
    for (std::size_t r = 0; r < block.rows(); ++r) {
        if (block.has_histograms() && !std::ranges::any_of(block.row(r), is_number)) continue;
        const Result<double> bound = parse_value(block.labels[r].get("le"));
        if (!bound) {
            out.malformed.push_back(r);
            continue;
        }
        const auto [at, is_new] = known.try_emplace(key_of(r), out.all.size());
        if (is_new) out.all.push_back({key.labels(block.labels[r], true), name_of(block, r), {}});
        out.all[at->second].rows.emplace_back(*bound, r);
    }
    for (Histograms::One& one : out.all) std::stable_sort(one.rows.begin(), one.rows.end());
    for (std::size_t r = 0; block.has_histograms() && r < block.rows(); ++r) {
        if (!std::ranges::any_of(block.row(r), is_histogram)) continue;
        const auto classic = known.find(key_of(r));
        const bool same = classic != known.end() && !block.labels[r].has("le");
        out.natives.push_back({r, same ? classic->second : Histograms::none});
    }
    return out;
}

/// The buckets that have a value at `step`; those of one bound are added together.
void collect(const Block& block, const Histograms::One& one, std::size_t step,
             std::vector<Bucket>& out) {
    out.clear();
    for (const auto& [bound, row] : one.rows) {
        const double count = block.row(row)[step];
        if (!is_number(count)) continue;
        if (!out.empty() && out.back().bound == bound)
            out.back().count += count;
        else
            out.push_back({bound, count});
    }
}

/// Counts may not fall. Falls of rounding size, and rises too, are evened out silently; true when
/// one was larger.
bool make_monotonic(std::vector<Bucket>& buckets) {
    constexpr double tolerance = 1e-12;
    bool forced = false;
    double previous = buckets.front().count;
    for (std::size_t i = 1; i < buckets.size(); ++i) {
        const double current = buckets[i].count;
        if (current == previous) continue;
        const double scale = std::abs(previous) + std::abs(current);
        const bool close =
            previous == 0 || current == 0 || scale < std::numeric_limits<double>::min()
                ? std::abs(previous - current) < tolerance * std::numeric_limits<double>::min()
                : std::abs(previous - current) /
                          std::min(scale, std::numeric_limits<double>::max()) <
                      tolerance;
        if (close) {
            buckets[i].count = previous;
            continue;
        }
        if (current < previous) {
            buckets[i].count = previous;
            forced = true;
            continue;
        }
        previous = current;
    }
    return forced;
}

double bucket_quantile(double q, std::vector<Bucket>& buckets, bool& forced) {
    if (std::isnan(q) || buckets.empty()) return std::nan("");
    if (q < 0) return -infinity;
    if (q > 1) return infinity;
    if (!std::isinf(buckets.back().bound) || buckets.back().bound < 0 || buckets.size() < 2)
        return std::nan("");
    const bool changed = make_monotonic(buckets);
    const double observations = buckets.back().count;
    if (observations == 0) return std::nan("");
    forced = changed;
    double rank = q * observations;
    const auto last = buckets.end() - 1;
    const auto at = std::find_if(buckets.begin(), last,
                                 [&](const Bucket& bucket) { return bucket.count >= rank; });
    if (at == last) return buckets[buckets.size() - 2].bound;
    if (at == buckets.begin() && at->bound <= 0) return at->bound;
    double start = 0, count = at->count;
    if (at != buckets.begin()) {
        start = at[-1].bound;
        count -= at[-1].count;
        rank -= at[-1].count;
    }
    return start + (at->bound - start) * (rank / count);
}

double bucket_fraction(double lower, double upper, std::vector<Bucket>& buckets) {
    if (buckets.empty() || !std::isinf(buckets.back().bound) || buckets.back().bound < 0)
        return std::nan("");
    const double count = buckets.back().count;  // not made monotonic, unlike for quantiles
    if (count == 0 || std::isnan(lower) || std::isnan(upper)) return std::nan("");
    if (lower >= upper) return 0;
    double lower_rank = 0, upper_rank = 0, rank = 0;
    bool lower_set = false, upper_set = false;
    for (std::size_t i = 0; i < buckets.size() && !(lower_set && upper_set); ++i) {
        const double high = buckets[i].bound;
        // Inside the first bucket, which begins nowhere, the answer is NaN.
        const double low = i > 0 ? buckets[i - 1].bound : -infinity;
        const double inside = buckets[i].count - rank;
        const auto rank_at = [&](double v) { return rank + inside * (v - low) / (high - low); };
        if (!lower_set && low >= lower) {
            lower_rank = rank;
            lower_set = true;
        }
        if (!upper_set && low >= upper) {
            upper_rank = rank;
            upper_set = true;
        }
        if (lower_set && upper_set) break;
        if (!lower_set && low < lower && high > lower) {
            lower_rank = rank_at(lower);
            lower_set = true;
        }
        if (!upper_set && low < upper && high > upper) {
            upper_rank = rank_at(upper);
            upper_set = true;
        }
        rank = buckets[i].count;
    }
    if (!lower_set || lower_rank > count) lower_rank = count;
    if (!upper_set || upper_rank > count) upper_rank = count;
    return (upper_rank - lower_rank) / count;
}

}  // namespace

void Evaluator::warn_of_bad_buckets(const Expr& at, const Block& block,
                                    const std::vector<std::size_t>& rows) {
    for (const std::size_t row : rows) {
        context_.warn(at,
                      fmt::format("bucket label \"le\" is missing or has a malformed value of {} "
                                  "for metric name {}",
                                  quote(block.labels[row].get("le")), quote(name_of(block, row))));
    }
}

Result<Block> Evaluator::of_histograms(const Call& call, const OfBuckets& classic,
                                       const OfNative& native) {
    Result<Block> block = eval(*call.args.back());
    if (!block) return block;
    const Expr& arg = place_of_arg(call, call.args.size() - 1);
    const Histograms histograms = gather(*block);
    warn_of_bad_buckets(arg, *block, histograms.malformed);
    Block out(steps_.count);
    std::vector<std::vector<bool>> taken(histograms.all.size());
    std::vector<Bucket> buckets;
    for (const Histograms::Native& each : histograms.natives) {
        const auto row = out.add(block->shown_labels(each.row));
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (!is_histogram(block->row(each.row)[i])) continue;
            if (each.classic != Histograms::none) {
                collect(*block, histograms.all[each.classic], i, buckets);
                if (!buckets.empty()) {
                    context_.warn(arg,
                                  "vector contains a mix of classic and native histograms for "
                                  "metric name " +
                                      quote(name_of(*block, each.row)));
                    taken[each.classic].resize(steps_.count);
                    taken[each.classic][i] = true;
                    continue;
                }
            }
            row[i] = native(*block->histogram(each.row, i), i);
        }
    }
    for (std::size_t h = 0; h < histograms.all.size(); ++h) {
        const Histograms::One& one = histograms.all[h];
        const auto row = out.add(with_name(one.labels, one.name));
        std::string_view name = one.name;
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (!taken[h].empty() && taken[h][i]) continue;
            collect(*block, one, i, buckets);
            if (buckets.empty()) continue;
            row[i] = classic(buckets, name, i);
            // Prometheus leaves it out once it has a result.
            if (!context_.settings.features.delayed_name_removal) name = {};
        }
    }
    drop_empty_rows(out);
    if (delays_names()) {
        std::ranges::fill(out.name_goes, 1);
    } else {
        out.nameless = true;
        out.show_labels();
    }
    return unique(std::move(out), Meeting::Merge);
}

Result<Block> Evaluator::eval_histogram_quantile(const Call& call) {
    Result<Block> q = eval(*call.args[0]);
    if (!q) return q;
    const auto classic = [&](std::vector<Bucket>& buckets, std::string_view name, std::size_t i) {
        bool forced = false;
        const double value = bucket_quantile(q->values[i], buckets, forced);
        if (forced)
            context_.inform(place_of_arg(call, 1),
                            "input to histogram_quantile needed to be fixed for monotonicity (see "
                            "https://prometheus.io/docs/prometheus/latest/querying/functions/"
                            "#histogram_quantile) for metric name " +
                                quote(name));
        return value;
    };
    const auto native = [&](const Histogram& histogram, std::size_t i) {
        NativeNote note = NativeNote::None;
        const double value = native_quantile(q->values[i], histogram, note);
        tell(note, call);
        return value;
    };
    Result<Block> out = of_histograms(call, classic, native);
    for (const double each : q->values) context_.warn_quantile(place_of_arg(call, 0), each);
    return out;
}

void Evaluator::tell(NativeNote note, const Call& call) {
    if (note == NativeNote::None) return;
    const std::string_view text =
        note == NativeNote::NanResult
            ? "input to histogram_quantile has NaN observations, result is NaN"
        : note == NativeNote::NanSkew
            ? "input to histogram_quantile has NaN observations, result is skewed higher"
            : "input to histogram_fraction has NaN observations, which are excluded from all "
              "fractions";
    context_.inform(place_of_arg(call, 0), std::string(text) + " for metric name \"\"");
}

Result<Block> Evaluator::eval_histogram_fraction(const Call& call) {
    Result<Block> lower = eval(*call.args[0]);
    if (!lower) return lower;
    Result<Block> upper = eval(*call.args[1]);
    if (!upper) return upper;
    const auto classic = [&](std::vector<Bucket>& buckets, std::string_view, std::size_t i) {
        return bucket_fraction(lower->values[i], upper->values[i], buckets);
    };
    const auto native = [&](const Histogram& histogram, std::size_t i) {
        NativeNote note = NativeNote::None;
        const double value = native_fraction(lower->values[i], upper->values[i], histogram, note);
        tell(note, call);
        return value;
    };
    return of_histograms(call, classic, native);
}

Result<Block> Evaluator::eval_histogram_number(const Call& call) {
    Result<Block> block = eval(*call.args[0]);
    if (!block) return block;
    const Function::Id id = call.function->id;
    for (std::size_t i = 0; i < block->values.size(); ++i) {
        if (!is_histogram(block->values[i])) {
            block->values[i] = absent_value();
            continue;
        }
        const Histogram& h = *block->histograms[i];
        block->values[i] = id == Function::Id::HistogramCount    ? h.count
                           : id == Function::Id::HistogramSum    ? h.sum
                           : id == Function::Id::HistogramAvg    ? h.sum / h.count
                           : id == Function::Id::HistogramStdvar ? native_variance(h)
                                                                 : std::sqrt(native_variance(h));
    }
    block->histograms.clear();
    drop_empty_rows(*block);
    if (!lose_names(*block, Meeting::Merge)) return fail(Fault::BadInput, std::string(same_labels));
    return block;
}

}  // namespace vedette::promql
