// What our keys compile to, and what is said when one of them is written wrongly.
#include <catch2/catch.hpp>

#include "rules/own_keys/export.h"
#include "rules/rule_file.h"

using namespace vedette;
using namespace vedette::rules;

namespace {

/// A file with one rule, an alert "A" of these lines.
std::string file_of(const std::string& lines, const std::string& group = "") {
    return "groups:\n- name: g\n" + group + "  rules:\n  - alert: A\n" + lines;
}

std::string problems_of(const std::string& text, Dialect dialect = Dialect::Vedette) {
    Problems problems;
    read_rules("rules.yml", text, problems, dialect);
    return problems.text();
}

Rule rule_of(const std::string& lines) {
    Problems problems;
    auto groups = read_rules("rules.yml", file_of(lines), problems, Dialect::Vedette);
    REQUIRE(problems.text() == "");
    return groups.at(0).rules.at(0);
}

}  // namespace

TEST_CASE("expressions inside our keys are in the language that is switched on",
          "[rules][own_keys]") {
    const auto lines = GENERATE(as<std::string>(),
                                "threshold: {metric: 'x offset (1m + 30s)', above: 1}",
                                "forecast: {metric: 'x offset (1m + 30s)'}",
                                "baseline: {metric: 'mad_over_time(x[1m * 5])', deviates: 5}",
                                "burn_rate: {good: 'g offset (2 * 1m)', total: t, objective: 99%}");
    CAPTURE(lines);
    const std::string text = file_of("    " + lines + "\n");
    CHECK(problems_of(text) != "");
    RuleReading how(Dialect::Vedette);
    how.features.duration_expressions = how.features.experimental_functions = true;
    Problems problems;
    read_rules("rules.yml", text, problems, how);
    CHECK(problems.text() == "");
}

TEST_CASE("each of our keys compiles to plain PromQL", "[rules][own_keys]") {
    struct Row {
        const char *lines, *expression;
    };
    const auto row = GENERATE(values<Row>({
        {"    threshold: {metric: x, above: 100}\n", "x > 100"},
        {"    threshold: {metric: a + b, below: -1.5e-3}\n", "(a + b) < -0.0015"},
        {"    threshold: {metric: x, outside: [1, 2]}\n", "(x < 1 or x > 2)"},
        {"    threshold: {metric: x, above: 100, recover: 80}\n"
         "    labels: {severity: critical, who: '{{ $value }}'}\n",
         "x > 100 or (x > 80 and ignoring (alertname, alertstate, severity, who) "
         "ALERTS{alertname=\"A\",alertstate=\"firing\",severity=\"critical\"})"},
        {"    threshold: {metric: x offset 1m, above: 100}\n    absent_for: 10m\n",
         "x offset 1m > 100 or ((present_over_time(x[1d10m] offset 1m) unless "
         "present_over_time(x[10m] offset 1m)) * NaN) or (absent_over_time(x[1d10m] offset 1m) * "
         "NaN)"},
        {"    threshold: {metric: a / b, above: 100}\n    absent_for: 30s\n",
         "(a / b) > 100 or ((present_over_time((a / b)[1d30s:5m]) unless present_over_time((a / "
         "b)[30s:1s])) * NaN) or (absent_over_time((a / b)[1d30s:5m]) * NaN)"},
        {"    forecast: {metric: x}\n",
         "(x > 0 and predict_linear(x[6h], 14400) <= 0) or (x < 0 and predict_linear(x[6h], 14400) "
         ">= 0)"},
        {"    forecast: {metric: 'rate(x[5m])', over: 30d, within: 1500ms, crosses: 10}\n",
         "(rate(x[5m]) > 10 and predict_linear(rate(x[5m])[30d:1h], 1.5) <= 10) or (rate(x[5m]) < "
         "10 and predict_linear(rate(x[5m])[30d:1h], 1.5) >= 10)"},
        {"    burn_rate: {good: g, total: t, objective: 99.9%, windows: [{long: 1h, short: 5m, "
         "factor: 14.4}]}\n",
         "(1 - (sum(rate(g[1h])) or 0 * sum(rate(t[1h]))) / sum(rate(t[1h])) > 14.4 * (1 - 0.999) "
         "and 1 - (sum(rate(g[5m])) or 0 * sum(rate(t[5m]))) / sum(rate(t[5m])) > 14.4 * (1 - "
         "0.999))"},
        {"    baseline: {metric: x, deviates: 5}\n",
         "x and abs(x - (quantile without (_week) (0.5, "
         "(label_replace(last_over_time(avg_over_time(x[1h])[1h:1h] offset 6d23h), \"_week\", "
         "\"1\", \"\", \"\") or label_replace(last_over_time(avg_over_time(x[1h])[1h:1h] offset "
         "13d23h), \"_week\", \"2\", \"\", \"\") or "
         "label_replace(last_over_time(avg_over_time(x[1h])[1h:1h] offset 20d23h), \"_week\", "
         "\"3\", \"\", \"\") or label_replace(last_over_time(avg_over_time(x[1h])[1h:1h] offset "
         "27d23h), \"_week\", \"4\", \"\", \"\")) >= -Inf) and count without (_week) "
         "((label_replace(last_over_time(avg_over_time(x[1h])[1h:1h] offset 6d23h), \"_week\", "
         "\"1\", \"\", \"\") or label_replace(last_over_time(avg_over_time(x[1h])[1h:1h] offset "
         "13d23h), \"_week\", \"2\", \"\", \"\") or "
         "label_replace(last_over_time(avg_over_time(x[1h])[1h:1h] offset 20d23h), \"_week\", "
         "\"3\", \"\", \"\") or label_replace(last_over_time(avg_over_time(x[1h])[1h:1h] offset "
         "27d23h), \"_week\", \"4\", \"\", \"\")) >= -Inf) >= 3)) > 5"},
    }));
    CHECK(rule_of(row.lines).expression == row.expression);
}

TEST_CASE("the key is kept as it was written, in one line", "[rules][own_keys]") {
    struct Row {
        const char *lines, *written;
    };
    const auto row = GENERATE(values<Row>({
        {"    threshold:\n      metric: sum by (job) (x)\n      above: 1e3\n    absent_for: 5m\n",
         "threshold: {metric: sum by (job) (x), above: 1e3}, absent_for: 5m"},
        {"    threshold: {metric: 'x{a=\"b\"}', outside: [1, 2]}\n",
         "threshold: {metric: 'x{a=\"b\"}', outside: [1, 2]}"},
        {"    baseline:\n      metric: |\n        x{a='b'}\n        + y\n      deviates: 30%\n",
         "baseline: {metric: \"x{a='b'}\\n+ y\\n\", deviates: 30%}"},
    }));
    CHECK(rule_of(row.lines).own_key == row.written);
}

TEST_CASE("a wrong key of ours shows its place and what was expected", "[rules][own_keys]") {
    struct Row {
        const char *what, *lines, *problems;
    };
    const auto row = GENERATE(values<Row>({
        {"a slip in the key's name", "    treshold: {metric: x, above: 1}\n",
         R"(rules.yml:4:5: alert "A" has no `expr`, `threshold`, `forecast`, `burn_rate` or `baseline`
      - alert: A
        ^
rules.yml:5:5: unknown key `treshold` in alert "A"; did you mean `threshold`?
        treshold: {metric: x, above: 1}
        ^
)"},
        {"a slip inside", "    threshold: {metric: x, abov: 1}\n",
         R"(rules.yml:5:16: `threshold` of alert "A" needs one of `above`, `below`, `outside`
        threshold: {metric: x, abov: 1}
                   ^
rules.yml:5:28: unknown key `abov` in `threshold` of alert "A"; did you mean `above`?
        threshold: {metric: x, abov: 1}
                               ^
)"},
        {"no condition at all", "    for: 5m\n",
         R"(rules.yml:4:5: alert "A" has no `expr`, `threshold`, `forecast`, `burn_rate` or `baseline`
      - alert: A
        ^
)"},
        {"an own key and expr", "    expr: up == 0\n    threshold: {metric: x, above: 1}\n",
         R"(rules.yml:6:5: alert "A" has both `expr` and `threshold`; expected one of them
        threshold: {metric: x, above: 1}
        ^
)"},
        {"two own keys",
         "    threshold: {metric: x, above: 1}\n    baseline: {metric: x, deviates: 1}\n",
         R"(rules.yml:6:5: alert "A" has both `threshold` and `baseline`; expected one of them
        baseline: {metric: x, deviates: 1}
        ^
)"},
        {"no map", "    threshold: 5\n",
         R"(rules.yml:5:16: `threshold` of alert "A" is `5`; expected a map
        threshold: 5
                   ^
)"},
        {"nothing", "    forecast:\n",
         R"(rules.yml:5:5: `forecast` of alert "A" is empty; expected a map
        forecast:
        ^
)"},
        {"no metric", "    threshold: {above: 1}\n",
         R"(rules.yml:5:16: `threshold` of alert "A" has no `metric`
        threshold: {above: 1}
                   ^
)"},
        {"an empty metric", "    threshold: {metric: '', above: 1}\n",
         R"(rules.yml:5:25: `metric` of `threshold` of alert "A" is empty
        threshold: {metric: '', above: 1}
                            ^
)"},
        {"a broken metric", "    threshold: {metric: sum by job (x), above: 1}\n",
         R"(rules.yml:5:25: could not parse `metric` of `threshold` of alert "A": 1:8: parse error: unexpected identifier "job" in grouping opts, expected "("; a label list needs parentheses: (job)
        threshold: {metric: sum by job (x), above: 1}
                            ^
)"},
        {"a number for a metric", "    threshold: {metric: 5, above: 1}\n",
         R"(rules.yml:5:25: `metric` of `threshold` of alert "A" is a scalar; expected an instant vector; vector(…) makes one of a scalar
        threshold: {metric: 5, above: 1}
                            ^
)"},
        {"a range", "    threshold: {metric: 'x[5m]', above: 1}\n",
         R"(rules.yml:5:25: `metric` of `threshold` of alert "A" is a range vector; expected an instant vector; leave out the range in brackets
        threshold: {metric: 'x[5m]', above: 1}
                            ^
)"},
        {"no level", "    threshold: {metric: x}\n",
         R"(rules.yml:5:16: `threshold` of alert "A" needs one of `above`, `below`, `outside`
        threshold: {metric: x}
                   ^
)"},
        {"two levels", "    threshold: {metric: x, above: 5, below: 1}\n",
         R"(rules.yml:5:45: `threshold` of alert "A" has both `above` and `below`; expected one of `above`, `below`, `outside: [low, high]`
        threshold: {metric: x, above: 5, below: 1}
                                                ^
)"},
        {"a level with a unit", "    threshold: {metric: x, above: 90%}\n",
         R"(rules.yml:5:35: `above` of `threshold` of alert "A" is `90%`; expected a number
        threshold: {metric: x, above: 90%}
                                      ^
)"},
        {"an infinite level", "    threshold: {metric: x, above: .inf}\n",
         R"(rules.yml:5:35: `above` of `threshold` of alert "A" is +Inf; expected a finite number
        threshold: {metric: x, above: .inf}
                                      ^
)"},
        {"one number outside", "    threshold: {metric: x, outside: 5}\n",
         R"(rules.yml:5:37: `outside` of `threshold` of alert "A" needs two numbers: [low, high]
        threshold: {metric: x, outside: 5}
                                        ^
)"},
        {"numbers in the wrong order", "    threshold: {metric: x, outside: [5, 1]}\n",
         R"(rules.yml:5:37: `outside` of `threshold` of alert "A" is [5, 1]; expected the lower one first
        threshold: {metric: x, outside: [5, 1]}
                                        ^
)"},
        {"a word outside", "    threshold: {metric: x, outside: [1, five]}\n",
         R"(rules.yml:5:41: an end of `outside` of `threshold` of alert "A" is `five`; expected a number
        threshold: {metric: x, outside: [1, five]}
                                            ^
)"},
        {"recover above above", "    threshold: {metric: x, above: 80, recover: 90}\n",
         R"(rules.yml:5:48: `recover` of `threshold` of alert "A" is 90; expected less than `above`, 80
        threshold: {metric: x, above: 80, recover: 90}
                                                   ^
)"},
        {"recover at below", "    threshold: {metric: x, below: 80, recover: 80}\n",
         R"(rules.yml:5:48: `recover` of `threshold` of alert "A" is 80; expected more than `below`, 80
        threshold: {metric: x, below: 80, recover: 80}
                                                   ^
)"},
        {"one recover for two levels", "    threshold: {metric: x, outside: [1, 9], recover: 5}\n",
         R"(rules.yml:5:54: `recover` of `threshold` of alert "A" needs two numbers: [low, high]
        threshold: {metric: x, outside: [1, 9], recover: 5}
                                                         ^
)"},
        {"recover outside of outside",
         "    threshold: {metric: x, outside: [1, 9], recover: [0, 5]}\n",
         R"(rules.yml:5:54: `recover` of `threshold` of alert "A" is [0, 5]; expected a pair inside of `outside`, [1, 9]
        threshold: {metric: x, outside: [1, 9], recover: [0, 5]}
                                                         ^
)"},
        {"recover alone", "    threshold: {metric: x, recover: 5}\n",
         R"(rules.yml:5:16: `threshold` of alert "A" needs one of `above`, `below`, `outside`
        threshold: {metric: x, recover: 5}
                   ^
)"},
        {"absent_for inside", "    threshold: {metric: x, above: 5, absent_for: 5m}\n",
         R"(rules.yml:5:50: `absent_for` stands in `threshold` of alert "A"; expected it beside `threshold`
        threshold: {metric: x, above: 5, absent_for: 5m}
                                                     ^
)"},
        {"absent_for of a forecast", "    forecast: {metric: x}\n    absent_for: 5m\n",
         R"(rules.yml:6:5: `absent_for` of alert "A" stands beside `forecast`; expected it beside `threshold`
        absent_for: 5m
        ^
)"},
        {"absent_for alone", "    absent_for: 5m\n",
         R"(rules.yml:5:5: `absent_for` of alert "A" stands beside nothing; expected it beside `threshold`
        absent_for: 5m
        ^
)"},
        {"absent_for beside expr", "    expr: up\n    absent_for: 5m\n",
         R"(rules.yml:6:5: alert "A" has both `expr` and `absent_for`; expected one of them
        absent_for: 5m
        ^
)"},
        {"absent_for without a unit", "    threshold: {metric: x, above: 5}\n    absent_for: 5\n",
         R"(rules.yml:6:17: `absent_for` of alert "A" is `5`; expected a duration such as `15s` or `1h30m`
        absent_for: 5
                    ^
)"},
        {"absent for no time", "    threshold: {metric: x, above: 5}\n    absent_for: 0s\n",
         R"(rules.yml:6:17: `absent_for` of alert "A" is 0s; expected more
        absent_for: 0s
                    ^
)"},
        {"no unit of time", "    forecast: {metric: x, over: 6}\n",
         R"(rules.yml:5:33: `over` of `forecast` of alert "A" is `6`; expected a duration such as `15s` or `1h30m`
        forecast: {metric: x, over: 6}
                                    ^
)"},
        {"no time", "    forecast: {metric: x, over: 0s, within: 0s}\n",
         R"(rules.yml:5:33: `over` of `forecast` of alert "A" is 0s; expected more
        forecast: {metric: x, over: 0s, within: 0s}
                                    ^
rules.yml:5:45: `within` of `forecast` of alert "A" is 0s; expected more
        forecast: {metric: x, over: 0s, within: 0s}
                                                ^
)"},
        {"a level in words", "    forecast: {metric: x, crosses: zero}\n",
         R"(rules.yml:5:36: `crosses` of `forecast` of alert "A" is `zero`; expected a number
        forecast: {metric: x, crosses: zero}
                                       ^
)"},
        {"no objective", "    burn_rate: {good: g, total: t}\n",
         R"(rules.yml:5:16: `burn_rate` of alert "A" has no `objective`
        burn_rate: {good: g, total: t}
                   ^
)"},
        {"an objective over all", "    burn_rate: {good: g, total: t, objective: 99.9}\n",
         R"(rules.yml:5:47: `objective` of `burn_rate` of alert "A" is `99.9`; expected a share of what is good between 0 and 1, or a percentage: 0.999 or 99.9%
        burn_rate: {good: g, total: t, objective: 99.9}
                                                  ^
)"},
        {"an objective of all", "    burn_rate: {good: g, total: t, objective: 100%}\n",
         R"(rules.yml:5:47: `objective` of `burn_rate` of alert "A" is `100%`; expected a share of what is good between 0 and 1, or a percentage: 0.999 or 99.9%
        burn_rate: {good: g, total: t, objective: 100%}
                                                  ^
)"},
        {"a rate", "    burn_rate: {good: 'rate(g[5m])', total: t, objective: 99%}\n",
         R"(rules.yml:5:23: `good` of `burn_rate` of alert "A" is an expression; expected a counter's selector such as requests_total{code="200"}: its rate is taken over each window
        burn_rate: {good: 'rate(g[5m])', total: t, objective: 99%}
                          ^
)"},
        {"windows the wrong way round",
         "    burn_rate: {good: g, total: t, objective: 99%, windows: [{long: 5m, short: 1h, "
         "factor: 2}]}\n",
         R"(rules.yml:5:80: `short` of window 1 of `burn_rate` of alert "A" is 1h; expected less than `long`, 5m
        burn_rate: {good: g, total: t, objective: 99%, windows: [{long: 5m, short: 1h, factor: 2}]}
                                                                                   ^
)"},
        {"half a window",
         "    burn_rate: {good: g, total: t, objective: 99%, windows: [{long: 5m}]}\n",
         R"(rules.yml:5:62: window 1 of `burn_rate` of alert "A" has no `short`
        burn_rate: {good: g, total: t, objective: 99%, windows: [{long: 5m}]}
                                                                 ^
rules.yml:5:62: window 1 of `burn_rate` of alert "A" has no `factor`
        burn_rate: {good: g, total: t, objective: 99%, windows: [{long: 5m}]}
                                                                 ^
)"},
        {"a factor of nothing",
         "    burn_rate: {good: g, total: t, objective: 99%, windows: [{long: 1h, short: 5m, "
         "factor: 0}]}\n",
         R"(rules.yml:5:92: `factor` of window 1 of `burn_rate` of alert "A" is 0; expected more than 0
        burn_rate: {good: g, total: t, objective: 99%, windows: [{long: 1h, short: 5m, factor: 0}]}
                                                                                               ^
)"},
        {"a factor that asks too much",
         "    burn_rate: {good: g, total: t, objective: 99%, windows: [{long: 1h, short: 5m, "
         "factor: 100}]}\n",
         R"(rules.yml:5:61: window 1h/5m ×100 of `burn_rate` of alert "A" can never fire: it asks for 100% of failures; with this objective a factor is less than 100
        burn_rate: {good: g, total: t, objective: 99%, windows: [{long: 1h, short: 5m, factor: 100}]}
                                                                ^
)"},
        {"an objective that leaves much", "    burn_rate: {good: g, total: t, objective: 90%}\n",
         R"(rules.yml:5:47: window 1h/5m ×14.4 of `burn_rate` of alert "A" can never fire: it asks for 144% of failures; with this objective a factor is less than 10
        burn_rate: {good: g, total: t, objective: 90%}
                                                  ^
)"},
        {"no windows", "    burn_rate: {good: g, total: t, objective: 99%, windows: []}\n",
         R"(rules.yml:5:61: `windows` of `burn_rate` of alert "A" is empty; without it there are four, else one is needed
        burn_rate: {good: g, total: t, objective: 99%, windows: []}
                                                                ^
)"},
        {"a label twice",
         "    labels: {severity: critical}\n    burn_rate: {good: g, total: t, objective: 99%, "
         "windows: [{long: 1h, short: 5m, factor: 9, labels: {severity: x}}]}\n",
         R"(rules.yml:6:114: label "severity" of window 1 of `burn_rate` of alert "A" is set by the rule's or the group's `labels` too, which would win; keep one of them
        burn_rate: {good: g, total: t, objective: 99%, windows: [{long: 1h, short: 5m, factor: 9, labels: {severity: x}}]}
                                                                                                                     ^
)"},
        {"a label that is grouped by",
         "    burn_rate: {good: g, total: t, objective: 99%, by: [job], windows: [{long: 1h, "
         "short: 5m, factor: 9, labels: {job: x}}]}\n",
         R"(rules.yml:5:120: label "job" of window 1 of `burn_rate` of alert "A" stands in `by` too; keep one of them
        burn_rate: {good: g, total: t, objective: 99%, by: [job], windows: [{long: 1h, short: 5m, factor: 9, labels: {job: x}}]}
                                                                                                                           ^
)"},
        {"a template of a window",
         "    burn_rate: {good: g, total: t, objective: 99%, windows: [{long: 1h, short: 5m, "
         "factor: 9, labels: {a: '{{ $value }}'}}]}\n",
         R"(rules.yml:5:107: label "a" of window 1 of `burn_rate` of alert "A" has a template; expected plain text
        burn_rate: {good: g, total: t, objective: 99%, windows: [{long: 1h, short: 5m, factor: 9, labels: {a: '{{ $value }}'}}]}
                                                                                                              ^
)"},
        {"a bad label", "    burn_rate: {good: g, total: t, objective: 99%, by: [__name__]}\n",
         R"(rules.yml:5:56: "__name__" is not a valid label name
        burn_rate: {good: g, total: t, objective: 99%, by: [__name__]}
                                                           ^
)"},
        {"no deviation", "    baseline: {metric: x}\n",
         R"(rules.yml:5:15: `baseline` of alert "A" has no `deviates`
        baseline: {metric: x}
                  ^
)"},
        {"a deviation of nothing", "    baseline: {metric: x, deviates: 0%}\n",
         R"(rules.yml:5:37: `deviates` of `baseline` of alert "A" is `0%`; expected more than 0
        baseline: {metric: x, deviates: 0%}
                                        ^
)"},
        {"a deviation downwards", "    baseline: {metric: x, deviates: -5}\n",
         R"(rules.yml:5:37: `deviates` of `baseline` of alert "A" is `-5`; expected more than 0
        baseline: {metric: x, deviates: -5}
                                        ^
)"},
        {"a broken percentage", "    baseline: {metric: x, deviates: 3o%}\n",
         R"(rules.yml:5:37: `deviates` of `baseline` of alert "A" is `3o%`; expected a percentage such as 30%, or a number
        baseline: {metric: x, deviates: 3o%}
                                        ^
)"},
        {"a deviation in words", "    baseline: {metric: x, deviates: much}\n",
         R"(rules.yml:5:37: `deviates` of `baseline` of alert "A" is `much`; expected a number
        baseline: {metric: x, deviates: much}
                                        ^
)"},
        {"a direction", "    baseline: {metric: x, deviates: 5, direction: up}\n",
         R"(rules.yml:5:51: `direction` of `baseline` of alert "A" is `up`; expected one of `above`, `below`, `both`
        baseline: {metric: x, deviates: 5, direction: up}
                                                      ^
)"},
    }));
    CAPTURE(row.what);
    CHECK(problems_of(file_of(row.lines)) == row.problems);
}

TEST_CASE("a file of Prometheus's has none of our keys, and is told where they belong",
          "[rules][own_keys]") {
    CHECK(
        problems_of(file_of("    threshold: {metric: x, above: 1}\n    absent_for: 5m\n"),
                    Dialect::Prometheus) ==
        R"(rules.yml:5:5: `threshold` in alert "A" is a key of Vedette's, not of Prometheus's; name this file under `vedette_rules` instead of `rule_files`
        threshold: {metric: x, above: 1}
        ^
rules.yml:6:5: `absent_for` in alert "A" is a key of Vedette's, not of Prometheus's; name this file under `vedette_rules` instead of `rule_files`
        absent_for: 5m
        ^
)");
    CHECK(problems_of(file_of("    treshold: {metric: x, above: 1}\n"), Dialect::Prometheus) ==
          R"(rules.yml:4:5: alert "A" has no `expr`
      - alert: A
        ^
rules.yml:5:5: unknown key `treshold` in alert "A"
        treshold: {metric: x, above: 1}
        ^
)");
}

TEST_CASE("a recorded series has none of our keys", "[rules][own_keys]") {
    CHECK(problems_of("groups:\n- name: g\n  rules:\n  - record: a\n    baseline: {metric: x, "
                      "deviates: 5}\n") ==
          R"(rules.yml:5:5: `baseline` belongs to an alert, not to a recorded series
        baseline: {metric: x, deviates: 5}
        ^
)");
}

TEST_CASE("recover needs a group that runs more often than Prometheus forgets",
          "[rules][own_keys]") {
    const std::string rule = "    threshold: {metric: x, above: 5, recover: 1}\n";
    CHECK(problems_of(file_of(rule, "  interval: 4m59s\n")) == "");
    CHECK(
        problems_of(file_of(rule, "  interval: 5m\n")) ==
        R"(rules.yml:6:47: `recover` of `threshold` of alert "A" needs the evaluation before this one, which is looked for up to 5m back; expected a group with an `interval` of less, found 5m
        threshold: {metric: x, above: 5, recover: 1}
                                                  ^
)");
}

TEST_CASE("an expression that is too long when compiled is refused", "[rules][own_keys]") {
    const std::string metric = "x{a=\"" + std::string(200'000, 'b') + "\"}";
    const std::string problems =
        problems_of(file_of("    baseline: {deviates: 5, metric: '" + metric + "'}\n"));
    CHECK(
        problems.substr(0, problems.find('\n')) ==
        "rules.yml:5:5: `baseline` of alert \"A\" compiles to an expression that is refused: 1:1: "
        "parse error: query is 2000941 bytes long, more than 1048576 are not read");
}

TEST_CASE("exported rules are a plain file that reads as the same rules", "[rules][own_keys]") {
    Problems problems;
    const auto groups = read_rules("rules.yml", R"(groups:
- name: 'no'
  interval: 30s
  query_offset: 1m
  limit: 10
  labels: {team: web}
  rules:
  - record: job:up:sum
    expr: sum by(job)(up)
  - alert: Disk
    forecast: {metric: free, within: 1h}
    for: 5m
    keep_firing_for: 10m
    labels: {severity: 'yes'}
    annotations: {summary: "it's {{ $value }}:\nlow", runbook_url: ''}
- name: empty
)",
                                   problems, Dialect::Vedette);
    REQUIRE(problems.text() == "");
    const std::string text = export_rules(groups);
    CHECK(text == R"(groups:
  - name: 'no'
    interval: 30s
    query_offset: 1m
    limit: 10
    rules:
      - record: job:up:sum
        expr: 'sum by (job) (up)'
        labels:
          team: web
      # forecast: {metric: free, within: 1h}
      - alert: Disk
        expr: |2-
            (free > 0 and predict_linear(free[6h], 3600) <= 0)
          or
            (free < 0 and predict_linear(free[6h], 3600) >= 0)
        for: 5m
        keep_firing_for: 10m
        labels:
          severity: 'yes'
          team: web
        annotations:
          runbook_url: ''
          summary: "it's {{ $value }}:\nlow"
  - name: empty
    rules: []
)");
    const auto again = read_rules("rules.yml", text, problems);
    REQUIRE(problems.text() == "");
    REQUIRE(again.size() == 2);
    CHECK(again[0].interval == groups[0].interval);
    CHECK(again[0].limit == groups[0].limit);
    for (std::size_t i = 0; i < 2; ++i) {
        const Rule &a = groups[0].rules[i], &b = again[0].rules[i];
        CAPTURE(a.name);
        CHECK(a.name == b.name);
        CHECK(a.expression == b.expression);
        CHECK(a.labels == b.labels);
        CHECK(a.annotations == b.annotations);
        CHECK(a.holds.before_firing == b.holds.before_firing);
        CHECK(a.holds.keep_firing == b.holds.keep_firing);
    }
    CHECK(export_rules({}) == "groups: []\n");
}

TEST_CASE("what cannot be seen does not break an exported file", "[rules][own_keys]") {
    Problems problems;
    const auto groups = read_rules("rules.yml", R"(groups:
- name: "a\u2028b\tc'\\"
  rules:
  - alert: "no: # 'x'"
    burn_rate: {good: g, total: t, objective: 99%, windows: [{long: 1h, short: 5m, factor: 2, labels: {"a\nb": "c\u2028d"}}]}
    labels: {"x\ny": "\u0085", off: "{{ $value }}: 'é' \\"}
)",
                                   problems, Dialect::Vedette);
    REQUIRE(problems.text() == "");
    const std::string text = export_rules(groups);
    CAPTURE(text);
    const auto again = read_rules("rules.yml", text, problems);
    REQUIRE(problems.text() == "");
    CHECK(again.at(0).name == groups[0].name);
    CHECK(again[0].rules.at(0).name == groups[0].rules[0].name);
    CHECK(again[0].rules[0].expression == groups[0].rules[0].expression);
    CHECK(again[0].rules[0].labels == groups[0].rules[0].labels);
}
