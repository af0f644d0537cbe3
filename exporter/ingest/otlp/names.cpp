#include "exporter/ingest/otlp/names.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace vedette::exporter::otlp {

namespace {

using Word = std::pair<std::string_view, std::string_view>;

// UCUM's codes that instruments use, and the base units' names that Prometheus uses.
constexpr std::array<Word, 29> units{{
    {"d", "days"},        {"h", "hours"},      {"min", "minutes"},   {"s", "seconds"},
    {"ms", "milliseconds"}, {"us", "microseconds"}, {"ns", "nanoseconds"}, {"By", "bytes"},
    {"KiBy", "kibibytes"}, {"MiBy", "mebibytes"}, {"GiBy", "gibibytes"}, {"TiBy", "tibibytes"},
    {"KBy", "kilobytes"}, {"MBy", "megabytes"}, {"GBy", "gigabytes"}, {"TBy", "terabytes"},
    {"B", "bytes"},       {"KB", "kilobytes"}, {"MB", "megabytes"},  {"GB", "gigabytes"},
    {"TB", "terabytes"},  {"m", "meters"},     {"V", "volts"},       {"A", "amperes"},
    {"J", "joules"},      {"W", "watts"},      {"g", "grams"},       {"Cel", "celsius"},
    {"Hz", "hertz"},
}};
constexpr std::array<Word, 7> per_units{{
    {"s", "second"}, {"m", "minute"}, {"h", "hour"}, {"d", "day"},
    {"w", "week"},   {"mo", "month"}, {"y", "year"},
}};

template <std::size_t Count>
std::string_view look_up(const std::array<Word, Count>& words, std::string_view code) {
    const auto found = std::ranges::find(words, code, &Word::first);
    return found == words.end() ? code : found->second;
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

/// The words between what is no letter, digit or colon.
std::vector<std::string> words_of(std::string_view name) {
    std::vector<std::string> out;
    bool inside = false;
    for (const char c : name) {
        const bool part = is_letter(c) || is_digit(c) || c == ':';
        if (part && !inside) out.emplace_back();
        if (part) out.back() += c;
        inside = part;
    }
    return out;
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : "_") + word;
    return out;
}

/// The two halves of `By/s` in Prometheus's words; empty where there is none, and for what stands
/// in braces, which is a remark and no unit.
struct UnitWords {
    std::string main, per;
};
UnitWords words_of_unit(std::string_view unit) {
    const auto half = [](std::string_view code, const auto& table) {
        code = trim(code);
        if (code.empty() || code.find_first_of("{}") != std::string_view::npos)
            return std::string();
        if (code == "1") return std::string();
        if (code == "%") return std::string("percent");
        return joined(words_of(look_up(table, code)));
    };
    const std::size_t slash = unit.find('/');
    UnitWords out{half(unit.substr(0, slash), units), {}};
    if (slash != std::string_view::npos) out.per = half(unit.substr(slash + 1), per_units);
    return out;
}

bool is_ratio(const Metric& metric) {
    return metric.unit == "1" && metric.kind == Metric::Kind::Gauge;
}
bool is_counter(const Metric& metric) {
    return metric.kind == Metric::Kind::Sum && metric.monotonic;
}

/// Names of the old alphabet: words joined by one underscore, each suffix once.
std::string escaped_name(const Metric& metric) {
    std::vector<std::string> words = words_of(metric.name);
    const auto has = [&](const std::string& word) {
        return std::ranges::find(words, word) != words.end();
    };
    const UnitWords unit = words_of_unit(metric.unit);
    if (!unit.main.empty() && !has(unit.main)) words.push_back(unit.main);
    if (!unit.per.empty() && !has(unit.per)) {
        words.emplace_back("per");
        words.push_back(unit.per);
    }
    const auto at_end = [&](const std::string& word) {
        std::erase(words, word);
        words.push_back(word);
    };
    if (is_counter(metric)) at_end("total");
    if (is_ratio(metric)) at_end("ratio");
    std::string name = joined(words);
    return !name.empty() && is_digit(name.front()) ? "_" + name : name;
}

/// Names as they are, with the same suffixes unless they are there already.
std::string suffixed_name(const Metric& metric) {
    std::string name = metric.name;
    const auto append = [&](const std::string& word) {
        if (word.empty() || name.ends_with(word)) return;
        name += "_" + word;
    };
    const auto take_off = [&](std::string_view word) {
        if (!name.ends_with(word) || name.size() <= word.size()) return;
        name.resize(name.size() - word.size());
        if (!is_letter(name.back()) && !is_digit(name.back())) name.pop_back();
    };
    const UnitWords unit = words_of_unit(metric.unit);
    if (is_counter(metric)) take_off("total");
    if (is_ratio(metric)) take_off("ratio");
    append(unit.main);
    if (!unit.per.empty()) append("per_" + unit.per);
    if (is_counter(metric)) append("total");
    if (is_ratio(metric)) append("ratio");
    return name;
}

}  // namespace

std::string metric_name(const Metric& metric, Settings::Translation translation) {
    switch (translation) {
        case Settings::Translation::UnderscoreEscapingWithSuffixes:
            return escaped_name(metric);
        case Settings::Translation::NoUtf8EscapingWithSuffixes:
            return suffixed_name(metric);
        case Settings::Translation::NoTranslation:
            break;
    }
    return metric.name;
}

std::string label_name(std::string_view attribute, Settings::Translation translation) {
    if (translation != Settings::Translation::UnderscoreEscapingWithSuffixes || attribute.empty())
        return std::string(attribute);
    std::string out;
    for (std::size_t i = 0; i < attribute.size(); ++i) {
        const char c = attribute[i];
        // A character of several bytes is one underscore.
        if ((static_cast<unsigned char>(c) & 0xC0U) == 0x80U) continue;
        out += is_letter(c) || is_digit(c) ? c : '_';
    }
    if (is_digit(out.front())) return "key_" + out;
    if (out.starts_with("_") && !out.starts_with("__")) return "key" + out;
    return out;
}

std::string unit_name(std::string_view unit) {
    const UnitWords words = words_of_unit(unit);
    if (words.per.empty()) return words.main;
    return words.main + (words.main.empty() ? "per_" : "_per_") + words.per;
}

}  // namespace vedette::exporter::otlp
