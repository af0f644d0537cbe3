#include "rules/testing/test_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/labels.h"

namespace vedette::rules::testing {
namespace {

constexpr Milliseconds none{0};

TextMap sorted_map(MapReader& map, std::string_view key) {
    TextMap texts = map.string_map(key);
    std::sort(texts.begin(), texts.end());
    return texts;
}

AlertTest read_alert_test(const ConfigNode& node, Problems& problems) {
    MapReader map(node, problems, "an item of `alert_rule_test`");
    AlertTest test;
    test.at = map.duration("eval_time", none);
    test.alertname = map.string("alertname");
    map.list("exp_alerts", [&](const ConfigNode& item) {
        MapReader one(item, problems, "an expected alert");
        ExpectedAlert alert;
        alert.labels = sorted_map(one, "exp_labels");
        alert.annotations = sorted_map(one, "exp_annotations");
        one.finish();
        test.expected.push_back(std::move(alert));
    });
    map.finish();
    return test;
}

ExprTest read_expr_test(const ConfigNode& node, Problems& problems) {
    MapReader map(node, problems, "an item of `promql_expr_test`");
    ExprTest test;
    test.expression = map.string("expr");
    test.at = map.duration("eval_time", none);
    map.list("exp_samples", [&](const ConfigNode& item) {
        MapReader one(item, problems, "an expected sample");
        ExpectedSample sample;
        sample.labels = one.string("labels");
        sample.value = one.number("value", 0);
        sample.histogram = one.string("histogram");
        one.finish();
        test.expected.push_back(std::move(sample));
    });
    map.finish();
    return test;
}

TestGroup read_test_group(const ConfigNode& node, std::size_t number, Problems& problems) {
    MapReader map(node, problems, fmt::format("test {}", number));
    TestGroup group;
    group.name = map.string("name");
    if (map.node("interval")) group.interval = map.duration("interval", none);
    if (group.interval == none) group.interval.reset();
    map.list("input_series", [&](const ConfigNode& item) {
        MapReader one(item, problems, "an item of `input_series`");
        InputSeries series{one.string("series"), one.string("values")};
        one.finish();
        group.input.push_back(std::move(series));
    });
    map.list("alert_rule_test", [&](const ConfigNode& item) {
        group.alerts.push_back(read_alert_test(item, problems));
    });
    map.list("promql_expr_test", [&](const ConfigNode& item) {
        group.exprs.push_back(read_expr_test(item, problems));
    });
    group.external_labels = sorted_map(map, "external_labels");
    group.external_url = map.string("external_url");
    map.finish();
    return group;
}

}  // namespace

TestFile read_test_file(const ConfigNode& root, Problems& problems) {
    TestFile out;
    out.path = root.file ? root.file->name : "";
    if (root.is_null()) return out;
    MapReader map(root, problems, "the test file");
    out.rule_files = map.strings("rule_files");
    const Milliseconds interval = map.duration("evaluation_interval", none);
    if (interval != none) out.evaluation_interval = interval;
    out.group_eval_order = map.strings("group_eval_order");
    out.fuzzy_compare = map.boolean("fuzzy_compare", false);
    map.list("tests", [&](const ConfigNode& node) {
        out.groups.push_back(read_test_group(node, out.groups.size() + 1, problems));
    });
    map.finish();
    return out;
}

}  // namespace vedette::rules::testing
