#include "base/exposition_reader.h"

#include <fmt/format.h>

#include <charconv>
#include <map>

#include "core/sample.h"

namespace vedette {
namespace {

using Type = ExposedFamily::Type;

/// Stops the reading; caught in `read_exposition`.
struct Stopped {
    std::string what;
};

bool is_name_start(char c, bool colon) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colon && c == ':');
}
bool is_name_part(char c, bool colon) {
    return is_name_start(c, colon) || (c >= '0' && c <= '9');
}
bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

bool is_metric_name(std::string_view name) {
    if (name.empty() || !is_name_start(name[0], true)) return false;
    for (const char c : name)
        if (!is_name_part(c, true)) return false;
    return true;
}

/// A byte in the single quotes of Go's %q.
std::string byte_text(char c) {
    if (c == '\'') return "'\\''";
    if (c == '"') return "'\"'";
    const std::string quoted = quote(std::string(1, c));
    return "'" + quoted.substr(1, quoted.size() - 2) + "'";
}

/// Reads byte by byte, as Prometheus's reader does, so that both stop at the same one.
///
///   line ─ '#' ─ HELP name text │ TYPE name type │ anything
///        └ name [ '{' label '=' "value" , … '}' ] value [ timestamp ]
class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    std::vector<ExposedFamily> read() {
        while (start_line()) {
        }
        std::vector<ExposedFamily> out;
        for (auto& family : families_)
            if (!family.samples.empty()) out.push_back(std::move(family));
        return out;
    }
    int line() const { return line_; }

private:
    [[noreturn]] static void stop(std::string what) { throw Stopped{std::move(what)}; }

    void advance() {
        if (at_ == text_.size()) stop("unexpected end of input stream");
        byte_ = text_[at_++];
    }
    void skip_blanks() {
        do advance();
        while (is_blank(byte_));
    }
    void skip_blanks_if_on_one() {
        if (is_blank(byte_)) skip_blanks();
    }

    /// False at the end of the text.
    bool start_line() {
        ++line_;
        while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
        if (at_ == text_.size()) return false;
        byte_ = text_[at_++];
        if (byte_ == '\n') return true;
        if (byte_ == '#')
            read_comment();
        else
            read_sample();
        return true;
    }

    // ── tokens; each ends with `byte_` on what follows ──

    std::string until_white_space() {
        std::string token;
        while (byte_ != '\n' && !is_blank(byte_)) {
            token += byte_;
            advance();
        }
        return token;
    }

    std::string until_newline(bool escapes) {
        std::string token;
        for (bool escaped = false;; advance()) {
            if (escapes && escaped) {
                if (byte_ != '\\' && byte_ != 'n')
                    stop(fmt::format("invalid escape sequence '\\{}'", byte_));
                token += byte_ == 'n' ? '\n' : '\\';
                escaped = false;
            } else if (byte_ == '\n') {
                return token;
            } else if (byte_ == '\\' && escapes) {
                escaped = true;
            } else {
                token += byte_;
            }
        }
    }

    /// A name, bare or in quotes.
    std::string name_token(bool colon) {
        std::string token;
        if (byte_ == '"') {
            token = quoted_token();
            advance();
            return token;
        }
        if (!is_name_start(byte_, colon)) return token;
        do {
            token += byte_;
            advance();
        } while (is_name_part(byte_, colon));
        return token;
    }

    /// What stands in double quotes; `byte_` stays on the closing one.
    std::string quoted_token() {
        std::string token;
        for (bool escaped = false;;) {
            advance();
            if (escaped) {
                if (byte_ != '\\' && byte_ != 'n' && byte_ != '"')
                    stop(fmt::format("invalid escape sequence '\\{}'", byte_));
                token += byte_ == 'n' ? '\n' : byte_;
                escaped = false;
                continue;
            }
            if (byte_ == '"') return token;
            if (byte_ == '\n')
                stop(fmt::format("label value {} contains unescaped new-line", quote(token)));
            if (byte_ == '\\')
                escaped = true;
            else
                token += byte_;
        }
    }

    // ── lines ──

    void read_comment() {
        skip_blanks();
        if (byte_ == '\n') return;
        const std::string keyword = until_white_space();
        if (byte_ == '\n') return;
        if (keyword != "HELP" && keyword != "TYPE") {
            while (byte_ != '\n') advance();
            return;
        }
        skip_blanks();
        const std::string name = name_token(true);
        if (byte_ == '\n') return;
        if (!is_blank(byte_)) stop("invalid metric name in comment");
        family_ = &family(name);
        skip_blanks();
        if (byte_ == '\n') return;
        if (keyword == "HELP")
            read_help();
        else
            read_type();
    }

    void read_help() {
        if (family_->help)
            stop(fmt::format("second HELP line for metric name {}", quote(family_->name)));
        family_->help = until_newline(true);
    }

    void read_type() {
        if (typed_[family_->name])
            stop(fmt::format("second TYPE line for metric name {}, or TYPE reported after samples",
                             quote(family_->name)));
        const std::string word = until_newline(false);
        std::string lower;
        for (const char c : word) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        for (const Type type :
             {Type::Untyped, Type::Counter, Type::Gauge, Type::Histogram, Type::Summary}) {
            if (to_string(type) != lower) continue;
            family_->type = type;
            typed_[family_->name] = true;
            return;
        }
        stop(fmt::format("unknown metric type {}", quote(word)));
    }

    void read_sample() {
        ExposedSample sample;
        family_ = nullptr;
        if (byte_ != '{') {
            sample.name = name_token(true);
            if (sample.name.empty()) stop("invalid metric name");
            take_name(sample);
            skip_blanks_if_on_one();
        }
        if (byte_ == '{') read_labels(sample);
        read_value(sample);
        family_->samples.push_back(std::move(sample));
    }

    void take_name(const ExposedSample& sample) {
        family_ = &family(sample.name);
        typed_[family_->name] = true;
    }

    std::string family_name() const { return quote(family_ ? family_->name : ""); }

    void read_labels(ExposedSample& sample) {
        const bool name_inside = family_ == nullptr;
        for (;;) {
            skip_blanks();
            if (byte_ == '}') break;
            const std::string name = name_token(false);
            if (name.empty()) stop(fmt::format("invalid label name for metric {}", family_name()));
            skip_blanks_if_on_one();
            if (byte_ != '=' && name_inside) {
                if (family_)
                    stop(fmt::format("multiple metric names for metric {}", family_name()));
                if (byte_ != ',' && byte_ != '}')
                    stop(fmt::format("unexpected end of metric name {}", byte_text(byte_)));
                sample.name = name;
                take_name(sample);
                if (byte_ == '}') break;
                continue;
            }
            if (!read_label(sample, name)) break;
        }
        if (!family_) stop("invalid metric name");
        skip_blanks();
    }

    /// False when the list ends behind it.
    bool read_label(ExposedSample& sample, const std::string& name) {
        if (byte_ != '=')
            stop(fmt::format("expected '=' after label name, found {}", byte_text(byte_)));
        if (name == metric_name_label) stop(fmt::format("label name {} is reserved", quote(name)));
        for (const auto& label : sample.labels)
            if (label.first == name)
                stop(fmt::format("duplicate label names for metric {}", family_name()));
        skip_blanks();
        if (byte_ != '"')
            stop(fmt::format("expected '\"' at start of label value, found {}", byte_text(byte_)));
        const std::string value = quoted_token();
        if (!is_utf8(value)) stop(fmt::format("invalid label value {}", quote(value)));
        check_bound(name, value);
        sample.labels.emplace_back(name, value);
        skip_blanks();
        if (byte_ == '}') return false;
        if (byte_ != ',') stop(fmt::format("unexpected end of label value {}", quote(value)));
        return true;
    }

    /// The bound of a bucket or a quantile is a number.
    void check_bound(const std::string& name, const std::string& value) const {
        const Type type = family_ ? family_->type : Type::Untyped;
        const bool is_bound = (type == Type::Summary && name == "quantile") ||
                              (type == Type::Histogram && name == "le");
        if (is_bound && !number(value))
            stop(fmt::format("expected float as value for '{}' label, got {}", name, quote(value)));
    }

    static std::optional<double> number(const std::string& text) {
        if (text.find_first_of("pP_") != std::string::npos) return std::nullopt;
        const auto value = parse_value(text);
        return value ? std::optional(*value) : std::nullopt;
    }

    void read_value(ExposedSample& sample) {
        const std::string text = until_white_space();
        const auto value = number(text);
        if (!value) stop(fmt::format("expected float as value, got {}", quote(text)));
        sample.value = *value;
        if (byte_ == '\n') return;
        skip_blanks();
        if (byte_ == '\n') stop("expected integer as timestamp, got \"\"");
        const std::string time = until_white_space();
        std::int64_t at = 0;
        const char* begin = time.data() + (time.starts_with('+') ? 1 : 0);
        const auto [end, error] = std::from_chars(begin, time.data() + time.size(), at);
        if (error != std::errc() || end != time.data() + time.size())
            stop(fmt::format("expected integer as timestamp, got {}", quote(time)));
        sample.at_ms = at;
        const std::string rest = until_newline(false);
        if (!rest.empty()) stop(fmt::format("spurious string after timestamp: {}", quote(rest)));
    }

    /// The family a name belongs to: parts of a histogram or summary go to the whole.
    ExposedFamily& family(const std::string& name) {
        if (!is_metric_name(name)) stop(fmt::format("invalid metric name {}", quote(name)));
        if (const auto known = by_name_.find(name); known != by_name_.end())
            return families_[known->second];
        for (const std::string_view suffix : {"_count", "_sum", "_bucket"}) {
            if (!name.ends_with(suffix)) continue;
            const auto whole = by_name_.find(name.substr(0, name.size() - suffix.size()));
            if (whole == by_name_.end()) continue;
            ExposedFamily& found = families_[whole->second];
            if (found.type == Type::Histogram ||
                (found.type == Type::Summary && suffix != "_bucket"))
                return found;
        }
        by_name_[name] = families_.size();
        families_.emplace_back().name = name;
        return families_.back();
    }

    std::string_view text_;
    std::size_t at_ = 0;
    char byte_ = '\n';
    int line_ = 0;
    std::vector<ExposedFamily> families_;
    std::map<std::string, std::size_t> by_name_;
    std::map<std::string, bool> typed_;  // a TYPE line or a sample was there
    ExposedFamily* family_ = nullptr;  // of the line being read; valid until the next family comes
};

}  // namespace

std::string_view to_string(ExposedFamily::Type type) {
    switch (type) {
        case Type::Untyped:
            return "untyped";
        case Type::Counter:
            return "counter";
        case Type::Gauge:
            return "gauge";
        case Type::Histogram:
            return "histogram";
        case Type::Summary:
            return "summary";
    }
    return "untyped";
}

Result<std::vector<ExposedFamily>> read_exposition(std::string_view text) {
    Reader reader(text);
    try {
        return reader.read();
    } catch (const Stopped& stopped) {
        return fail(Fault::BadInput, fmt::format("text format parsing error in line {}: {}",
                                                 reader.line(), stopped.what));
    }
}

}  // namespace vedette
