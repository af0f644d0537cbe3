#include "promql/evaluator.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/histogram.h"

namespace vedette::promql {

QueryContext::QueryContext(const EngineSettings& query_settings, const Clock& clock,
                           SeriesSource& query_source, std::stop_token stop_token,
                           Timestamp query_start, Timestamp query_end)
    : source(query_source),
      settings(query_settings),
      stop(std::move(stop_token)),
      start(query_start),
      end(query_end),
      clock_(clock),
      deadline_(clock.steady() + query_settings.timeout) {}

Result<void> QueryContext::charge(std::size_t samples) {
    samples_ += samples;
    if (samples_ > settings.samples_max)
        return fail(Fault::Limit,
                    "query processing would load too many samples into memory in query execution");
    if (stop.stop_requested())
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

std::vector<std::string> QueryContext::warnings() const {
    return with_places(warnings_);
}
std::vector<std::string> QueryContext::infos() const {
    return with_places(infos_);
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

Result<Block> Evaluator::eval(const Expr& wrapped) {
    const Expr& expr = unwrapped(wrapped);
    if (const Number* number = expr.as<Number>()) return scalar(number->value);
    if (steps_.count > 1 && is_step_invariant(expr)) {
        Evaluator once(context_, {steps_.start, 1, 1});
        Result<Block> one = once.eval(expr);
        return one ? spread(std::move(*one)) : std::move(one);
    }
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
