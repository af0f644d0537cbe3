#include "promql/syntax/parse.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/limits.h"
#include "promql/deep_stack.h"
#include "promql/syntax/parser.h"

namespace vedette::promql {

namespace {

constexpr std::size_t picture_columns = 100;

/// The line of `at` and carets below it. Of a long line, only the part around the place.
std::string picture_of(std::string_view text, Place at, const std::string& says) {
    const std::size_t begin = std::min<std::size_t>(at.begin, text.size());
    const std::size_t before = begin == 0 ? std::string_view::npos : text.rfind('\n', begin - 1);
    const std::size_t line_begin = before == std::string_view::npos ? 0 : before + 1;
    std::string_view line = text.substr(line_begin);
    line = line.substr(0, line.find('\n'));
    std::size_t column = begin - line_begin;
    std::string lead;
    if (line.size() > picture_columns && column > picture_columns / 2) {
        const std::size_t cut = column - picture_columns / 2;
        line.remove_prefix(cut);
        column -= cut;
        lead = "… ";
    }
    const bool cut_behind = line.size() > picture_columns;
    line = line.substr(0, picture_columns);
    const std::size_t width = at.end > at.begin ? at.end - at.begin : 1;
    const std::size_t carets =
        std::max<std::size_t>(1, std::min(width, std::max(line.size(), column + 1) - column));
    std::string shown(line);
    // Tabs and odd bytes would put the carets elsewhere.
    for (char& c : shown)
        if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    return fmt::format("{}{}{}\n{}{} {}", lead, shown, cut_behind ? " …" : "",
                       std::string(column + (lead.empty() ? 0 : 2), ' '), std::string(carets, '^'),
                       says.substr(0, 2 * picture_columns));
}

Error report(std::string_view text, const Complaint& complaint, ParseProblem* problem) {
    const std::size_t position = std::min<std::size_t>(complaint.at.begin, text.size());
    const std::string_view before = text.substr(0, position);
    const std::size_t line =
        1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
    const std::size_t newline = before.rfind('\n');
    const std::size_t column = position - (newline == std::string_view::npos ? 0 : newline + 1) + 1;
    if (problem != nullptr) {
        const std::string& says = complaint.advice.empty() ? complaint.message : complaint.advice;
        *problem = {complaint.at,     line,
                    column,           complaint.message,
                    complaint.advice, picture_of(text, complaint.at, says)};
    }
    const std::string place =
        text.empty() ? "unknown position" : fmt::format("{}:{}", line, column);
    return {complaint.is_limit ? Fault::Limit : Fault::BadInput,
            fmt::format("{}: parse error: {}", place, complaint.message)};
}

/// No text nests deeper than it has parentheses and operators, and none is read deeper than the
/// limit.
std::size_t levels_at_most(std::string_view text) {
    constexpr std::string_view nesting = "(+-*/%^<>=";
    const auto count = std::count_if(text.begin(), text.end(), [&](char c) {
        return nesting.find(c) != std::string_view::npos;
    });
    return std::min(static_cast<std::size_t>(count), limits::query_depth_max);
}

}  // namespace

namespace {

/// Reads all of the text by one of the parser's beginnings.
Result<ExprPtr> parse_by(ExprPtr (Parser::*begin)(), std::string_view text, ParseProblem* problem,
                         Features features) {
    if (text.size() > limits::query_text_bytes_max) {
        Complaint complaint{{0, 0},
                            fmt::format("query is {} bytes long, more than {} are not read",
                                        text.size(), limits::query_text_bytes_max),
                            {},
                            true};
        return fail(report(text, complaint, problem));
    }
    Result<ExprPtr> result;
    const bool had_room = with_stack_for(levels_at_most(text), [&] {
        Parser parser(text, features);
        ExprPtr expr = (parser.*begin)();
        std::optional<Complaint> complaint = parser.complaint();
        if (expr != nullptr) complaint = check_types(*expr, text);
        if (complaint)
            result = fail(report(text, *complaint, problem));
        else
            result = std::move(expr);
    });
    if (!had_room)
        return fail(Fault::Unavailable, "no memory for the stack of a query that nests so deep");
    return result;
}

}  // namespace

Result<ExprPtr> parse(std::string_view text, ParseProblem* problem, Features features) {
    return parse_by(&Parser::parse_all, text, problem, features);
}

Result<std::vector<Matcher>> parse_selector(std::string_view text, ParseProblem* problem) {
    Result<ExprPtr> expr = parse_by(&Parser::parse_all_as_selector, text, problem, {});
    if (!expr) return fail(expr.error());
    return std::move((*expr)->as<Selector>()->matchers);
}

}  // namespace vedette::promql
