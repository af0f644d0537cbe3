#pragma once

#include <string>
#include <string_view>

#include "promql/syntax/ast.h"

namespace vedette::promql {

struct Token {
    enum class Kind {
        End,
        Error,
        Identifier,
        MetricIdentifier,
        String,
        Number,
        Duration,
        LeftParen,
        RightParen,
        LeftBrace,
        RightBrace,
        LeftBracket,
        RightBracket,
        Comma,
        Colon,
        At,
        Assign,
        Operator,
        MatchOp,
        Aggregator,
        Keyword,
    };
    enum class Keyword {
        None,
        Offset,
        By,
        Without,
        On,
        Ignoring,
        GroupLeft,
        GroupRight,
        Bool,
        Start,
        End
    };

    Kind kind = Kind::End;
    Place at;
    std::string_view text;  ///< of the query; of an Error the bytes from `at`
    Op op = Op::Add;        ///< of Operator
    Aggregator aggregator = Aggregator::Sum;
    Keyword keyword = Keyword::None;
};

/// As Prometheus's messages name a token: `identifier "up"`, `"("`, `<op:+>`, `end of input`.
std::string describe(const Token& token);

/// Cuts a query into tokens. What a character means depends on whether braces, brackets or
/// parentheses are open:
///
///   statement ──'{'──► braces ──'}'──► statement        labels, strings, = != =~ !~
///   statement ──'['──► bracket: first a duration, then ':' or ']'
///
/// After an Error every further token is the same Error.
class Lexer {
public:
    explicit Lexer(std::string_view text) : text_(text) {}

    Token next();
    /// Why the Error token is one.
    const std::string& why() const { return why_; }

private:
    Token statement();
    Token braces();
    Token bracket();
    Token string(char quote);
    Token raw_string();
    Token number_or_duration();
    Token word();
    Token comparison(char first);
    Token token(Token::Kind kind);
    Token operation(Op op);
    Token error(std::string why);
    bool scan_number();
    bool scan_duration_rest();
    bool escape_is_good(char quote, std::string& why);
    void skip_blank();

    char peek(std::size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }
    bool at_end() const { return at_ >= text_.size(); }
    bool accept(std::string_view set);
    bool accept_run(std::string_view set);
    /// The character at the cursor as Go's %q prints one: 'x', 'é'.
    std::string quoted_rune(std::size_t at) const;
    std::string_view rune(std::size_t at) const;

    std::string_view text_;
    std::size_t at_ = 0, start_ = 0;
    std::size_t paren_depth_ = 0;
    bool in_braces_ = false, in_bracket_ = false, bracket_fresh_ = false, seen_colon_ = false;
    Token failed_;
    std::string why_;
};

/// Undoes the quoting of a String token, whose escapes the lexer has found good.
std::string unquote(std::string_view quoted);

}  // namespace vedette::promql
