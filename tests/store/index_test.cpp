#include "store/head/index.h"

#include <re2/re2.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "core/label_hash.h"

namespace vedette::store {
namespace {

using Op = Matcher::Op;

// The slow, obvious twin: every series, every matcher, RE2 each time.
bool holds(const Labels& labels, const Matcher& matcher) {
    const std::string value(labels.get(matcher.name));
    bool found = value == matcher.value;
    if (matcher.op == Op::Match || matcher.op == Op::NotMatch) {
        RE2::Options options;
        options.set_dot_nl(true);
        static std::map<std::string, std::unique_ptr<RE2>> known;
        auto& pattern = known[matcher.value];
        if (!pattern) pattern = std::make_unique<RE2>(matcher.value, options);
        found = RE2::FullMatch(value, *pattern);
    }
    return found == (matcher.op == Op::Equal || matcher.op == Op::Match);
}

std::vector<Slot> ask(const Index& index, const std::vector<Matcher>& matchers) {
    std::vector<ReadyMatcher> ready;
    for (const Matcher& matcher : matchers) {
        auto made = ReadyMatcher::make(matcher);
        REQUIRE(made);
        ready.push_back(std::move(*made));
    }
    return index.matching(ready, {});
}

Labels random_labels(std::mt19937_64& random) {
    LabelsBuilder builder;
    builder.set("__name__", "m" + std::to_string(random() % 4));
    for (const char* name : {"job", "instance", "path", "zone"})
        if (random() % 3 != 0)
            builder.set(name, std::string(1 + random() % 2, 'a') + std::to_string(random() % 12));
    if (random() % 5 == 0) builder.set("text", "two\nlines");
    return builder.build();
}

Matcher random_matcher(std::mt19937_64& random) {
    static const char* const names[] = {"__name__", "job",  "instance", "path",
                                        "zone",     "text", "absent"};
    static const char* const patterns[] = {
        "a1",      "a1|aa2|a3", "a.*", ".*",        ".+",     "",          "|a1",  "aa[0-5]",
        "(a1|a2)", "m(0|1)",    "m2",  "two.lines", "a1\\d?", "(?:a7|m3)", "^a.$", "aa1.+|"};
    Matcher matcher;
    matcher.op = static_cast<Op>(random() % 4);
    matcher.name = names[random() % std::size(names)];
    matcher.value = patterns[random() % std::size(patterns)];
    return matcher;
}

void forget_some(std::mt19937_64& random, Index& index, std::map<Slot, Labels>& twin) {
    std::vector<Slot> gone;
    for (const auto& [slot, each] : twin)
        if (random() % 4 == 0) gone.push_back(slot);
    for (const Slot slot : gone) twin.erase(slot);
    index.remove(gone);
}

}  // namespace

TEST_CASE("the index answers as a walk over all series does", "[store][index]") {
    const auto seed = Catch::rngSeed();
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    Index index;
    std::map<Slot, Labels> twin;
    for (int round = 0; round < 2000; ++round) {
        const Labels labels = random_labels(random);
        if (!index.find(labels)) twin[index.add(labels)] = labels;
        if (round % 250 == 249) forget_some(random, index, twin);
        if (round % 4 != 0) continue;
        std::vector<Matcher> matchers;
        for (std::size_t n = random() % 4; n > 0; --n) matchers.push_back(random_matcher(random));
        std::vector<Slot> expected;
        for (const auto& [slot, each] : twin)
            if (std::all_of(matchers.begin(), matchers.end(),
                            [&](const Matcher& m) { return holds(each, m); }))
                expected.push_back(slot);
        std::string question;
        for (const Matcher& matcher : matchers) question += to_string(matcher) + " ";
        CAPTURE(round, question);
        std::vector<Slot> found = ask(index, matchers);
        REQUIRE(found == expected);
        index.sort_by_labels(found);
        std::sort(expected.begin(), expected.end(),
                  [&](Slot a, Slot b) { return twin[a] < twin[b]; });
        REQUIRE(found == expected);
    }
    CHECK(index.size() == twin.size());
}

TEST_CASE("many are found at once, up to the first that is not there", "[store][index]") {
    Index index;
    std::vector<Labels> all;
    for (int i = 0; i < 1000; ++i) {
        all.push_back({{"__name__", "m"}, {"n", std::to_string(i)}});
        if (i != 700) index.add(all.back());
    }
    std::vector<std::vector<Label>> labels;
    for (const Labels& each : all) labels.emplace_back(each.begin(), each.end());
    std::vector<SeriesFinder::Key> keys;
    std::string scratch;
    for (const auto& each : labels) keys.push_back({each, hash_of(each, scratch)});
    std::vector<Slot> found(keys.size());
    CHECK(index.find(keys, found.data()) == 700);
    for (std::size_t i = 0; i < 700; ++i) CHECK(found[i] == index.find(all[i]));
    const std::span rest(keys.begin() + 701, keys.end());
    CHECK(index.find(rest, found.data()) == rest.size());
    for (std::size_t i = 0; i < rest.size(); ++i) CHECK(found[i] == index.find(all[701 + i]));
    CHECK(Index().find(rest, found.data()) == 0);
}

TEST_CASE("a freed place is given again under another epoch", "[store][index]") {
    Index index;
    const Slot slot = index.add({{"__name__", "a"}});
    const std::uint32_t epoch = index.epoch(slot);
    index.remove(std::vector<Slot>{slot});
    CHECK_FALSE(index.holds(slot, epoch));
    CHECK(index.add({{"__name__", "b"}}) == slot);
    CHECK_FALSE(index.holds(slot, epoch));
    CHECK(index.holds(slot, index.epoch(slot)));
}

TEST_CASE("a series put back keeps its place, and nobody takes it from another", "[store][index]") {
    Index index;
    CHECK(index.restore(7, 3, {{"__name__", "a"}}));
    CHECK(index.restore(7, 3, {{"__name__", "a"}}));
    CHECK_FALSE(index.restore(7, 3, {{"__name__", "b"}}));
    CHECK_FALSE(index.restore(8, 0, {{"__name__", "a"}}));
    CHECK(index.restore(2, 0, {{"__name__", "c"}}));
    CHECK(index.add({{"__name__", "d"}}) == 0);
    CHECK(index.size() == 3);
}

TEST_CASE("names and values are sorted and said once", "[store][index]") {
    Index index;
    index.add({{"__name__", "up"}, {"job", "b"}});
    index.add({{"__name__", "up"}, {"job", "a"}});
    CHECK(index.names() == std::vector<std::string>{"__name__", "job"});
    CHECK(index.values("job") == std::vector<std::string>{"a", "b"});
    CHECK(index.values("none").empty());
}

TEST_CASE("a pattern of words is known as such", "[store][matching]") {
    using Words = std::optional<std::vector<std::string>>;
    using List = std::vector<std::string>;
    CHECK(pattern_words("a|b") == Words(List{"a", "b"}));
    CHECK(pattern_words("(a|b)") == Words(List{"a", "b"}));
    CHECK(pattern_words("(?:b|a|a)") == Words(List{"a", "b"}));
    CHECK(pattern_words("a\\.b|c") == Words(List{"a.b", "c"}));
    CHECK(pattern_words("a|") == Words(List{"", "a"}));
    CHECK(pattern_words("") == Words(List{""}));
    CHECK(pattern_words("a.b") == std::nullopt);
    CHECK(pattern_words("(a)|(b)") == std::nullopt);
    CHECK(pattern_words("\\d") == std::nullopt);
    CHECK(pattern_words("(a\\)") == std::nullopt);
}

TEST_CASE("a word with anything around it is found without running the pattern",
          "[store][matching]") {
    // Each beside the pattern itself, made slow by an empty group.
    const std::string pattern = GENERATE(
        as<std::string>(), ".*b", "b.*", ".*b.*", ".*a\\.b", "a\\.*", ".*a|a", ".*a|a.*", ".*(ab)",
        ".*(?:ab).*", ".*.*", ".*?b", ".*b+", "(.*)b", ".*\\", ".*ab\\.*");
    CAPTURE(pattern);
    const auto quick = ReadyMatcher::make({Op::Match, "job", pattern});
    const auto slow = ReadyMatcher::make({Op::Match, "job", "(?:(?:" + pattern + ")(?:))"});
    REQUIRE(quick.has_value() == slow.has_value());
    if (!quick) return;
    REQUIRE(slow->is_slow());
    for (const char* value : {"", "a", "b", "ab", "ba", "a.b", "axb", "xa.b", "a.bx", "a...", "aab",
                              "b\n", "\nb", "ab.", "xab"}) {
        CAPTURE(value);
        CHECK(quick->holds(value) == slow->holds(value));
    }
    CHECK_FALSE(ReadyMatcher::make({Op::Match, "job", ".*b"})->is_slow());
}

TEST_CASE("Go's named groups are spelled as RE2 of 2022 wants them", "[store][matching]") {
    CHECK(with_go_groups("(?<n>a)") == "(?P<n>a)");
    CHECK(with_go_groups("\\(?<n>a") == "\\(?<n>a");
    CHECK(with_go_groups("[(?<n>]") == "[(?<n>]");
    CHECK(with_go_groups("[](?<n>]") == "[](?<n>]");
    CHECK(with_go_groups("(?<=a)") == "(?<=a)");
    CHECK(with_go_groups("\\Q(?<n>\\E(?<n>a)") == "\\Q(?<n>\\E(?P<n>a)");
}

TEST_CASE("a pattern that is none is refused with the matcher and the reason",
          "[store][matching]") {
    const auto made = ReadyMatcher::make({Op::Match, "job", "a("});
    REQUIRE_FALSE(made);
    CHECK(made.error().fault == Fault::BadInput);
    CHECK(made.error().message == "the pattern of job=~\"a(\" cannot be read: missing ): a(");
}

}  // namespace vedette::store
