#include "promql/syntax/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>

#include "core/limits.h"
#include "promql/functions/functions.h"
#include "promql/labels/regex.h"

namespace vedette::promql {

namespace {

using Kind = Token::Kind;
using Keyword = Token::Keyword;

/// As Go has it: each stands between two digits, or behind a base's prefix.
bool underscores_are_good(std::string_view text) {
    const bool hex = text.starts_with("0x") || text.starts_with("0X");
    char before = hex ? '0' : '^';
    for (const char c : text.substr(hex ? 2 : 0)) {
        const bool digit = hex ? std::isxdigit(static_cast<unsigned char>(c)) != 0
                               : std::isdigit(static_cast<unsigned char>(c)) != 0;
        if (c == '_' && before != '0') return false;
        if (!digit && c != '_' && before == '_') return false;
        before = digit ? '0' : c == '_' ? '_' : '!';
    }
    return before != '_';
}

/// Whole numbers as Go's ParseInt with base 0 reads them: hexadecimal, octal behind a zero.
std::optional<double> whole_number(std::string_view text) {
    int base = 10;
    if (text.size() > 1 && text[0] == '0') {
        const bool hex = text[1] == 'x' || text[1] == 'X';
        base = hex ? 16 : 8;
        text.remove_prefix(hex ? 2 : 1);
    }
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return static_cast<double>(value);
}

}  // namespace

Parser::Parser(std::string_view text, Features features)
    : lexer_(text), token_(lexer_.next()), features_(features) {}

Token Parser::take() {
    const Token taken = token_;
    end_ = taken.at.end;
    token_ = lexer_.next();
    return taken;
}

Failure Parser::complain(Place at, std::string message, std::string advice) {
    if (!complaint_) complaint_ = Complaint{at, std::move(message), std::move(advice)};
    return {};
}

Failure Parser::unexpected(std::string_view context, std::string_view expected,
                           std::string advice) {
    if (is(Kind::Error)) return complain(token_.at, lexer_.why());
    if (context.empty() && aggregations_open_ > 0) context = "aggregation";
    std::string message = "unexpected " + describe(token_);
    if (!context.empty()) message += fmt::format(" in {}", context);
    if (!expected.empty()) message += fmt::format(", expected {}", expected);
    return complain(token_.at, std::move(message), std::move(advice));
}

Failure Parser::too_deep(Place at) {
    complain(at, fmt::format("query nests deeper than {} levels", limits::query_depth_max));
    complaint_->is_limit = true;
    return {};
}

ExprPtr Parser::make(Expr::Node node, Place at, Type type, std::uint32_t child_depth) {
    if (child_depth + 1 > limits::query_depth_max) return too_deep(at);
    auto expr = std::make_unique<Expr>();
    expr->node = std::move(node);
    expr->at = at;
    expr->type = type;
    expr->depth = child_depth + 1;
    return expr;
}

ExprPtr Parser::parse_all() {
    if (is(Kind::End)) return complain({0, 0}, "no expression found in input");
    ExprPtr expr = parse_expr(0);
    if (expr != nullptr && !is(Kind::End)) return unexpected();
    return expr;
}

ExprPtr Parser::parse_all_as_selector() {
    ExprPtr selector;
    if (is(Kind::LeftBrace))
        selector = parse_selector(Token{});
    else if (names_a_metric())
        selector = parse_selector(take());
    else
        return unexpected();
    if (selector != nullptr && !is(Kind::End)) return unexpected();
    return selector;
}

bool Parser::names_a_metric() const {
    switch (token_.kind) {
        case Kind::Identifier:
        case Kind::MetricIdentifier:
        case Kind::Aggregator:
            return true;
        case Kind::Operator:
            return is_set_operator(token_.op);
        case Kind::Keyword:
            return is(Keyword::Offset) || is(Keyword::By) || is(Keyword::Without) ||
                   is(Keyword::Start) || is(Keyword::End);
        default:
            return false;
    }
}

bool Parser::starts_an_expression() const {
    if (names_a_metric()) return true;
    if (is(Kind::Operator)) return token_.op == Op::Add || token_.op == Op::Sub;
    return is(Kind::Number) || is(Kind::Duration) || is(Kind::String) || is(Kind::LeftParen) ||
           is(Kind::LeftBrace);
}

ExprPtr Parser::parse_expr(int min_precedence) {
    const Nested nested(nesting_);
    if (nesting_ > limits::query_depth_max) return too_deep(token_.at);
    ExprPtr lhs = parse_unary();
    while (lhs != nullptr && is(Kind::Operator) && precedence(token_.op) >= min_precedence)
        lhs = parse_binary(std::move(lhs));
    return lhs;
}

ExprPtr Parser::parse_binary(ExprPtr lhs) {
    const Token op = take();
    Binary binary;
    binary.op = op.op;
    binary.op_at = op.at;
    if (!parse_matching(binary)) return nullptr;
    // Equal operators associate to the left, `^` to the right.
    binary.rhs = parse_expr(precedence(op.op) + (op.op == Op::Pow ? 0 : 1));
    if (binary.rhs == nullptr) return nullptr;
    const Place at = joined(lhs->at, binary.rhs->at);
    const bool scalars = lhs->type == Type::Scalar && binary.rhs->type == Type::Scalar;
    const std::uint32_t depth = std::max(lhs->depth, binary.rhs->depth);
    binary.lhs = std::move(lhs);
    return make(std::move(binary), at, scalars ? Type::Scalar : Type::Vector, depth);
}

bool Parser::parse_matching(Binary& binary) {
    if (is(Keyword::Bool)) {
        take();
        binary.return_bool = true;
    }
    if (!is(Keyword::On) && !is(Keyword::Ignoring)) return true;
    binary.matching.on = take().keyword == Keyword::On;
    if (!parse_grouping(binary.matching.labels)) return false;
    if (!is(Keyword::GroupLeft) && !is(Keyword::GroupRight)) return true;
    binary.matching.card = take().keyword == Keyword::GroupLeft ? Matching::Card::ManyToOne
                                                                : Matching::Card::OneToMany;
    if (is(Kind::LeftParen)) return parse_grouping(binary.matching.include);
    return starts_an_expression() || unexpected("grouping opts", "\"(\"");
}

ExprPtr Parser::parse_unary() {
    if (is(Kind::Operator) && (token_.op == Op::Add || token_.op == Op::Sub)) return parse_signed();
    return parse_postfix();
}

ExprPtr Parser::parse_signed() {
    const Token sign = take();
    ExprPtr operand = parse_expr(unary_operand);
    if (operand == nullptr) return nullptr;
    const Place at = joined(sign.at, operand->at);
    if (Number* number = operand->as<Number>()) {
        if (sign.op == Op::Sub) number->value = -number->value;
        operand->at = at;
        return operand;
    }
    const Type type = operand->type;
    const std::uint32_t depth = operand->depth;
    return make(Unary{sign.op, std::move(operand)}, at, type, depth);
}

ExprPtr Parser::parse_postfix() {
    ExprPtr expr = parse_primary();
    while (expr != nullptr) {
        if (is(Kind::LeftBracket))
            expr = parse_range(std::move(expr));
        else if (is(Keyword::Offset))
            expr = parse_offset(std::move(expr));
        else if (is(Kind::At))
            expr = parse_at(std::move(expr));
        else
            break;
    }
    return expr;
}

ExprPtr Parser::parse_primary() {
    if (is(Kind::Number) || is(Kind::Duration)) return parse_number();
    if (is(Kind::String)) {
        const Token text = take();
        return make(Text{unquote(text.text)}, text.at, Type::String);
    }
    if (is(Kind::LeftParen)) return parse_paren();
    if (is(Kind::LeftBrace)) return parse_selector(Token{});
    if (!names_a_metric()) return unexpected();
    const Token name = take();
    if (name.kind == Kind::Identifier && is(Kind::LeftParen)) return parse_call(name);
    if (name.kind == Kind::Aggregator &&
        (is(Kind::LeftParen) || is(Keyword::By) || is(Keyword::Without)))
        return parse_aggregate(name);
    return parse_selector(name);
}

ExprPtr Parser::parse_number() {
    const Token token = take();
    Number number;
    number.duration = token.kind == Kind::Duration;
    if (!number_value(token, number.value)) return nullptr;
    return make(number, token.at, Type::Scalar);
}

bool Parser::number_value(const Token& token, double& out) {
    if (token.kind == Kind::Duration) {
        const Result<Milliseconds> duration = vedette::parse_duration(token.text);
        if (!duration) return complain(token.at, duration.error().message);
        out = static_cast<double>(duration->count()) / 1000;
        return true;
    }
    const char first = token.text[0];
    if (first == 'i' || first == 'I' || first == 'n' || first == 'N') {
        out = first == 'i' || first == 'I' ? std::numeric_limits<double>::infinity()
                                           : std::numeric_limits<double>::quiet_NaN();
        return true;
    }
    std::string text(token.text);
    if (!underscores_are_good(text))
        return complain(token.at, "error parsing number: strconv.ParseFloat: parsing " +
                                      quote(text) + ": invalid syntax");
    std::erase(text, '_');
    if (const std::optional<double> whole = whole_number(text)) {
        out = *whole;
        return true;
    }
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error == std::errc::result_out_of_range) {
        out = std::strtod(text.c_str(), nullptr);
        if (std::isinf(out))
            return complain(token.at, "error parsing number: strconv.ParseFloat: parsing " +
                                          quote(token.text) + ": value out of range");
    } else if (error != std::errc() || end != text.data() + text.size()) {
        return complain(token.at, "error parsing number: strconv.ParseFloat: parsing " +
                                      quote(token.text) + ": invalid syntax");
    }
    return true;
}

ExprPtr Parser::parse_paren() {
    const Token open = take();
    ExprPtr inner = parse_expr(0);
    if (inner == nullptr) return nullptr;
    if (!is(Kind::RightParen)) return unexpected();
    const Place at = joined(open.at, take().at);
    const Type type = inner->type;
    const std::uint32_t depth = inner->depth;
    return make(Paren{std::move(inner)}, at, type, depth);
}

// ── selectors ──

ExprPtr Parser::parse_selector(Token name) {
    Selector selector;
    const bool named = !name.text.empty();
    const std::uint32_t begin = named ? name.at.begin : token_.at.begin;
    if (is(Kind::LeftBrace) && !parse_matchers(selector)) return nullptr;
    if (named) {
        selector.name = std::string(name.text);
        selector.matchers.push_back(
            {Matcher::Op::Equal, std::string(metric_name_label), selector.name});
    }
    return make(std::move(selector), {begin, end_}, Type::Vector);
}

bool Parser::parse_matchers(Selector& selector) {
    take();
    while (!is(Kind::RightBrace)) {
        if (!parse_matcher(selector)) return false;
        if (is(Kind::RightBrace)) break;
        if (!is(Kind::Comma)) return unexpected("label matching", "\",\" or \"}\"");
        take();
    }
    take();
    return true;
}

bool Parser::parse_matcher(Selector& selector) {
    if (!is(Kind::Identifier) && !is(Kind::String))
        return unexpected("label matching", "identifier or \"}\"");
    const Token name = take();
    const bool quoted = name.kind == Kind::String;
    Matcher matcher;
    matcher.name = quoted ? unquote(name.text) : std::string(name.text);
    if (!is(Kind::Assign) && !is(Kind::MatchOp)) {
        if (!quoted) return unexpected("label matching", "label matching operator");
        // A lone string in braces is the metric's name.
        selector.matchers.push_back(
            {Matcher::Op::Equal, std::string(metric_name_label), std::move(matcher.name)});
        return true;
    }
    const Token op = take();
    matcher.op = op.text == "="    ? Matcher::Op::Equal
                 : op.text == "!=" ? Matcher::Op::NotEqual
                 : op.text == "=~" ? Matcher::Op::Match
                                   : Matcher::Op::NotMatch;
    if (!is(Kind::String))
        return unexpected("label matching", "string",
                          is(Kind::Identifier)
                              ? fmt::format("a label's value stands in quotes: \"{}\"", token_.text)
                              : std::string());
    const Token value = take();
    matcher.value = unquote(value.text);
    if (matcher.op == Matcher::Op::Match || matcher.op == Matcher::Op::NotMatch)
        if (const auto problem = regex_problem(matcher.value))
            return complain(joined(name.at, value.at), *problem);
    selector.matchers.push_back(std::move(matcher));
    return true;
}

// ── calls and aggregations ──

bool Parser::parse_args(std::vector<ExprPtr>& args) {
    take();
    while (!is(Kind::RightParen)) {
        ExprPtr arg = parse_expr(0);
        if (arg == nullptr) return false;
        args.push_back(std::move(arg));
        if (is(Kind::RightParen)) break;
        if (!is(Kind::Comma)) return unexpected();
        const Place comma = take().at;
        if (!starts_an_expression()) return trailing_comma(comma);
    }
    take();
    return true;
}

Failure Parser::trailing_comma(Place comma) {
    if (is(Kind::Error)) return unexpected();
    return complain(comma, "trailing commas not allowed in function call args");
}

ExprPtr Parser::parse_call(const Token& name) {
    std::vector<ExprPtr> args;
    if (!parse_args(args)) return nullptr;
    return finish_call(name, std::move(args));
}

ExprPtr Parser::finish_call(const Token& name, std::vector<ExprPtr> args) {
    const Function* function = find_function(name.text);
    const Place at = {name.at.begin, end_};
    if (function == nullptr)
        return complain(name.at, fmt::format("unknown function with name {}", quote(name.text)));
    if (function->experimental && !features_.experimental_functions)
        return complain(name.at, fmt::format("function {} is not enabled", quote(name.text)),
                        "--enable-feature=promql-experimental-functions switches it on");
    std::uint32_t depth = 0;
    for (const ExprPtr& arg : args) depth = std::max(depth, arg->depth);
    return make(Call{function, std::move(args)}, at, function->returns, depth);
}

bool Parser::parse_grouping(std::vector<std::string>& labels) {
    if (!is(Kind::LeftParen))
        return unexpected("grouping opts", "\"(\"",
                          is(Kind::Identifier)
                              ? fmt::format("a label list needs parentheses: ({})", token_.text)
                              : "a label list in parentheses");
    take();
    while (!is(Kind::RightParen)) {
        if (is(Kind::String)) {
            const Token label = take();
            labels.push_back(unquote(label.text));
            if (labels.back().empty() || !is_utf8(labels.back()))
                return complain(label.at,
                                "invalid label name for grouping: " + quote(labels.back()));
        } else if (is(Kind::Identifier) || is(Kind::MetricIdentifier) || is(Kind::Aggregator) ||
                   (is(Kind::Keyword) && !is(Keyword::Without)) ||
                   (is(Kind::Operator) && token_.text.size() > 1 &&
                    std::isalpha(static_cast<unsigned char>(token_.text[0])))) {
            labels.emplace_back(take().text);
        } else {
            return unexpected("grouping opts", "label");
        }
        if (is(Kind::RightParen)) break;
        if (!is(Kind::Comma)) return unexpected("grouping opts", "\",\" or \")\"");
        take();
    }
    take();
    return true;
}

bool Parser::parse_aggregate_modifier(Aggregate& aggregate) {
    aggregate.without = take().keyword == Keyword::Without;
    return parse_grouping(aggregate.grouping);
}

ExprPtr Parser::parse_aggregate(const Token& name) {
    Aggregate aggregate;
    aggregate.op = name.aggregator;
    std::vector<ExprPtr> args;
    ++aggregations_open_;
    const bool modified_before = !is(Kind::LeftParen);
    if (modified_before && !parse_aggregate_modifier(aggregate)) return nullptr;
    if (!is(Kind::LeftParen)) return unexpected();
    if (!parse_args(args)) return nullptr;
    if (!modified_before && (is(Keyword::By) || is(Keyword::Without)) &&
        !parse_aggregate_modifier(aggregate))
        return nullptr;
    --aggregations_open_;
    // Whether a modifier follows had to be known first.
    const bool looked_ahead = !modified_before && aggregate.grouping.empty() && !aggregate.without;
    if (looked_ahead && is(Kind::Error)) return unexpected();
    return finish_aggregate(std::move(aggregate), std::move(args), {name.at.begin, end_});
}

ExprPtr Parser::finish_aggregate(Aggregate aggregate, std::vector<ExprPtr> args, Place at) {
    if (args.empty()) return complain(at, "no arguments for aggregate expression provided");
    const bool experimental =
        aggregate.op == Aggregator::LimitK || aggregate.op == Aggregator::LimitRatio;
    if (experimental && !features_.experimental_functions)
        return complain(at, fmt::format("{}() is experimental and must be enabled with "
                                        "--enable-feature=promql-experimental-functions",
                                        to_string(aggregate.op)));
    const std::size_t wanted = has_parameter(aggregate.op) ? 2 : 1;
    if (args.size() != wanted)
        return complain(at, fmt::format("wrong number of arguments for aggregate expression "
                                        "provided, expected {}, got {}",
                                        wanted, args.size()));
    std::uint32_t depth = args.back()->depth;
    if (wanted == 2) {
        depth = std::max(depth, args.front()->depth);
        aggregate.param = std::move(args.front());
    }
    aggregate.expr = std::move(args.back());
    return make(std::move(aggregate), at, Type::Vector, depth);
}

}  // namespace vedette::promql
