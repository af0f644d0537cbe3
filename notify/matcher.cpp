#include "notify/matcher.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <optional>

namespace vedette::notify {
namespace {

constexpr std::string_view reserved = "{}!=~,\\\"'`";

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Walks over the text of one or more matchers.
///
///   text     = [ "{" ] [ matcher { "," matcher } [ "," ] ] [ "}" ]
///   matcher  = word op word
///   word     = quoted | run of characters that are neither reserved nor space
///   op       = "=" | "!=" | "=~" | "!~"
class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    Result<std::vector<Matcher>> read() {
        std::vector<Matcher> found;
        skip();
        const bool braces = take("{");
        for (skip(); !at_end() && text_[at_] != '}'; skip()) {
            Matcher matcher;
            if (auto ok = read_one(matcher); !ok) return fail(ok.error());
            found.push_back(std::move(matcher));
            skip();
            if (!take(",")) break;
        }
        skip();
        if (braces && !take("}")) return wrong("expected `}` or `,`");
        skip();
        if (!at_end()) return wrong("expected the end");
        return found;
    }

private:
    bool at_end() const { return at_ == text_.size(); }
    void skip() {
        while (!at_end() && is_space(text_[at_])) ++at_;
    }
    bool take(std::string_view what) {
        if (!text_.substr(at_).starts_with(what)) return false;
        at_ += what.size();
        return true;
    }
    tl::unexpected<Error> wrong(std::string_view expected) const {
        return fail(Fault::BadInput,
                    fmt::format("matcher `{}`, position {}: {}", text_, at_ + 1, expected));
    }

    Result<void> read_one(Matcher& into) {
        auto name = read_word("a label name");
        if (!name) return fail(name.error());
        into.name = std::move(*name);
        skip();
        if (take("=~"))
            into.op = Matcher::Op::Match;
        else if (take("!~"))
            into.op = Matcher::Op::NotMatch;
        else if (take("!="))
            into.op = Matcher::Op::NotEqual;
        else if (take("="))
            into.op = Matcher::Op::Equal;
        else
            return wrong("expected one of = != =~ !~");
        skip();
        auto value = read_word("a value");
        if (!value) return fail(value.error());
        into.value = std::move(*value);
        return {};
    }

    Result<std::string> read_word(std::string_view what) {
        if (!at_end() && text_[at_] == '"') return read_quoted();
        const std::size_t from = at_;
        while (!at_end() && !is_space(text_[at_]) && reserved.find(text_[at_]) == reserved.npos)
            ++at_;
        if (at_ == from) return wrong(fmt::format("expected {}", what));
        return std::string(text_.substr(from, at_ - from));
    }

    Result<std::string> read_quoted() {
        std::string out;
        for (++at_; !at_end(); ++at_) {
            const char c = text_[at_];
            if (c == '"') {
                ++at_;
                return out;
            }
            if (c != '\\') {
                out += c;
                continue;
            }
            if (++at_ == text_.size()) break;
            switch (text_[at_]) {
                case 'n':
                    out += '\n';
                    break;
                case 't':
                    out += '\t';
                    break;
                case 'r':
                    out += '\r';
                    break;
                case '"':
                    out += '"';
                    break;
                case '\\':
                    out += '\\';
                    break;
                default:
                    return wrong("unknown escape; \\n \\t \\r \\\" \\\\ are known");
            }
        }
        return wrong("expected a closing quote");
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

std::string_view trim(std::string_view text) {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

/// The old grammar, one matcher: a classic name, and everything after the operator is the value.
std::optional<Matcher> read_classic(std::string_view text) {
    text = trim(text);
    const std::size_t at = text.find_first_of("=!");
    if (at == text.npos || !is_classic_label_name(trim(text.substr(0, at)))) return std::nullopt;
    static constexpr std::pair<std::string_view, Matcher::Op> operators[] = {
        {"=~", Matcher::Op::Match},
        {"!~", Matcher::Op::NotMatch},
        {"!=", Matcher::Op::NotEqual},
        {"=", Matcher::Op::Equal}};
    for (const auto& [sign, op] : operators) {
        if (!text.substr(at).starts_with(sign)) continue;
        const std::string_view value = trim(text.substr(at + sign.size()));
        // A quote inside would mean something in one grammar and nothing in the other.
        if (value.find('"') != value.npos) return std::nullopt;
        return Matcher{op, std::string(trim(text.substr(0, at))), std::string(value)};
    }
    return std::nullopt;
}

}  // namespace

Result<AlertMatcher> AlertMatcher::make(Matcher matcher) {
    if (matcher.name.empty()) return fail(Fault::BadInput, "a matcher needs a label name");
    AlertMatcher made(std::move(matcher));
    const Matcher& m = made.matcher_;
    if (m.op == Matcher::Op::Match || m.op == Matcher::Op::NotMatch) {
        RE2::Options options;
        options.set_log_errors(false);
        auto pattern = std::make_shared<const RE2>(m.value, options);
        if (!pattern->ok())
            return fail(Fault::BadInput, fmt::format("pattern {} of label `{}`: {}", quote(m.value),
                                                     m.name, pattern->error()));
        made.pattern_ = std::move(pattern);
    }
    return made;
}

bool AlertMatcher::matches(const Labels& labels) const {
    const std::string_view value = labels.get(matcher_.name);
    switch (matcher_.op) {
        case Matcher::Op::Equal:
            return value == matcher_.value;
        case Matcher::Op::NotEqual:
            return value != matcher_.value;
        case Matcher::Op::Match:
            return RE2::FullMatch({value.data(), value.size()}, *pattern_);
        case Matcher::Op::NotMatch:
            return !RE2::FullMatch({value.data(), value.size()}, *pattern_);
    }
    return false;
}

bool match_all(const AlertMatchers& matchers, const Labels& labels) {
    return std::ranges::all_of(matchers, [&](const auto& one) { return one.matches(labels); });
}

Result<AlertMatchers> parse_matchers(std::string_view text) {
    auto found = Reader(text).read();
    if (!found) {
        auto classic = read_classic(text);
        if (!classic) return fail(found.error());
        found = std::vector<Matcher>{std::move(*classic)};
    }
    AlertMatchers out;
    for (Matcher& one : *found) {
        auto made = AlertMatcher::make(std::move(one));
        if (!made) return fail(made.error());
        out.push_back(std::move(*made));
    }
    return out;
}

namespace {

/// Escapes what the grammar above reads back, and nothing else, as Alertmanager does.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '\n')
            out += "\\n";
        else if (c == '"' || c == '\\')
            (out += '\\') += c;
        else
            out += c;
    }
    return out + '"';
}

std::string text_of(const Matcher& matcher) {
    const char* sign = "=";
    switch (matcher.op) {
        case Matcher::Op::Equal:
            break;
        case Matcher::Op::NotEqual:
            sign = "!=";
            break;
        case Matcher::Op::Match:
            sign = "=~";
            break;
        case Matcher::Op::NotMatch:
            sign = "!~";
            break;
    }
    return (is_classic_label_name(matcher.name) ? matcher.name : quoted(matcher.name)) + sign +
           quoted(matcher.value);
}

}  // namespace

std::string to_string(const AlertMatchers& matchers) {
    std::vector<const Matcher*> sorted;
    for (const AlertMatcher& one : matchers) sorted.push_back(&one.matcher());
    std::ranges::stable_sort(sorted, {},
                             [](const Matcher* m) { return std::string_view(m->name); });
    std::string out = "{";
    for (const Matcher* one : sorted) {
        if (out.size() > 1) out += ',';
        out += text_of(*one);
    }
    return out + "}";
}

}  // namespace vedette::notify
