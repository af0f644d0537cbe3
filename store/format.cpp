#include "store/format.h"

#include <fmt/format.h>

#include <charconv>

#include "core/labels.h"

namespace vedette::store {

Result<void> check_format(Files& files, const std::string& folder) {
    const std::string path = folder + "/format";
    if (!files.exists(path))
        return files.write_atomically(path, fmt::format("{}\n", format_number));
    constexpr std::size_t bytes_max = 64;
    auto text = files.read_all(path, bytes_max);
    if (!text) return fail(text.error());
    int number = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    const bool whole = end == text->data() + text->size() || *end == '\n';
    if (error != std::errc() || !whole || number < 1)
        return fail(Fault::Corrupt,
                    fmt::format("{} should hold a number and holds {}", path, quote(*text)));
    if (number > format_number)
        return fail(
            Fault::Refused,
            fmt::format("{} is {}: a newer vedette wrote this folder, this one reads up to {}",
                        path, number, format_number));
    if (number < format_oldest)
        return fail(Fault::Refused,
                    fmt::format("{} is {}: too old, this vedette reads from {}; open it with a "
                                "version in between first",
                                path, number, format_oldest));
    if (number < format_number)
        return files.write_atomically(path, fmt::format("{}\n", format_number));
    return {};
}

}  // namespace vedette::store
