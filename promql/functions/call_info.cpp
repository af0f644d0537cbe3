#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <unordered_map>

#include "promql/evaluation/evaluator.h"
#include "promql/labels/regex.h"

namespace vedette::promql {

namespace {

/// By these labels a series and what is known about it find each other.
constexpr std::array<std::string_view, 2> identifying = {"instance", "job"};
constexpr std::string_view default_info = "target_info";

/// What `info` is to find, from its second argument.
struct Wanted {
    std::vector<Matcher> names;                          ///< of info metrics
    std::map<std::string, std::vector<Matcher>> labels;  ///< by the data label they look at

    bool wants(std::string_view label) const {
        return labels.empty() || labels.contains(std::string(label));
    }
};

Wanted wanted_by(const Call& call) {
    Wanted out;
    if (call.args.size() < 2) {
        out.names.push_back(
            {Matcher::Op::Equal, std::string(metric_name_label), std::string(default_info)});
        return out;
    }
    for (const Matcher& matcher : call.args[1]->as<Selector>()->matchers)
        if (matcher.name == metric_name_label)
            out.names.push_back(matcher);
        else
            out.labels[matcher.name].push_back(matcher);
    return out;
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) out += '\\';
        out += c;
    }
    return out;
}

/// A matcher for each identifying label: any of the values that the series have.
std::vector<Matcher> matchers_of_values(const Block& block, const std::vector<char>& left_alone) {
    std::map<std::string_view, std::set<std::string>> values;
    for (std::size_t r = 0; r < block.rows(); ++r)
        for (const std::string_view name : identifying)
            if (const auto value = block.labels[r].get(name); !left_alone[r] && !value.empty())
                values[name].insert(escaped(value));
    std::vector<Matcher> out;
    for (const auto& [name, texts] : values)
        out.push_back(
            {Matcher::Op::Match, std::string(name), fmt::format("{}", fmt::join(texts, "|"))});
    return out;
}

/// The name of an info metric and the identifying labels, as one text.
std::string signature(std::string_view info_name, const Labels& labels) {
    std::string out(info_name);
    for (const std::string_view name : identifying) {
        out += '\xff';
        out += labels.get(name);
    }
    return out;
}

bool all_match_empty(const Wanted& wanted) {
    for (const auto& [label, matchers] : wanted.labels)
        for (const Matcher& matcher : matchers)
            if (!matches(matcher, "")) return false;
    return true;
}

/// Joins series with the data labels of their info series, step by step: info series come and go.
class InfoJoin {
public:
    /// `info` holds the times of the samples. `keeps_bare`: a series for which nothing is found
    /// stays as it is, and else goes.
    InfoJoin(const Wanted& wanted, const Block& base, const std::vector<char>& left_alone,
             const Block& info, bool keeps_bare)
        : wanted_(wanted),
          base_(base),
          left_alone_(left_alone),
          info_(info),
          keeps_bare_(keeps_bare),
          out_(base.steps) {
        std::set<std::string> names;
        for (const Labels& labels : info.labels) {
            const std::string name(labels.get(metric_name_label));
            names.insert(name);
            info_signatures_.push_back(signature(name, labels));
        }
        names_.assign(names.begin(), names.end());
    }

    Result<Block> run() {
        for (std::size_t step = 0; step < base_.steps; ++step) {
            if (!anything_at(step)) continue;
            if (auto good = find_newest(step); !good) return fail(good.error());
            std::size_t present = 0;
            for (std::size_t r = 0; r < base_.rows(); ++r)
                if (!is_absent(base_.row(r)[step]))
                    if (auto good = join(r, present++, step); !good) return fail(good.error());
        }
        return std::move(out_);
    }

private:
    bool anything_at(std::size_t step) const {
        for (std::size_t r = 0; r < base_.rows(); ++r)
            if (!is_absent(base_.row(r)[step])) return true;
        return false;
    }

    /// The newest of the info series that have a value at `step`, by signature.
    ///
    /// Prometheus numbers the series present at a step and looks their signatures up by that number
    /// in the list of all: where one is missing, those behind it are taken for their neighbours. So
    /// do we, here and for the base, to give the same answers.
    Result<void> find_newest(std::size_t step) {
        newest_.clear();
        std::size_t present = 0;
        for (std::size_t r = 0; r < info_.rows(); ++r) {
            const double at = info_.row(r)[step];
            if (is_absent(at)) continue;
            const auto [known, is_new] = newest_.try_emplace(info_signatures_[present++], r);
            if (is_new) continue;
            const double before = info_.row(known->second)[step];
            if (before == at)
                return fail(Fault::BadInput,
                            fmt::format("found duplicate series for info metric {}",
                                        info_.labels[r].get(metric_name_label)));
            if (before < at) known->second = r;
        }
        return {};
    }

    Result<void> join(std::size_t row, std::size_t present, std::size_t step) {
        const Labels& labels = base_.labels[row];
        if (left_alone_[row]) return put(labels, row, step);
        std::map<std::string, std::string> data;
        for (const std::string& name : names_) {
            const auto at = newest_.find(signature(name, base_.labels[present]));
            if (at == newest_.end()) continue;
            if (auto good = collect(info_.labels[at->second], labels, data); !good) return good;
        }
        if (data.empty() && !keeps_bare_) return {};
        LabelsBuilder builder(labels);
        for (const auto& [name, value] : data) builder.set(name, value);
        return put(builder.build(), row, step);
    }

    Result<void> collect(const Labels& info, const Labels& labels,
                         std::map<std::string, std::string>& data) const {
        for (const Label label : info) {
            if (label.name == metric_name_label || !wanted_.wants(label.name)) continue;
            const auto known = data.find(std::string(label.name));
            if (known != data.end() && known->second != label.value)
                return fail(Fault::BadInput, fmt::format("conflicting label: {}", label.name));
            if (!labels.has(label.name)) data.emplace(label.name, label.value);
        }
        return {};
    }

    Result<void> put(const Labels& labels, std::size_t row, std::size_t step) {
        const auto [at, is_new] = rows_.try_emplace(to_string(labels), out_.rows());
        if (is_new) out_.add(labels);
        if (!is_absent(out_.row(at->second)[step]))
            return fail(Fault::BadInput, std::string(same_labels));
        out_.put(at->second, step, base_.cell(row, step));
        return {};
    }

    const Wanted& wanted_;
    const Block& base_;
    const std::vector<char>& left_alone_;
    const Block& info_;
    bool keeps_bare_;
    std::vector<std::string> names_, info_signatures_;
    std::unordered_map<std::string, std::size_t> newest_, rows_;
    Block out_;
};

/// The first selector of an expression, left to right: its time is that of the info series.
const Selector* first_selector(const Expr& expr) {
    if (const Selector* node = expr.as<Selector>()) return node;
    if (const Paren* node = expr.as<Paren>()) return first_selector(*node->expr);
    if (const Unary* node = expr.as<Unary>()) return first_selector(*node->expr);
    if (const Subquery* node = expr.as<Subquery>()) return first_selector(*node->expr);
    if (const Binary* node = expr.as<Binary>()) {
        const Selector* left = first_selector(*node->lhs);
        return left != nullptr ? left : first_selector(*node->rhs);
    }
    if (const Aggregate* node = expr.as<Aggregate>()) {
        const Selector* inner = first_selector(*node->expr);
        return inner != nullptr || node->param == nullptr ? inner : first_selector(*node->param);
    }
    if (const Call* node = expr.as<Call>())
        for (const ExprPtr& arg : node->args)
            if (const Selector* found = first_selector(*arg)) return found;
    return nullptr;
}

}  // namespace

Result<Block> Evaluator::eval_info(const Call& call) {
    Result<Block> base = eval(*call.args[0]);
    if (!base) return base;
    if (call.args.size() > 1 && time_of(call.args[1]->as<Selector>()->shift) &&
        !around_.in_parameter)
        return fail(Fault::BadInput,
                    "unexpected error: interface conversion: parser.Expr is "
                    "*parser.StepInvariantExpr, not *parser.VectorSelector");
    base->show_labels();
    const Wanted wanted = wanted_by(call);
    std::vector<char> left_alone;
    for (const Labels& labels : base->labels) {
        const std::string_view name = labels.get(metric_name_label);
        left_alone.push_back(std::ranges::any_of(
            wanted.names, [&](const Matcher& matcher) { return matches(matcher, name); }));
    }
    std::vector<Matcher> matchers = matchers_of_values(*base, left_alone);
    // Where no series has an identifying label, Prometheus counts the name among the data labels.
    const bool keeps_bare = all_match_empty(wanted) &&
                            (!matchers.empty() || call.args.size() < 2 || wanted.names.empty());
    Block info(steps_.count);
    if (!matchers.empty()) {
        if (wanted.names.empty())
            matchers.push_back(
                {Matcher::Op::Equal, std::string(metric_name_label), std::string(default_info)});
        matchers.insert(matchers.end(), wanted.names.begin(), wanted.names.end());
        for (const auto& [label, list] : wanted.labels)
            matchers.insert(matchers.end(), list.begin(), list.end());
        // The info series are looked at now, but only as far as the first selector of the argument
        // sees.
        Window window{{steps_.start}, {around_.end}};
        if (const Selector* first = first_selector(*call.args[0])) {
            if (const auto at = time_of(first->shift)) window = {{*at}, {*at}};
            window.from.ms -= first->shift.offset.count();
            window.to.ms -= first->shift.offset.count();
        }
        window.from.ms -= context_.settings.lookback.count();
        Result<Block> found = select_latest(matchers, {window, steps_, true, false, true});
        if (!found) return found;
        info = std::move(*found);
        add_present(info, *gathered_);
    }
    return InfoJoin(wanted, *base, left_alone, info, keeps_bare).run();
}

}  // namespace vedette::promql
