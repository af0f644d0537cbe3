#include "rules/own_keys/export.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/labels.h"
#include "promql/syntax/parse.h"
#include "rules/own_keys/yaml_text.h"

namespace vedette::rules {
namespace {

/// A scalar that is read back as this text, whatever it looks like.
std::string scalar(const std::string& text) {
    static constexpr std::array<std::string_view, 10> not_texts{
        "y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"};
    std::string lower = text;
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    const bool plain = is_classic_metric_name(text) && text.back() != ':' &&
                       std::find(not_texts.begin(), not_texts.end(), lower) == not_texts.end();
    if (plain) return text;
    return quoted_scalar(text);
}

/// Every line of `text` behind `margin`, on a line of its own.
std::string indented(const std::string& text, std::string_view margin) {
    std::string out;
    for (std::size_t begin = 0; begin != std::string::npos;) {
        const std::size_t end = text.find('\n', begin);
        out += fmt::format("\n{}{}", margin, text.substr(begin, end - begin));
        begin = end == std::string::npos ? end : end + 1;
    }
    return out;
}

/// One line as a scalar, several as a block that keeps them.
std::string expression(const promql::Expr& expr) {
    const std::string text = promql::print_pretty(expr);
    if (text.find('\n') == std::string::npos) return scalar(text);
    return (text.front() == ' ' ? "|2-" : "|-") + indented(text, "          ");
}

std::string texts(std::string_view key, const TextMap& map) {
    if (map.empty()) return {};
    std::string out = fmt::format("        {}:\n", key);
    for (const auto& [name, text] : map)
        out += fmt::format("          {}: {}\n", scalar(name), scalar(text));
    return out;
}

std::string duration(std::string_view key, Milliseconds value) {
    if (value.count() == 0) return {};
    return fmt::format("        {}: {}\n", key, format_duration(value));
}

std::string rule_text(const Rule& rule) {
    std::string out;
    if (!rule.own_key.empty()) out += fmt::format("      # {}\n", rule.own_key);
    out += fmt::format("      - {}: {}\n", rule.kind == Rule::Kind::Alerting ? "alert" : "record",
                       scalar(rule.name));
    out += fmt::format("        expr: {}\n", expression(*rule.expr));
    out += duration("for", rule.holds.before_firing);
    out += duration("keep_firing_for", rule.holds.keep_firing);
    return out + texts("labels", rule.labels) + texts("annotations", rule.annotations);
}

}  // namespace

std::string export_rules(const std::vector<RuleGroup>& groups) {
    if (groups.empty()) return "groups: []\n";
    std::string out = "groups:\n";
    for (const RuleGroup& group : groups) {
        out += fmt::format("  - name: {}\n", scalar(group.name));
        if (group.interval)
            out += fmt::format("    interval: {}\n", format_duration(*group.interval));
        if (group.query_offset)
            out += fmt::format("    query_offset: {}\n", format_duration(*group.query_offset));
        if (group.limit > 0) out += fmt::format("    limit: {}\n", group.limit);
        out += group.rules.empty() ? "    rules: []\n" : "    rules:\n";
        for (const Rule& rule : group.rules) out += rule_text(rule);
    }
    return out;
}

std::string compiled_rules(const std::vector<RuleGroup>& groups) {
    std::string out;
    for (const RuleGroup& group : groups)
        for (const Rule& rule : group.rules)
            if (!rule.own_key.empty())
                out +=
                    fmt::format("\n  alert {}\n    {}\n  compiles to{}\n", rule.name, rule.own_key,
                                indented(promql::print_pretty(*rule.expr), "    "));
    return out;
}

}  // namespace vedette::rules
