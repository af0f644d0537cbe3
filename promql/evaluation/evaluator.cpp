#include "promql/evaluation/evaluator.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/histogram.h"

namespace vedette::promql {

QueryContext::QueryContext(const EngineSettings& query_settings, const Clock& clock,
                           SeriesSource& query_source, Crew& query_crew, std::stop_token stop_token,
                           Timestamp query_start, Timestamp query_end)
    : source(query_source),
      crew(query_crew),
      settings(query_settings),
      stop(std::move(stop_token)),
      start(query_start),
      end(query_end),
      clock_(clock),
      deadline_(clock.steady() + query_settings.timeout) {}

QueryContext::QueryContext(QueryContext& whole, Together& together)
    : source(whole.source),
      crew(whole.crew),
      settings(whole.settings),
      stop(whole.stop),
      start(whole.start),
      end(whole.end),
      counts_only(whole.counts_only),
      clock_(whole.clock_),
      deadline_(whole.deadline_),
      before_(whole.held),
      together_(&together) {}

namespace {

tl::unexpected<Error> too_many() {
    return fail(Fault::Limit,
                "query processing would load too many samples into memory in query execution");
}

}  // namespace

Result<void> QueryContext::reach(std::int64_t samples) {
    peak = std::max(peak, held.samples + samples);
    if (static_cast<std::uint64_t>(before_.samples + peak) > settings.samples_max)
        return too_many();
    return {};
}

Result<void> QueryContext::hold(std::int64_t samples) {
    held.samples += samples;
    return reach(0);
}

Result<void> QueryContext::charge(std::size_t floats) {
    // A sample of Prometheus's is a time and a value: so much memory ours may take too, and as much
    // more as harms nobody.
    constexpr std::size_t floats_a_sample = 2, floats_more = std::size_t{1} << 20;
    held.floats += floats;
    const std::size_t all =
        together_ == nullptr ? held.floats : before_.floats + (together_->floats += floats);
    if (all > floats_more && (all - floats_more) / floats_a_sample > settings.samples_max)
        return too_many();
    if (stop.stop_requested() || (together_ != nullptr && together_->over))
        return fail(Fault::Cancelled, "query was canceled in expression evaluation");
    if (clock_.steady() > deadline_)
        return fail(Fault::Timeout, "query timed out in expression evaluation");
    return {};
}

namespace {

std::string place_of(const Expr& at) {
    return fmt::format("({}:{})", at.line, at.column);
}

}  // namespace

void QueryContext::release(std::size_t floats) {
    held.floats -= floats;
    if (together_ != nullptr) together_->floats -= floats;
}

Result<void> QueryContext::join(const QueryContext& part) {
    if (auto good = reach(part.peak); !good) return good;
    held.samples += part.held.samples;
    series += part.series;
    held.floats += part.held.floats;
    // Of one text said twice the place that came last counts.
    for (const auto& [text, place] : part.warnings_) warnings_[text] = place;
    for (const auto& [text, place] : part.infos_) infos_[text] = place;
    for (const auto& [how, times] : part.rolled_up_) widen(how, times);
    return {};
}

void QueryContext::warn(const Expr& at, std::string_view text) {
    warnings_[fmt::format("PromQL warning: {}", text)] = place_of(at);
}

void QueryContext::inform(const Expr& at, std::string_view text) {
    infos_[fmt::format("PromQL info: {}", text)] = place_of(at);
}

namespace {

std::vector<std::string> with_places(const std::map<std::string, std::string>& texts) {
    std::vector<std::string> out;
    for (const auto& [text, place] : texts) out.push_back(text + ' ' + place);
    return out;
}

}  // namespace

void QueryContext::widen(const RolledReading& how, Window times) {
    const auto [at, added] = rolled_up_.try_emplace(how, times);
    at->second = {std::min(at->second.from, times.from), std::max(at->second.to, times.to)};
}

void QueryContext::note(const RolledUp& rolled_up, std::string_view function) {
    // Who is content says the same whatever the function.
    const bool is_less = rolled_up.as == RolledUp::As::Newest;
    widen({rolled_up.as, rolled_up.resolution, is_less ? std::string(function) : ""},
          rolled_up.times);
}

namespace {

/// `2026-09-22T23:00:00Z`: buckets begin and end at whole seconds.
std::string whole_seconds(Timestamp at) {
    const std::string text = format_rfc3339(at);
    return text.substr(0, text.find('.')) + 'Z';
}

}  // namespace

std::vector<std::string> QueryContext::warnings() const {
    std::vector<std::string> out = with_places(warnings_);
    for (const auto& [how, times] : rolled_up_) {
        const auto& [as, resolution, function] = how;
        if (as != RolledUp::As::Newest) continue;
        out.push_back(fmt::format(
            "Vedette warning: from {} to {} only roll-ups are left: {} had the newest sample of "
            "each {} instead of all",
            whole_seconds(times.from), whole_seconds(times.to),
            function.empty() ? "the query" : function, format_duration(resolution)));
    }
    return out;
}

std::vector<std::string> QueryContext::infos() const {
    std::vector<std::string> out = with_places(infos_);
    for (const auto& [how, times] : rolled_up_) {
        const auto& [as, resolution, function] = how;
        if (as == RolledUp::As::Newest) continue;
        out.push_back(fmt::format("Vedette info: from {} to {} roll-ups of {} were read{}",
                                  whole_seconds(times.from), whole_seconds(times.to),
                                  format_duration(resolution),
                                  as == RolledUp::As::Rounded ? "; times are rounded to it" : ""));
    }
    return out;
}

void QueryContext::warn_quantile(const Expr& at, double quantile) {
    if (quantile >= 0 && quantile <= 1) return;
    warn(at,
         fmt::format("quantile value should be between 0 and 1, got {}", format_value(quantile)));
}

const std::string& text_of(const Expr& arg) {
    return unwrapped(arg).as<Text>()->value;
}

Block Evaluator::scalar(double value) const {
    Block block(steps_.count);
    std::ranges::fill(block.add({}), value);
    return block;
}

Result<Block> Evaluator::unique(Block block, Meeting meeting) const {
    if (!settle(block, meeting)) return fail(Fault::BadInput, std::string(same_labels));
    return block;
}

bool Evaluator::lose_names(Block& block, Meeting meeting) const {
    if (!delays_names()) return drop_names(block, meeting);
    std::ranges::fill(block.name_goes, 1);
    return true;
}

Evaluator::Counting Evaluator::counting_of(const Expr& expr, bool once) const {
    using Id = Function::Id;
    if (once || expr.as<Unary>() != nullptr) return Counting::None;
    if (expr.as<Selector>() != nullptr) return Counting::Itself;
    if (const Aggregate* aggregate = expr.as<Aggregate>())
        return aggregate->op == Aggregator::CountValues ? Counting::BySteps : Counting::Results;
    const Call* call = expr.as<Call>();
    if (call == nullptr) return Counting::BySteps;
    const Id id = call->function->id;
    if (id == Id::LabelReplace || id == Id::LabelJoin) return Counting::None;
    const auto& args = call->function->args;
    return std::ranges::find(args, Type::Matrix) != args.end() ? Counting::Itself
                                                               : Counting::BySteps;
}

Result<Block> Evaluator::eval(const Expr& wrapped) {
    const Expr& expr = unwrapped(wrapped);
    const bool once = steps_.count > 1 && !around_.in_parameter && expr.as<Number>() == nullptr &&
                      is_step_invariant(expr);
    const Counting how = counting_of(expr, once);
    const QueryContext::Held before = context_.held;
    StepCounts gathered;
    StepCounts* const around =
        std::exchange(gathered_, how == Counting::BySteps ? &gathered : nullptr);
    Result<Block> block = once ? eval_once(expr) : eval_node(expr);
    gathered_ = around;
    if (!block) return block;
    if (auto good = count(expr, *block, how, before, gathered); !good) return fail(good.error());
    return block;
}

Result<void> Evaluator::count(const Expr& expr, const Block& block, Counting how,
                              QueryContext::Held before, const StepCounts& gathered) {
    StepCounts present;
    if (gathered_ != nullptr || how == Counting::BySteps) add_present(block, present);
    if (how == Counting::BySteps) {
        const Call* call = expr.as<Call>();
        // `timestamp` looks at its selector's samples one step at a time and keeps none.
        const bool keeps_none =
            call != nullptr && call->function->id == Function::Id::Timestamp && gathered.empty();
        const bool is_info = call != nullptr && call->function->id == Function::Id::Info;
        StepCounts made = present;
        if (block.has_histograms()) {
            made.assign(block.steps, 0);
            for (std::size_t r = 0; r < block.rows(); ++r) add_samples_of_row(block, r, made);
        }
        if (keeps_none) context_.held.samples = before.samples;
        std::int64_t results = 0, most = 0;
        for (std::size_t i = 0; i < block.steps; ++i) {
            const std::int64_t args = keeps_none ? present[i] : gathered.empty() ? 0 : gathered[i];
            most = std::max(most, results + args + made[i]);
            results += made[i];
        }
        if (auto good = context_.reach(most); !good) return good;
        if (!is_info) context_.held.samples = before.samples;
        if (auto good = context_.hold(results); !good) return good;
    } else if (how == Counting::Results) {
        context_.held.samples = before.samples;
        if (auto good = context_.hold(samples_in(block)); !good) return good;
    }
    if (gathered_ != nullptr) {
        gathered_->resize(block.steps);
        for (std::size_t i = 0; i < block.steps; ++i) (*gathered_)[i] += present[i];
    }
    context_.held.floats = before.floats;
    return context_.charge(floats_of(block));
}

Result<Block> Evaluator::eval_once(const Expr& expr) {
    Surroundings around = around_;
    around.end = steps_.start;
    Evaluator once(context_, {steps_.start, 1, 1}, std::move(around));
    Result<Block> one = once.eval(expr);
    if (!one) return one;
    for (std::int64_t& read : read_) read += once.read_[0];
    const auto more = static_cast<std::int64_t>(steps_.count - 1);
    if (auto good = context_.hold(more * samples_in(*one)); !good) return fail(good.error());
    if (auto good = context_.charge(floats_of(*one) * steps_.count); !good)
        return fail(good.error());
    return spread(std::move(*one));
}

Result<Block> Evaluator::eval_node(const Expr& expr) {
    if (const Number* number = expr.as<Number>()) return scalar(number->value);
    if (expr.as<Selector>() != nullptr) return eval_selector(expr, false);
    if (const Unary* unary = expr.as<Unary>()) return eval_unary(*unary);
    if (expr.as<Binary>() != nullptr) return eval_binary(expr);
    if (const Aggregate* aggregate = expr.as<Aggregate>()) return eval_aggregate(*aggregate, expr);
    check(expr.as<Call>() != nullptr,
          "strings and ranges are arguments, evaluated by their functions");
    return eval_call(expr);
}

Result<Block> Evaluator::eval_unary(const Unary& unary) {
    Result<Block> block = eval(*unary.expr);
    if (!block || unary.op == Op::Add) return block;
    for (double& value : block->values)
        if (is_number(value)) value = -value;
    for (std::size_t i = 0; block->has_histograms() && i < block->values.size(); ++i) {
        if (!is_histogram(block->values[i])) continue;
        auto negated = std::make_shared<Histogram>(*block->histograms[i]);
        multiply(*negated, -1);
        block->histograms[i] = std::move(negated);
    }
    if (unary.expr->type == Type::Vector && !lose_names(*block, Meeting::Refuse))
        return fail(Fault::BadInput, std::string(same_labels));
    return block;
}

}  // namespace vedette::promql
