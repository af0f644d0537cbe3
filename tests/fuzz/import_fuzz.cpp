#include <cstddef>
#include <cstdint>
#include <limits>

#include "app/openmetrics/export.h"
#include "app/openmetrics/import.h"
#include "tests/store/scratch.h"

/// Any text is refused with its line, or comes into a store, from where it is exported and imported
/// again as the same samples.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace vedette;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto round = [](const std::string& given) -> Result<std::string> {
        store::Scratch it;
        check(it.open().has_value(), "an empty folder opens");
        app::Import import(given, "f", {.samples_a_pass = 8, .samples_a_block = 4},
                           [](std::string_view, std::uint64_t, std::uint64_t) {});
        if (auto read = import.read({1'790'000'000'000}); !read) return fail(read.error());
        auto done = import.write(*it.store, it.files, "data/import.progress");
        if (!done) return fail(done.error());
        std::string out;
        const Window always{{std::numeric_limits<std::int64_t>::min()},
                            {std::numeric_limits<std::int64_t>::max()}};
        const auto put = [&](std::string_view piece) -> Result<void> {
            out += piece;
            return {};
        };
        auto exported = app::export_openmetrics(*it.store, {}, always, put);
        if (!exported) return fail(exported.error());
        return out;
    };
    const auto first = round(text);
    if (!first) return 0;
    const auto second = round(*first);
    if (!second || *second != *first) __builtin_trap();
    return 0;
}
