#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/template/value.h"
#include "core/error.h"

/// The parsed form of a template; known only to base/template.
///
///   List ─ Text | Action | If | Range | With | Call | Break | Continue
///   Action, If, Range, With, Call ─ pipe: Pipe ─ Command ─ operand: Dot | Nil | Bool | Number |
///   String
///                                                | Function | Field | Variable | Chain | Pipe
namespace vedette::template_tree {

enum class NodeKind {
    List,
    Text,
    Action,
    If,
    Range,
    With,
    Call,
    Break,
    Continue,
    Pipe,
    Command,
    Dot,
    Nil,
    Bool,
    Number,
    String,
    Function,
    Field,
    Variable,
    Chain,
};

struct Node;
using NodePtr = std::unique_ptr<Node>;

struct Node {
    NodeKind kind = NodeKind::List;
    std::size_t at = 0;  ///< offset in the text, as Go counts it for this kind
    std::string text;  ///< Text, Function: the name, Call: the template's name; literals as written
    TemplateValue value;  ///< of a literal
    std::vector<std::string>
        names;  ///< Field: after the dots. Variable: `$x`, then fields. Chain: fields
    std::vector<NodePtr> children;  ///< List, Pipe: commands, Command: operands, Chain: one operand
    NodePtr pipe;                   ///< Action, If, Range, With, Call
    NodePtr body, otherwise;        ///< If, Range, With
    std::vector<std::string> declared;  ///< Pipe: `$x` or `$k, $v`
    bool assigns = false;               ///< Pipe: `=` and not `:=`
};

/// One template's text and what it parsed to. `root` borrows nothing.
struct Tree {
    std::string name;       ///< what `{{define}}` or the caller called it
    std::string text_name;  ///< whose text it stands in, for messages
    std::shared_ptr<const std::string> text;
    NodePtr root;
};

/// Parses `text`; the first tree is the template itself, the others what it defines. `known` says
/// whether a function exists. The error's message is Go's.
Result<std::vector<Tree>> parse(const std::string& name, std::string_view text,
                                const std::function<bool(std::string_view)>& known);

/// The node as Go prints it in messages: `$labels.job | humanize`.
std::string print(const Node& node);

/// Whether a template is white space only; such a definition replaces none.
bool says_nothing(const Node& list);

/// Line, from 1.
int line_at(std::string_view text, std::size_t at);

enum class TokenKind {
    Text,
    LeftDelim,
    RightDelim,
    Space,
    Identifier,
    Keyword,
    Field,
    Variable,
    Dot,
    Nil,
    Bool,
    Number,
    Char,
    String,
    Pipe,
    LeftParen,
    RightParen,
    Assign,
    Declare,
    Symbol,
    Error,
    End,
};

struct Token {
    TokenKind kind = TokenKind::End;
    std::size_t at = 0;
    std::string text;  // as written; of an Error: the message
};

/// Cuts the whole text into tokens; the last one is End or Error.
std::vector<Token> lex(std::string_view text);

/// Go's numbers: decimal, hexadecimal, octal, binary, underscores, exponents. The error is what Go
/// says before the number.
tl::expected<TemplateValue, const char*> read_number(std::string_view written);

/// The first character of a text, as its number.
std::int64_t first_rune(std::string_view text);

/// Undoes Go's quoting, with the quotes on; false when an escape is wrong.
bool unquote(std::string_view quoted, std::string& out);

}  // namespace vedette::template_tree
