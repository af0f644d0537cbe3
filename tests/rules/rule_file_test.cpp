#include "rules/rule_file.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <sstream>

using namespace vedette;
using namespace vedette::rules;
using namespace std::chrono_literals;

namespace {

std::string problems_of(const std::string& text) {
    Problems problems;
    read_rules("rules.yml", text, problems);
    return problems.text();
}

}  // namespace

TEST_CASE("a whole rule file is read", "[rules][file]") {
    Problems problems;
    const auto groups = read_rules("rules.yml", R"(groups:
  - name: base
    interval: 30s
    limit: 10
    query_offset: 1m
    labels: {team: web, kind: overwritten}
    rules:
      - record: job:up:sum
        expr: sum by(job)(up)
        labels: {kind: recorded}
      - alert: Down
        expr: up == 0
        for: 5m
        keep_firing_for: 10m
        labels: {severity: critical}
        annotations: {summary: '{{ $labels.instance }} is down'}
)",
                                   problems);
    CHECK(problems.text().empty());
    REQUIRE(groups.size() == 1);
    const RuleGroup& group = groups[0];
    CHECK(group.file == "rules.yml");
    CHECK(group.name == "base");
    CHECK(group.interval == Milliseconds(30s));
    CHECK(group.query_offset == Milliseconds(1min));
    CHECK(group.limit == 10);
    REQUIRE(group.rules.size() == 2);
    CHECK(group.rules[0].kind == Rule::Kind::Recording);
    CHECK(group.rules[0].expression == "sum by (job) (up)");
    CHECK(group.rules[0].labels == TextMap{{"kind", "recorded"}, {"team", "web"}});
    CHECK(group.rules[1].kind == Rule::Kind::Alerting);
    CHECK(group.rules[1].name == "Down");
    CHECK(group.rules[1].holds.before_firing == 5min);
    CHECK(group.rules[1].holds.keep_firing == 10min);
    CHECK(group.rules[1].annotations == TextMap{{"summary", "{{ $labels.instance }} is down"}});
}

TEST_CASE("our verdict on a rule file is promtool's", "[rules][file]") {
    std::map<std::string, std::string> files;
    std::ifstream texts("tests/rules/recorded/rule_files.txt");
    std::string line, what;
    while (std::getline(texts, line)) {
        if (line.starts_with("=== "))
            files[what = line.substr(4)];
        else
            files[what] += line + "\n";
    }
    std::ifstream expected("tests/rules/recorded/rule_files.expected");
    REQUIRE(std::getline(expected, line));
    CHECK(line == "promtool 3.5.3");
    std::size_t rows = 0;
    while (std::getline(expected, line)) {
        std::istringstream row(line);
        std::string verdict, name, words;
        std::getline(row, verdict, '\t');
        std::getline(row, name, '\t');
        std::getline(row, words);
        CAPTURE(name, words);
        REQUIRE(files.count(name) == 1);
        Problems problems;
        read_rules("rules.yml", files[name], problems);
        CAPTURE(problems.text());
        CHECK((problems.any() ? "bad" : "good") == verdict);
        ++rows;
    }
    CHECK(rows == files.size());
}

TEST_CASE("a problem of a rule file shows its place and what was expected", "[rules][file]") {
    struct Row {
        const char *what, *text, *problems;
    };
    const auto row = GENERATE(values<Row>({
        {"a slip of the finger",
         "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    fro: 5m\n",

         R"(rules.yml:6:5: unknown key `fro` in alert "A"; did you mean `for`?
        fro: 5m
        ^
)"},
        {"no expression", "groups:\n- name: g\n  rules:\n  - alert: A\n",
         R"(rules.yml:4:5: alert "A" has no `expr`
      - alert: A
        ^
)"},
        {"neither", "groups:\n- name: g\n  rules:\n  - expr: up\n",
         R"(rules.yml:4:5: rule 1 needs `record` or `alert`
      - expr: up
        ^
)"},
        {"both", "groups:\n- name: g\n  rules:\n  - {record: a, alert: B, expr: up}\n",
         R"(rules.yml:4:24: alert "B" has both `record` and `alert`; expected one of them
      - {record: a, alert: B, expr: up}
                           ^
)"},
        {"a bad expression",
         "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: sum by job (up)\n",
         R"(rules.yml:5:11: could not parse expression: 1:8: parse error: unexpected identifier "job" in grouping opts, expected "("; a label list needs parentheses: (job)
        expr: sum by job (up)
              ^
)"},
        {"a template",
         "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    annotations:\n      x: '{{ "
         "humanise 1 }}'\n",
         R"(rules.yml:7:10: annotation "x": template: __alert_A:1: function "humanise" not defined
          x: '{{ humanise 1 }}'
             ^
)"},
        {"a hold of a recorded series",
         "groups:\n- name: g\n  rules:\n  - record: a\n    expr: up\n    for: 5m\n",
         R"(rules.yml:6:10: `for` belongs to an alert, not to a recorded series
        for: 5m
             ^
)"},
        {"a group twice", "groups:\n- name: g\n- name: g\n",
         R"(rules.yml:3:3: group "g" stands in this file twice
    - name: g
      ^
)"},
        {"a rule twice",
         "groups:\n- name: g\n  rules:\n  - {alert: A, expr: up}\n  - {alert: A, expr: up}\n",
         R"(rules.yml:1:1: warning: "A" stands here twice with the same labels; its series or alerts will be mixed up
    groups:
    ^
)"},
        {"braces", "groups:\n- name: g\n  rules:\n  - {record: 'a{b=\"c\"}', expr: up}\n",
         R"(rules.yml:4:14: "a{b=\"c\"}" has braces; expected a metric name (labels belong under `labels`)
      - {record: 'a{b="c"}', expr: up}
                 ^
)"},
        {"a label",
         "groups:\n- name: g\n  rules:\n  - {record: a, expr: up, labels: {__name__: x}}\n",
         R"(rules.yml:4:46: "__name__" is not a valid label name
      - {record: a, expr: up, labels: {__name__: x}}
                                                 ^
)"},
    }));
    CAPTURE(row.what);
    CHECK(problems_of(row.text) == row.problems);
}
