#include "base/yaml.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <utility>

#include "core/limits.h"
#include "tests/support/temp_folder.h"

using namespace vedette;

namespace {

/// The tree on one line: 'quoted', plain, ~ for null, [lists], {maps}.
std::string show(const ConfigNode& node) {
    std::string out;
    switch (node.kind) {
        case ConfigNode::Kind::Null:
            return "~";
        case ConfigNode::Kind::Scalar:
            return node.quoted ? "'" + node.text + "'" : node.text;
        case ConfigNode::Kind::List:
            for (const auto& item : node.items) out += (out.empty() ? "" : ", ") + show(item);
            return "[" + out + "]";
        case ConfigNode::Kind::Map:
            for (const auto& entry : node.entries)
                out += (out.empty() ? "" : ", ") + entry.key + ": " + show(entry.value);
            return "{" + out + "}";
    }
    return out;
}

std::string read(std::string_view text) {
    Problems problems;
    const ConfigNode node = read_yaml("watch.yml", text, problems);
    return show(node) + (problems.all().empty() ? "" : "\n" + problems.text());
}

std::string problems_of(std::string_view text) {
    Problems problems;
    read_yaml("watch.yml", text, problems);
    return problems.text();
}

std::chrono::milliseconds time_of(const std::string& text) {
    const auto before = std::chrono::steady_clock::now();
    problems_of(text);
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 before);
}

}  // namespace

TEST_CASE("a document becomes a plain tree", "[base][yaml]") {
    struct Row {
        const char* what;
        const char* text;
        const char* tree;
    };
    const auto row = GENERATE(values<Row>({
        {"nothing at all", "", "~"},
        {"only a comment", "# hello\n", "~"},
        {"a scalar", "hello world", "hello world"},
        {"quoted scalars stay strings", "[yes, 'yes', \"no\", '']", "[yes, 'yes', 'no', '']"},
        {"a block scalar is a string", "a: |\n  yes\n", "{a: 'yes\n'}"},
        {"nulls in all their forms", "a:\nb: ~\nc: null\nd: ''", "{a: ~, b: ~, c: ~, d: ''}"},
        {"the order of the file is kept", "b: 1\na: [x, {y: z}]", "{b: 1, a: [x, {y: z}]}"},
        {"!!str makes a string of a number", "a: !!str 5", "{a: '5'}"},
        {"a key may be a number or quoted", "200: ok\n'a b': c", "{200: ok, a b: c}"},
        {"an alias is replaced by what it names", "a: &x {b: 1}\nc: *x\nd: [*x]",
         "{a: {b: 1}, c: {b: 1}, d: [{b: 1}]}"},
        {"an anchor may be used anew", "a: &x 1\nb: *x\nc: &x 2\nd: *x",
         "{a: 1, b: 1, c: 2, d: 2}"},
        {"a byte order mark is skipped",
         "\xef\xbb\xbf"
         "a: 1",
         "{a: 1}"},
        {"a document may have a beginning and an end", "---\na: 1\n...\n", "{a: 1}"},
    }));
    CAPTURE(row.what);
    CHECK(read(row.text) == row.tree);
}

TEST_CASE("merge keys work as Go's reader has them", "[base][yaml]") {
    struct Row {
        const char* what;
        const char* text;
        const char* tree;
    };
    const auto row = GENERATE(values<Row>({
        {"own keys win over merged ones", "x: {<<: {a: 1, b: 1}, a: 2}", "{x: {a: 2, b: 1}}"},
        {"own keys win also when they stand before", "x: {a: 2, <<: {a: 1}}", "{x: {a: 2}}"},
        {"of a list the earlier map wins", "x: {<<: [{a: 1}, {a: 2, b: 2}]}", "{x: {a: 1, b: 2}}"},
        {"an alias is merged", "d: &d {every: 5s}\nx: {<<: *d, name: n}",
         "{d: {every: 5s}, x: {name: n, every: 5s}}"},
        {"merging goes on through merged maps", "a: &a {k: 1}\nb: &b {<<: *a}\nc: {<<: *b}",
         "{a: {k: 1}, b: {k: 1}, c: {k: 1}}"},
        {"a quoted << is an ordinary key", "x: {'<<': {a: 1}}", "{x: {<<: {a: 1}}}"},
        {"a text cannot be merged", "x:\n  <<: hello\n",
         "{x: {}}\nwatch.yml:2:3: `<<` merges something that is no map; expected a map or a list "
         "of "
         "maps\n      <<: hello\n      ^\n"},
        {"two merges are one too many", "x:\n  <<: {a: 1}\n  <<: {b: 1}\n",
         "{x: {a: 1}}\nwatch.yml:3:3: duplicate key `<<`; it stands on line 2 already\n"
         "      <<: {b: 1}\n      ^\n"},
    }));
    CAPTURE(row.what);
    CHECK(read(row.text) == row.tree);
}

TEST_CASE("numbers and words are typed as Go's reader types them", "[base][yaml]") {
    Problems problems;
    const ConfigNode root =
        read_yaml("watch.yml", "octal: 0123\nyes: yes\nquoted: 'yes'", problems);
    CHECK(scalar_integer(*root.find("octal"), problems, "octal", 0) == 83);
    CHECK(scalar_boolean(*root.find("yes"), problems, "yes", false));
    CHECK(problems.text() == "");
    CHECK_FALSE(scalar_boolean(*root.find("quoted"), problems, "quoted", false));
    CHECK(scalar_string(*root.find("quoted"), problems, "quoted") == "yes");
    CHECK(problems.text() ==
          "watch.yml:3:9: quoted is `yes`; expected true or false\n    quoted: 'yes'\n            "
          "^\n");
}

TEST_CASE("what is wrong is said with its place, the line and a caret", "[base][yaml]") {
    struct Row {
        const char* what;
        const char* text;
        const char* problems;
    };
    const auto row = GENERATE(values<Row>({
        {"a duplicate key", "probes:\n  every: 5s\n  name: x\n  every: 6s\n",
         "watch.yml:4:3: duplicate key `every`; it stands on line 2 already\n      every: 6s\n     "
         " ^\n"},
        {"all duplicates of a file, not the first", "a: 1\na: 2\nb: {c: 1, c: 2}\n",
         "watch.yml:2:1: duplicate key `a`; it stands on line 1 already\n    a: 2\n    ^\n"
         "watch.yml:3:11: duplicate key `c`; it stands on line 3 already\n    b: {c: 1, c: 2}\n"
         "              ^\n"},
        {"a list as a key", "? [a, b]\n: c\n",
         "watch.yml:1:3: a key is a list; expected a word\n    ? [a, b]\n      ^\n"},
        {"a map as a key", "{a: b}: c\n",
         "watch.yml:1:1: a key is a map; expected a word\n    {a: b}: c\n    ^\n"},
        {"nothing as a key", "~: c\n",
         "watch.yml:1:1: a key is nothing; expected a word\n    ~: c\n    ^\n"},
        {"two documents", "a: 1\n---\nb: 1\n",
         "watch.yml:2:1: a second document begins here; expected one document in a file\n    ---\n"
         "    ^\n"},
        {"a list that is not closed", "a: [1, 2\nb: 3\n",
         "watch.yml:2:2: not YAML: end of sequence flow not found\n    b: 3\n     ^\n"},
        {"an alias of nothing", "a: *nobody\n",
         "watch.yml:1:4: not YAML: the referenced anchor is not defined\n    a: *nobody\n"
         "       ^\n"},
        {"a cycle", "a: &a [*a]\n",
         "watch.yml:1:8: the alias stands inside what it names\n    a: &a [*a]\n           ^\n"},
        {"a cycle through a merge", "a: &a\n  <<: *a\n",
         "watch.yml:2:7: the alias stands inside what it names\n      <<: *a\n          ^\n"},
        {"a tag of somebody's own", "a: !ruby/object 1\n",
         "watch.yml:1:4: unknown tag `!ruby/object`; no tag is needed here\n    a: !ruby/object 1\n"
         "       ^\n"},
        {"columns are counted in characters", "{\"größe\": 1, \"größe\": 2}\n",
         "watch.yml:1:14: duplicate key `größe`; it stands on line 1 already\n"
         "    {\"größe\": 1, \"größe\": 2}\n                 ^\n"},
        {"a byte that would end the text early", "a: 1\nb: x\x04\nc: 2\n",
         "watch.yml:2:5: a control character, 0x04; expected text\n    b: x\x04\n        ^\n"},
        {"another encoding", "a: gr\xfc\xdf\n", "watch.yml: the file is not UTF-8 text\n"},
    }));
    CAPTURE(row.what);
    CHECK(problems_of(row.text) == row.problems);
}

TEST_CASE("a missing value is reported at its key", "[base][yaml]") {
    Problems problems;
    const ConfigNode root = read_yaml("watch.yml", "a:\nb: ~\n\nc:\n", problems);
    const Mark a = root.find("a")->mark, b = root.find("b")->mark, c = root.find("c")->mark;
    CHECK(std::pair(a.line, a.column) == std::pair(1, 1));
    CHECK(std::pair(b.line, b.column) == std::pair(2, 4));
    CHECK(std::pair(c.line, c.column) == std::pair(4, 1));
}

TEST_CASE("an alias bomb is refused at once", "[base][yaml]") {
    std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        const std::string name = "a" + std::to_string(i), before = " *a" + std::to_string(i - 1);
        text += name + ": &" + name + " [";
        for (int j = 0; j < 10; ++j) text += (j ? "," : "") + before;
        text += "]\n";
    }
    CHECK(time_of(text).count() < 5000);
    CHECK(problems_of(text) ==
          "watch.yml:6:21: anchors and aliases expand to more than 500000 values\n"
          "    a5: &a5 [ *a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4]\n"
          "                        ^\n");
}

TEST_CASE("anchors inside anchors do not multiply what is kept", "[base][yaml]") {
    std::string text = "[";
    for (int i = 0; i < 90; ++i) text += "&a" + std::to_string(i) + " [";
    for (int i = 0; i < 20'000; ++i) text += "x,";
    text += "x]" + std::string(90, ']');
    const auto problems = problems_of(text);
    CHECK(problems.find("anchors and aliases expand to more than 500000 values") !=
          std::string::npos);
}

TEST_CASE("deep nesting is refused and does not crash", "[base][yaml]") {
    const std::string open = std::string(20'000, '[') + std::string(20'000, ']');
    CHECK(time_of(open).count() < 5000);
    CHECK(problems_of(open).starts_with("watch.yml:1:101: nested deeper than 100 levels\n"));
    std::string block;
    for (int i = 0; i < 2'000; ++i) block += "- ";
    CHECK(problems_of(block + "x").starts_with("watch.yml:1:201: nested deeper than 100 levels\n"));
    CHECK(problems_of(std::string(99, '[') + std::string(99, ']')) == "");

    std::string chain = "a0: &a0 [x]\n";  // each line is flat, what they name is not
    for (int i = 1; i < 200; ++i)
        chain += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" +
                 std::to_string(i - 1) + "]\n";
    CHECK(problems_of(chain) ==
          "watch.yml:100:12: nested deeper than 100 levels\n    a99: &a99 [*a98]\n"
          "               ^\n");
}

TEST_CASE("twenty thousand targets are read, and a very long line", "[base][yaml]") {
    std::string text = "targets:\n";
    for (int i = 0; i < 20'000; ++i)
        text += "  - {url: 'http://10.0.0.1:8080/health/" + std::to_string(i) +
                "', labels: {team: shop, env: production}}\n";
    std::string map;
    for (int i = 0; i < 20'000; ++i) map += "key" + std::to_string(i) + ": 1\n";
    std::string line = "[";
    for (int i = 0; i < 100'000; ++i) line += "[],";
    CHECK(time_of(line + "]").count() < 10'000);
    Problems problems;
    CHECK(read_yaml("watch.yml", text, problems).find("targets")->items.size() == 20'000);
    CHECK(read_yaml("watch.yml", map, problems).entries.size() == 20'000);
    CHECK(problems.text() == "");
    CHECK(time_of(map + "key19999: 2\n").count() < 10'000);
}

TEST_CASE("a file that cannot be read is a problem of its own", "[base][yaml]") {
    const TempFolder folder;
    Problems problems;
    CHECK(read_yaml_file(folder / "none.yml", problems).is_null());
    CHECK(problems.text() == folder / "none.yml: cannot open " + (folder / "none.yml") +
                                 ": No such file or directory\n");

    std::ofstream(folder / "a.yml") << "a: 1\n";
    Problems none;
    const ConfigNode root = read_yaml_file(folder / "a.yml", none);
    CHECK(root.find("a")->text == "1");
    CHECK(root.file->name == folder / "a.yml");
    CHECK(none.text() == "");
}
