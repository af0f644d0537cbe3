#include "exporter/api/parse_tree.h"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "promql/functions/functions.h"
#include "promql/syntax/text.h"

namespace vedette::exporter {

namespace {

using namespace promql;

/// As Prometheus names types in JSON, where its messages say `instant vector`.
std::string_view short_name(Type type) {
    return type == Type::Matrix ? "matrix" : type == Type::Vector ? "vector" : to_string(type);
}

std::string_view name_of(Matching::Card card) {
    switch (card) {
        case Matching::Card::OneToOne:
            return "one-to-one";
        case Matching::Card::ManyToOne:
            return "many-to-one";
        case Matching::Card::OneToMany:
            return "one-to-many";
        case Matching::Card::ManyToMany:
            return "many-to-many";
    }
    return "";
}

std::string_view name_of(Matcher::Op op) {
    switch (op) {
        case Matcher::Op::Equal:
            return "=";
        case Matcher::Op::NotEqual:
            return "!=";
        case Matcher::Op::Match:
            return "=~";
        case Matcher::Op::NotMatch:
            return "!~";
    }
    return "";
}

/// Writes the fields of each kind of node, their names in alphabetical order.
class Tree {
public:
    explicit Tree(JsonWriter& json) : json_(json) {}

    void write(const Expr& expr) {
        const Type outer = type_;
        type_ = expr.type;
        json_.begin_object();
        std::visit(*this, expr.node);
        json_.end_object();
        type_ = outer;
    }

    void operator()(const Number& number) {
        json_.field("type", "numberLiteral");
        json_.field("val", plain_number(number.value));
    }
    void operator()(const Text& text) {
        json_.field("type", "stringLiteral");
        json_.field("val", text.value);
    }
    void operator()(const Paren& paren) {
        child("expr", paren.expr);
        json_.field("type", "parenExpr");
    }
    void operator()(const Unary& unary) {
        child("expr", unary.expr);
        json_.field("op", to_string(unary.op));
        json_.field("type", "unaryExpr");
    }
    void operator()(const Selector& selector) {
        const bool is_matrix = type_ == Type::Matrix;
        json_.key("matchers").begin_list();
        for (const Matcher& matcher : selector.matchers) {
            json_.begin_object();
            json_.field("name", matcher.name);
            json_.field("type", name_of(matcher.op));
            json_.field("value", matcher.value);
            json_.end_object();
        }
        json_.end_list();
        json_.field("name", selector.name);
        offset(selector.shift);
        if (is_matrix) duration("range", selector.range, selector.range_expr);
        at(selector.shift);
        json_.field("type", is_matrix ? "matrixSelector" : "vectorSelector");
    }
    void operator()(const Subquery& subquery) {
        child("expr", subquery.expr);
        offset(subquery.shift);
        duration("range", subquery.range, subquery.range_expr);
        start_or_end(subquery.shift);
        duration("step", subquery.step, subquery.step_expr);
        timestamp(subquery.shift);
        json_.field("type", "subquery");
    }
    void operator()(const Binary& binary) {
        const bool vectors = binary.lhs->type == Type::Vector && binary.rhs->type == Type::Vector;
        json_.field("bool", binary.return_bool);
        child("lhs", binary.lhs);
        json_.key("matching");
        if (vectors)
            matching(binary.matching);
        else
            json_.null();
        json_.field("op", to_string(binary.op));
        child("rhs", binary.rhs);
        json_.field("type", "binaryExpr");
    }
    void operator()(const Call& call) {
        json_.key("args").begin_list();
        for (const ExprPtr& arg : call.args) write(*arg);
        json_.end_list();
        const Function& function = *call.function;
        json_.key("func").begin_object();
        json_.key("argTypes").begin_list();
        for (const Type type : function.args) json_.value(short_name(type));
        json_.end_list();
        json_.field("name", function.name);
        json_.field("returnType", short_name(function.returns));
        json_.field("variadic", function.variadic);
        json_.end_object();
        json_.field("type", "call");
    }
    void operator()(const Aggregate& aggregate) {
        child("expr", aggregate.expr);
        texts("grouping", aggregate.grouping);
        json_.field("op", to_string(aggregate.op));
        child("param", aggregate.param);
        json_.field("type", "aggregation");
        json_.field("without", aggregate.without);
    }
    void operator()(const DurationExpr&) {}  // stands in no place that is shown

private:
    void child(std::string_view name, const ExprPtr& expr) {
        json_.key(name);
        if (expr == nullptr)
            json_.null();
        else
            write(*expr);
    }
    void texts(std::string_view name, const std::vector<std::string>& list) {
        json_.key(name).begin_list();
        for (const std::string& text : list) json_.value(text);
        json_.end_list();
    }
    void duration(std::string_view name, Milliseconds value, const ExprPtr& computed) {
        json_.field(name, std::int64_t{computed == nullptr ? value.count() : 0});
    }
    void offset(const Shift& shift) { duration("offset", shift.offset, shift.offset_expr); }
    void start_or_end(const Shift& shift) {
        json_.key("startOrEnd");
        if (shift.at == Shift::At::Start)
            json_.value("start");
        else if (shift.at == Shift::At::End)
            json_.value("end");
        else
            json_.null();
    }
    void timestamp(const Shift& shift) {
        json_.key("timestamp");
        if (shift.at == Shift::At::Time)
            json_.value(shift.time.ms);
        else
            json_.null();
    }
    void at(const Shift& shift) {
        start_or_end(shift);
        timestamp(shift);
    }
    void matching(const Matching& matching) {
        json_.begin_object();
        json_.field("card", name_of(matching.card));
        texts("include", matching.include);
        texts("labels", matching.labels);
        json_.field("on", matching.on);
        json_.end_object();
    }

    JsonWriter& json_;
    Type type_ = Type::Scalar;  ///< of the node being written
};

}  // namespace

void write_parse_tree(JsonWriter& json, const Expr& expr) {
    Tree(json).write(expr);
}

}  // namespace vedette::exporter
