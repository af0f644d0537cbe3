#include "base/http/form.h"

namespace vedette {

std::string encode_part(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                           (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.' || c == '~';
        if (plain) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
    return out;
}

void add_field(std::string& form, std::string_view name, std::string_view value) {
    if (!form.empty()) form += '&';
    form += encode_part(name) + '=' + encode_part(value);
}

}  // namespace vedette
