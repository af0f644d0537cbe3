#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "promql/functions/functions.h"
#include "promql/syntax/parse.h"
#include "promql/syntax/text.h"

namespace vedette::promql {

namespace {

constexpr std::size_t line_bytes_max = 100;  // as promtool lays out

std::string label_list(const std::vector<std::string>& labels) {
    std::string out = "(";
    for (const std::string& label : labels) {
        if (out.size() > 1) out += ", ";
        out += is_classic_metric_name(label) ? label : quote(label);
    }
    return out + ")";
}

std::string duration_text(double seconds) {
    const auto ms = Milliseconds(static_cast<std::int64_t>(std::llround(std::abs(seconds) * 1000)));
    // `-0s` too: divided by, it is not `0s`.
    return (std::signbit(seconds) ? "-" : "") + format_duration(ms);
}

/// What a number in a range or an offset is: whole milliseconds, or less than one.
std::string short_duration(Milliseconds duration) {
    return duration.count() == 0 ? "0.0001" : format_duration(duration);
}

/// `-2 ^ 2` would read as -(2 ^ 2).
bool is_negative_base(const DurationExpr& node) {
    const Number* base = node.lhs == nullptr ? nullptr : node.lhs->as<Number>();
    return node.op == Op::Pow && base != nullptr && std::signbit(base->value);
}

std::string duration_expr_text(const Expr& expr) {
    if (const Number* number = expr.as<Number>())
        return number->duration ? duration_text(number->value) : plain_number(number->value);
    const DurationExpr& node = *expr.as<DurationExpr>();
    std::string out;
    if (node.lhs == nullptr) {
        out = fmt::format("{}{}", to_string(node.op), duration_expr_text(*node.rhs));
    } else {
        const std::string left = duration_expr_text(*node.lhs);
        out = fmt::format("{} {} {}", is_negative_base(node) ? '(' + left + ')' : left,
                          to_string(node.op), duration_expr_text(*node.rhs));
    }
    return node.wrapped ? '(' + out + ')' : out;
}

/// An offset ends behind a first number, so what goes on stands in parentheses.
std::string offset_expr_text(const Expr& expr) {
    std::string text = duration_expr_text(expr);
    const std::size_t sign = text.starts_with('-') ? 1 : 0;
    const bool goes_on = text[sign] == '(' || text[sign] == '-';
    return goes_on ? text : '(' + text + ')';
}

std::string range_text(const ExprPtr& expr, Milliseconds value) {
    return expr != nullptr ? duration_expr_text(*expr) : short_duration(value);
}

std::string shift_text(const Shift& shift) {
    std::string out;
    switch (shift.at) {
        case Shift::At::Step:
            break;
        case Shift::At::Time: {
            const std::int64_t ms = shift.time.ms;
            out = fmt::format(" @ {}{}.{:03}", ms < 0 ? "-" : "", std::abs(ms / 1000),
                              std::abs(ms % 1000));
            break;
        }
        case Shift::At::Start:
            out = " @ start()";
            break;
        case Shift::At::End:
            out = " @ end()";
            break;
    }
    if (shift.offset_expr != nullptr) return out + " offset " + offset_expr_text(*shift.offset_expr);
    if (shift.offset.count() > 0) out += " offset " + format_duration(shift.offset);
    if (shift.offset.count() < 0) out += " offset -" + format_duration(-shift.offset);
    return out;
}

std::string selector_text(const Selector& selector, bool is_matrix) {
    std::vector<std::string> matchers;
    for (const Matcher& matcher : selector.matchers) {
        if (!selector.name.empty() && matcher.name == metric_name_label) continue;
        matchers.push_back(to_string(matcher));
    }
    std::sort(matchers.begin(), matchers.end());
    std::string out = selector.name;
    if (!matchers.empty() || out.empty()) out += fmt::format("{{{}}}", fmt::join(matchers, ","));
    if (is_matrix) out += fmt::format("[{}]", range_text(selector.range_expr, selector.range));
    return out + shift_text(selector.shift);
}

std::string subquery_suffix(const Subquery& subquery) {
    const bool has_step = subquery.step_expr != nullptr || subquery.step.count() > 0;
    return fmt::format("[{}:{}]{}", range_text(subquery.range_expr, subquery.range),
                       has_step ? range_text(subquery.step_expr, subquery.step) : "",
                       shift_text(subquery.shift));
}

std::string operator_text(const Binary& binary) {
    std::string out(to_string(binary.op));
    if (binary.return_bool) out += " bool";
    const Matching& matching = binary.matching;
    const bool groups =
        matching.card == Matching::Card::ManyToOne || matching.card == Matching::Card::OneToMany;
    if (matching.on || !matching.labels.empty() || groups)
        out += (matching.on ? " on " : " ignoring ") + label_list(matching.labels);
    if (groups)
        out += (matching.card == Matching::Card::ManyToOne ? " group_left " : " group_right ") +
               label_list(matching.include);
    return out;
}

std::string aggregate_head(const Aggregate& aggregate) {
    std::string out(to_string(aggregate.op));
    if (aggregate.without)
        out += " without " + label_list(aggregate.grouping) + " ";
    else if (!aggregate.grouping.empty())
        out += " by " + label_list(aggregate.grouping) + " ";
    return out;
}

/// `+Inf ^ 2` would read as +(Inf ^ 2), so here the sign is left out.
bool is_infinite_base(const Binary& binary) {
    const Number* base = binary.lhs->as<Number>();
    return binary.op == Op::Pow && base != nullptr && std::isinf(base->value);
}

/// Writes one line; stops early once it is longer than asked for.
class Line {
public:
    explicit Line(std::size_t bytes_max) : bytes_max_(bytes_max) {}
    std::string take() { return std::move(out_); }

    void write(const Expr& expr) {
        if (out_.size() > bytes_max_) return;
        if (const Selector* selector = expr.as<Selector>())
            out_ += selector_text(*selector, expr.type == Type::Matrix);
        else
            std::visit(*this, expr.node);
    }
    void operator()(const Number& number) {
        out_ += number.duration ? duration_text(number.value) : plain_number(number.value);
    }
    void operator()(const Text& text) { out_ += quote(text.value); }
    void operator()(const Selector&) {}  // `write` knows its type
    void operator()(const DurationExpr&) {}  // selectors write theirs
    void operator()(const Subquery& subquery) {
        write(*subquery.expr);
        out_ += subquery_suffix(subquery);
    }
    void operator()(const Unary& unary) {
        out_ += to_string(unary.op);
        write(*unary.expr);
    }
    void operator()(const Binary& binary) {
        if (is_infinite_base(binary))
            out_ += "Inf";
        else
            write(*binary.lhs);
        out_ += ' ' + operator_text(binary) + ' ';
        write(*binary.rhs);
    }
    void operator()(const Call& call) {
        out_ += call.function->name;
        out_ += '(';
        for (std::size_t i = 0; i < call.args.size(); ++i) {
            if (i > 0) out_ += ", ";
            write(*call.args[i]);
        }
        out_ += ')';
    }
    void operator()(const Aggregate& aggregate) {
        out_ += aggregate_head(aggregate) + '(';
        if (aggregate.param != nullptr) {
            write(*aggregate.param);
            out_ += ", ";
        }
        write(*aggregate.expr);
        out_ += ')';
    }
    void operator()(const Paren& paren) {
        out_ += '(';
        write(*paren.expr);
        out_ += ')';
    }

private:
    std::size_t bytes_max_;
    std::string out_;
};

/// Writes several lines: what does not fit on one is opened, two spaces a level.
class Page {
public:
    std::string take() { return std::move(out_); }

    void write(const Expr& expr, std::size_t level) {
        Line line(line_bytes_max);
        line.write(expr);
        const std::string text = line.take();
        const bool fits = text.size() <= line_bytes_max;
        if (fits) {
            // Prometheus indents all but a subquery.
            if (expr.as<Subquery>() == nullptr) indent(level);
            out_ += text;
        } else {
            open(expr, level);
        }
    }

private:
    void indent(std::size_t level) { out_.append(2 * level, ' '); }

    void args(const std::vector<const Expr*>& list, std::size_t level) {
        out_ += "(\n";
        for (std::size_t i = 0; i < list.size(); ++i) {
            write(*list[i], level + 1);
            out_ += i + 1 < list.size() ? ",\n" : "\n";
        }
        indent(level);
        out_ += ')';
    }

    void open(const Expr& expr, std::size_t level) {
        if (const Binary* binary = expr.as<Binary>()) {
            if (is_infinite_base(*binary)) {
                indent(level + 1);
                out_ += "Inf";
            } else {
                write(*binary->lhs, level + 1);
            }
            out_ += '\n';
            indent(level);
            out_ += operator_text(*binary) + '\n';
            return write(*binary->rhs, level + 1);
        }
        if (const Subquery* subquery = expr.as<Subquery>()) {
            write(*subquery->expr, level);
            out_ += subquery_suffix(*subquery);
            return;
        }
        if (const Unary* unary = expr.as<Unary>()) return open_unary(*unary, level);
        indent(level);
        std::vector<const Expr*> list;
        if (const Call* call = expr.as<Call>()) {
            out_ += call->function->name;
            for (const ExprPtr& arg : call->args) list.push_back(arg.get());
        } else if (const Aggregate* aggregate = expr.as<Aggregate>()) {
            out_ += aggregate_head(*aggregate);
            if (aggregate->param != nullptr) list.push_back(aggregate->param.get());
            list.push_back(aggregate->expr.get());
        } else if (const Paren* paren = expr.as<Paren>()) {
            list.push_back(paren->expr.get());
        } else {
            out_ += print(expr);
            return;
        }
        args(list, level);
    }

    void open_unary(const Unary& unary, std::size_t level) {
        const std::size_t before = out_.size();
        write(*unary.expr, level);
        // The sign goes between the operand and its indentation.
        const std::size_t first = out_.find_first_not_of(' ', before);
        out_.insert(first, to_string(unary.op));
    }

    std::string out_;
};

}  // namespace

std::string plain_number(double value) {
    if (!std::isfinite(value)) return format_value(value);
    // Go's 'f': the shortest digits that read back, padded with zeros, never an exponent.
    char text[32];
    const auto end =
        std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
    const std::string_view shown(text, static_cast<std::size_t>(end - text));
    const std::size_t e = shown.find('e');
    int exponent = 0;
    std::from_chars(text + e + (text[e + 1] == '+' ? 2 : 1), end, exponent);
    std::string out, digits;
    for (const char c : shown.substr(0, e)) {
        if (c == '-')
            out += c;
        else if (c != '.')
            digits += c;
    }
    if (exponent < 0)
        return out + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
    const auto whole = static_cast<std::size_t>(exponent) + 1;
    if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0');
    return out + digits.substr(0, whole) + '.' + digits.substr(whole);
}

std::string print(const Expr& expr) {
    Line line(std::string::npos);
    line.write(expr);
    return line.take();
}

std::string print_pretty(const Expr& expr) {
    Page page;
    page.write(expr, 0);
    return page.take();
}

}  // namespace vedette::promql
