#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "core/histogram.h"
#include "promql/evaluation/evaluator.h"
#include "promql/functions/go_math.h"
#include "promql/labels/group_key.h"

namespace vedette::promql {

std::string in_braces(const Labels& labels) {
    std::string out;
    for (const Label label : labels) {
        if (!out.empty()) out += ", ";
        out += is_classic_label_name(label.name) ? std::string(label.name) : quote(label.name);
        out += '=' + quote(label.value);
    }
    return '{' + out + '}';
}

namespace {

double arithmetic(Op op, double a, double b) {
    switch (op) {
        case Op::Add:
            return a + b;
        case Op::Sub:
            return a - b;
        case Op::Mul:
            return a * b;
        case Op::Div:
            return a / b;
        case Op::Mod:
            return std::fmod(a, b);
        case Op::Pow:
            return go::pow(a, b);
        default:
            return go::atan2(a, b);
    }
}

}  // namespace

bool compares(Op op, double a, double b) {
    switch (op) {
        case Op::Equal:
            return a == b;
        case Op::NotEqual:
            return a != b;
        case Op::Less:
            return a < b;
        case Op::LessEqual:
            return a <= b;
        case Op::Greater:
            return a > b;
        default:
            return a >= b;
    }
}

namespace {

/// What stands for `a op b`: a comparison keeps `kept` or nothing, with bool it is 1 or 0.
double combine(Op op, bool return_bool, double a, double b, double kept) {
    if (!is_comparison(op)) return arithmetic(op, a, b);
    const bool holds = compares(op, a, b);
    if (return_bool) return holds ? 1 : 0;
    return holds ? kept : absent_value();
}

/// What a binary operator says about the histograms it met. Prometheus keeps of each step what it
/// said last.
class BinaryNotes {
public:
    enum Note : char { None, FloatHistogram, HistogramFloat, HistogramHistogram, Layout };

    explicit BinaryNotes(std::size_t steps) : last_(steps, None) {}
    void say(std::size_t step, Note note) { last_[step] = note; }

    void tell(QueryContext& context, const Expr& at, Op op) const {
        const std::string name(to_string(op));
        for (const Note note : {FloatHistogram, HistogramFloat, HistogramHistogram, Layout}) {
            if (std::ranges::find(last_, note) == last_.end()) continue;
            if (note == Layout)
                context.warn(at,
                             "incompatible bucket layout encountered for binary operator " + name);
            else
                context.inform(
                    at, fmt::format("incompatible sample types encountered for binary operator "
                                    "\"{0}\": {1} {0} {2}",
                                    name, note == FloatHistogram ? "float" : "histogram",
                                    note == HistogramFloat ? "float" : "histogram"));
        }
    }

private:
    std::vector<Note> last_;
};

Cell scaled(const Histogram& histogram, void (*scale)(Histogram&, double), double by) {
    auto out = std::make_shared<Histogram>(histogram);
    scale(*out, by);
    compact(*out);
    return Cell(HistogramRef(std::move(out)));
}

/// `combine` where one side at least is a histogram. `note` says why there is no answer.
Cell combine_histograms(Op op, bool return_bool, const Cell& a, const Cell& b,
                        BinaryNotes::Note& note) {
    const bool left = is_histogram(a.value), right = is_histogram(b.value);
    if (op == Op::Mul && left != right)
        return left ? scaled(*a.histogram, multiply, b.value)
                    : scaled(*b.histogram, multiply, a.value);
    if (op == Op::Div && left && !right) return scaled(*a.histogram, divide, b.value);
    if (left && right && (op == Op::Equal || op == Op::NotEqual)) {
        const bool holds = same_data(*a.histogram, *b.histogram) == (op == Op::Equal);
        if (return_bool) return Cell(holds ? 1.0 : 0.0);
        return holds ? a : Cell();
    }
    if (left && right && (op == Op::Add || op == Op::Sub)) {
        auto out = std::make_shared<Histogram>(*a.histogram);
        const Incompatible why =
            op == Op::Add ? add(*out, *b.histogram) : subtract(*out, *b.histogram);
        if (why != Incompatible::No) {
            note = BinaryNotes::Layout;
            return {};
        }
        compact(*out);
        return Cell(HistogramRef(std::move(out)));
    }
    note = !left    ? BinaryNotes::FloatHistogram
           : !right ? BinaryNotes::HistogramFloat
                    : BinaryNotes::HistogramHistogram;
    return {};
}

/// Joins rows by the labels that must agree. Keys are made once a row, not once a step.
struct Groups {
    std::vector<std::size_t> left, right;  ///< group of each row
    std::size_t count = 0;
};

Groups group_rows(const Matching& matching, const Block& lhs, const Block& rhs) {
    Groups groups;
    GroupKey key(matching.labels, !matching.on);
    std::unordered_map<std::string, std::size_t> known;
    const auto groups_of = [&](const Block& block, std::vector<std::size_t>& out) {
        out.reserve(block.rows());
        for (std::size_t i = 0; i < block.rows(); ++i)
            out.push_back(known.try_emplace(key.of(block.labels[i], block.nameless), known.size())
                              .first->second);
    };
    groups_of(lhs, groups.left);
    groups_of(rhs, groups.right);
    groups.count = known.size();
    return groups;
}

/// Evaluates `many op one`, where every group has at most one row of `one` at a step.
class Join {
public:
    Join(const Binary& binary, Block lhs, Block rhs, QueryContext& context)
        : context_(context),
          binary_(binary),
          marks_names_(context.settings.features.delayed_name_removal && binary.return_bool),
          swapped_(binary.matching.card == Matching::Card::OneToMany),
          many_(std::move(swapped_ ? rhs : lhs)),
          one_(std::move(swapped_ ? lhs : rhs)),
          groups_(group_rows(binary.matching, many_, one_)),
          out_(many_.steps),
          notes_(many_.steps),
          mixed_(many_.has_histograms() || one_.has_histograms()),
          steps_left_(many_.steps) {}

    Result<Block> run();
    const BinaryNotes& notes() const { return notes_; }

private:
    using Card = Matching::Card;

    std::string duplicate_on_one_side(std::size_t step);
    void find_duplicates();
    Result<void> join_pair(std::size_t many_row, std::size_t one_row);
    /// What two rows are worth, into that row.
    void join_into(std::size_t row, std::size_t many_row, std::size_t one_row);
    Cell answer(std::size_t many_row, std::size_t one_row, std::size_t step);
    /// Prometheus goes step by step, so the error of the earliest step counts; at one step the one
    /// that is seen `late` gives way.
    void refuse(std::size_t step, std::string why, bool late);
    std::string match_group(const Labels& labels) const;
    Labels result_labels(const Labels& many, const Labels& one) const;

    QueryContext& context_;
    const Binary& binary_;
    bool marks_names_;  ///< instead of taking them out
    bool swapped_;
    Block many_, one_;
    Groups groups_;
    Block out_;
    BinaryNotes notes_;
    bool mixed_;                                      ///< there are histograms
    std::vector<std::vector<std::size_t>> one_rows_;  ///< of each group
    std::vector<std::vector<char>> taken_;            ///< one to one: by group, by step
    std::unordered_map<std::string, std::size_t> out_rows_;
    std::vector<std::pair<std::size_t, std::size_t>>
        out_group_;           ///< row of out_: group that made it
    std::size_t steps_left_;  ///< errors from here on no longer count
    std::string why_;
};

std::string Join::match_group(const Labels& labels) const {
    const Matching& matching = binary_.matching;
    LabelsBuilder builder(labels);
    if (matching.on) {
        builder.keep(matching.labels);
    } else {
        for (const std::string& label : matching.labels) builder.del(label);
        builder.del(metric_name_label);
    }
    return in_braces(builder.build());
}

/// The error for the first group that has two rows of the one side at a step, or nothing.
std::string Join::duplicate_on_one_side(std::size_t step) {
    const auto has_value = [&](const Block& block) {
        for (std::size_t i = 0; i < block.rows(); ++i)
            if (!is_absent(block.row(i)[step])) return true;
        return false;
    };
    if (!has_value(many_) || !has_value(one_)) return {};
    std::unordered_map<std::size_t, std::size_t> first;
    for (std::size_t i = 0; i < one_.rows(); ++i) {
        if (is_absent(one_.row(i)[step])) continue;
        const auto [at, is_new] = first.try_emplace(groups_.right[i], i);
        if (is_new) continue;
        return fmt::format(
            "found duplicate series for the match group {} on the {} hand-side of the operation: "
            "[{}, {}];many-to-many matching not allowed: matching labels must be unique on one "
            "side",
            match_group(one_.shown_labels(i)), swapped_ ? "left" : "right",
            in_braces(one_.shown_labels(i)), in_braces(one_.shown_labels(at->second)));
    }
    return {};
}

Labels Join::result_labels(const Labels& many, const Labels& one) const {
    const Matching& matching = binary_.matching;
    LabelsBuilder builder(many);
    if (!is_comparison(binary_.op) || (binary_.return_bool && !marks_names_))
        builder.del(metric_name_label);
    if (matching.card == Card::OneToOne) {
        if (matching.on)
            builder.keep(matching.labels);
        else
            for (const std::string& label : matching.labels) builder.del(label);
    }
    for (const std::string& label : matching.include) builder.set(label, one.get(label));
    // group_left(__name__) of bool still loses it.
    if (binary_.return_bool && !marks_names_) builder.del(metric_name_label);
    return builder.build();
}

void Join::refuse(std::size_t step, std::string why, bool late) {
    steps_left_ = late ? step + 1 : step;
    why_ = std::move(why);
}

Cell Join::answer(std::size_t many_row, std::size_t one_row, std::size_t step) {
    const double many = many_.row(many_row)[step], one = one_.row(one_row)[step];
    if (mixed_ && (is_histogram(many) || is_histogram(one))) {
        Cell a = many_.cell(many_row, step), b = one_.cell(one_row, step);
        if (swapped_) std::swap(a, b);
        BinaryNotes::Note note = BinaryNotes::None;
        Cell out = combine_histograms(binary_.op, binary_.return_bool, a, b, note);
        if (note != BinaryNotes::None) notes_.say(step, note);
        return out;
    }
    const double a = swapped_ ? one : many, b = swapped_ ? many : one;
    return Cell(combine(binary_.op, binary_.return_bool, a, b, a));
}

Result<void> Join::join_pair(std::size_t many_row, std::size_t one_row) {
    Labels labels = result_labels(many_.shown_labels(many_row), one_.shown_labels(one_row));
    const auto [at, is_new] = out_rows_.try_emplace(to_string(labels), out_.rows());
    if (is_new) {
        out_.add(std::move(labels));
        out_.name_goes.back() = marks_names_ ? 1 : 0;
        out_group_.emplace_back(groups_.left[many_row], 0);
    }
    join_into(at->second, many_row, one_row);
    if (!is_new) return {};
    if (!std::ranges::all_of(out_.row(at->second), is_absent)) return context_.charge(out_.steps);
    // They never have values at one step.
    out_.keep_rows(at->second);
    out_group_.pop_back();
    out_rows_.erase(at);
    return {};
}

void Join::join_into(std::size_t row, std::size_t many_row, std::size_t one_row) {
    const std::size_t group = groups_.left[many_row];
    const bool one_to_one = binary_.matching.card == Card::OneToOne;
    const auto out = out_.row(row);
    const auto many = many_.row(many_row), one = one_.row(one_row);
    for (std::size_t i = 0; i < steps_left_; ++i) {
        if (is_absent(many[i]) || is_absent(one[i])) continue;
        Cell cell = answer(many_row, one_row, i);
        if (is_absent(cell.value)) continue;
        if (one_to_one) {
            if (taken_[group].empty()) taken_[group].resize(out.size());
            if (taken_[group][i])
                return refuse(i,
                              "multiple matches for labels: many-to-one matching must be explicit "
                              "(group_left/group_right)",
                              false);
            taken_[group][i] = 1;
        }
        if (!is_absent(out[i])) {
            if (out_group_[row].first == group)
                return refuse(
                    i, "multiple matches for labels: grouping labels must ensure unique matches",
                    false);
            return refuse(i, std::string(same_labels), true);
        }
        out_.put(row, i, std::move(cell));
    }
}

void Join::find_duplicates() {
    for (std::size_t step = 0; step < steps_left_; ++step)
        if (std::string why = duplicate_on_one_side(step); !why.empty())
            return refuse(step, std::move(why), false);
}

Result<Block> Join::run() {
    one_rows_.resize(groups_.count);
    taken_.resize(groups_.count);
    bool shared = false;
    for (std::size_t i = 0; i < one_.rows(); ++i) {
        one_rows_[groups_.right[i]].push_back(i);
        shared |= one_rows_[groups_.right[i]].size() > 1;
    }
    if (shared) find_duplicates();
    for (std::size_t i = 0; i < many_.rows(); ++i)
        for (const std::size_t one_row : one_rows_[groups_.left[i]])
            if (auto good = join_pair(i, one_row); !good) return fail(good.error());
    if (!why_.empty()) return fail(Fault::BadInput, std::move(why_));
    drop_empty_rows(out_);
    return std::move(out_);
}

/// At which steps each group has a value.
std::vector<char> present_steps(const Block& block, const std::vector<std::size_t>& group_of,
                                std::size_t groups) {
    std::vector<char> present(groups * block.steps);
    for (std::size_t r = 0; r < block.rows(); ++r)
        for (std::size_t i = 0; i < block.steps; ++i)
            if (!is_absent(block.row(r)[i])) present[group_of[r] * block.steps + i] = 1;
    return present;
}

}  // namespace

Result<Block> Evaluator::eval_binary(const Expr& expr) {
    const Binary& binary = *expr.as<Binary>();
    Result<Block> lhs = eval(*binary.lhs);
    if (!lhs) return lhs;
    Result<Block> rhs = eval(*binary.rhs);
    if (!rhs) return rhs;
    const bool left_scalar = binary.lhs->type == Type::Scalar;
    const bool right_scalar = binary.rhs->type == Type::Scalar;
    if (left_scalar && right_scalar) {
        for (std::size_t i = 0; i < steps_.count; ++i)
            lhs->values[i] = combine(binary.op, true, lhs->values[i], rhs->values[i], 0);
        return lhs;
    }
    if (right_scalar) return with_scalar(expr, std::move(*lhs), *rhs, false);
    if (left_scalar) return with_scalar(expr, std::move(*rhs), *lhs, true);
    if (is_set_operator(binary.op)) return set_operation(binary, std::move(*lhs), std::move(*rhs));
    return with_vector(expr, std::move(*lhs), std::move(*rhs));
}

Result<Block> Evaluator::with_scalar(const Expr& expr, Block vector, const Block& scalar,
                                     bool scalar_left) {
    const Binary& binary = *expr.as<Binary>();
    BinaryNotes notes(vector.steps);
    for (std::size_t r = 0; r < vector.rows(); ++r) {
        const auto row = vector.row(r);
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (is_absent(row[i])) continue;
            const double other = scalar.values[i];
            if (is_histogram(row[i])) {
                Cell a = vector.cell(r, i), b(other);
                if (scalar_left) std::swap(a, b);
                BinaryNotes::Note note = BinaryNotes::None;
                vector.put(r, i, combine_histograms(binary.op, binary.return_bool, a, b, note));
                if (note != BinaryNotes::None) notes.say(i, note);
                continue;
            }
            row[i] = scalar_left ? combine(binary.op, binary.return_bool, other, row[i], row[i])
                                 : combine(binary.op, binary.return_bool, row[i], other, row[i]);
        }
    }
    notes.tell(context_, expr, binary.op);
    drop_empty_rows(vector);  // first: others of these labels stand where they stood
    if ((!is_comparison(binary.op) || binary.return_bool) && !lose_names(vector, Meeting::Merge))
        return fail(Fault::BadInput, std::string(same_labels));
    return vector;
}

Result<Block> Evaluator::with_vector(const Expr& expr, Block lhs, Block rhs) {
    Join join(*expr.as<Binary>(), std::move(lhs), std::move(rhs), context_);
    Result<Block> out = join.run();
    join.notes().tell(context_, expr, expr.as<Binary>()->op);
    return out;
}

Result<Block> Evaluator::set_operation(const Binary& binary, Block lhs, Block rhs) {
    lhs.show_labels();
    rhs.show_labels();
    const Groups groups = group_rows(binary.matching, lhs, rhs);
    const bool is_or = binary.op == Op::Or;
    // `and`, `unless` look at the right side to keep the left; `or` the other way round.
    const std::vector<char> seen = is_or ? present_steps(lhs, groups.left, groups.count)
                                         : present_steps(rhs, groups.right, groups.count);
    Block& filtered = is_or ? rhs : lhs;
    const std::vector<std::size_t>& group_of = is_or ? groups.right : groups.left;
    const bool keeps_seen = binary.op == Op::And;
    for (std::size_t r = 0; r < filtered.rows(); ++r)
        for (std::size_t i = 0; i < filtered.steps; ++i)
            if ((seen[group_of[r] * filtered.steps + i] != 0) != keeps_seen)
                filtered.row(r)[i] = absent_value();
    drop_empty_rows(filtered);
    if (!is_or) return lhs;
    for (std::size_t r = 0; r < rhs.rows(); ++r) lhs.add_row_of(rhs, r);
    return unique(std::move(lhs), Meeting::Merge);
}

}  // namespace vedette::promql
