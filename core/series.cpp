#include "core/series.h"

namespace vedette {

std::string to_string(const Matcher& matcher) {
    std::string out = is_classic_label_name(matcher.name) ? matcher.name : quote(matcher.name);
    switch (matcher.op) {
        case Matcher::Op::Equal:
            out += "=";
            break;
        case Matcher::Op::NotEqual:
            out += "!=";
            break;
        case Matcher::Op::Match:
            out += "=~";
            break;
        case Matcher::Op::NotMatch:
            out += "!~";
            break;
    }
    return out + quote(matcher.value);
}

}  // namespace vedette
