#include "rules/own_keys/yaml_text.h"

#include <algorithm>

#include "core/labels.h"

namespace vedette::rules {

std::string quoted_scalar(const std::string& text) {
    // What Go would escape includes YAML's line breaks of all kinds; quotes and backslashes are
    // plain between single quotes.
    std::string seen = text;
    std::erase_if(seen, [](char c) { return c == '"' || c == '\\'; });
    if (quote(seen) != "\"" + seen + "\"") return quote(text);
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
    return out + "'";
}

}  // namespace vedette::rules
