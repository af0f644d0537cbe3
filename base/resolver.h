#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/loop.h"
#include "core/error.h"
#include "core/time.h"

struct sockaddr;

namespace vedette {

/// An IPv4 or IPv6 address as text (`127.0.0.1`, `::1`), without port and brackets.
struct Address {
    std::string text;
    bool is_v6 = false;
    bool operator==(const Address&) const = default;
};

/// Reads a literal; nothing when it is a name.
std::optional<Address> parse_address(std::string_view text);
/// Of an AF_INET or AF_INET6 socket address; nothing of any other.
std::optional<Address> address_of(const sockaddr& socket_address);
/// 127.0.0.0/8, ::1, ::ffff:127.x
bool is_loopback(const Address& address);
/// 169.254.0.0/16, fe80::/10, fd00:ec2::254 and the like: what outgoing requests steered by others
/// must not reach.
bool is_link_local_or_metadata(const Address& address);

enum class Family { V4Only, V6Only, V4Preferred, V6Preferred };

/// Turns names into addresses without blocking. Lives on one loop.
class Resolver {
public:
    using Answer = std::function<void(Result<std::vector<Address>>)>;

    virtual ~Resolver() = default;
    /// Literals are answered at once (still through the loop). Preferred families come first in the
    /// answer. No address of an allowed family is NotFound. Calls `done` exactly once, on the loop;
    /// with Timeout at the deadline, with Cancelled when the resolver goes.
    virtual void resolve(std::string name, Family family, Deadline deadline, Answer done) = 0;
};

/// `resolver: dns`: c-ares on the loop, no threads; reads /etc/hosts and resolv.conf (again when it
/// changes), not nsswitch. `servers`, when given, are asked instead: `127.0.0.1:5353,10.0.0.1`.
std::unique_ptr<Resolver> make_dns_resolver(Loop& loop, std::string servers = {});
/// `resolver: system`: getaddrinfo on a small number of threads, started when first
/// needed; knows nsswitch (VPN, split DNS).
std::unique_ptr<Resolver> make_system_resolver(Loop& loop);

}  // namespace vedette
