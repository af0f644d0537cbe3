#include "base/resolver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <functional>
#include <optional>
#include <string>

using namespace vedette;
using namespace std::chrono_literals;

namespace {

using Found = Result<std::vector<Address>>;

/// A name server on loopback, answered by a function: the type of record asked for and the name in,
/// the whole answer section out; nothing is silence.
class SpyNameServer {
public:
    struct Reply {
        int code = 0;  // 3: no such name
        std::vector<std::string> addresses;
    };
    using Script = std::function<std::optional<Reply>(bool v6, const std::string& name)>;

    SpyNameServer(Loop& loop, Script script) : loop_(loop), script_(std::move(script)) {
        fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
        socklen_t size = sizeof at;
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size);
        address = "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
        loop_.watch(fd_, Loop::readable, [this](unsigned) { answer(); });
    }
    ~SpyNameServer() {
        loop_.unwatch(fd_);
        ::close(fd_);
    }

    std::string address;
    int asked = 0;

private:
    void answer() {
        char buffer[512];
        sockaddr_in from{};
        socklen_t size = sizeof from;
        const auto got =
            ::recvfrom(fd_, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size);
        if (got < 17) return;
        ++asked;
        std::string query(buffer, static_cast<std::size_t>(got)), name;
        std::size_t at = 12;
        for (; query[at] != 0; at += static_cast<std::size_t>(query[at]) + 1) {
            if (!name.empty()) name += '.';
            name += query.substr(at + 1, static_cast<std::size_t>(query[at]));
        }
        const bool v6 = query[at + 2] == 28;
        const auto reply = script_(v6, name);
        if (!reply) return;
        // header: id, flags, one question, answers, nothing else; then the question as it came
        std::string out =
            query.substr(0, 2) + std::string("\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00", 10);
        out[3] = static_cast<char>(0x80 | reply->code);
        out[7] = static_cast<char>(reply->addresses.size());
        out += query.substr(12, at + 5 - 12);
        for (const auto& text : reply->addresses) {
            char bytes[16];
            const std::size_t length = v6 ? 16 : 4;
            REQUIRE(::inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), bytes) == 1);
            out += std::string("\xc0\x0c\x00", 3) + (v6 ? '\x1c' : '\x01') +
                   std::string("\x00\x01\x00\x00\x00\x3c\x00", 7) + static_cast<char>(length) +
                   std::string(bytes, length);
        }
        ::sendto(fd_, out.data(), out.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
    }

    Loop& loop_;
    Script script_;
    int fd_ = -1;
};

std::string show(const Found& found) {
    if (!found) return std::string(to_string(found.error().fault)) + ": " + found.error().message;
    std::string text;
    for (const Address& address : *found) text += (text.empty() ? "" : " ") + address.text;
    return text;
}

/// Asks and turns the loop until the answer is there.
std::string ask(Loop& loop, Resolver& resolver, const std::string& name, Family family,
                Milliseconds wait = 10s) {
    std::optional<std::string> answer;
    resolver.resolve(name, family, Deadline::after(loop.now(), wait), [&](Found found) {
        REQUIRE_FALSE(answer);
        answer = show(found);
    });
    CHECK_FALSE(answer);  // never inside the call
    while (!answer) loop.turn(1s);
    return *answer;
}

}  // namespace

TEST_CASE("only whole literals are addresses", "[resolver]") {
    struct Row {
        const char *text, *address;
    };
    const auto row = GENERATE(values<Row>({
        {"127.0.0.1", "127.0.0.1"},
        {"::1", "::1"},
        {"2001:DB8:0:0::5", "2001:db8::5"},
        {"::ffff:10.0.0.1", "::ffff:10.0.0.1"},
        {"localhost", ""},
        {"[::1]", ""},
        {"127.1", ""},
        {"127.0.0.1:80", ""},
        {"010.0.0.1", ""},
        {"fe80::1%eth0", ""},
        {"", ""},
    }));
    CAPTURE(row.text);
    const auto address = parse_address(row.text);
    CHECK((address ? address->text : "") == row.address);
    if (address) CHECK(address->is_v6 == (address->text.find(':') != std::string::npos));
}

TEST_CASE("loopback and metadata addresses are known in every spelling", "[resolver]") {
    struct Row {
        const char* text;
        bool loopback, metadata;
    };
    const auto row = GENERATE(values<Row>({
        {"127.0.0.1", true, false},
        {"127.255.3.4", true, false},
        {"::1", true, false},
        {"::ffff:127.0.0.1", true, false},
        {"128.0.0.1", false, false},
        {"::2", false, false},
        {"169.254.169.254", false, true},
        {"169.254.0.1", false, true},
        {"::ffff:169.254.169.254", false, true},
        {"::169.254.169.254", false, true},
        {"64:ff9b::169.254.169.254", false, true},
        {"2002:a9fe:a9fe::1", false, true},
        {"fe80::1", false, true},
        {"febf::1", false, true},
        {"fec0::1", false, false},
        {"fd00:ec2::254", false, true},
        {"fd00:ec2::253", false, false},
        {"100.100.100.200", false, true},
        {"::ffff:100.100.100.200", false, true},
        {"192.0.0.192", false, true},
        {"169.253.255.255", false, false},
        {"10.0.0.1", false, false},
        {"2001:db8::a9fe:a9fe", false, false},
    }));
    CAPTURE(row.text);
    const auto address = parse_address(row.text);
    REQUIRE(address);
    CHECK(is_loopback(*address) == row.loopback);
    CHECK(is_link_local_or_metadata(*address) == row.metadata);
}

TEST_CASE("names are answered by the name server, in the order of the family asked for",
          "[resolver]") {
    Loop loop;
    SpyNameServer server(
        loop, [](bool v6, const std::string& name) -> std::optional<SpyNameServer::Reply> {
            if (name == "both.test") {
                if (v6) return SpyNameServer::Reply{0, {"2001:db8::1"}};
                return SpyNameServer::Reply{0, {"10.0.0.1", "10.0.0.2", "10.0.0.1"}};
            }
            if (name == "four.test") {
                if (v6) return SpyNameServer::Reply{};
                return SpyNameServer::Reply{0, {"10.0.0.4"}};
            }
            if (name == "broken.test") return SpyNameServer::Reply{2, {}};
            return SpyNameServer::Reply{3, {}};
        });
    const auto resolver = make_dns_resolver(loop, server.address);
    CHECK(ask(loop, *resolver, "both.test", Family::V4Preferred) ==
          "10.0.0.1 10.0.0.2 2001:db8::1");
    CHECK(ask(loop, *resolver, "both.test", Family::V6Preferred) ==
          "2001:db8::1 10.0.0.1 10.0.0.2");
    CHECK(ask(loop, *resolver, "both.test", Family::V6Only) == "2001:db8::1");
    CHECK(ask(loop, *resolver, "four.test", Family::V6Preferred) == "10.0.0.4");
    CHECK(ask(loop, *resolver, "four.test", Family::V6Only) ==
          "not found: no address for four.test");
    CHECK(ask(loop, *resolver, "gone.test", Family::V4Preferred) ==
          "not found: name not found: gone.test");
    CHECK(ask(loop, *resolver, "broken.test", Family::V4Only) ==
          "unavailable: the name servers failed to look up broken.test");
    // Asked again each time: a remembered address would keep a moved host looking healthy.
    const int before = server.asked;
    ask(loop, *resolver, "four.test", Family::V4Only);
    CHECK(server.asked == before + 1);
}

TEST_CASE("a silent name server is reported at the deadline, not later", "[resolver]") {
    Loop loop;
    SpyNameServer server(loop, [](bool, const std::string&) { return std::nullopt; });
    const auto resolver = make_dns_resolver(loop, server.address);
    CHECK(ask(loop, *resolver, "slow.test", Family::V4Only, 30ms) ==
          "timed out: no answer from the name servers for slow.test in 30 ms");
}

TEST_CASE("literals and impossible names need no name server", "[resolver]") {
    Loop loop;
    const bool system = GENERATE(false, true);
    const auto resolver =
        system ? make_system_resolver(loop) : make_dns_resolver(loop, "127.0.0.1:1");
    CHECK(ask(loop, *resolver, "192.0.2.7", Family::V6Preferred) == "192.0.2.7");
    CHECK(ask(loop, *resolver, "::1", Family::V4Preferred) == "::1");
    CHECK(ask(loop, *resolver, "::1", Family::V4Only) == "not found: no IPv4 address for ::1");
    CHECK(ask(loop, *resolver, "", Family::V4Only) == "bad input: not a host name: ``");
    CHECK(ask(loop, *resolver, "a b", Family::V4Only) == "bad input: not a host name: `a b`");
    CHECK(ask(loop, *resolver, "localhost", Family::V4Only) == "127.0.0.1");
}

TEST_CASE("a resolver that goes tells those who wait", "[resolver]") {
    Loop loop;
    SpyNameServer server(loop, [](bool, const std::string&) { return std::nullopt; });
    auto resolver = make_dns_resolver(loop, server.address);
    std::string told;
    for (const char* name : {"a.test", "127.0.0.1"})
        resolver->resolve(name, Family::V4Preferred, Deadline::after(loop.now(), 1h),
                          [&](Found found) { told += show(found) + "\n"; });
    resolver.reset();
    CHECK(told == "cancelled: the lookup of a.test was cancelled\n");
    loop.turn(0ms);
    CHECK(told == "cancelled: the lookup of a.test was cancelled\n127.0.0.1\n");
}

TEST_CASE("the system's resolver answers many at once from few threads", "[resolver]") {
    Loop loop;
    auto resolver = make_system_resolver(loop);
    int answered = 0;
    for (int i = 0; i < 50; ++i)
        resolver->resolve("localhost", Family::V4Only, Deadline::after(loop.now(), 30s),
                          [&](Found found) {
                              CHECK(show(found) == "127.0.0.1");
                              ++answered;
                          });
    while (answered < 50) loop.turn(1s);
    int cancelled = 0;
    for (int i = 0; i < 50; ++i)
        resolver->resolve("localhost", Family::V4Only, Deadline::after(loop.now(), 30s),
                          [&](Found found) { cancelled += found ? 0 : 1; });
    resolver.reset();
    CHECK(cancelled == 50);
    loop.turn(0ms);
    CHECK(cancelled == 50);
}
