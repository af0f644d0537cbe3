#include "core/config.h"

#include <catch2/catch.hpp>

using namespace vedette;
using namespace std::chrono_literals;

namespace {

/// Builds trees by hand: one line of text, entries at given columns.
struct Tree {
    std::shared_ptr<const ConfigFile> file =
        std::make_shared<ConfigFile>(ConfigFile{"watch.yml", "name: db\nintervall: 5s\n"});

    ConfigNode scalar(std::string text, Mark mark = {1, 1}, bool quoted = false) const {
        ConfigNode node;
        node.kind = ConfigNode::Kind::Scalar;
        node.text = std::move(text);
        node.mark = mark;
        node.quoted = quoted;
        node.file = file;
        return node;
    }
    ConfigNode map(std::vector<ConfigNode::Entry> entries) const {
        ConfigNode node;
        node.kind = ConfigNode::Kind::Map;
        node.entries = std::move(entries);
        node.mark = {1, 1};
        node.file = file;
        return node;
    }
    ConfigNode list(std::vector<ConfigNode> items) const {
        ConfigNode node;
        node.kind = ConfigNode::Kind::List;
        node.items = std::move(items);
        node.mark = {1, 1};
        node.file = file;
        return node;
    }
};

}  // namespace

TEST_CASE("an unknown key is shown where it stands, with the nearest known one", "[core][config]") {
    const Tree tree;
    const ConfigNode node = tree.map({{"name", {1, 1}, tree.scalar("db", {1, 7})},
                                      {"intervall", {2, 1}, tree.scalar("5s", {2, 12})}});
    Problems problems;
    {
        MapReader probe(node, problems, "probe \"db\"");
        CHECK(probe.string("name") == "db");
        CHECK(probe.duration("interval", 15s) == 15s);
    }
    CHECK(problems.text() ==
          "watch.yml:2:1: unknown key `intervall` in probe \"db\"; did you mean `interval`?\n"
          "    intervall: 5s\n"
          "    ^\n");
}

TEST_CASE("every problem is collected, not only the first", "[core][config]") {
    const Tree tree;
    const ConfigNode node = tree.map({{"a", {1, 1}, tree.scalar("x")},
                                      {"b", {1, 1}, tree.scalar("z")},
                                      {"c", {1, 1}, tree.list({})}});
    Problems problems;
    {
        MapReader map(node, problems, "the map");
        CHECK(map.integer("a", 7, 0, 9) == 7);
        CHECK(map.boolean("b", true));
        CHECK(map.string("c").empty());
        map.required_string("d");
    }
    REQUIRE(problems.all().size() == 4);
    CHECK(problems.all()[0].message == "`a` of the map is `x`; expected a whole number");
    CHECK(problems.all()[1].message == "`b` of the map is `z`; expected true or false");
    CHECK(problems.all()[2].message == "`c` of the map is a list; expected a text");
    CHECK(problems.all()[3].message == "the map has no `d`");
}

TEST_CASE("scalars follow YAML 1.1 as Go's reader has it", "[core][config]") {
    const Tree tree;
    struct Row {
        const char* text;
        std::int64_t value;
    };
    const auto row = GENERATE(values<Row>({{"0", 0},
                                           {"42", 42},
                                           {"-7", -7},
                                           {"+7", 7},
                                           {"0x1F", 31},
                                           {"0123", 83},
                                           {"0o17", 15},
                                           {"0b101", 5},
                                           {"1_000", 1000}}));
    Problems problems;
    CAPTURE(row.text);
    CHECK(scalar_integer(tree.scalar(row.text), problems, "it", -1) == row.value);
    CHECK_FALSE(problems.any());
}

TEST_CASE("a quoted scalar is never a number or a boolean", "[core][config]") {
    const Tree tree;
    Problems problems;
    CHECK(scalar_boolean(tree.scalar("yes", {1, 1}, true), problems, "it", false) == false);
    CHECK(scalar_integer(tree.scalar("5", {1, 1}, true), problems, "it", 9) == 9);
    CHECK(problems.all().size() == 2);
    CHECK(scalar_boolean(tree.scalar("Yes"), problems, "it", false));
    CHECK_FALSE(scalar_boolean(tree.scalar("off"), problems, "it", true));
}

TEST_CASE("numbers, sizes, bounds and choices are read with their edges", "[core][config]") {
    const Tree tree;
    const ConfigNode node = tree.map({{"size", {1, 1}, tree.scalar("512MB")},
                                      {"plain", {1, 1}, tree.scalar("10")},
                                      {"huge", {1, 1}, tree.scalar("99999999999GB")},
                                      {"low", {1, 1}, tree.scalar("0")},
                                      {"high", {1, 1}, tree.scalar("9")},
                                      {"kind", {1, 1}, tree.scalar("htp")},
                                      {"rate", {1, 1}, tree.scalar("2.5")}});
    Problems problems;
    MapReader map(node, problems, "it");
    CHECK(map.bytes("size", 1) == 512ULL << 20);
    CHECK(map.bytes("plain", 1) == 10);
    CHECK(map.bytes("huge", 1) == 1);
    CHECK(map.integer("low", 5, 1, 8) == 5);
    CHECK(map.integer("high", 5, 1, 8) == 5);
    CHECK(map.choice("kind", {"http", "tcp"}, "http") == "http");
    CHECK(map.number("rate", 1) == 2.5);
    map.finish();
    REQUIRE(problems.all().size() == 4);
    CHECK(problems.all()[0].message ==
          "`huge` of it is `99999999999GB`; expected a size such as `512MB` or `2GB`");
    CHECK(problems.all()[1].message == "`low` of it is 0; expected 1 to 8");
    CHECK(problems.all()[3].message == "`kind` of it is `htp`; expected one of `http`, `tcp`");
}

TEST_CASE("a null is the same as an absent key", "[core][config]") {
    const Tree tree;
    ConfigNode null;
    null.file = tree.file;
    const ConfigNode node = tree.map({{"name", {1, 1}, null}});
    Problems problems;
    MapReader map(node, problems, "it");
    CHECK(map.string("name", "otherwise") == "otherwise");
    map.finish();
    CHECK_FALSE(problems.any());
}

TEST_CASE("a caret stands under its column even behind tabs", "[core][config]") {
    CHECK(to_string(Problem{"a.yml", {3, 3}, "wrong", "\tx: y", false}) ==
          "a.yml:3:3: wrong\n    \tx: y\n    \t ^");
    CHECK(to_string(Problem{"a.yml", {}, "cannot be read", "", true}) ==
          "a.yml: warning: cannot be read");
}

TEST_CASE("of a very long line only the part around the problem is shown", "[core][config]") {
    const std::string x(100, 'x');
    struct Row {
        const char* what;
        std::string line;
        int column;
        std::string shown;
    };
    const auto row = GENERATE_COPY(values<Row>({
        {"at the beginning", "!" + x + x, 1, "\n    !" + x + x.substr(0, 59) + "…\n    ^"},
        {"at the end", x + x + "!", 201,
         "\n    …" + x.substr(0, 80) + "!\n    " + std::string(81, ' ') + "^"},
        {"in the middle, between letters of two bytes", x + "é" + x.substr(0, 79) + "!" + x, 182,
         "\n    …" + x.substr(0, 79) + "!" + x.substr(0, 80) + "…\n    " + std::string(80, ' ') +
             "^"},
    }));
    CAPTURE(row.what);
    CHECK(to_string(Problem{"a.yml", {7, row.column}, "wrong", row.line, false}) ==
          "a.yml:7:" + std::to_string(row.column) + ": wrong" + row.shown);
}

TEST_CASE("the nearest word is near", "[core][config]") {
    const std::vector<std::string> known{"interval", "timeout", "url"};
    CHECK(nearest("intervall", known) == "interval");
    CHECK(nearest("tiemout", known) == "timeout");
    CHECK(nearest("ulr", known) == "url");
    CHECK(nearest("colour", known).empty());
}

TEST_CASE("more problems than fit are counted", "[core][config]") {
    Problems problems;
    for (int i = 0; i < 53; ++i) problems.add(Problem{"a.yml", {}, "wrong", "", false});
    const std::string text = problems.text();
    CHECK(text.ends_with("and 3 more problems\n"));
}

TEST_CASE("a misspelt password is not shown in the problem that reports it", "[core][config]") {
    struct Row {
        const char *line, *shown;
    };
    const auto row = GENERATE(values<Row>({
        {"passwrd: hunter2", "passwrd: <hidden>"},
        {"  - {name: x, bearer_tokn: abc, url: y}", "  - {name: x, bearer_tokn: <hidden>"},
        {"api_ulr: https://hooks.example/T1/B2/c3", "api_ulr: https:// <hidden>"},
        {"intervall: 5s", "intervall: 5s"},
    }));
    const auto file = std::make_shared<ConfigFile>(ConfigFile{"a.yml", row.line});
    Problems problems;
    problems.add(file, {1, 1}, "unknown key");
    CHECK(problems.all()[0].line == row.shown);
}
