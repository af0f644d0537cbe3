#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/template/value.h"

namespace vedette::template_text {

/// What stands between `%` and the verb.
struct PrintFlags {
    bool minus = false, plus = false, sharp = false, space = false, zero = false;
    bool plus_v = false, sharp_v = false;  // %+v, %#v
    std::optional<int> width, precision;
};

/// The shape of Go's own printer: `one` prints a value by a verb, whatever is inside it too.
class Printer {
public:
    Printer(std::string& out, std::size_t bytes_max) : out_(out), bytes_max_(bytes_max) {}

    PrintFlags flags;

    /// Prints at the end of `out`, and a verb that does not fit as Go complains of it. What is longer
    /// than `bytes_max` is not printed to its end.
    void one(const TemplateValue& argument, std::string_view verb, int depth = 0);

private:
    /// What a value with a method `String` prints as, by the verbs that print texts.
    std::optional<std::string> own_text(const TemplateValue& argument, char letter) const;
    void nothing(std::string_view verb, int depth);

    /// A verb that does not fit.
    void wrong(std::string_view verb, const TemplateValue& argument);
    void padding(std::size_t count);
    void pad(std::string_view text);
    void pad_with_spaces(std::string_view text);
    std::string truncated(std::string_view text) const;
    void string(std::string_view text, char letter, std::string_view verb,
                const TemplateValue& argument);
    void quoted(std::string_view whole);
    void hex(std::string_view text, bool upper);
    void integer(std::int64_t value, char letter, std::string_view verb,
                 const TemplateValue& argument);
    void code_point(std::uint64_t rune);
    void digits(bool negative, std::string text, std::string_view prefix);
    void real(double value, char letter, std::string_view verb, const TemplateValue& argument);
    void signed_number(std::string text, double value);
    void list(const TemplateValue& argument, const TemplateList& items, std::string_view verb,
              int depth);
    void map(const TemplateValue& argument, const TemplateMap& entries, std::string_view verb,
             int depth);
    void object(const TemplateObject& value, std::string_view verb, int depth);

    std::string& out_;
    std::size_t bytes_max_;
};

}  // namespace vedette::template_text
