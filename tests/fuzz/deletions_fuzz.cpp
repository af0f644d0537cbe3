// Whatever the bytes are: a file of deletions is read without harm, and what was read is written
// and read as the same.

#include <cstdlib>

#include "store/blocks/deletions.h"
#include "store/log/wal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace vedette::store;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const DeletionsRead read = read_deletions(bytes);
    const DeletionsRead again = read_deletions(write_deletions(read.deletions));
    if (!again.whole || again.deletions.size() != read.deletions.size()) std::abort();
    for (std::size_t i = 0; i < read.deletions.size(); ++i)
        if (again.deletions[i]->record() != read.deletions[i]->record()) std::abort();
    // A checksum that fits is not to be guessed, so the payload is read by itself too.
    if (const auto one = Deletion::read(bytes)) {
        const auto same = Deletion::read(
            std::string_view((*one)->record()).substr(record_head_bytes));
        if (!same || (*same)->record() != (*one)->record() || (*one)->text().empty()) std::abort();
    }
    return 0;
}
