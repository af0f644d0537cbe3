#include "store/blocks/layout.h"

#include <fmt/format.h>

#include <charconv>

namespace vedette::store {
namespace {

constexpr std::string_view suffix = ".block";

template <typename Number>
bool read_number(std::string_view& text, Number& out, char end) {
    const std::size_t length = text.find(end);
    if (length == text.npos || length == 0) return false;
    const char* last = text.data() + length;
    const auto [at, error] = std::from_chars(text.data(), last, out);
    text.remove_prefix(length + 1);
    return error == std::errc() && at == last;
}

}  // namespace

std::string block_path(const std::string& folder, const BlockAbout& about) {
    return fmt::format("{}/{:08}_{}_{}{}", folder, about.number, about.from.ms, about.to.ms,
                       suffix);
}

bool read_block_name(std::string_view name, BlockAbout& out) {
    if (!name.ends_with(suffix)) return false;
    return read_number(name, out.number, '_') && read_number(name, out.from.ms, '_') &&
           read_number(name, out.to.ms, '.') && name == suffix.substr(1);
}

}  // namespace vedette::store
