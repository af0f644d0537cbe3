#include "base/dns_records.h"

#include <ares.h>
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "base/dns_channel.h"

namespace vedette {
namespace {

/// A message from its first byte on; names lead back into it.
///
///     12 bytes: id, flags, how many questions, answers, …    all numbers are big-endian
///     question: name, type, class                            × questions
///     answer:   name, type, class, ttl (4), length, data     × answers
class Message {
public:
    explicit Message(std::string_view bytes) : bytes_(bytes) {}

    bool has(std::size_t more) const { return more <= bytes_.size() - at_; }
    std::size_t at() const { return at_; }
    void jump(std::size_t to) { at_ = to; }
    std::uint16_t number(std::size_t place) const {
        return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes_[place]) << 8 |
                                          static_cast<unsigned char>(bytes_[place + 1]));
    }
    std::string_view part(std::size_t place, std::size_t size) const {
        return bytes_.substr(place, size);
    }
    /// The name that begins at `place`, with its last dot, and how many bytes it takes there.
    std::optional<std::pair<std::string, std::size_t>> name(std::size_t place) const {
        const auto* begin = reinterpret_cast<const unsigned char*>(bytes_.data());
        char* text = nullptr;
        long taken = 0;
        if (place >= bytes_.size() ||
            ares_expand_name(begin + place, begin, static_cast<int>(bytes_.size()), &text,
                             &taken) != ARES_SUCCESS)
            return std::nullopt;
        std::string out(text);
        ares_free_string(text);
        return std::pair(out + ".", static_cast<std::size_t>(taken));
    }
    /// Steps over a name and `more` bytes behind it; false when they are not there.
    bool skip_name_and(std::size_t more) {
        const auto found = name(at_);
        if (!found || !has(found->second) || !has(found->second + more)) return false;
        at_ += found->second + more;
        return true;
    }

private:
    std::string_view bytes_;
    std::size_t at_ = 12;
};

std::optional<std::string> address_text(int family, std::string_view data) {
    if (data.size() != (family == AF_INET ? 4U : 16U)) return std::nullopt;
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(family, data.data(), text.data(), text.size());
    return text.data();
}

/// The record whose data takes `size` bytes at `place`; nothing when its data are not what its kind
/// has. A kind that leads nowhere has an empty target.
std::optional<DnsRecord> record_of(const Message& message, std::uint16_t type, std::size_t place,
                                   std::size_t size) {
    DnsRecord out{static_cast<DnsType>(type), {}, 0};
    std::optional<std::string> target;
    const auto name_after = [&](std::size_t before) {
        const auto found = message.name(place + before);
        if (found && before + found->second == size) target = found->first;
    };
    switch (out.type) {
        case DnsType::A:
            target = address_text(AF_INET, message.part(place, size));
            break;
        case DnsType::Aaaa:
            target = address_text(AF_INET6, message.part(place, size));
            break;
        case DnsType::Ns:
            name_after(0);
            break;
        case DnsType::Mx:
            if (size > 2) name_after(2);
            break;
        case DnsType::Srv:
            if (size > 6) name_after(6);
            if (target) out.port = message.number(place + 4);
            break;
        default:
            return out;
    }
    if (!target) return std::nullopt;
    out.target = std::move(*target);
    return out;
}

/// As resolv.conf and its readers have it: with enough dots the name itself comes first.
std::vector<std::string> names_to_ask(const std::string& name, ares_channel channel) {
    if (name.ends_with('.')) return {name};
    std::vector<std::string> out;
    ares_options options{};
    int given = 0;
    std::size_t dots_enough = 1;
    if (ares_save_options(channel, &options, &given) == ARES_SUCCESS) {
        dots_enough = static_cast<std::size_t>(std::max(options.ndots, 0));
        for (int i = 0; i < options.ndomains; ++i) {
            const std::string domain = options.domains[i];
            if (!domain.empty() && domain != ".")
                out.push_back(fmt::format("{}.{}.", name, domain));
        }
        ares_destroy_options(&options);
    }
    const auto dots = static_cast<std::size_t>(std::count(name.begin(), name.end(), '.'));
    out.insert(dots >= dots_enough ? out.begin() : out.end(), name + ".");
    return out;
}

class AresRecords final : public DnsRecords {
public:
    AresRecords(Loop& loop, std::string servers)
        : loop_(loop), channels_(loop, std::move(servers)) {}
    ~AresRecords() override {
        self_.reset();
        auto left = std::exchange(lookups_, {});
        for (auto& [id, lookup] : left) {
            loop_.cancel(lookup.timer);
            lookup.done(
                fail(Fault::Cancelled, fmt::format("the lookup of {} was cancelled", lookup.name)));
        }
    }

    void ask(std::string name, DnsType type, Deadline deadline, Answer done) override {
        const std::uint64_t id = ++last_id_;
        Lookup lookup{name, type, std::move(done), {}, {}, {}};
        lookup.names = names_to_ask(name, channels_.current().get());
        lookup.timer = loop_.at(deadline.at, [this, id, name] {
            finish(id, fail(Fault::Timeout,
                            fmt::format("no answer from the name servers for {}", name)));
        });
        lookups_.emplace(id, std::move(lookup));
        ask_next(id);
    }

private:
    struct Lookup {
        std::string name;
        DnsType type;
        Answer done;
        Loop::TimerId timer;
        std::vector<std::string> names;  ///< still to ask, in this order
        std::optional<Error> failure;    ///< of one that was asked
    };
    struct Query {
        AresRecords* records;
        DnsChannel* channel;
        std::uint64_t id;
    };

    void ask_next(std::uint64_t id) {
        Lookup& lookup = lookups_.at(id);
        const std::string name = lookup.names.front();
        lookup.names.erase(lookup.names.begin());
        DnsChannel& channel = channels_.current();
        ++channel.in_flight;
        auto query = std::make_unique<Query>(Query{this, &channel, id});
        if (channel.status() != ARES_SUCCESS) return later(*query, channel.status(), {});
        ares_query(channel.get(), name.c_str(), 1 /* internet */, static_cast<int>(lookup.type),
                   answered, query.release());  // comes back in `answered`, always
        channel.set_timer();
    }

    static void answered(void* arg, int status, int, unsigned char* bytes, int size) {
        const std::unique_ptr<Query> query(static_cast<Query*>(arg));
        if (status == ARES_EDESTRUCTION) return;
        query->records->later(
            *query, status,
            std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)));
    }

    /// Answers through the loop: c-ares may answer while it is being asked, and a channel cannot be
    /// closed by what it calls.
    void later(const Query& query, int status, std::string message) {
        loop_.post([self = std::weak_ptr(self_), channel = query.channel, id = query.id, status,
                    message = std::move(message)] {
            const auto records = self.lock();
            if (!records) return;
            (*records)->channels_.release(*channel);
            (*records)->take(id, status, message);
        });
    }

    void take(std::uint64_t id, int status, const std::string& message) {
        const auto at = lookups_.find(id);
        if (at == lookups_.end()) return;
        Lookup& lookup = at->second;
        if (status == ARES_SUCCESS) return finish(id, read_dns_answer(message));
        // The name is there and has no such record: no other is looked for.
        if (status == ARES_ENODATA) return finish(id, std::vector<DnsRecord>());
        if (status != ARES_ENOTFOUND && !lookup.failure)
            lookup.failure = dns_error(status, lookup.name);
        if (!lookup.names.empty()) return ask_next(id);
        if (lookup.failure) return finish(id, fail(*lookup.failure));
        finish(id, std::vector<DnsRecord>());
    }

    void finish(std::uint64_t id, Result<std::vector<DnsRecord>> found) {
        const auto at = lookups_.find(id);
        if (at == lookups_.end()) return;
        const Lookup lookup = std::move(at->second);
        lookups_.erase(at);
        loop_.cancel(lookup.timer);
        lookup.done(std::move(found));
    }

    Loop& loop_;
    std::uint64_t last_id_ = 0;
    std::map<std::uint64_t, Lookup> lookups_;
    DnsChannels channels_;
    std::shared_ptr<AresRecords*> self_ = std::make_shared<AresRecords*>(this);
};

}  // namespace

Result<std::vector<DnsRecord>> read_dns_answer(std::string_view message) {
    const auto broken = [] {
        return fail(Fault::Corrupt, "the name server's answer is no message");
    };
    if (message.size() < 12) return broken();
    Message reader(message);
    for (int left = reader.number(4); left > 0; --left)
        if (!reader.skip_name_and(4)) return broken();
    std::vector<DnsRecord> out;
    for (int left = reader.number(6); left > 0; --left) {
        if (!reader.skip_name_and(10)) return broken();
        const std::uint16_t type = reader.number(reader.at() - 10);
        const std::size_t size = reader.number(reader.at() - 2);
        if (!reader.has(size)) return broken();
        auto record = record_of(reader, type, reader.at(), size);
        if (!record) return broken();
        if (!record->target.empty()) out.push_back(std::move(*record));
        reader.jump(reader.at() + size);
    }
    return out;
}

std::unique_ptr<DnsRecords> make_dns_records(Loop& loop, std::string servers) {
    return std::make_unique<AresRecords>(loop, std::move(servers));
}

}  // namespace vedette
