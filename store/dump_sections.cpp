#include "store/dump_sections.h"

#include <fmt/format.h>

#include <array>

#include "store/blocks/layout.h"
#include "store/bytes.h"
#include "store/crc32c.h"

namespace vedette::store {

void dump_sections(std::string_view file, std::ostream& out) {
    constexpr std::array<std::string_view, BlockSection::Count> names{"about", "symbols", "series",
                                                                      "postings"};
    const auto line = [&](std::string_view text) { out << "    " << text << '\n'; };
    if (file.size() < block_magic.size() + block_footer_bytes)
        return line(fmt::format("footer: not there; {} bytes are too few", file.size()));
    const std::size_t footer_at = file.size() - block_footer_bytes;
    const std::string_view footer =
        file.substr(footer_at, block_footer_bytes - block_end_magic.size());
    const std::size_t summed = footer.size() - sizeof(std::uint32_t);
    ByteReader in(footer);
    ByteReader sum(footer.substr(summed));
    const bool ends = file.ends_with(block_end_magic);
    const bool sound = sum.fixed<std::uint32_t>() == crc32c(footer.substr(0, summed));
    line(fmt::format("footer at {}: {}", footer_at,
                     !ends    ? fmt::format("the file does not end with {}; it is cut short, or "
                                            "something stands behind it",
                                            block_end_magic.substr(0, block_end_magic.size() - 1))
                     : !sound ? "does not match its checksum"
                              : fmt::format("version {}", in.fixed<std::uint32_t>())));
    if (!ends || !sound) return;
    for (const std::string_view name : names) {
        const auto begin = in.fixed<std::uint64_t>(), length = in.fixed<std::uint64_t>();
        const auto expected = in.fixed<std::uint32_t>();
        const bool inside = begin <= footer_at && length <= footer_at - begin;
        const std::uint32_t found = inside ? crc32c(file.substr(begin, length)) : 0;
        line(fmt::format("{} at {}, {} bytes: {}", name, begin, length,
                         !inside             ? "outside the file"
                         : found != expected ? fmt::format("its checksum is {:08x}, the footer "
                                                           "says {:08x}",
                                                           found, expected)
                                             : "sound"));
    }
}

}  // namespace vedette::store
