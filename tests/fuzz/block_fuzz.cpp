// Any bytes at all as a block, and as the sections of one whose checksums are right.

#include <cstdint>
#include <sstream>
#include <string>

#include "store/blocks/block.h"
#include "store/bytes.h"
#include "store/crc32c.h"
#include "store/dump.h"
#include "tests/support/memory_files.h"

namespace {

using namespace vedette;

void open_as_block(const std::string& bytes) {
    MemoryFiles files;
    (void)files.write_atomically("block", bytes);
    std::ostringstream out;
    (void)store::dump(files, "block", out);
    const auto block = store::Block::open(files, "block");
    if (!block) return;
    for (const auto& name : (*block)->names()) {
        (void)(*block)->values(name);
        std::vector<store::ReadyMatcher> matchers;
        matchers.push_back(*store::ReadyMatcher::make({Matcher::Op::Match, name, ".*a.*"}));
        matchers.push_back(*store::ReadyMatcher::make({Matcher::Op::NotEqual, "b", "c"}));
        (void)(*block)->matching(matchers, {});
    }
}

/// Five pieces, each behind a byte that says its length: chunks, about, symbols, series, postings;
/// the footer is made for them.
void open_as_sections(std::string_view bytes, std::uint32_t version) {
    std::string file(store::block_magic), footer;
    store::put_fixed(footer, version);
    for (std::size_t i = 0; i <= store::BlockSection::Count; ++i) {
        const std::size_t wanted = bytes.empty() ? 0 : static_cast<unsigned char>(bytes[0]);
        if (!bytes.empty()) bytes.remove_prefix(1);
        const std::string_view piece =
            bytes.substr(0, i == store::BlockSection::Count ? bytes.size() : wanted);
        bytes.remove_prefix(piece.size());
        if (i > 0) {
            store::put_fixed(footer, std::uint64_t{file.size()});
            store::put_fixed(footer, std::uint64_t{piece.size()});
            store::put_fixed(footer, store::crc32c(piece));
        }
        file += piece;
    }
    store::put_fixed(footer, store::crc32c(footer));
    open_as_block(file + footer + std::string(store::block_end_magic));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    open_as_block(std::string(bytes));
    open_as_sections(bytes, store::block_version);
    open_as_sections(bytes, store::rolled_block_version);
    return 0;
}
