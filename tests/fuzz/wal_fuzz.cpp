// Any bytes at all as a log segment and, with their checksums mended, as records.

#include <cstdint>
#include <cstring>
#include <sstream>
#include <string>

#include "store/crc32c.h"
#include "store/dump.h"
#include "store/log/records.h"
#include "store/log/recovery.h"
#include "tests/support/memory_files.h"

namespace {

using namespace vedette;

void open_as(const std::string& path, std::string_view bytes) {
    MemoryFiles files;
    (void)files.make_folders("wal");
    (void)files.write_atomically(path, bytes);
    store::Memory memory;
    {
        const Lock lock(memory.exemplar_mutex);
        memory.exemplars.resize(64);
    }
    store::Recovery recovery;
    (void)store::replay(files, "wal", {0}, memory, recovery);
    (void)recovery.text();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    open_as("wal/00000001", bytes);
    // The same bytes as payloads: type, length, payload, again and again, in records that are
    // sound.
    std::string log(store::segment_magic), checkpoint(store::checkpoint_magic);
    for (std::size_t at = 0; at + 2 <= size;) {
        const auto type = static_cast<store::RecordType>(1 + data[at] % 10);
        const std::size_t length = std::min<std::size_t>(data[at + 1], size - at - 2);
        for (std::string* file : {&log, &checkpoint}) {
            const std::size_t begin = store::begin_record(*file, type);
            file->append(bytes.substr(at + 2, length));
            store::end_record(*file, begin);
        }
        at += 2 + length;
    }
    open_as("wal/00000001", log);
    open_as("wal/checkpoint.00000001", checkpoint);
    MemoryFiles files;
    (void)files.write_atomically("log", log);
    std::ostringstream out;
    (void)store::dump(files, "log", out);
    return 0;
}
