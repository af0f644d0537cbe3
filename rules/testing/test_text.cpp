#include "rules/testing/test_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/template/value.h"

namespace vedette::rules::testing {
namespace {

bool is_plain_name(std::string_view name) {
    const auto plain = [](char c) {
        return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               (c >= '0' && c <= '9');
    };
    return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
           std::all_of(name.begin(), name.end(), plain);
}

std::string scientific(double value) {
    std::string text = format_go_float(value, 'e', -1);
    std::replace(text.begin(), text.end(), 'e', 'E');
    return text;
}

/// Of labels, or of annotations.
template <typename Texts>
std::string set_text(const Texts& texts) {
    std::string out = "{";
    for (const auto& [name, text] : texts) {
        if (out.size() > 1) out += ", ";
        out += is_plain_name(name) ? std::string(name) : quote(name);
        out += "=" + quote(text);
    }
    return out + "}";
}

std::string alert_text(const AlertWords& alert) {
    return "\nLabels:" + set_text(alert.labels) + "\nAnnotations:" + set_text(alert.annotations);
}

}  // namespace

std::string label_set_text(const Labels& labels) {
    return set_text(labels);
}

std::string alerts_text(const std::vector<AlertWords>& alerts) {
    if (alerts.empty()) return "[]";
    std::string out = "[";
    for (std::size_t i = 0; i < alerts.size(); ++i)
        out += fmt::format("{}\n{}:{}", i == 0 ? "" : ",", i,
                           indent_lines(alert_text(alerts[i]), "  "));
    return out + "\n]";
}

std::string samples_text(const std::vector<SampleWords>& samples) {
    if (samples.empty()) return "nil";
    std::string out;
    for (const auto& sample : samples) {
        if (!out.empty()) out += ", ";
        out += label_set_text(sample.labels) + " " +
               (sample.histogram.empty() ? scientific(sample.value) : sample.histogram);
    }
    return out;
}

std::string indent_lines(std::string_view text, std::string_view indent) {
    std::string out;
    for (const char c : text) {
        out += c;
        if (c == '\n') out += indent;
    }
    return out;
}

}  // namespace vedette::rules::testing
