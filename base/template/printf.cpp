// Go's fmt.Sprintf over template values.

#include <cmath>

#include "base/template/printer.h"
#include "base/template/text.h"

namespace vedette {
namespace {

using Kind = TemplateValue::Kind;
using template_text::Printer;
using template_text::PrintFlags;
using template_text::rune_bytes;

/// Go's own ceiling of widths and precisions.
constexpr int number_max = 1'000'000;

/// Goes through a format as Go does: `%[flags][[n]][width][.precision][[n]]verb`.
class Format {
public:
    Format(std::string_view format, TemplateArguments arguments, std::size_t bytes_max)
        : format_(format),
          arguments_(arguments),
          bytes_max_(bytes_max),
          printer_(out_, bytes_max) {}

    std::string run() {
        while (at_ < format_.size() && out_.size() <= bytes_max_) {
            if (format_[at_] != '%') {
                out_ += format_[at_++];
                continue;
            }
            ++at_;
            one_verb();
        }
        if (!reordered_ && next_ < arguments_.size()) extra();
        return std::move(out_);
    }

private:
    void one_verb() {
        printer_.flags = PrintFlags();
        good_index_ = true;
        bool after_index = false;
        read_flags();
        read_index(after_index);
        read_width(after_index);
        read_precision(after_index);
        if (!after_index) read_index(after_index);
        if (at_ >= format_.size()) {
            out_ += "%!(NOVERB)";
            return;
        }
        const std::size_t length = rune_bytes(format_.substr(at_));
        const std::string_view verb = format_.substr(at_, length);
        at_ += length;
        if (verb == "%") {
            out_ += '%';
        } else if (!good_index_) {
            out_ += "%!" + std::string(verb) + "(BADINDEX)";
        } else if (next_ >= arguments_.size()) {
            out_ += "%!" + std::string(verb) + "(MISSING)";
        } else {
            PrintFlags& flags = printer_.flags;
            if (verb == "v") {
                flags.sharp_v = std::exchange(flags.sharp, false);
                flags.plus_v = std::exchange(flags.plus, false);
            }
            printer_.one(arguments_[next_++], verb);
        }
    }

    void read_flags() {
        PrintFlags& flags = printer_.flags;
        for (; at_ < format_.size(); ++at_) {
            switch (format_[at_]) {
                case '-':
                    flags.minus = true;
                    break;
                case '+':
                    flags.plus = true;
                    break;
                case '#':
                    flags.sharp = true;
                    break;
                case ' ':
                    flags.space = true;
                    break;
                case '0':
                    flags.zero = true;
                    break;
                default:
                    return;
            }
        }
    }

    std::optional<int> read_number(std::size_t end) {
        std::optional<int> number;
        while (at_ < end && format_[at_] >= '0' && format_[at_] <= '9') {
            if (number.value_or(0) > number_max) {
                at_ = end;
                return std::nullopt;
            }
            number = number.value_or(0) * 10 + (format_[at_++] - '0');
        }
        return number;
    }

    /// `[2]`: the argument that is next.
    void read_index(bool& found) {
        found = false;
        if (at_ >= format_.size() || format_[at_] != '[') return;
        reordered_ = true;
        const std::size_t close = format_.find(']', at_);
        if (format_.size() - at_ < 3 || close == std::string_view::npos) {
            good_index_ = false;
            ++at_;
            return;
        }
        ++at_;
        const std::optional<int> number = read_number(close);
        const bool whole = number && at_ == close;
        at_ = close + 1;
        found = whole;
        if (whole && *number >= 1 && static_cast<std::size_t>(*number) <= arguments_.size())
            next_ = static_cast<std::size_t>(*number) - 1;
        else
            good_index_ = false;
    }

    /// `*`: the next argument, when it is a small integer.
    std::optional<int> star() {
        if (next_ >= arguments_.size()) return std::nullopt;
        const TemplateValue& value = arguments_[next_++].plain();
        if (value.kind() != Kind::Int || std::abs(value.integer()) > number_max)
            return std::nullopt;
        return static_cast<int>(value.integer());
    }

    void read_width(bool& after_index) {
        PrintFlags& flags = printer_.flags;
        if (at_ < format_.size() && format_[at_] == '*') {
            ++at_;
            flags.width = star();
            if (!flags.width) out_ += "%!(BADWIDTH)";
            if (flags.width.value_or(0) < 0) {
                flags.width = -*flags.width;
                flags.minus = true;
                flags.zero = false;
            }
            after_index = false;
            return;
        }
        flags.width = read_number(format_.size());
        if (after_index && flags.width) good_index_ = false;
    }

    void read_precision(bool& after_index) {
        if (at_ >= format_.size() || format_[at_] != '.') return;
        ++at_;
        if (after_index) good_index_ = false;
        read_index(after_index);
        PrintFlags& flags = printer_.flags;
        if (at_ < format_.size() && format_[at_] == '*') {
            ++at_;
            flags.precision = star();
            if (flags.precision.value_or(0) < 0) flags.precision.reset();
            if (!flags.precision) out_ += "%!(BADPREC)";
            after_index = false;
            return;
        }
        flags.precision = read_number(format_.size()).value_or(0);
    }

    void extra() {
        printer_.flags = PrintFlags();
        out_ += "%!(EXTRA ";
        for (std::size_t i = next_; i < arguments_.size(); ++i) {
            if (i > next_) out_ += ", ";
            if (!arguments_[i].is_missing()) out_ += arguments_[i].type_name() + "=";
            printer_.one(arguments_[i], "v");
        }
        out_ += ")";
    }

    std::string_view format_;
    TemplateArguments arguments_;
    std::size_t bytes_max_;
    std::string out_;
    Printer printer_;
    std::size_t at_ = 0, next_ = 0;
    bool reordered_ = false, good_index_ = true;
};

}  // namespace

std::string go_printf(std::string_view format, TemplateArguments arguments, std::size_t bytes_max) {
    return Format(format, arguments, bytes_max).run();
}

std::string go_print(const TemplateValue& value, char verb, std::size_t bytes_max) {
    std::string out;
    Printer(out, bytes_max).one(value, std::string_view(&verb, 1));
    return out;
}

}  // namespace vedette
