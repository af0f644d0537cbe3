#include "exporter/exposition_lint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace vedette::exporter {
namespace {

using Type = ExposedFamily::Type;
using SeriesLabels = std::vector<std::pair<std::string, std::string>>;

struct Unit {
    std::string_view name, base;
};

constexpr std::array units = {
    Unit{"amperes", "amperes"}, Unit{"bytes", "bytes"},        Unit{"celsius", "celsius"},
    Unit{"grams", "grams"},     Unit{"joules", "joules"},      Unit{"kelvin", "kelvin"},
    Unit{"meters", "meters"},   Unit{"metres", "metres"},      Unit{"seconds", "seconds"},
    Unit{"volts", "volts"},     Unit{"minutes", "seconds"},    Unit{"hours", "seconds"},
    Unit{"days", "seconds"},    Unit{"weeks", "seconds"},      Unit{"kelvins", "kelvin"},
    Unit{"bits", "bytes"},      Unit{"fahrenheit", "celsius"}, Unit{"rankine", "celsius"},
    Unit{"inches", "meters"},   Unit{"yards", "meters"},       Unit{"miles", "meters"},
    Unit{"calories", "joules"}, Unit{"pounds", "grams"},       Unit{"ounces", "grams"},
};

constexpr std::array<std::string_view, 19> unit_prefixes = {
    "pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "kibi",
    "mega", "mibi", "giga",  "gibi",  "tera",  "tebi", "peta", "pebi",  ""};

constexpr std::array<std::string_view, 14> abbreviations = {
    "s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"};

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

bool is_camel_case(std::string_view text) {
    for (std::size_t i = 1; i < text.size(); ++i)
        if (text[i] >= 'A' && text[i] <= 'Z' && text[i - 1] >= 'a' && text[i - 1] <= 'z')
            return true;
    return false;
}

/// Whether `word` is one of the parts between underscores, but not the first.
bool has_part(const std::string& name, const std::string& word) {
    return name.find("_" + word + "_") != std::string::npos || name.ends_with("_" + word);
}

/// The first unit in the name that is not a base unit, before any that is.
std::optional<std::pair<std::string, std::string_view>> odd_unit(std::string_view name) {
    for (std::size_t begin = 0; begin <= name.size();) {
        const std::size_t end = std::min(name.find('_', begin), name.size());
        const std::string_view part = name.substr(begin, end - begin);
        begin = end + 1;
        for (const Unit& unit : units) {
            if (!part.ends_with(unit.name)) continue;
            const std::string_view prefix = part.substr(0, part.size() - unit.name.size());
            if (std::find(unit_prefixes.begin(), unit_prefixes.end(), prefix) ==
                unit_prefixes.end())
                continue;
            if (part == unit.base) return std::nullopt;
            return std::pair{std::string(part), unit.base};
        }
    }
    return std::nullopt;
}

/// The samples of one series together: a histogram's buckets count as one, told apart without `le`.
SeriesLabels series_of(const ExposedFamily& family, const ExposedSample& sample) {
    SeriesLabels labels = sample.labels;
    const std::string_view own = family.type == Type::Histogram ? "le"
                                 : family.type == Type::Summary ? "quantile"
                                                                : "";
    std::erase_if(labels, [&](const auto& label) { return label.first == own; });
    return labels;
}

class Linter {
public:
    explicit Linter(std::vector<MetricLint>& out) : out_(out) {}

    void lint(const ExposedFamily& family) {
        family_ = &family;
        if (!family.help) say("no help text");
        if (const auto unit = odd_unit(family.name))
            say(fmt::format("use base unit \"{}\" instead of \"{}\"", unit->second, unit->first));
        lint_name();
        if (family.type != Type::Untyped) lint_type();
        lint_labels();
    }

private:
    void say(std::string text) { out_.push_back({family_->name, std::move(text)}); }

    void lint_name() {
        const std::string& name = family_->name;
        if (name.find(':') != std::string::npos) say("metric names should not contain ':'");
        if (is_camel_case(name))
            say("metric names should be written in 'snake_case' not 'camelCase'");
        for (const std::string_view word : abbreviations)
            if (has_part(lower(name), std::string(word)))
                say("metric names should not contain abbreviated units");
    }

    void lint_type() {
        const std::string& name = family_->name;
        const Type type = family_->type;
        const bool histogram = type == Type::Histogram, summary = type == Type::Summary;
        if (type == Type::Counter && !name.ends_with("_total"))
            say("counter metrics should have \"_total\" suffix");
        if (type != Type::Counter && name.ends_with("_total"))
            say("non-counter metrics should not have \"_total\" suffix");
        if (!histogram && name.ends_with("_bucket"))
            say("non-histogram metrics should not have \"_bucket\" suffix");
        for (const char* suffix : {"_count", "_sum"})
            if (!histogram && !summary && name.ends_with(suffix))
                say(fmt::format(
                    "non-histogram and non-summary metrics should not have \"{}\" suffix", suffix));
        const std::string word(to_string(type));
        if (has_part(lower(name), word))
            say(fmt::format("metric name should not include type '{}'", word));
    }

    void lint_labels() {
        std::set<SeriesLabels> seen;
        for (const ExposedSample& sample : family_->samples) {
            SeriesLabels labels = series_of(*family_, sample);
            const bool parts = family_->type == Type::Histogram || family_->type == Type::Summary;
            if (!seen.insert(labels).second) {
                if (parts) continue;
                say("metric not unique");
            }
            for (const auto& label : labels) {
                if (is_camel_case(label.first))
                    say("label names should be written in 'snake_case' not 'camelCase'");
                if (family_->type == Type::Untyped) continue;
                if (label.first == "le" && family_->type != Type::Histogram)
                    say("non-histogram metrics should not have \"le\" label");
                if (label.first == "quantile" && family_->type != Type::Summary)
                    say("non-summary metrics should not have \"quantile\" label");
            }
        }
    }

    std::vector<MetricLint>& out_;
    const ExposedFamily* family_ = nullptr;
};

std::size_t cardinality(const ExposedFamily& family) {
    if (family.type != Type::Histogram && family.type != Type::Summary)
        return family.samples.size();
    std::set<SeriesLabels> series;
    std::size_t parts = 0;
    const SeriesLabels first = series_of(family, family.samples.front());
    const std::string_view bucket = family.type == Type::Histogram ? "le" : "quantile";
    for (const ExposedSample& sample : family.samples) {
        const SeriesLabels labels = series_of(family, sample);
        if (labels == first && labels.size() != sample.labels.size() &&
            std::any_of(sample.labels.begin(), sample.labels.end(),
                        [&](const auto& label) { return label.first == bucket; }))
            ++parts;
        series.insert(labels);
    }
    return series.size() * (2 + parts);
}

}  // namespace

std::vector<MetricLint> lint_exposition(const std::vector<ExposedFamily>& families) {
    std::vector<MetricLint> out;
    Linter linter(out);
    for (const ExposedFamily& family : families) linter.lint(family);
    std::sort(out.begin(), out.end());
    return out;
}

std::string cardinality_table(const std::vector<ExposedFamily>& families) {
    struct Row {
        std::string name;
        std::size_t count;
    };
    std::vector<Row> rows;
    std::size_t total = 0;
    for (const ExposedFamily& family : families) {
        rows.push_back({family.name, cardinality(family)});
        total += rows.back().count;
    }
    std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
        return a.count != b.count ? a.count > b.count : a.name < b.name;
    });
    std::vector<std::array<std::string, 3>> cells = {{"Metric", "Cardinality", "Percentage"}};
    for (const Row& row : rows)
        cells.push_back({row.name, fmt::format("{}", row.count),
                         fmt::format("{:.2f}%", 100.0 * static_cast<double>(row.count) /
                                                    static_cast<double>(total))});
    cells.push_back({"Total", fmt::format("{}", total), "100%"});
    std::array<std::size_t, 3> widths{};
    for (const auto& row : cells)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    std::string out;
    for (const auto& row : cells) {
        for (std::size_t i = 0; i < row.size(); ++i)
            out += fmt::format("{:<{}}", row[i], widths[i] + 4);
        out += '\n';
    }
    return out;
}

}  // namespace vedette::exporter
