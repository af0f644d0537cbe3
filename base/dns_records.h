#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/loop.h"
#include "core/error.h"
#include "core/time.h"

namespace vedette {

/// The kinds of records that lead to a machine.
enum class DnsType : std::uint16_t { A = 1, Ns = 2, Mx = 15, Aaaa = 28, Srv = 33 };

/// What one record of an answer leads to.
struct DnsRecord {
    DnsType type = DnsType::A;
    std::string target;      ///< an address, or a name as it came, with its last dot
    std::uint16_t port = 0;  ///< of SRV

    bool operator==(const DnsRecord&) const = default;
};

/// The records of those kinds in the answer section of a message, in their order; others (CNAME
/// before the addresses it leads to) are passed over. Fails with Corrupt when the message is cut or
/// no message.
Result<std::vector<DnsRecord>> read_dns_answer(std::string_view message);

/// Asks name servers for records, and nobody else: not /etc/hosts, not nsswitch. Lives on one loop.
class DnsRecords {
public:
    using Answer = std::function<void(Result<std::vector<DnsRecord>>)>;

    virtual ~DnsRecords() = default;
    /// Looks in the search domains of resolv.conf too, in the order `ndots` says, unless `name`
    /// ends with a dot; the first name that is there answers. Empty when all of them are known not
    /// to be there; a failure when one could not be asked, since it may be there. Answers that were
    /// cut are asked for again over TCP. Calls `done` exactly once, on the loop, never inside
    /// `ask`; with Timeout at the deadline, with Cancelled when this goes.
    virtual void ask(std::string name, DnsType type, Deadline deadline, Answer done) = 0;
};

/// c-ares on the loop, no threads; resolv.conf is read again when it changes. `servers`, when
/// given, are asked instead: `127.0.0.1:5353,10.0.0.1`.
std::unique_ptr<DnsRecords> make_dns_records(Loop& loop, std::string servers = {});

}  // namespace vedette
