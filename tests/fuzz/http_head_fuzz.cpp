// A head in any pieces: the scanner and the parser must agree on where it ends and never read
// beyond.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "exporter/http/answerer.h"
#include "exporter/http/head.h"

using namespace vedette::http;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
    const std::size_t step = data[0] + 1U;
    HeadScanner scanner({512, 2048, 20});
    for (std::size_t end = 0; end < bytes.size() && !scanner.complete();) {
        end = std::min(end + step, bytes.size());
        if (scanner.scan(bytes.substr(0, end))) return 0;
    }
    HeadScanner at_once({512, 2048, 20});
    const bool refused = at_once.scan(bytes).has_value();
    if (refused || at_once.complete() != scanner.complete()) std::abort();
    if (!scanner.complete()) return 0;
    if (scanner.size() != at_once.size() || scanner.size() > bytes.size()) std::abort();
    const auto parsed =
        parse_head(bytes.substr(scanner.leading(), scanner.size() - scanner.leading()));
    if (const Head* head = std::get_if<Head>(&parsed)) {
        if (head->headers.size() > 20) std::abort();
        const std::string again = handler_head(*head, true);
        if (!std::holds_alternative<Head>(parse_head(again)) &&
            head->header("host").data() != nullptr) {
            std::abort();
        }
        parse_form(head->query);
        percent_decoded(head->path, false);
    }
    return 0;
}
