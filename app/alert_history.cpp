#include "app/alert_history.h"

#include <algorithm>
#include <cmath>

#include "promql/syntax/parse.h"

namespace vedette::app {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr Milliseconds shown_before = hours(3);  // what led to it
constexpr Milliseconds shown_max = hours(24);    // however long it fires
constexpr std::int64_t points_max = 180;
constexpr std::size_t samples_max = 2'000'000;  // a chart is not worth more
constexpr Milliseconds answer_max = std::chrono::milliseconds(900);

int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

const promql::Expr& inside(const promql::Expr& expr) {
    const promql::Expr* one = &expr;
    while (const auto* paren = one->as<promql::Paren>()) one = paren->expr.get();
    return *one;
}

std::optional<double> number_of(const promql::Expr& expr) {
    const promql::Expr& one = inside(expr);
    if (const auto* number = one.as<promql::Number>()) return number->value;
    const auto* sign = one.as<promql::Unary>();
    if (sign == nullptr) return std::nullopt;
    const auto value = number_of(*sign->expr);
    return value && sign->op == promql::Op::Sub ? std::optional(-*value) : value;
}

/// `0.5 < x` reads `x > 0.5`.
promql::Op turned(promql::Op op) {
    switch (op) {
        case promql::Op::Less: return promql::Op::Greater;
        case promql::Op::LessEqual: return promql::Op::GreaterEqual;
        case promql::Op::Greater: return promql::Op::Less;
        case promql::Op::GreaterEqual: return promql::Op::LessEqual;
        default: return op;
    }
}

/// Whole steps, so that two messages about one alert ask for the same points.
Milliseconds step_for(Milliseconds window) {
    const std::int64_t ms = window.count() / points_max;
    return Milliseconds(std::max<std::int64_t>((ms + 14'999) / 15'000, 1) * 15'000);
}

}  // namespace

std::string expression_of(std::string_view generator_url) {
    const auto at = generator_url.find("g0.expr=");
    if (at == generator_url.npos) return {};
    std::string_view text = generator_url.substr(at + 8);
    text = text.substr(0, text.find('&'));
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_code = text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0;
        if (is_code) {
            out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

std::optional<Comparison> comparison_of(const std::string& expression) {
    const auto parsed = promql::parse(expression);
    if (!parsed) return std::nullopt;
    const promql::Expr& whole = inside(**parsed);
    if (whole.type != promql::Type::Vector) return std::nullopt;
    const auto* binary = whole.as<promql::Binary>();
    if (binary == nullptr) {
        // It fires while it has a value at all, and one that says nothing of how bad it is.
        if (whole.as<promql::Call>() != nullptr || whole.as<promql::Aggregate>() != nullptr) return std::nullopt;
        return Comparison{promql::print(whole), "", std::nullopt};
    }
    if (!promql::is_comparison(binary->op) || binary->return_bool) return std::nullopt;
    if (const auto limit = number_of(*binary->rhs))
        return Comparison{promql::print(*binary->lhs), std::string(to_string(binary->op)), limit};
    if (const auto limit = number_of(*binary->lhs))
        return Comparison{promql::print(*binary->rhs), std::string(to_string(turned(binary->op))), limit};
    if (binary->lhs->type != promql::Type::Vector) return std::nullopt;
    return Comparison{promql::print(*binary->lhs), "", std::nullopt};
}

const QueryResult::Series* series_of(const QueryResult& result, const Labels& alert) {
    const auto is_its = [&](const QueryResult::Series& series) {
        return std::ranges::all_of(series.labels, [&](const Label label) {
            return label.name == "__name__" || !alert.has(label.name) || alert.get(label.name) == label.value;
        });
    };
    const auto found = std::ranges::find_if(result.series, is_its);
    return found == result.series.end() ? nullptr : &*found;
}

AlertHistory::AlertHistory(const promql::Engine& engine, SeriesSource& series, const Clock& clock)
    : engine_(engine), series_(series), clock_(clock),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

AlertHistory::~AlertHistory() {
    stop();
}

void AlertHistory::stop() {
    {
        const Lock lock(mutex_);
        stopping_ = true;
    }
    thread_.request_stop();
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void AlertHistory::ask(notify::AlertRef alert, Done done) {
    {
        const Lock lock(mutex_);
        if (!stopping_ && questions_.size() < waiting_max) {
            questions_.push_back({std::move(alert), std::move(done)});
            wake_.notify_one();
            return;
        }
    }
    done(nullptr);
}

void AlertHistory::run(const std::stop_token& stop) {
    for (;;) {
        Question next;
        {
            const Lock lock(mutex_);
            while (questions_.empty() && !stopping_) wake_.wait(mutex_);
            if (stopping_) return;
            next = std::move(questions_.front());
            questions_.pop_front();
        }
        next.done(answer(*next.alert, stop));
    }
}

std::shared_ptr<const notify::History> AlertHistory::answer(const Alert& alert,
                                                            const std::stop_token& stop) const {
    const auto comparison = comparison_of(expression_of(alert.generator_url));
    if (!comparison) return nullptr;
    const auto shown = promql::parse(comparison->shown);
    if (!shown) return nullptr;
    auto out = std::make_shared<notify::History>();
    out->comparison = comparison->op;
    out->threshold = comparison->threshold;
    const Timestamp end = alert.resolved_at.value_or(clock_.now());
    const Timestamp begin = std::max(alert.active_at - shown_before, end - shown_max);
    const Milliseconds step = step_for(end - begin);
    const Timestamp first{(begin.ms / step.count() + 1) * step.count()};
    promql::EngineSettings settings = engine_.settings();
    settings.samples_max = std::min(settings.samples_max, samples_max);
    settings.timeout = std::min(settings.timeout, answer_max);
    const auto result = engine_.with(settings).range(**shown, first, end, step, series_, stop);
    if (!result) return out;
    const QueryResult::Series* series = series_of(*result, alert.labels);
    if (series == nullptr) return out;
    std::optional<Timestamp> last;
    for (const Sample& sample : series->samples) {
        const double* value = std::get_if<double>(&sample.value);
        if (value == nullptr) continue;
        if (last && sample.at - *last > 2 * step) out->points.emplace_back(*last + step, NAN);
        out->points.emplace_back(sample.at, *value);
        last = sample.at;
    }
    // What made it fire is newer than the last whole step.
    if (alert.state == AlertState::Firing && last && *last < end) out->points.emplace_back(end, alert.value);
    return out;
}

}  // namespace vedette::app
