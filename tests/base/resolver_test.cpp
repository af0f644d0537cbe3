#include "base/resolver.h"

#include <catch2/catch.hpp>
#include <initializer_list>
#include <optional>
#include <string>

#include "tests/support/spy_name_server.h"

using namespace vedette;
using namespace std::chrono_literals;

namespace {

using Found = Result<std::vector<Address>>;

using Reply = SpyNameServer::Reply;

/// The addresses as records of their kind.
Reply addresses(std::initializer_list<const char*> texts) {
    Reply reply;
    for (const char* text : texts) reply.records.push_back(SpyNameServer::address_record(text));
    return reply;
}

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
    SpyNameServer server(loop,
                         [](std::uint16_t type, const std::string& name) -> std::optional<Reply> {
                             const bool v6 = type == 28;
                             if (name == "both.test") {
                                 if (v6) return addresses({"2001:db8::1"});
                                 return addresses({"10.0.0.1", "10.0.0.2", "10.0.0.1"});
                             }
                             if (name == "four.test") return v6 ? Reply() : addresses({"10.0.0.4"});
                             if (name == "broken.test") return Reply{2, {}};
                             return Reply{3, {}};
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
    SpyNameServer server(loop, [](std::uint16_t, const std::string&) { return std::nullopt; });
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
    SpyNameServer server(loop, [](std::uint16_t, const std::string&) { return std::nullopt; });
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
