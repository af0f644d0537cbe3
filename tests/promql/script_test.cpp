#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "promql/engine.h"
#include "promql/syntax/parse.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_source.h"

using namespace vedette;
using namespace vedette::promql;

namespace {

/// One question of a script and the lines below it.
///
///   load 1m                                        what is stored, in the notation of MemorySource
///     c_total{a="1"} 0+60x10 _ stale
///   eval instant at 5m rate(c_total[5m])           one value a series
///     {a="1"} 1
///   eval range from 0 to 3m step 1m c_total        one value a step, `_` where there is none
///     c_total{a="1"} 0 60 120 180
///   eval instant at 0 a + on () b                  the whole error
///     error: multiple matches for labels: …
///
/// A line `features promql-duration-expr,…` switches on what Prometheus has behind its flag.
/// Nothing below an `eval` means an empty answer. Times are durations as in PromQL or seconds;
/// lines that start with # are for people. `record.py scripts` writes what Prometheus answers
/// below each `eval`.
struct Question {
    std::size_t line = 0;
    std::vector<std::string> times;  ///< of an instant one, of a range three
    std::string query;
    std::vector<std::string> expected;
};

struct Script {
    MemorySource source;
    Features features;
    std::vector<Question> questions;
};

/// Takes the words before the query; those of `shape` that are no `*` must stand there.
std::vector<std::string> take_words(std::istringstream& line, std::string_view shape) {
    std::vector<std::string> out;
    std::istringstream words{std::string(shape)};
    for (std::string wanted, word; words >> wanted;) {
        line >> word;
        check(wanted == "*" || wanted == word,
              "a line of a script reads `" + std::string(shape) + "`");
        if (wanted == "*") out.push_back(word);
    }
    return out;
}

std::int64_t milliseconds(const std::string& text) {
    return std::llround(parse(text).value()->as<Number>()->value * 1000);
}

Script read_script(const std::filesystem::path& path) {
    Script out;
    std::ifstream file(path);
    std::string text, load_step;
    for (std::size_t number = 1; std::getline(file, text); ++number) {
        const std::size_t first = text.find_first_not_of(' ');
        if (first == std::string::npos || text[first] == '#') continue;
        if (first > 0 && !out.questions.empty()) {
            out.questions.back().expected.push_back(text.substr(first));
        } else if (first > 0) {
            out.source.load(text, {0}, Milliseconds(milliseconds(load_step)));
        } else {
            std::istringstream line(text);
            if (text.starts_with("features ")) {
                CHECK(enable_features(out.features, text.substr(9)).empty());
                continue;
            }
            if (text.starts_with("load ")) {
                load_step = take_words(line, "load *").front();
                continue;
            }
            const bool range = text.starts_with("eval range");
            Question question;
            question.line = number;
            question.times =
                take_words(line, range ? "eval range from * to * step *" : "eval instant at *");
            std::getline(line >> std::ws, question.query);
            out.questions.push_back(question);
        }
    }
    return out;
}

/// The answer as the script would say it: one line a series, in the order of the lines.
std::vector<std::string> lines_of(const Result<QueryResult>& result,
                                  const std::vector<Timestamp>& steps) {
    if (!result) return {"error: " + result.error().message};
    std::vector<std::string> out;
    for (const auto& series : result->series) {
        std::string line = series.labels.empty() ? "{}" : to_string(series.labels);
        for (const Timestamp step : steps) {
            const auto at = std::find_if(series.samples.begin(), series.samples.end(),
                                         [&](const Sample& sample) { return sample.at == step; });
            line += at == series.samples.end()
                        ? " _"
                        : ' ' + format_value(std::get<double>(at->value), ValueStyle::Json);
        }
        out.push_back(line);
    }
    std::sort(out.begin(), out.end());
    return out;
}

/// Whether two lines say the same, but for the last digits of their numbers.
bool alike(const std::string& got, const std::string& expected) {
    std::istringstream a(got), b(expected);
    std::string x, y;
    while (true) {
        const bool more_a = static_cast<bool>(a >> x), more_b = static_cast<bool>(b >> y);
        if (!more_a || !more_b) return more_a == more_b;
        if (x == y) continue;
        const auto left = parse_value(x), right = parse_value(y);
        if (!left || !right || !(std::abs(*left - *right) <= 1e-12 * std::abs(*right)))
            return false;
    }
}

void ask(const Question& question, MemorySource& source, Features features) {
    CAPTURE(question.line, question.query);
    const ManualClock clock;
    EngineSettings settings;
    settings.features = features;
    const Engine engine(settings, clock);
    const ExprPtr expr = std::move(parse(question.query, nullptr, features).value());
    std::vector<Timestamp> steps;
    std::vector<std::string> got;
    const Timestamp start{milliseconds(question.times[0])};
    if (question.times.size() == 1) {
        got = lines_of(engine.instant(*expr, start, source), {start});
    } else {
        const Timestamp end{milliseconds(question.times[1])};
        const Milliseconds step{milliseconds(question.times[2])};
        for (Timestamp at = start; at <= end; at = at + step) steps.push_back(at);
        got = lines_of(engine.range(*expr, start, end, step, source), steps);
    }
    bool same = got.size() == question.expected.size();
    for (std::size_t i = 0; same && i < got.size(); ++i) same = alike(got[i], question.expected[i]);
    if (!same) CHECK(got == question.expected);
}

}  // namespace

TEST_CASE("every script is answered as Prometheus 3.5.3 answers it", "[promql][script]") {
    std::size_t asked = 0;
    for (const auto& entry : std::filesystem::directory_iterator("tests/promql/scripts")) {
        CAPTURE(entry.path().string());
        Script script = read_script(entry.path());
        CHECK(!script.questions.empty());
        for (const Question& question : script.questions) ask(question, script.source, script.features);
        asked += script.questions.size();
    }
    CHECK(asked > 100);
}
