#pragma once

#include <random>
#include <span>
#include <string>
#include <vector>

namespace vedette::promql {

/// Makes random queries of good types over the metrics of RandomData.
class RandomQuery {
public:
    explicit RandomQuery(std::uint64_t seed) : random_(seed) {}
    /// Every choice takes one of these bytes, and the first that is offered when there are no more.
    explicit RandomQuery(std::span<const std::uint8_t> bytes) : from_bytes_(true), bytes_(bytes) {}

    std::string query() { return below(12) == 0 ? scalar(3) : vector(3); }
    /// One whose answer at a single time may be a range vector, or in the order of its values.
    std::string instant_query() {
        switch (below(8)) {
            case 0:
                return matrix(2);
            case 1:
                return pick({"sort(", "sort_desc("}) + vector(2) + ")";
            default:
                return query();
        }
    }

private:
    std::size_t below(std::size_t n) {
        if (!from_bytes_) return random_() % n;
        if (bytes_.empty()) return 0;
        const std::uint8_t next = bytes_.front();
        bytes_ = bytes_.subspan(1);
        return next % n;
    }
    std::string pick(std::initializer_list<const char*> list) {
        return *(list.begin() + below(list.size()));
    }

    std::string selector() {
        std::string out = pick({"c", "c", "g", "g", "h_bucket", "n", "e", "e", "u", "w"});
        out +=
            pick({"", "", "", "{a=\"1\"}", "{b=~\"x|y\"}", "{a!=\"2\",b=\"x\"}", "{b!~\"y.*\"}"});
        return below(30) == 0 ? pick({"{__name__=~\"c|g\"}", "{\"g\",a=\"1\"}", "nothing", "c{zz=\"\"}",
                                        "g{a=~\"1|3\", b!=\"\"}", "{a=\"1\"}", "c{a=\"1\",a!=\"2\"}"}) : out;
    }
    std::string shift() {
        return pick({"", "", "", "", "", " offset 1m", " offset -2m", " @ 600", " @ end()",
                     " @ start() offset 30s", " offset 90", " offset -0x10",
                     " offset 1m30s250ms @ 900.5", " @ end() offset -16"});
    }
    std::string matrix(int depth) {
        if (depth > 0 && below(5) == 0)
            return vector(depth - 1, true) + "[" + pick({"2m", "5m", "7m30s"}) + ":" +
                   pick({"", "30s", "1m", "45s"}) + "]" + shift();
        return selector() + "[" + pick({"1m", "2m", "5m", "97s", "10m"}) + "]" + shift();
    }
    std::string scalar(int depth) {
        switch (below(depth > 0 ? 7 : 3)) {
            case 0:
                return pick({"0", "1", "2.5", "-3", "1e3", "0x1f", "5m", "Inf", "NaN"});
            case 1:
                return pick({"1", "2", "0.5", "10"});
            case 2:
                return pick({"time()", "pi()"});
            case 3:
                return "scalar(" + vector(depth - 1) + ")";
            case 4:
                return "(" + scalar(depth - 1) + ")";
            case 5:
                return scalar(depth - 1) +
                       pick({" + ", " - ", " * ", " / ", " % ", " ^ ", " atan2 ", " > bool ",
                             " == bool ", " != bool ", " <= bool "}) +
                       scalar(depth - 1);
            default:
                return "-" + scalar(depth - 1);
        }
    }
    /// A parameter: mostly a plain number, at times anything of its type.
    std::string number(std::initializer_list<const char*> list) {
        return below(10) == 9 ? "(" + scalar(1) + ")" : pick(list);
    }
    std::string labels() {
        return pick({"(missing)", "(__name__)", "(a,)", "()", "(a)", "(b)", "(a, b)", "(le)", "(a, le)", "(\"b\")"});
    }

    std::string vector(int depth, bool operand = false) {
        if (depth == 0) return selector() + shift();
        const std::string made = node(depth);
        return operand ? "(" + made + ")" : made;
    }
    std::string node(int depth) {
        switch (below(12)) {
            case 0:
                return selector() + shift();
            case 1:
            case 2:
                return aggregation(depth);
            case 3:
            case 4:
                return over_time(depth);
            case 5:
                return function(depth);
            case 6:
            case 7:
                return binary(depth);
            case 8:
                return with_scalar(depth);
            case 9:
                return "-" + vector(depth - 1, true);
            case 10:
                return "(" + vector(depth - 1) + ")";
            default:
                return vector(depth - 1);
        }
    }
    std::string aggregation(int depth) {
        std::string modifier = pick({"", "by ", "without "});
        if (!modifier.empty()) modifier = " " + modifier + labels() + " ";
        const std::string op =
            pick({"sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "quantile",
                  "sum", "count_values", "topk", "bottomk"});
        const bool ranks = op == "topk" || op == "bottomk";
        std::string param;
        if (ranks)
            param = number({"1", "2", "5", "0", "-1", "1.9", "NaN", "scalar(n{a=\"1\"})"}) + ", ";
        if (op == "quantile") param = number({"0.5", "0.9", "1", "-1", "2"}) + ", ";
        if (op == "count_values") param = pick({"\"v\", ", "'a', ", "\"le\", "});
        const std::string body = "(" + param + vector(depth - 1) + ")";
        return below(2) == 0 ? op + modifier + body : op + body + modifier;
    }
    std::string over_time(int depth) {
        const std::string name = pick({"rate",
                                       "increase",
                                       "delta",
                                       "irate",
                                       "idelta",
                                       "deriv",
                                       "changes",
                                       "resets",
                                       "sum_over_time",
                                       "avg_over_time",
                                       "min_over_time",
                                       "max_over_time",
                                       "count_over_time",
                                       "last_over_time",
                                       "present_over_time",
                                       "stddev_over_time",
                                       "stdvar_over_time",
                                       "quantile_over_time",
                                       "predict_linear",
                                       "absent_over_time"});
        if (name == "quantile_over_time")
            return name + "(" + number({"0.5", "0.99", "-1", "2"}) + ", " + matrix(depth - 1) + ")";
        if (name == "predict_linear")
            return name + "(" + matrix(depth - 1) + ", " + number({"60", "-30", "1h"}) + ")";
        return name + "(" + matrix(depth - 1) + ")";
    }
    std::string function(int depth) {
        const std::string inner = vector(depth - 1);
        switch (below(17)) {
            case 12:
                return pick({"timestamp(", "absent("}) + selector() + shift() + ")";
            case 13:
                return pick({"minute()", "year()", "day_of_week(vector(time()))", "vector(pi())"});
            case 10:
                return pick({"minute", "hour", "day_of_week", "day_of_month", "day_of_year",
                             "month", "year", "days_in_month"}) +
                       "(" + inner + ")";
            case 11:
                return "histogram_fraction(" +
                       pick({"0.2, 0.9, ", "-1, 5, ", "1, 0, ", "0, Inf, "}) +
                       pick({"h_bucket)", "rate(h_bucket[5m]))", "c)"});
            case 0:
                return pick({"abs",  "ceil", "floor", "exp",   "ln",    "log2", "log10", "sqrt",
                             "sgn",  "sin",  "cos",   "tan",   "asin",  "acos", "atan",  "sinh",
                             "cosh", "tanh", "asinh", "acosh", "atanh", "deg",  "rad"}) +
                       "(" + inner + ")";
            case 1:
                return "clamp(" + inner + ", " +
                       pick({"0, 10", "5, 1", "-1, 1", "NaN, 1", "-0, Inf"}) + ")";
            case 2:
                return pick({"clamp_min(", "clamp_max("}) + inner + ", 3)";
            case 3:
                return "round(" + inner + pick({")", ", 0.5)", ", 10)"});
            case 4:
                return "label_replace(" + inner + ", " +
                       pick({"\"d\", \"$1-z\", \"a\", \"(.*)\")",
                             "\"a\", \"$1\", \"b\", \"(.).*\")",
                             "\"d\", \"${two}$$\", \"b\", \"(?P<two>y+)\")",
                             "\"b\", \"\", \"b\", \"y|yy\")",
                             "\"__name__\", \"$1\", \"a\", \"(.+)\")",
                             "\"d\", \"$1_$10${1}0\", \"a\", \"(?i)([0-9])\")"});
            case 5:
                return "label_join(" + inner + ", " +
                       pick({"\"d\", \"-\", \"a\", \"b\")", "\"a\", \"\", \"b\")",
                             "\"d\", \",\")", "\"__name__\", \"_\", \"a\")"});
            case 6:
                return "timestamp(" + inner + ")";
            case 7:
                return "vector(" + scalar(depth - 1) + ")";
            case 8:
                return "absent(" + inner + ")";
            case 14:
                return pick({"histogram_count(", "histogram_sum(", "histogram_avg(",
                             "histogram_stddev(", "histogram_stdvar("}) +
                       inner + ")";
            case 15:
                return pick({"histogram_quantile(0.3, ", "histogram_quantile(0.8, ",
                             "histogram_fraction(-0.5, 3, "}) +
                       pick({"e", "rate(e[5m])", "sum(rate(e[5m]))", "u", "w", "-e"}) + ")";
            default:
                return "histogram_quantile(" + pick({"0.5", "0.9", "0", "1", "-1", "2"}) + ", " +
                       pick(
                           {"h_bucket", "rate(h_bucket[5m])", "sum by (le) (rate(h_bucket[5m]))"}) +
                       ")";
        }
    }
    std::string binary(int depth) {
        const std::string op = pick({"+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<",
                                     ">=", "<=", "and", "or", "unless", "> bool", "== bool"});
        const bool set = op == "and" || op == "or" || op == "unless";
        std::string matching =
            pick({"", "", "", "on (a) ", "ignoring (b) ", "on (a, b) ", "ignoring (le, b) ",
                  "on () ", "ignoring (a) "});
        if (!matching.empty() && !set)
            matching += pick({"", "group_left () ", "group_right () ", "group_left (le) ", "group_right (le) ",
                              "group_left (missing) "});
        return vector(depth - 1, true) + " " + op + " " + matching + vector(depth - 1, true);
    }
    std::string with_scalar(int depth) {
        const std::string op =
            pick({" + ", " - ", " * ", " / ", " % ", " ^ ", " > ", " < bool ", " != "});
        return below(2) == 0 ? vector(depth - 1, true) + op + "(" + scalar(depth - 1) + ")"
                             : "(" + scalar(depth - 1) + ")" + op + vector(depth - 1, true);
    }

    std::mt19937_64 random_;
    bool from_bytes_ = false;
    std::span<const std::uint8_t> bytes_;
};

}  // namespace vedette::promql
