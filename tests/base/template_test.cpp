#include "base/template/template.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/template/functions.h"

using namespace vedette;

namespace {

TemplateMap text_map(std::initializer_list<std::pair<const char*, const char*>> entries) {
    TemplateMap map;
    for (const auto& [name, value] : entries) map[name] = TemplateValue(value);
    return map;
}

std::string expanded(const TemplateSet& set, std::string_view name, const TemplateValue& dot) {
    const auto text = set.expand(name, dot);
    return text ? *text : text.error().message;
}

std::string expanded(std::string_view text, const TemplateValue& dot = {}) {
    TemplateSet set(prometheus_functions({}));
    if (const auto taken = set.add("t", text); !taken) return taken.error().message;
    return expanded(set, "t", dot);
}

TemplateList series(const std::string& expression) {
    const double nan = std::numeric_limits<double>::quiet_NaN(),
                 inf = std::numeric_limits<double>::infinity();
    const auto m = text_map({{"__name__", "m"}, {"instance", "h1.example:9100"}, {"job", "api"}});
    if (expression == "m") return {template_sample(m, 12.5)};
    if (expression == "s")
        return {template_sample(text_map({{"__name__", "s"}, {"k", "b"}, {"n", "2"}}), 2),
                template_sample(text_map({{"__name__", "s"}, {"k", "a"}, {"n", "10"}}), 3.5)};
    if (expression == "big") return {template_sample(text_map({{"__name__", "big"}}), 1234567.891)};
    if (expression == "bad") return {template_sample(text_map({{"__name__", "bad"}}), nan)};
    if (expression == "endless") return {template_sample(text_map({{"__name__", "endless"}}), inf)};
    if (expression == "5") return {template_sample({}, 5)};
    return {};
}

/// What Prometheus gives to an alert's templates, for the series that record_templates.py loads.
TemplateObject alert_data() {
    TemplateObject dot;
    dot.type =
        "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; "
        "Value interface {} }";
    dot.fields = {
        {"Labels", text_map({{"__name__", "m"}, {"instance", "h1.example:9100"}, {"job", "api"}})},
        {"ExternalLabels", text_map({{"region", "eu"}})},
        {"ExternalURL", "http://x.example/p"},
        {"Value", 12.5}};
    return dot;
}

constexpr std::string_view prelude =
    "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}"
    "{{$value := .Value}}";

}  // namespace

TEST_CASE("templates expand as Prometheus expands them", "[base][template]") {
    PrometheusFunctionSettings settings;
    settings.query = [](const std::string& expression) -> Result<TemplateValue> {
        if (expression == "bad(")
            return fail(Fault::BadInput, "1:5: parse error: unclosed left parenthesis");
        return template_query_result(series(expression));
    };
    const TemplateFunctions functions = prometheus_functions(settings);
    std::ifstream file("tests/base/recorded/templates.expected");
    std::string line;
    REQUIRE(std::getline(file, line));
    CHECK(line == "promtool 3.5.3");
    int rows = 0;
    while (std::getline(file, line)) {
        const auto row = nlohmann::json::parse(line);
        const auto text = row[0].get<std::string>();
        CAPTURE(text);
        TemplateSet set(functions);
        const auto taken = set.add("__alert_A", std::string(prelude) + text);
        std::string got = taken ? "" : taken.error().message;
        if (taken) {
            const auto result = set.expand("__alert_A", alert_data());
            got = result ? *result
                         : "<error expanding template: error executing template __alert_A: " +
                               result.error().message + ">";
        }
        CHECK(got == row[1].get<std::string>());
        CHECK(!taken.has_value() == row[2].get<bool>());
        ++rows;
    }
    CHECK(rows > 130);
}

TEST_CASE("a named list can have methods beside its elements", "[base][template]") {
    TemplateObject alerts;
    alerts.type = "template.Alerts";
    alerts.self = TemplateList{"one", "two"};
    alerts.methods["Firing"] = {
        "", [](TemplateArguments) -> Result<TemplateValue> { return TemplateList{"two"}; }};
    TemplateObject dot;
    dot.type = "*template.Data";
    dot.fields = {{"Alerts", alerts}};
    CHECK(
        expanded("{{ range .Alerts }}{{ . }} {{ end }}{{ .Alerts.Firing | len }} {{ len .Alerts }}",
                 dot) == "one two 1 2");
    CHECK(expanded("{{ .Alerts.Pending }}", dot) ==
          "template: t:1:10: executing \"t\" at <.Alerts.Pending>: can't evaluate field Pending in "
          "type "
          "template.Alerts");
}

TEST_CASE("templates of one set call each other and later ones replace earlier ones",
          "[base][template]") {
    TemplateSet set(alertmanager_functions([] { return Timestamp{60'000}; }));
    REQUIRE(set.add("a.tmpl",
                    "{{ define \"title\" }}old{{ end }}{{ define \"both\" }}{{ template \"title\" "
                    ". }}!{{ end }}"));
    REQUIRE(set.add("b.tmpl", "{{ define \"title\" }}new {{ . }}{{ end }}"));
    REQUIRE(set.add("c.tmpl", "{{ define \"title\" }} {{ end }}"));
    CHECK(expanded(set, "both", "x") == "new x!");
    TemplateSet copy = set;
    REQUIRE(copy.add("", "{{ template \"both\" . }} {{ join \"+\" (stringSlice \"a\" \"b\") }}"));
    CHECK(expanded(copy, "", "y") == "new y! a+b");
    CHECK_FALSE(set.has(""));
    CHECK(expanded(set, "none", {}) == "template: no template \"none\"");
}

TEST_CASE("Alertmanager's own functions are there", "[base][template]") {
    struct Row {
        const char *text, *expected;
    };
    const auto row = GENERATE(values<Row>({
        {"{{ title \"hELLO wORLD\" }}", "Hello World"},
        {"{{ trimSpace \"  a \\n\" }}", "a"},
        {"{{ . | date \"15:04\" }} {{ since . }}", "00:00 1h1m0s"},
        {"{{ toJson (stringSlice \"a\\\"<\" \"b\") }}", "[\"a\\\"\\u003c\",\"b\"]"},
        {"{{ urlUnescape \"a%20b\" }}", "a b"},
        {"{{ humanizeDuration (since .).Seconds }}", "1h 1m 0s"},
    }));
    TemplateSet set(alertmanager_functions([] { return Timestamp{3'660'000}; }));
    REQUIRE(set.add("t", row.text));
    CHECK(expanded(set, "t", Timestamp{0}) == row.expected);
}

TEST_CASE("a template cannot run away", "[base][template]") {
    struct Row {
        const char *what, *text, *message;
    };
    const auto row = GENERATE(values<Row>({
        {"endless recursion", "{{ define \"r\" }}{{ template \"r\" }}{{ end }}{{ template \"r\" }}",
         "template: t:1:28: executing \"r\" at <{{template \"r\"}}>: exceeded maximum template "
         "depth (1000)"},
        {"a long loop", "{{ range 1000000000 }}{{ end }}",
         "template: t:1:3: executing \"t\" at <{{range 1000000000}}>: more than 1000000 steps"},
        {"a long loop that prints", "{{ range 999999 }}0123456789{{ end }}",
         "template: t:1:18: executing \"t\" at <0123456789>: the output is longer than 1048576 "
         "bytes"},
        {"a string that doubles",
         "{{ $x := \"0123456789\" }}{{ range 64 }}{{ $x = print $x $x }}{{ end }}",
         "template: t:1:46: executing \"t\" at <print>: more than 1000000 steps"},
        {"values in values", "{{ $x := 1 }}{{ range 1000 }}{{ $x = args $x }}{{ end }}",
         "template: t:1:37: executing \"t\" at <args>: values are nested more than 200 deep"},
    }));
    CAPTURE(row.what);
    CHECK(expanded(row.text) == row.message);
}

TEST_CASE("nesting in a text is limited", "[base][template]") {
    std::string parens, ifs;
    for (int i = 0; i < 5000; ++i) {
        parens += "(";
        ifs += "{{if 1}}";
    }
    CHECK(expanded("{{ " + parens) == "template: t:1: nested more than 200 deep");
    CHECK(expanded(ifs) == "template: t:1: nested more than 200 deep");
}

TEST_CASE("a comment-heavy text needs no stack", "[base][template]") {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += "{{/**/}}";
    CHECK(expanded(text + "x") == "x");
}

TEST_CASE("a missing key prints as Go prints it when asked to", "[base][template]") {
    TemplateSet set(prometheus_functions({}), TemplateSet::MissingKey::NoValue);
    REQUIRE(set.add("t", "{{ .a }}-{{ .b }}"));
    CHECK(expanded(set, "t", text_map({{"a", "1"}})) == "1-<no value>");
}
