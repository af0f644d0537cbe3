#include "probes/scrape/relabel.h"

#include <catch2/catch.hpp>

#include "base/yaml.h"

namespace vedette::scrape {
namespace {

std::vector<RelabelRule> rules_of(const std::string& text, Problems& problems) {
    return read_relabel_rules(read_yaml("r.yml", text, problems), problems);
}

std::string relabelled(const std::string& rules_text, const Labels& labels) {
    Problems problems;
    const auto rules = rules_of(rules_text, problems);
    INFO(problems.text());
    REQUIRE_FALSE(problems.any());
    LabelsBuilder builder(labels);
    return relabel(rules, builder) ? to_string(builder.build()) : "dropped";
}

const Labels shop{{"__address__", "shop.example:80"}, {"env", "Prod"}, {"zone", "eu"}};

}  // namespace

TEST_CASE("each relabel action changes labels as Prometheus does", "[scrape][relabel]") {
    struct Row {
        const char* what;
        const char* rules;
        const char* result;
    };
    const auto row = GENERATE(values<Row>({
        {"replace takes a group",
         R"([{source_labels: [__address__], regex: '([^:]+):\d+', target_label: host}])",
         R"({__address__="shop.example:80", env="Prod", host="shop.example", zone="eu"})"},
        {"replace that does not match changes nothing",
         R"([{source_labels: [env], regex: 'Pro', target_label: zone, replacement: x}])",
         R"({__address__="shop.example:80", env="Prod", zone="eu"})"},
        {"an empty replacement deletes", R"([{target_label: env, replacement: ''}])",
         R"({__address__="shop.example:80", zone="eu"})"},
        {"source labels are joined by the separator",
         R"([{source_labels: [env, zone], separator: '/', target_label: both}])",
         R"({__address__="shop.example:80", both="Prod/eu", env="Prod", zone="eu"})"},
        {"the target may come of a group",
         R"([{source_labels: [zone], regex: '(e)(?P<rest>.*)', target_label: '${1}_x', replacement: '$rest$$$9'}])",
         R"({__address__="shop.example:80", e_x="u$", env="Prod", zone="eu"})"},
        {"the longest group name counts",
         R"([{source_labels: [zone], target_label: t, replacement: '$1x-${1}x'}])",
         R"({__address__="shop.example:80", env="Prod", t="-eux", zone="eu"})"},
        {"keep", R"([{source_labels: [zone], regex: us, action: keep}])", "dropped"},
        {"drop", R"([{source_labels: [zone], regex: eu, action: drop}])", "dropped"},
        {"drop is anchored", R"([{source_labels: [env], regex: Pro, action: drop}])",
         R"({__address__="shop.example:80", env="Prod", zone="eu"})"},
        {"keepequal", R"([{source_labels: [zone], target_label: env, action: keepequal}])",
         "dropped"},
        {"dropequal", R"([{source_labels: [zone], target_label: zone, action: dropequal}])",
         "dropped"},
        {"hashmod is MD5's last eight bytes",
         R"([{source_labels: [zone], target_label: h, modulus: 1000, action: hashmod}])",
         R"({__address__="shop.example:80", env="Prod", h="563", zone="eu"})"},
        {"labelmap copies", R"([{regex: '(e)nv', replacement: 'x_$1', action: labelmap}])",
         R"({__address__="shop.example:80", env="Prod", x_e="Prod", zone="eu"})"},
        {"labeldrop", R"([{regex: 'env|zone', action: labeldrop}])",
         R"({__address__="shop.example:80"})"},
        {"labelkeep", R"([{regex: 'env', action: labelkeep}])", R"({env="Prod"})"},
        {"lowercase", R"([{source_labels: [env], target_label: env, action: lowercase}])",
         R"({__address__="shop.example:80", env="prod", zone="eu"})"},
        {"uppercase, and the action itself in any case",
         R"([{source_labels: [env], target_label: env, action: UpperCase}])",
         R"({__address__="shop.example:80", env="PROD", zone="eu"})"},
    }));
    CAPTURE(row.what);
    CHECK(relabelled(row.rules, shop) == row.result);
}

TEST_CASE("a relabel rule that cannot mean anything is a problem at its line",
          "[scrape][relabel]") {
    Problems problems;
    rules_of(
        "- {action: hashmod, target_label: x}\n"
        "- {action: replac, target_label: x}\n"
        "- {regex: '(', target_label: x}\n"
        "- {action: labeldrop, source_labels: [a]}\n"
        "- {}\n",
        problems);
    std::vector<std::string> found;
    for (const Problem& problem : problems.all())
        found.push_back(std::to_string(problem.mark.line) + ": " + problem.message);
    CHECK(found == std::vector<std::string>{
                       "1: `hashmod` needs a `modulus` above 0",
                       "2: unknown relabel action `replac`; expected `replace`?",
                       "3: `regex` \"(\" is no RE2 expression: missing ): ^(?s:()$",
                       "4: `labeldrop` and `labelkeep` know `regex` only",
                       "5: this relabel action needs a `target_label`",
                   });
}

}  // namespace vedette::scrape
