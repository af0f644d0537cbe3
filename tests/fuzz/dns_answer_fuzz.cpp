// Any bytes as a name server's answer: read or refused, and every record leads somewhere.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/dns_records.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto found = vedette::read_dns_answer({reinterpret_cast<const char*>(data), size});
    if (!found) return 0;
    for (const vedette::DnsRecord& record : *found)
        if (record.target.empty()) __builtin_trap();
    return 0;
}
