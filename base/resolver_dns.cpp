#include <memory>
#include <utility>
#include <vector>

#include "base/dns_channel.h"
#include "base/pending_names.h"
#include "base/resolver.h"

namespace vedette {
namespace {

std::vector<Address> addresses_of(const ares_addrinfo* found) {
    std::vector<Address> addresses;
    for (const auto* node = found->nodes; node != nullptr; node = node->ai_next)
        if (auto address = address_of(*node->ai_addr)) addresses.push_back(std::move(*address));
    return addresses;
}

class DnsResolver final : public Resolver {
public:
    DnsResolver(Loop& loop, std::string servers)
        : loop_(loop), pending_(loop), channels_(loop, std::move(servers)) {}

    void resolve(std::string name, Family family, Deadline deadline, Answer done) override {
        const std::uint64_t id = pending_.start(name, family, deadline, std::move(done));
        if (id == 0) return;
        DnsChannel& channel = channels_.current();
        ++channel.in_flight;
        auto query = std::make_unique<Query>(Query{this, &channel, id, std::move(name)});
        if (channel.status() != ARES_SUCCESS) return later(*query, channel.status(), {});
        ares_addrinfo_hints hints{};
        hints.ai_flags = ARES_AI_NOSORT;
        hints.ai_family = family == Family::V4Only   ? AF_INET
                          : family == Family::V6Only ? AF_INET6
                                                     : AF_UNSPEC;
        Query& asked = *query.release();  // comes back in `answered`, always
        ares_getaddrinfo(channel.get(), asked.name.c_str(), nullptr, &hints, answered, &asked);
        channel.set_timer();
    }

private:
    struct Query {
        DnsResolver* resolver;
        DnsChannel* channel;
        std::uint64_t id;
        std::string name;
    };

    static void answered(void* arg, int status, int, ares_addrinfo* found) {
        const std::unique_ptr<Query> query(static_cast<Query*>(arg));
        std::vector<Address> addresses;
        if (found != nullptr) {
            addresses = addresses_of(found);
            ares_freeaddrinfo(found);
        }
        // Destruction happens in our own destructor, where everybody is told Cancelled.
        if (status != ARES_EDESTRUCTION)
            query->resolver->later(*query, status, std::move(addresses));
    }

    /// Answers through the loop: c-ares may answer while it is being asked, and a channel cannot be
    /// closed by what it calls.
    void later(const Query& query, int status, std::vector<Address> addresses) {
        loop_.post([self = std::weak_ptr(self_), channel = query.channel, id = query.id,
                    name = query.name, status, addresses = std::move(addresses)]() mutable {
            const auto resolver = self.lock();
            if (!resolver) return;
            (*resolver)->channels_.release(*channel);
            if (status == ARES_SUCCESS)
                (*resolver)->pending_.finish(id, std::move(addresses));
            else
                (*resolver)->pending_.finish(id, fail(dns_error(status, name)));
        });
    }

    Loop& loop_;
    PendingNames pending_;
    DnsChannels channels_;
    std::shared_ptr<DnsResolver*> self_ = std::make_shared<DnsResolver*>(this);
};

}  // namespace

std::unique_ptr<Resolver> make_dns_resolver(Loop& loop, std::string servers) {
    return std::make_unique<DnsResolver>(loop, std::move(servers));
}

}  // namespace vedette
