#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/template/tree.h"
#include "core/labels.h"
#include "core/limits.h"

namespace vedette::template_tree {
namespace {

NodePtr make(NodeKind kind, std::size_t at) {
    auto node = std::make_unique<Node>();
    node->kind = kind;
    node->at = at;
    return node;
}

std::string in_words(const Token& token) {
    if (token.kind == TokenKind::End) return "EOF";
    if (token.kind == TokenKind::Error) return token.text;
    if (token.kind == TokenKind::Keyword || token.kind == TokenKind::Dot ||
        token.kind == TokenKind::Nil)
        return "<" + token.text + ">";
    if (token.text.size() > 10) return quote(token.text.substr(0, 10)) + "...";
    return quote(token.text);
}

/// How a list of nodes ended.
enum class Ending { EndOfText, End, Else };

/// A hand-written descent over the tokens. The first failure is kept in `error_`; after it every
/// function returns at once, and loops look at `failed()`.
class Parser {
public:
    Parser(std::string name, std::shared_ptr<const std::string> text,
           const std::function<bool(std::string_view)>& known)
        : name_(std::move(name)), text_(std::move(text)), known_(known), tokens_(lex(*text_)) {}

    Result<std::vector<Tree>> run() {
        trees_.push_back({name_, name_, text_, make(NodeKind::List, 0)});
        while (!failed() && peek().kind != TokenKind::End) {
            if (peek().kind == TokenKind::LeftDelim && is_keyword_ahead("define")) {
                definition();
                continue;
            }
            Ending ending = Ending::EndOfText;
            NodePtr node = text_or_action(ending);
            if (failed()) break;
            if (ending != Ending::EndOfText)
                wrong(ending == Ending::End ? "unexpected {{end}}" : "unexpected {{else}}");
            else if (node)
                trees_.front().root->children.push_back(std::move(node));
        }
        if (failed()) return vedette::fail(Fault::BadInput, *error_);
        return std::move(trees_);
    }

private:
    bool failed() const { return error_.has_value(); }
    void wrong(const std::string& message) {
        if (!error_)
            error_ = fmt::format("template: {}:{}: {}", name_, line_at(*text_, last_at_), message);
    }
    void unexpected(const Token& token, std::string_view where) {
        if (token.kind == TokenKind::Error) return wrong(token.text);
        wrong(fmt::format("unexpected {} in {}", in_words(token), where));
    }

    const Token& peek() const { return tokens_[next_]; }
    const Token& next() {
        const Token& token = tokens_[next_];
        last_at_ = token.at;
        if (next_ + 1 < tokens_.size()) ++next_;
        return token;
    }
    void skip_space() {
        while (peek().kind == TokenKind::Space) next();
    }
    const Token& peek_solid() {
        skip_space();
        return peek();
    }
    const Token& next_solid() {
        skip_space();
        return next();
    }
    bool is_keyword_ahead(std::string_view word) const {
        std::size_t at = next_ + 1;
        while (tokens_[at].kind == TokenKind::Space) ++at;
        return tokens_[at].kind == TokenKind::Keyword && tokens_[at].text == word;
    }
    void expect_close(std::string_view where) {
        const Token& token = next_solid();
        if (token.kind != TokenKind::RightDelim) unexpected(token, where);
    }

    void define(const std::string& name, NodePtr body) {
        for (auto& tree : trees_) {
            if (&tree == &trees_.front() || tree.name != name) continue;
            if (says_nothing(*body)) return;
            if (!says_nothing(*tree.root))
                return wrong("template: multiple definition of template " + quote(name));
            tree.root = std::move(body);
            return;
        }
        trees_.push_back({name, name_, text_, std::move(body)});
    }

    void definition() {
        next();        // {{
        next_solid();  // define
        const Token name = next_solid();
        std::string unquoted;
        if (name.kind != TokenKind::String || !unquote(name.text, unquoted))
            return unexpected(name, "define clause");
        expect_close("define clause");
        std::vector<std::string> outside = {"$"};
        std::swap(outside, variables_);
        NodePtr body = std::make_unique<Node>();
        const Ending ending = list(*body);
        std::swap(outside, variables_);
        if (failed()) return;
        if (ending != Ending::End) return wrong("unexpected {{else}} in define clause");
        define(unquoted, std::move(body));
    }

    /// Nodes until `{{end}}` or `{{else}}`, which are consumed up to their `}}`.
    Ending list(Node& into) {
        if (++depth_ > limits::template_depth_max) {
            wrong(fmt::format("nested more than {} deep", limits::template_depth_max));
        }
        Ending ending = Ending::EndOfText;
        while (!failed() && peek().kind != TokenKind::End && ending == Ending::EndOfText) {
            NodePtr node = text_or_action(ending);
            if (node) into.children.push_back(std::move(node));
        }
        --depth_;
        if (!failed() && ending == Ending::EndOfText) {
            next();
            wrong("unexpected EOF");
        }
        return ending;
    }

    NodePtr text_or_action(Ending& ending) {
        const Token& token = next();
        if (token.kind == TokenKind::Text) {
            NodePtr node = make(NodeKind::Text, token.at);
            node->text = token.text;
            return node;
        }
        if (token.kind == TokenKind::LeftDelim) return action(ending);
        unexpected(token, "input");
        return nullptr;
    }

    NodePtr action(Ending& ending) {
        const Token& token = peek_solid();
        if (token.kind == TokenKind::Keyword) {
            const std::string word = next().text;
            if (word == "if") return control(NodeKind::If, word);
            if (word == "range") return control(NodeKind::Range, word);
            if (word == "with") return control(NodeKind::With, word);
            if (word == "template") return call();
            if (word == "block") return block();
            if (word == "break" || word == "continue") return jump(word);
            if (word == "end") {
                expect_close("end");
                ending = Ending::End;
                return nullptr;
            }
            if (word == "else") {
                ending = Ending::Else;
                const Token& then = peek_solid();
                if (then.kind != TokenKind::Keyword || (then.text != "if" && then.text != "with"))
                    expect_close("else");
                return nullptr;
            }
            unexpected(tokens_[next_ - 1], "command");
            return nullptr;
        }
        NodePtr node = make(NodeKind::Action, token.at);
        node->pipe = pipeline("command", TokenKind::RightDelim);
        return node;
    }

    NodePtr jump(const std::string& word) {
        const std::size_t at = last_at_;
        const Token& token = next_solid();
        if (token.kind != TokenKind::RightDelim) {
            unexpected(token, "{{" + word + "}}");
        } else if (range_depth_ == 0) {
            wrong("{{" + word + "}} outside {{range}}");
        }
        return make(word == "break" ? NodeKind::Break : NodeKind::Continue, at);
    }

    NodePtr control(NodeKind kind, const std::string& word) {
        NodePtr node = make(kind, last_at_);
        if (++depth_ > limits::template_depth_max)
            wrong(fmt::format("nested more than {} deep", limits::template_depth_max));
        const std::size_t outside = variables_.size();
        node->pipe = pipeline(word, TokenKind::RightDelim);
        node->body = make(NodeKind::List, last_at_);
        if (kind == NodeKind::Range) ++range_depth_;
        const Ending ending = failed() ? Ending::End : list(*node->body);
        if (kind == NodeKind::Range) --range_depth_;
        if (!failed() && ending == Ending::Else) {
            node->otherwise = make(NodeKind::List, last_at_);
            else_part(kind, *node->otherwise);
        }
        variables_.resize(std::min(outside, variables_.size()));
        --depth_;
        return node;
    }

    void else_part(NodeKind kind, Node& into) {
        const Token& token = peek();
        if (token.kind == TokenKind::Keyword) {  // `else if`, `else with`
            const std::string word = next().text;
            if ((word == "if") != (kind == NodeKind::If) || kind == NodeKind::Range)
                return unexpected(tokens_[next_ - 1], "input");
            into.children.push_back(control(kind, word));
            return;
        }
        if (list(into) == Ending::Else && !failed()) wrong("expected end; found {{else}}");
    }

    NodePtr call() {
        const Token name = next_solid();
        NodePtr node = make(NodeKind::Call, name.at);
        if (name.kind != TokenKind::String || !unquote(name.text, node->text)) {
            unexpected(name, "template clause");
            return node;
        }
        if (peek_solid().kind == TokenKind::RightDelim)
            next();
        else
            node->pipe = pipeline("template clause", TokenKind::RightDelim);
        return node;
    }

    NodePtr block() {
        const Token name = next_solid();
        NodePtr node = make(NodeKind::Call, name.at);
        if (name.kind != TokenKind::String || !unquote(name.text, node->text)) {
            unexpected(name, "block clause");
            return node;
        }
        node->pipe = pipeline("block clause", TokenKind::RightDelim);
        if (failed()) return node;
        std::vector<std::string> outside = {"$"};
        std::swap(outside, variables_);
        NodePtr body = std::make_unique<Node>();
        const Ending ending = list(*body);
        std::swap(outside, variables_);
        if (!failed() && ending != Ending::End) wrong("unexpected {{else}} in block clause");
        define(node->text, std::move(body));
        return node;
    }

    NodePtr pipeline(std::string_view where, TokenKind end) {
        NodePtr pipe = make(NodeKind::Pipe, peek_solid().at);
        declarations(*pipe, where);
        while (!failed()) {
            const Token& token = peek_solid();
            if (token.kind == end) {
                next();
                check_stages(*pipe, where);
                return pipe;
            }
            switch (token.kind) {
                case TokenKind::Bool:
                case TokenKind::Char:
                case TokenKind::Dot:
                case TokenKind::Field:
                case TokenKind::Identifier:
                case TokenKind::Number:
                case TokenKind::Nil:
                case TokenKind::String:
                case TokenKind::Variable:
                case TokenKind::LeftParen:
                    pipe->children.push_back(command());
                    break;
                default:
                    unexpected(next(), where);
            }
        }
        return pipe;
    }

    void declarations(Node& pipe, std::string_view where) {
        while (!failed() && peek_solid().kind == TokenKind::Variable) {
            std::size_t after = next_ + 1;
            while (tokens_[after].kind == TokenKind::Space) ++after;
            const Token& follows = tokens_[after];
            const bool is_comma = follows.kind == TokenKind::Symbol && follows.text == ",";
            const bool is_set =
                follows.kind == TokenKind::Assign || follows.kind == TokenKind::Declare;
            if (!is_comma && !is_set) return;
            const std::string variable = next().text;
            next_solid();
            pipe.declared.push_back(variable);
            variables_.push_back(variable);
            if (is_set) {
                pipe.assigns = follows.kind == TokenKind::Assign;
                return;
            }
            if (where != "range" || pipe.declared.size() > 1)
                return wrong(fmt::format("too many declarations in {}", where));
            const TokenKind then = peek_solid().kind;
            if (then != TokenKind::Variable && then != TokenKind::RightDelim &&
                then != TokenKind::RightParen)
                return wrong("range can only initialize variables");
        }
    }

    void check_stages(const Node& pipe, std::string_view where) {
        if (pipe.children.empty()) return wrong(fmt::format("missing value for {}", where));
        for (std::size_t i = 1; i < pipe.children.size() && !failed(); ++i) {
            switch (pipe.children[i]->children.front()->kind) {
                case NodeKind::Bool:
                case NodeKind::Dot:
                case NodeKind::Nil:
                case NodeKind::Number:
                case NodeKind::String:
                    wrong(fmt::format("non executable command in pipeline stage {}", i + 1));
                    break;
                default:
                    break;
            }
        }
    }

    /// Operands with spaces between, up to a `|` (consumed) or the end of the pipeline (left).
    NodePtr command() {
        NodePtr node = make(NodeKind::Command, peek_solid().at);
        while (!failed()) {
            skip_space();
            if (NodePtr one = operand()) node->children.push_back(std::move(one));
            if (failed()) break;
            const TokenKind kind = peek().kind;
            if (kind == TokenKind::Space) {
                next();
                continue;
            }
            if (kind == TokenKind::Pipe)
                next();
            else if (kind != TokenKind::RightDelim && kind != TokenKind::RightParen)
                unexpected(next(), "operand");
            break;
        }
        if (!failed() && node->children.empty()) wrong("empty command");
        return node;
    }

    /// A term with fields behind it: `.a.b`, `$x.a`, `(pipeline).a`.
    NodePtr operand() {
        NodePtr node = term();
        if (!node || failed() || peek().kind != TokenKind::Field) return node;
        const std::size_t at = peek().at;
        std::vector<std::string> fields;
        while (peek().kind == TokenKind::Field) fields.push_back(next().text.substr(1));
        switch (node->kind) {
            case NodeKind::Field:
            case NodeKind::Variable:
                node->at = at;
                node->names.insert(node->names.end(), fields.begin(), fields.end());
                return node;
            case NodeKind::Bool:
            case NodeKind::String:
            case NodeKind::Number:
            case NodeKind::Nil:
            case NodeKind::Dot:
                wrong(fmt::format("unexpected . after term {}", quote(print(*node))));
                return node;
            default:
                break;
        }
        NodePtr chain = make(NodeKind::Chain, at);
        chain->names = std::move(fields);
        chain->children.push_back(std::move(node));
        return chain;
    }

    NodePtr term() {
        const Token& token = peek_solid();
        switch (token.kind) {
            case TokenKind::Identifier:
                return function(next());
            case TokenKind::Dot:
                return make(NodeKind::Dot, next().at);
            case TokenKind::Nil:
                return make(NodeKind::Nil, next().at);
            case TokenKind::Variable:
                return variable(next());
            case TokenKind::Field: {
                NodePtr node = make(NodeKind::Field, next().at);
                node->names = {token.text.substr(1)};
                return node;
            }
            case TokenKind::Bool:
            case TokenKind::Char:
            case TokenKind::Number:
            case TokenKind::String:
                return literal(next());
            case TokenKind::LeftParen: {
                next();
                if (++depth_ > limits::template_depth_max)
                    wrong(fmt::format("nested more than {} deep", limits::template_depth_max));
                NodePtr node = pipeline("parenthesized pipeline", TokenKind::RightParen);
                --depth_;
                return node;
            }
            default:
                return nullptr;
        }
    }

    NodePtr function(const Token& token) {
        if (!known_(token.text)) wrong(fmt::format("function {} not defined", quote(token.text)));
        NodePtr node = make(NodeKind::Function, token.at);
        node->text = token.text;
        return node;
    }

    NodePtr variable(const Token& token) {
        if (std::find(variables_.begin(), variables_.end(), token.text) == variables_.end())
            wrong(fmt::format("undefined variable {}", quote(token.text)));
        NodePtr node = make(NodeKind::Variable, token.at);
        node->names = {token.text};
        return node;
    }

    NodePtr literal(const Token& token) {
        NodePtr node = make(NodeKind::Number, token.at);
        node->text = token.text;
        if (token.kind == TokenKind::Bool) {
            node->kind = NodeKind::Bool;
            node->value = TemplateValue(token.text == "true");
        } else if (token.kind == TokenKind::Number) {
            const auto number = read_number(token.text);
            if (!number)
                wrong(fmt::format("{}: {}", number.error(), quote(token.text)));
            else
                node->value = *number;
        } else {
            std::string text;
            if (!unquote(token.text, text)) wrong("invalid syntax");
            node->value = TemplateValue(text);
            if (token.kind == TokenKind::String)
                node->kind = NodeKind::String;
            else
                node->value = character(token, text);
        }
        return node;
    }

    /// Exactly one character stands between the quotes.
    TemplateValue character(const Token& token, const std::string& text) {
        if (text.empty()) wrong("invalid syntax");
        const bool one_byte = token.text.size() > 1 && token.text[1] == '\\' && text.size() == 1;
        const auto characters =
            std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; });
        if (characters > 1) wrong("malformed character constant: " + token.text);
        // `'\xff'` is that number, not a piece of UTF-8.
        if (one_byte) return static_cast<unsigned char>(text[0]);
        return first_rune(text);
    }

    std::string name_;
    std::shared_ptr<const std::string> text_;
    const std::function<bool(std::string_view)>& known_;
    std::vector<Token> tokens_;
    std::size_t next_ = 0, last_at_ = 0;
    std::vector<std::string> variables_ = {"$"};
    std::vector<Tree> trees_;
    int depth_ = 0, range_depth_ = 0;
    std::optional<std::string> error_;
};

}  // namespace

Result<std::vector<Tree>> parse(const std::string& name, std::string_view text,
                                const std::function<bool(std::string_view)>& known) {
    if (text.size() > limits::template_text_bytes_max)
        return fail(Fault::Limit,
                    fmt::format("template: {}: the text is {} bytes long; at most {} are taken",
                                name, text.size(), limits::template_text_bytes_max));
    return Parser(name, std::make_shared<const std::string>(text), known).run();
}

}  // namespace vedette::template_tree
