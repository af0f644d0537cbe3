#include "base/template/functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/template/builtins.h"
#include "base/template/text.h"
#include "core/labels.h"
#include "core/limits.h"
#include "core/sample.h"

namespace vedette {
namespace {

using Kind = TemplateValue::Kind;
using Answer = Result<TemplateValue>;
using namespace template_text;

tl::unexpected<Error> wrong(std::string message) {
    return fail(Fault::BadInput, std::move(message));
}

std::string four_digits(double value) {
    return format_go_float(value, 'g', 4);
}

constexpr std::array<std::string_view, 8> small = {"m", "u", "n", "p", "f", "a", "z", "y"};
constexpr std::array<std::string_view, 8> large = {"k", "M", "G", "T", "P", "E", "Z", "Y"};
constexpr std::array<std::string_view, 8> binary = {"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"};

std::string with_prefix(double value, const std::array<std::string_view, 8>& prefixes,
                        double factor) {
    std::string_view prefix;
    for (const auto next : prefixes) {
        if (factor > 1 ? std::fabs(value) < factor : std::fabs(value) >= 1) break;
        prefix = next;
        value = factor > 1 ? value / factor : value * 1000;
    }
    return four_digits(value) + std::string(prefix);
}

std::string humanize(double value) {
    if (value == 0 || !std::isfinite(value)) return four_digits(value);
    return std::fabs(value) >= 1 ? with_prefix(value, large, 1000) : with_prefix(value, small, 0);
}

std::string humanize_1024(double value) {
    if (std::fabs(value) <= 1 || !std::isfinite(value)) return four_digits(value);
    return with_prefix(value, binary, 1024);
}

Result<Timestamp> to_timestamp(double seconds) {
    if (!std::isfinite(seconds)) return wrong("value is NaN or Inf");
    const double nanoseconds = seconds * 1e9;
    if (nanoseconds > 9223372036854775807.0 || nanoseconds < -9223372036854775808.0)
        return wrong(fmt::format(
            "{} cannot be represented as a nanoseconds timestamp since it overflows int64",
            format_go_float(seconds, 'g', -1)));
    return Timestamp{static_cast<std::int64_t>(nanoseconds) / 1'000'000};
}

// ── samples ──

Answer sample_field(const TemplateValue& sample, std::string_view field) {
    for (const TemplateField& one : sample.object().fields)
        if (one.name == field) return one.value;
    return wrong(fmt::format("a sample has no field {}", field));
}

std::string sample_label(const TemplateValue& sample, const std::string& label) {
    const auto labels = sample_field(sample, "Labels");
    if (!labels || labels->kind() != Kind::Map) return {};
    const auto found = labels->map().find(label);
    return found == labels->map().end() ? std::string() : to_string(found->second);
}

Answer first(TemplateArguments args) {
    if (args[0].list().empty()) return wrong("first() called on vector with no elements");
    return args[0].list().front();
}

Answer sort_by_label(TemplateArguments args) {
    TemplateList sorted = args[1].list();
    std::stable_sort(
        sorted.begin(), sorted.end(), [&](const TemplateValue& a, const TemplateValue& b) {
            return sample_label(a, args[0].string()) < sample_label(b, args[0].string());
        });
    return template_query_result(std::move(sorted));
}

Answer numbered_args(TemplateArguments args) {
    TemplateMap map;
    for (std::size_t i = 0; i < args.size(); ++i) map[fmt::format("arg{}", i)] = args[i];
    return TemplateValue(std::move(map), "map[string]interface {}");
}

Answer parse_go_duration(TemplateArguments args) {
    const auto duration = parse_duration(args[0].string());
    if (!duration) return fail(duration.error());
    return static_cast<double>(duration->count()) / 1000.0;
}

std::string path_of(const std::string& url) {
    const std::size_t scheme = url.find("://");
    const std::size_t slash = url.find('/', scheme == std::string::npos ? 0 : scheme + 3);
    return slash == std::string::npos ? ""
                                      : url.substr(slash, url.find_first_of("?#", slash) - slash);
}

}  // namespace

TemplateFunctions prometheus_functions(const PrometheusFunctionSettings& settings) {
    TemplateFunctions out = common_functions();
    out["title"] = of_string([](std::string_view text) { return title(text, TitleRest::Same); });
    out["humanize"] = of_number([](double v) -> Answer { return humanize(v); });
    out["humanize1024"] = of_number([](double v) -> Answer { return humanize_1024(v); });
    out["humanizePercentage"] =
        of_number([](double v) -> Answer { return four_digits(v * 100) + "%"; });
    out["humanizeTimestamp"] = of_number([](double v) -> Answer {
        if (!std::isfinite(v)) return four_digits(v);
        const auto at = to_timestamp(v);
        if (!at) return fail(at.error());
        return to_string(TemplateValue(*at));
    });
    out["toTime"] = of_number([](double v) -> Answer {
        const auto at = to_timestamp(v);
        if (!at) return fail(at.error());
        TemplateObject pointer;
        pointer.type = "*time.Time";
        pointer.self = TemplateValue(*at);
        return TemplateValue(std::move(pointer));
    });
    out["query"] = {"s", [query = settings.query](TemplateArguments args) -> Answer {
                        if (!query) return wrong("queries are not possible here");
                        return query(args[0].string());
                    }};
    out["first"] = {"r", first};
    out["value"] = {"e", [](TemplateArguments args) { return sample_field(args[0], "Value"); }};
    out["label"] = {"se", [](TemplateArguments args) -> Answer {
                        return sample_label(args[1], args[0].string());
                    }};
    out["strvalue"] = {
        "e", [](TemplateArguments args) -> Answer { return sample_label(args[0], "__value__"); }};
    out["sortByLabel"] = {"sr", sort_by_label};
    out["args"] = {"a*", numbered_args};
    out["stripPort"] = of_string(strip_port);
    out["stripDomain"] = of_string(strip_domain);
    out["parseDuration"] = {"s", parse_go_duration};
    out["graphLink"] = of_string([](std::string_view expression) {
        return "/graph?g0.expr=" + template_builtins::escape_query(expression) + "&g0.tab=0";
    });
    out["tableLink"] = of_string(table_link);
    out["externalURL"] = {
        "", [url = settings.external_url](TemplateArguments) -> Answer { return url; }};
    out["pathPrefix"] = {
        "", [path = path_of(settings.external_url)](TemplateArguments) -> Answer { return path; }};
    return out;
}

std::string table_link(std::string_view expression) {
    return "/graph?g0.expr=" + template_builtins::escape_query(expression) + "&g0.tab=1";
}

TemplateValue template_sample(TemplateMap labels, TemplateValue value) {
    TemplateObject object;
    object.type = "*template.sample";
    object.fields = {{"Labels", std::move(labels)}, {"Value", std::move(value)}};
    return object;
}

TemplateValue template_query_result(TemplateList samples) {
    TemplateObject object;
    object.type = "template.queryResult";
    object.self = TemplateValue(std::move(samples), "[]*template.sample");
    return object;
}

}  // namespace vedette
