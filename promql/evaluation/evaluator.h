#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <tuple>
#include <vector>

#include "core/error.h"
#include "core/series.h"
#include "promql/engine.h"
#include "promql/evaluation/block.h"
#include "promql/evaluation/crew.h"
#include "promql/evaluation/sample_count.h"
#include "promql/functions/functions.h"
#include "promql/functions/native_histogram.h"
#include "promql/syntax/ast.h"

namespace vedette::promql {

class GroupSums;

/// What all parts of one query share: its source, what it may still cost, and what it wants to say.
class QueryContext {
public:
    QueryContext(const EngineSettings& settings, const Clock& clock, SeriesSource& source,
                 Crew& crew, std::stop_token stop, Timestamp start, Timestamp end);

    /// What the threads that work on parts of one query know of each other.
    struct Together {
        std::atomic<std::size_t> floats = 0;  ///< that all of them hold
        std::atomic<bool> over = false;       ///< one has failed: the others need not go on
    };
    /// For one part of `whole`, which holds nothing yet and is joined to it when it is done.
    QueryContext(QueryContext& whole, Together& together);

    SeriesSource& source;
    Crew& crew;
    const EngineSettings& settings;
    std::stop_token stop;
    Timestamp start, end;               ///< of the whole query: what `@ start()` means
    const Expr* counts_only = nullptr;  ///< the selector that is read without buckets

    /// What the query has in memory now.
    struct Held {
        std::int64_t samples = 0;  ///< as Prometheus counts its own
        std::size_t floats = 0;    ///< what ours takes: steps without a value take room too
    };
    Held held;
    std::int64_t peak = 0;    ///< the most samples that were held
    std::int64_t series = 0;  ///< that selectors gave

    /// Takes room for so many floats and looks at clock and caller; fails when it is enough.
    Result<void> charge(std::size_t floats);
    /// Gives back room that was taken.
    void release(std::size_t floats);
    /// Counts so many more samples as held, for good or (`reach`) only now.
    Result<void> hold(std::int64_t samples);
    Result<void> reach(std::int64_t samples);
    void warn(const Expr& at, std::string_view text);
    void inform(const Expr& at, std::string_view text);
    /// Says what of the answer comes from roll-ups: an info, or a warning where `function` needed
    /// more than they say.
    void note(const RolledUp& rolled_up, std::string_view function);
    /// Warns of a quantile outside 0 … 1.
    void warn_quantile(const Expr& at, double quantile);
    /// Holds what a part holds and says what it has said, as if it had come next on this thread.
    Result<void> join(const QueryContext& part);
    std::vector<std::string> warnings() const;
    std::vector<std::string> infos() const;

private:
    const Clock& clock_;
    std::chrono::steady_clock::time_point deadline_;
    const Held before_;                   // held by the whole when the part began
    Together* const together_ = nullptr;  // of a part
    /// Text to place: of one text only the place that came last is kept, as in Prometheus.
    std::map<std::string, std::string> warnings_, infos_;
    /// What roll-ups stood for, how and for whom: the times of all that reads so are one stretch.
    using RolledReading = std::tuple<RolledUp::As, Milliseconds, std::string>;
    void widen(const RolledReading& how, Window times);
    std::map<RolledReading, Window> rolled_up_;
};

/// The samples of one series, borrowed for the call; no stale markers among them. `histograms` is
/// empty, or as long as `times`; then the value is the histogram marker where it is not null.
struct SeriesSamples {
    const Labels* labels = nullptr;
    std::span<const Timestamp> times;
    std::span<const double> values;
    std::span<const HistogramRef> histograms;
    bool name_goes = false;  ///< when this is itself the answer
    std::span<const Bucket> buckets{};  ///< before the samples; there are no histograms then
    std::int64_t buckets_to = 0;        ///< they tell of the time up to here
};

/// One bucket of a classic histogram: how many observations lie at `bound` or below.
struct ClassicBucket {
    double bound = 0, count = 0;
};

/// What stands around an expression, as far as it decides what `@` means there: Prometheus prepares
/// a query before it begins, and not all of it.
struct Surroundings {
    /// The end that was asked for: it may lie behind the last step, and subqueries go as far.
    std::int64_t end = 0;
    /// A subquery around, or several as one.
    struct Subqueries {
        std::int64_t offset = 0, range = 0;
        std::optional<std::int64_t> at;  ///< the time that `@` fixed the innermost of those to
    };
    std::vector<Subqueries> subqueries;  ///< outermost first
    /// Of these the last, from `since` on, begin where the query around them does. Prometheus
    /// forgets to count what `@` says inside of them anew.
    std::size_t since = 0;
    /// In the parameter of an aggregation nothing is prepared: `start()` and `end()` say nothing,
    /// and a fixed selector moves on with the steps, though only what its time needs is read.
    bool in_parameter = false;

    /// In a fixed subquery that goes on as long as the steps around it do, behind what is read.
    bool goes_on = false;

    /// Selectors may look at times that are not read for them.
    bool are_odd() const { return in_parameter || goes_on || since < subqueries.size(); }
    /// All from the one at `first`, as one: a fixed one makes nothing of those around it.
    Subqueries from(std::size_t first) const;
};

/// Evaluates expressions at given steps, series by series.
class Evaluator {
public:
    Evaluator(QueryContext& context, Steps steps, Surroundings around)
        : context_(context), steps_(steps), around_(std::move(around)), read_(steps.count) {}

    using Take = std::function<Result<void>(const SeriesSamples&)>;

    /// Of a scalar or an instant vector.
    Result<Block> eval(const Expr& expr);
    /// The series of a range vector that is the whole query, at its one step.
    Result<void> each_raw(const Expr& matrix, const Take& take);
    /// How many samples were looked at for each step, as Prometheus counts them.
    const StepCounts& read() const { return read_; }

private:
    // evaluator.cpp
    /// How Prometheus counts what a node holds: its arguments step by step beside the results, only
    /// the results, in its own way, or not at all.
    enum class Counting { BySteps, Results, Itself, None };
    Counting counting_of(const Expr& expr, bool once) const;
    Result<Block> eval_once(const Expr& expr);
    Result<Block> eval_node(const Expr& expr);
    /// Counts what a node leaves, when `before` was held before it.
    Result<void> count(const Expr& expr, const Block& block, Counting how,
                       QueryContext::Held before, const StepCounts& gathered);

    // parts.cpp
    /// What the series of one cursor are worth, to an evaluator that works on no other.
    using ReadPart = std::function<Result<Block>(Evaluator&, SeriesCursor&)>;
    /// Reads what matches, split between threads where the source finds it large, and puts the
    /// rows of the parts together in label order. `read` is called by several threads at a time.
    Result<Block> read_in_parts(std::span<const Matcher> matchers, Window window,
                                const Hints& hints, const ReadPart& read);
    Result<Block> read_together(std::vector<std::unique_ptr<SeriesCursor>> cursors,
                                const ReadPart& read);

    // select.cpp
    /// The times at which a shifted node looks; one step when `@` fixes it.
    struct View {
        Steps steps;
        bool fixed = false;  ///< one step, whose values hold for all
    };
    View view_of(const Shift& shift) const;
    /// The time that `@` says.
    std::optional<std::int64_t> time_of(const Shift& shift) const;
    /// What Prometheus reads for a selector that sees as far back as `reach`.
    Window read_window(const Shift& shift, std::int64_t reach) const;
    Surroundings inside(const Subquery& subquery, std::int64_t end, bool begins_here) const;
    Result<Block> eval_selector(const Expr& expr, bool want_times);
    /// What is current at each of `steps` among the samples inside `window`.
    struct Latest {
        Window window;
        Steps steps;
        bool want_times = false;   ///< the samples' times, not their values
        bool counts_only = false;  ///< histograms without their buckets
        bool floats_only = false;  ///< histograms are refused
    };
    Result<Block> select_latest(std::span<const Matcher> matchers, const Latest& wanted);
    Result<Block> read_latest(SeriesCursor& cursor, const Latest& wanted);
    /// Counts what of a row of a selector was looked at.
    Result<void> count_selected(const Block& block, std::size_t row, std::int64_t samples);
    /// What to ask for the samples of a range selector.
    struct Stretch {
        Window window;
        Hints hints;
    };
    /// For this function, or for the samples themselves.
    Stretch stretch_of(const Selector& selector, const Function* function) const;
    Result<void> each_selected(const Expr& expr, const Function* function, const Take& take);
    Result<void> each_read(SeriesCursor& cursor, const Expr& expr, const Function* function,
                           const Take& take);
    /// Says what of an answer came from roll-ups.
    void note_rolled_up(const SeriesCursor& cursor, std::string_view function);
    /// The series of a range vector, each with all samples that any step's window may hold. Of a
    /// subquery, those of its values.
    struct Inner {
        Steps steps;
        Block block;
        std::int64_t read = 0;  ///< samples for them
    };
    Result<Inner> eval_subquery(const Subquery& subquery);
    Result<void> each_of(Inner inner, const Take& take);
    Block spread(Block one) const;

    // range_call.cpp
    struct RangeArgs;
    Result<RangeArgs> eval_range_args(const Call& call);
    Result<void> each_series(RangeArgs& args, const Function& function, const Take& take);
    struct RangeWork;
    /// What a function makes of all series that `each` gives it; where there are `sums`, they take
    /// the rows, unless they refuse.
    Result<Block> eval_windows(const RangeWork& work,
                               const std::function<Result<void>(const Take&)>& each,
                               GroupSums* sums = nullptr);
    void hand_over(Block& rows, GroupSums& sums);
    Result<void> count_windows(std::int64_t most, std::int64_t last, std::int64_t results);
    Result<Block> eval_range_call(const Call& call, GroupSums* sums = nullptr);
    Result<Block> eval_absent_over_time(const Call& call);

    // binary.cpp
    Result<Block> eval_binary(const Expr& expr);
    Result<Block> with_scalar(const Expr& expr, Block vector, const Block& scalar,
                              bool scalar_left);
    Result<Block> with_vector(const Expr& expr, Block lhs, Block rhs);
    Result<Block> set_operation(const Binary& binary, Block lhs, Block rhs);

    // aggregate.cpp
    Result<Block> eval_aggregate(const Aggregate& aggregate, const Expr& at);
    Result<Block> eval_aggregated(const Aggregate& aggregate, GroupSums& sums);
    Result<Block> eval_choice(const Aggregate& aggregate, const Expr& at, Block all,
                              std::span<const double> parameters);
    Result<Block> eval_ratio(const Aggregate& aggregate, Block block,
                             std::span<const double> ratios);
    void inform_of_ignored(const Expr& at, Aggregator op);

    // call.cpp, call_labels.cpp, call_histogram.cpp
    Result<Block> eval_call(const Expr& expr);
    Result<Block> eval_math(const Call& call, double (*function)(double));
    Result<Block> eval_clamp(const Call& call);
    Result<Block> eval_round(const Call& call);
    Result<Block> eval_date(const Call& call);
    Result<Block> eval_timestamp(const Call& call);
    Result<Block> eval_absent(const Call& call);
    Result<Block> eval_scalar(const Call& call);
    Result<Block> eval_sort(const Call& call);
    Result<Block> eval_sort_by_label(const Call& call);
    Result<Block> eval_info(const Call& call);
    Result<Block> eval_label_replace(const Call& call);
    Result<Block> eval_label_join(const Call& call);
    Result<Block> eval_histogram_quantile(const Call& call);
    Result<Block> eval_histogram_fraction(const Call& call);
    Result<Block> eval_histogram_number(const Call& call);
    /// Of the classic histograms of a vector at one step (their name beside), and of the native
    /// ones.
    using OfBuckets =
        std::function<double(std::vector<ClassicBucket>&, std::string_view, std::size_t step)>;
    using OfNative = std::function<double(const Histogram&, std::size_t step)>;
    Result<Block> of_histograms(const Call& call, const OfBuckets& classic, const OfNative& native);
    void tell(NativeNote note, const Call& call);
    void warn_of_bad_buckets(const Expr& at, const Block& block,
                             const std::vector<std::size_t>& rows);

    Result<Block> eval_unary(const Unary& unary);
    Block scalar(double value) const;
    Result<Block> unique(Block block, Meeting meeting) const;
    /// Where annotations place an argument: without the parentheses around it, unless it alone is
    /// the same at every step.
    const Expr& place_of_arg(const Call& call, std::size_t index) const;
    /// Leaves the metric names out, now or when the query is answered. False as `drop_names`.
    bool lose_names(Block& block, Meeting meeting) const;
    bool delays_names() const { return context_.settings.features.delayed_name_removal; }

    QueryContext& context_;
    Steps steps_;
    Surroundings around_;
    StepCounts read_;
    StepCounts* gathered_ = nullptr;  ///< where the node around counts its arguments
};

/// Prometheus's words, before the metric name, for histograms that have no sum.
inline constexpr std::string_view mixed_schemas =
    "vector contains a mix of histograms with exponential and custom buckets schemas for metric "
    "name";
inline constexpr std::string_view mixed_bounds =
    "vector contains histograms with incompatible custom buckets for metric name";

/// Whether a node says the same at every step, so that one evaluation does for all.
bool is_step_invariant(const Expr& expr);
/// The same of a function whose arguments are.
bool is_step_invariant(const Function& function);
bool is_step_invariant(const Call& call);
/// Prometheus reads of histograms only count and sum where `histogram_count` or `histogram_sum`
/// stands around a selector; so buckets that do not fit together are no trouble there. It does so
/// for the first selector of a query, and overlooks that function when it is the whole query. Null
/// when that selector is read with its buckets.
const Expr* selector_without_buckets(const Expr& query);

/// What a comparison says of two numbers.
bool compares(Op op, double a, double b);
/// All labels in braces, the metric name among them.
std::string in_braces(const Labels& labels);
/// The labels `absent` gives: what equality matchers of its selector say.
Labels labels_of_absent(const Expr& arg);
/// The value of a string argument.
const std::string& text_of(const Expr& arg);

}  // namespace vedette::promql
