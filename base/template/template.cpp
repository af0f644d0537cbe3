#include "base/template/template.h"

#include <fmt/format.h>

#include "base/template/builtins.h"
#include "base/template/tree.h"
#include "core/labels.h"

namespace vedette {

using template_tree::Node;
using template_tree::NodeKind;
using template_tree::Tree;

struct TemplateSet::Parsed {
    Tree tree;
};

namespace {

/// Stops a run. Thrown only inside `Run`, caught in `TemplateSet::expand`.
struct Stopped {
    Error error;
};

enum class Flow { Goes, Breaks, Continues };

using Lookup = std::function<const Tree*(std::string_view)>;

/// One expansion: what is printed so far, which variables are set, and how much was done.
///
///   expand ─ walk ─ pipeline ─ command ─ field_chain | call_function ─ argument ─ pipeline …
class Run {
public:
    Run(Lookup lookup, const TemplateFunctions& functions, const TemplateFunctions* instead,
        bool missing_is_empty, TemplateSet::Escape escape)
        : lookup_(std::move(lookup)),
          functions_(functions),
          instead_(instead),
          missing_is_empty_(missing_is_empty),
          escape_(escape) {}

    std::string run(const Tree& tree, const TemplateValue& dot) {
        tree_ = &tree;
        variables_ = {{"$", dot}};
        walk(*tree.root, dot);
        return std::move(out_);
    }

private:
    struct Variable {
        std::string name;
        TemplateValue value;
    };
    /// Counts how deep the run is; the limit keeps the stack.
    struct Deeper {
        explicit Deeper(Run& run_) : run(run_) {
            if (++run.depth_ > limits::template_run_depth_max) {
                --run.depth_;
                run.stop(Fault::Limit, fmt::format("exceeded maximum template depth ({})",
                                                   limits::template_run_depth_max));
            }
        }
        ~Deeper() { --run.depth_; }
        Deeper(const Deeper&) = delete;
        Deeper& operator=(const Deeper&) = delete;
        Run& run;
    };

    [[noreturn]] void stop(Fault fault, const std::string& message) const {
        if (!at_) throw Stopped{{fault, fmt::format("template: {}: {}", tree_->name, message)}};
        const std::string_view before = std::string_view(*tree_->text).substr(0, at_->at);
        const std::size_t newline = before.rfind('\n');
        const std::size_t column =
            newline == std::string_view::npos ? at_->at : at_->at - newline - 1;
        throw Stopped{
            {fault, fmt::format("template: {}:{}:{}: executing {} at <{}>: {}", tree_->text_name,
                                template_tree::line_at(*tree_->text, at_->at), column,
                                quote(tree_->name), print(*at_), message)}};
    }
    [[noreturn]] void wrong(const std::string& message) const { stop(Fault::BadInput, message); }

    void spend(std::size_t bytes) {
        steps_ += 1 + bytes / 256;
        if (steps_ > limits::template_steps_max)
            stop(Fault::Limit, fmt::format("more than {} steps", limits::template_steps_max));
    }
    void write(const TemplateValue& value) {
        const std::size_t before = out_.size();
        const bool is_safe = escape_ == TemplateSet::Escape::Nothing ||
                             (value.kind() == TemplateValue::Kind::Object &&
                              value.object().type == "template.HTML");
        if (is_safe) {
            print_template_value(out_, value, limits::template_output_bytes_max);
        } else {
            std::string plain;
            print_template_value(plain, value, limits::template_output_bytes_max);
            write_html(plain);
        }
        written(before);
    }
    /// As html/template writes a value: `+` too, because old mail programs read UTF-7.
    void write_html(std::string_view plain) {
        for (const char c : plain) {
            if (c == '&') out_ += "&amp;";
            else if (c == '<') out_ += "&lt;";
            else if (c == '>') out_ += "&gt;";
            else if (c == '"') out_ += "&#34;";
            else if (c == '\'') out_ += "&#39;";
            else if (c == '+') out_ += "&#43;";
            else if (c == '\0') out_ += "\xEF\xBF\xBD";
            else out_ += c;
        }
    }
    void written(std::size_t before) {
        spend(out_.size() - before);
        if (out_.size() > limits::template_output_bytes_max)
            stop(Fault::Limit, fmt::format("the output is longer than {} bytes",
                                           limits::template_output_bytes_max));
    }

    // ── nodes ──

    Flow walk(const Node& node, const TemplateValue& dot) {
        const Deeper deeper(*this);
        at_ = &node;
        spend(0);
        switch (node.kind) {
            case NodeKind::List:
                return walk_list(node, dot);
            case NodeKind::Text: {
                const std::size_t before = out_.size();
                out_ += node.text;
                written(before);
                return Flow::Goes;
            }
            case NodeKind::Action: {
                const TemplateValue value = pipeline(*node.pipe, dot);
                if (node.pipe->declared.empty()) {
                    at_ = &node;
                    write(value);
                }
                return Flow::Goes;
            }
            case NodeKind::If:
            case NodeKind::With:
                return walk_if(node, dot);
            case NodeKind::Range:
                return walk_range(node, dot);
            case NodeKind::Call:
                call_template(node, dot);
                return Flow::Goes;
            case NodeKind::Break:
                return Flow::Breaks;
            case NodeKind::Continue:
                return Flow::Continues;
            default:
                wrong("unknown node");
        }
    }

    Flow walk_list(const Node& node, const TemplateValue& dot) {
        for (const auto& child : node.children) {
            if (const Flow flow = walk(*child, dot); flow != Flow::Goes) return flow;
        }
        return Flow::Goes;
    }

    Flow walk_if(const Node& node, const TemplateValue& dot) {
        const std::size_t mark = variables_.size();
        const TemplateValue value = pipeline(*node.pipe, dot);
        Flow flow = Flow::Goes;
        if (value.is_true())
            flow = walk(*node.body, node.kind == NodeKind::With ? value : dot);
        else if (node.otherwise)
            flow = walk(*node.otherwise, dot);
        variables_.resize(mark);
        return flow;
    }

    Flow walk_range(const Node& node, const TemplateValue& dot) {
        const std::size_t outside = variables_.size();
        const TemplateValue over = pipeline(*node.pipe, dot).plain();
        const std::size_t mark = variables_.size();
        bool ran = false, stopped = false;
        const auto once = [&](const TemplateValue& key, const TemplateValue& element) {
            ran = true;
            at_ = &node;
            spend(0);
            bind_loop(*node.pipe, mark, key, element);
            stopped = walk(*node.body, element) == Flow::Breaks;
            variables_.resize(mark);
        };
        switch (over.kind()) {
            case TemplateValue::Kind::List:
                for (std::size_t i = 0; i < over.list().size() && !stopped; ++i)
                    once(i, over.list()[i]);
                break;
            case TemplateValue::Kind::Map:
                for (const auto& [key, element] : over.map()) {
                    if (!stopped) once(key, element);
                }
                break;
            case TemplateValue::Kind::Int:
                if (node.pipe->declared.size() > 1)
                    wrong(fmt::format("can't use {} to iterate over more than one variable",
                                      over.integer()));
                for (std::int64_t i = 0; i < over.integer() && !stopped; ++i) once(i, i);
                break;
            case TemplateValue::Kind::Missing:
                break;
            default:
                wrong("range can't iterate over " + short_text(over));
        }
        Flow flow = Flow::Goes;
        if (!ran && node.otherwise) flow = walk(*node.otherwise, dot);
        variables_.resize(outside);
        return flow;
    }

    void bind_loop(const Node& pipe, std::size_t mark, const TemplateValue& key,
                   const TemplateValue& element) {
        const std::size_t count = pipe.declared.size();
        if (pipe.assigns) {
            if (count == 1) assign(pipe.declared[0], element);
            if (count == 2) assign(pipe.declared[0], key);
            if (count == 2) assign(pipe.declared[1], element);
        } else {
            if (count >= 1) variables_[mark - 1].value = element;
            if (count == 2) variables_[mark - 2].value = key;
        }
    }

    void call_template(const Node& node, const TemplateValue& dot) {
        const Tree* tree = lookup_(node.text);
        if (!tree) wrong(fmt::format("template {} not defined", quote(node.text)));
        const TemplateValue inner = node.pipe ? pipeline(*node.pipe, dot) : TemplateValue();
        expand_into(*tree, inner);
    }

    void expand_into(const Tree& tree, const TemplateValue& dot) {
        const Tree* const outer = std::exchange(tree_, &tree);
        std::vector<Variable> outside = {{"$", dot}};
        std::swap(outside, variables_);
        walk(*tree.root, dot);
        std::swap(outside, variables_);
        tree_ = outer;
    }

    void assign(const std::string& name, const TemplateValue& value) {
        for (std::size_t i = variables_.size(); i-- > 0;) {
            if (variables_[i].name != name) continue;
            variables_[i].value = value;
            return;
        }
        wrong("undefined variable: " + name);
    }

    const TemplateValue& variable(const std::string& name) const {
        for (std::size_t i = variables_.size(); i-- > 0;) {
            if (variables_[i].name == name) return variables_[i].value;
        }
        wrong("undefined variable: " + name);
    }

    // ── pipelines ──

    TemplateValue pipeline(const Node& pipe, const TemplateValue& dot) {
        const Deeper deeper(*this);
        at_ = &pipe;
        TemplateValue value;
        const TemplateValue* last = nullptr;
        for (const auto& one : pipe.children) {
            value = command(*one, dot, last);
            last = &value;
        }
        for (const auto& name : pipe.declared) {
            if (pipe.assigns)
                assign(name, value);
            else
                variables_.push_back({name, value});
        }
        return value;
    }

    /// `last`: what the command before it in the pipeline gave, or null.
    TemplateValue command(const Node& node, const TemplateValue& dot, const TemplateValue* last) {
        const Node& first = *node.children.front();
        switch (first.kind) {
            case NodeKind::Function:
                return call_function(first, node, dot, last);
            case NodeKind::Field:
                at_ = &first;
                return field_chain(dot, first, first.names, 0, node, dot, last);
            case NodeKind::Variable: {
                at_ = &first;
                const TemplateValue value = variable(first.names.front());
                if (first.names.size() == 1) {
                    refuse_arguments(node, last);
                    return value;
                }
                return field_chain(value, first, first.names, 1, node, dot, last);
            }
            case NodeKind::Chain: {
                const TemplateValue value = operand(*first.children.front(), dot);
                return field_chain(value, first, first.names, 0, node, dot, last);
            }
            default:
                break;
        }
        if (first.kind != NodeKind::Pipe) at_ = &first;
        refuse_arguments(node, last);
        if (first.kind == NodeKind::Nil) wrong("nil is not a command");
        return operand(first, dot);
    }

    void refuse_arguments(const Node& node, const TemplateValue* last) const {
        if (node.children.size() > 1 || last)
            wrong("can't give argument to non-function " + print(*node.children.front()));
    }

    /// A value that stands alone: an argument, or what a chain begins with.
    TemplateValue operand(const Node& node, const TemplateValue& dot) {
        at_ = &node;
        switch (node.kind) {
            case NodeKind::Dot:
                return dot;
            case NodeKind::Nil:
                return {};
            case NodeKind::Bool:
            case NodeKind::Number:
            case NodeKind::String:
                return node.value;
            case NodeKind::Pipe:
                return pipeline(node, dot);
            case NodeKind::Field:
                return field_chain(dot, node, node.names, 0, node, dot, nullptr);
            case NodeKind::Variable: {
                const TemplateValue value = variable(node.names.front());
                return field_chain(value, node, node.names, 1, node, dot, nullptr);
            }
            case NodeKind::Chain: {
                const TemplateValue value = operand(*node.children.front(), dot);
                return field_chain(value, node, node.names, 0, node, dot, nullptr);
            }
            case NodeKind::Function:
                return call_function(node, node, dot, nullptr);
            default:
                wrong("can't handle " + print(node));
        }
    }

    /// `names` from `from` on, each looked up in the one before; only the last may take arguments,
    /// which are `command`'s children after the first.
    TemplateValue field_chain(TemplateValue value, const Node& node,
                              const std::vector<std::string>& names, std::size_t from,
                              const Node& command_node, const TemplateValue& dot,
                              const TemplateValue* last) {
        for (std::size_t i = from; i < names.size(); ++i) {
            const bool is_last = i + 1 == names.size();
            value = field(value, names[i], node, is_last ? &command_node : nullptr, dot,
                          is_last ? last : nullptr);
        }
        return value;
    }

    TemplateValue field(const TemplateValue& receiver, const std::string& name, const Node& node,
                        const Node* command_node, const TemplateValue& dot,
                        const TemplateValue* last) {
        if (receiver.is_missing()) return {};
        const bool has_arguments =
            last || (command_node && command_node->kind == NodeKind::Command &&
                     command_node->children.size() > 1);
        const TemplateValue self = receiver.plain();
        if (const TemplateFunction* method = find_method(receiver, name))
            return call(*method, name, node, node, command_node, dot, last);
        if (auto method = template_builtins::time_method(self, name))
            return call(*method, name, node, node, command_node, dot, last);
        if (receiver.kind() == TemplateValue::Kind::Object) {
            for (const auto& [field_name, value, json] : receiver.object().fields) {
                if (field_name != name) continue;
                if (has_arguments) wrong(name + " has arguments but cannot be invoked as function");
                return value;
            }
        }
        if (self.kind() == TemplateValue::Kind::Map) {
            if (has_arguments) wrong(name + " is not a method but has arguments");
            const auto found = self.map().find(name);
            if (found != self.map().end()) return found->second;
            const bool of_anything = self.type_name() == "map[string]interface {}";
            return missing_is_empty_ && !of_anything ? TemplateValue("") : TemplateValue();
        }
        wrong(fmt::format("can't evaluate field {} in type {}", name, receiver.type_name()));
    }

    static const TemplateFunction* find_method(const TemplateValue& receiver,
                                               const std::string& name) {
        if (receiver.kind() != TemplateValue::Kind::Object) return nullptr;
        const auto found = receiver.object().methods.find(name);
        return found == receiver.object().methods.end() ? nullptr : &found->second;
    }

    // ── calls ──

    TemplateValue call_function(const Node& node, const Node& command_node,
                                const TemplateValue& dot, const TemplateValue* last) {
        at_ = &node;
        const std::string& name = node.text;
        if (name == "and" || name == "or") return and_or(name == "or", command_node, dot, last);
        if (instead_) {
            const auto found = instead_->find(name);
            if (found != instead_->end())
                return call(found->second, name, node, command_node, &command_node, dot, last);
        }
        const auto found = functions_.find(name);
        if (found != functions_.end())
            return call(found->second, name, node, command_node, &command_node, dot, last);
        const auto& builtins = template_builtins::functions();
        const auto builtin = builtins.find(name);
        if (builtin == builtins.end())
            wrong(fmt::format("{} is not a defined function", quote(name)));
        return call(builtin->second, name, node, command_node, &command_node, dot, last);
    }

    /// Go's `and` and `or` stop at the first argument that decides.
    TemplateValue and_or(bool is_or, const Node& command_node, const TemplateValue& dot,
                         const TemplateValue* last) {
        TemplateValue value;
        bool any = false;
        const bool takes = command_node.kind == NodeKind::Command;
        for (std::size_t i = 1; takes && i < command_node.children.size(); ++i) {
            value = operand(*command_node.children[i], dot);
            any = true;
            if (value.is_true() == is_or) return value;
        }
        if (last) return *last;
        if (!any)
            wrong(fmt::format("wrong number of args for {}: want at least 1 got 0",
                              is_or ? "or" : "and"));
        return value;
    }

    /// `blamed`: what a failure of the function itself is said to stand at.
    TemplateValue call(const TemplateFunction& function, const std::string& name, const Node& node,
                       const Node& blamed, const Node* command_node, const TemplateValue& dot,
                       const TemplateValue* last) {
        const bool takes = command_node && command_node->kind == NodeKind::Command;
        const std::size_t written = takes ? command_node->children.size() - 1 : 0;
        const std::size_t given = written + (last ? 1 : 0);
        const bool variadic = function.takes.ends_with('*');
        const std::size_t letters = function.takes.size() - (variadic ? 1 : 0);
        const std::size_t fixed = variadic ? letters - 1 : letters;
        if (variadic && given < fixed)
            wrong(fmt::format("wrong number of args for {}: want at least {} got {}", name, fixed,
                              written));
        if (!variadic && given != fixed)
            wrong(fmt::format("wrong number of args for {}: want {} got {}", name, fixed, given));
        TemplateList arguments;
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < given; ++i) {
            const char type = function.takes[std::min(i, letters - 1)];
            if (i < written) {
                const Node& argument = *command_node->children[i + 1];
                const TemplateValue value = operand(argument, dot);
                arguments.push_back(fit(value, type, is_constant(argument) ? &argument : nullptr));
            } else {
                arguments.push_back(fit(*last, type, nullptr));
            }
            if (arguments.back().kind() == TemplateValue::Kind::String)
                bytes += arguments.back().string().size();
        }
        const Node* const last_seen = std::exchange(at_, &node);
        spend(bytes);
        Result<TemplateValue> result = function.call(arguments);
        at_ = &blamed;
        if (!result)
            stop(result.error().fault,
                 fmt::format("error calling {}: {}", name, result.error().message));
        at_ = &node;
        spend(result->kind() == TemplateValue::Kind::String ? result->string().size() : 0);
        if (result->depth() > limits::template_depth_max)
            stop(Fault::Limit,
                 fmt::format("values are nested more than {} deep", limits::template_depth_max));
        at_ =
            last_seen;  // as Go: what fails next without a place of its own is said to stand there
        return *std::move(result);
    }

    static bool is_constant(const Node& node) {
        return node.kind == NodeKind::String || node.kind == NodeKind::Number ||
               node.kind == NodeKind::Bool || node.kind == NodeKind::Nil;
    }

    static std::string short_text(const TemplateValue& value) {
        std::string out;
        print_template_value(out, value, 4000);
        return out;
    }

    /// Checks a value against a parameter's letter, as Go's reflection does.
    TemplateValue fit(const TemplateValue& value, char letter, const Node* constant) const {
        using Kind = TemplateValue::Kind;
        static const std::map<char, std::pair<Kind, std::string_view>> types = {
            {'s', {Kind::String, "string"}},           {'i', {Kind::Int, "int"}},
            {'t', {Kind::Time, "time.Time"}},          {'d', {Kind::Duration, "time.Duration"}},
            {'m', {Kind::Map, "map[string]string"}},   {'r', {Kind::List, "template.queryResult"}},
            {'e', {Kind::Object, "*template.sample"}}, {'l', {Kind::List, "[]string"}},
            {'L', {Kind::List, "[]interface {}"}}};
        if (letter == 'a') return value;
        const auto& [kind, type] = types.at(letter);
        const bool named =
            letter == 's' || letter == 'e' || letter == 'l' || letter == 'L' || letter == 'r';
        if (value.plain().kind() == kind && (!named || value.type_name() == type))
            return value.plain();
        if (value.is_missing() && (letter == 'l' || letter == 'L' || letter == 'r'))
            return {TemplateList(), letter == 'l' ? "[]string" : "[]interface {}"};
        if (value.is_missing() && letter == 'm') return TemplateMap();
        // A number as it is written is as many nanoseconds.
        if (letter == 'd' && constant && value.kind() == Kind::Int)
            return std::chrono::nanoseconds(value.integer());
        if (constant && constant->kind == NodeKind::Nil)
            wrong(fmt::format("cannot assign nil to {}", type));
        if (value.is_missing()) wrong(fmt::format("invalid value; expected {}", type));
        if (constant && letter != 's' && (named || letter == 'm'))
            wrong(fmt::format("can't handle {} for arg of type {}", print(*constant), type));
        if (constant)
            wrong(fmt::format("expected {}; found {}", letter == 'i' ? "integer" : type,
                              print(*constant)));
        wrong(fmt::format("wrong type for value; expected {}; got {}", type, value.type_name()));
    }

    Lookup lookup_;
    const TemplateFunctions& functions_;
    const TemplateFunctions* instead_;
    bool missing_is_empty_;
    const TemplateSet::Escape escape_;
    const Tree* tree_ = nullptr;
    const Node* at_ = nullptr;
    std::vector<Variable> variables_;
    std::string out_;
    std::size_t steps_ = 0;
    int depth_ = 0;
};

}  // namespace

TemplateSet::TemplateSet(TemplateFunctions functions, MissingKey missing)
    : functions_(std::make_shared<const TemplateFunctions>(std::move(functions))),
      missing_(missing) {}

TemplateSet::TemplateSet(std::shared_ptr<const TemplateFunctions> functions, MissingKey missing)
    : functions_(std::move(functions)), missing_(missing) {}

bool TemplateSet::has(std::string_view name) const {
    return templates_.find(name) != templates_.end();
}

Result<void> TemplateSet::add(const std::string& name, std::string_view text) {
    const auto known = [&](std::string_view function) {
        return functions_->find(function) != functions_->end() || function == "and" ||
               function == "or" ||
               template_builtins::functions().find(function) !=
                   template_builtins::functions().end();
    };
    auto trees = template_tree::parse(name, text, known);
    if (!trees) return fail(trees.error());
    for (auto& tree : *trees) {
        if (template_tree::says_nothing(*tree.root) && has(tree.name)) continue;
        const std::string key = tree.name;
        templates_[key] = std::make_shared<const Parsed>(Parsed{std::move(tree)});
    }
    return {};
}

Result<std::string> TemplateSet::expand(std::string_view name, const TemplateValue& dot,
                                        const TemplateFunctions* instead, Escape escape) const {
    const Lookup lookup = [&](std::string_view wanted) -> const Tree* {
        const auto found = templates_.find(wanted);
        return found == templates_.end() ? nullptr : &found->second->tree;
    };
    const Tree* tree = lookup(name);
    if (!tree) return fail(Fault::NotFound, fmt::format("template: no template {}", quote(name)));
    try {
        return Run(lookup, *functions_, instead, missing_ == MissingKey::Empty, escape)
            .run(*tree, dot);
    } catch (Stopped& stopped) {
        return fail(std::move(stopped.error));
    }
}

}  // namespace vedette
