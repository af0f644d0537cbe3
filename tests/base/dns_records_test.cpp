#include "base/dns_records.h"

#include <catch2/catch.hpp>
#include <optional>
#include <string>

#include "tests/support/spy_name_server.h"

using namespace vedette;
using namespace std::chrono_literals;

namespace {

using Found = Result<std::vector<DnsRecord>>;
using Spy = SpyNameServer;

Spy::Record srv(const std::string& target, std::uint16_t port) {
    return {33, Spy::number_data(1) + Spy::number_data(2) + Spy::number_data(port) +
                    Spy::name_data(target)};
}

std::string show(const Found& found) {
    if (!found) return std::string(to_string(found.error().fault)) + ": " + found.error().message;
    std::string out;
    for (const DnsRecord& record : *found)
        out += (out.empty() ? "" : " ") + std::to_string(static_cast<int>(record.type)) + "=" +
               record.target + (record.port != 0 ? ":" + std::to_string(record.port) : "");
    return out;
}

/// Asks and turns the loop until the answer is there.
std::string ask(Loop& loop, DnsRecords& records, const std::string& name, DnsType type,
                Milliseconds wait = 10s) {
    std::optional<std::string> answer;
    records.ask(name, type, Deadline::after(loop.now(), wait), [&](const Found& found) {
        REQUIRE_FALSE(answer);
        answer = show(found);
    });
    CHECK_FALSE(answer);  // never inside the call
    while (!answer) loop.turn(1s);
    return *answer;
}

/// An answer with every kind of record, one of them with a name that leads back to the question.
std::string whole_message() {
    const std::string query = std::string(12, '\0') + Spy::name_data("shop.test") +
                              Spy::number_data(1) + Spy::number_data(1);
    return Spy::message(query, query.size() - 12,
                        {0,
                         {srv("a.shop.test", 8080),
                          {15, Spy::number_data(10) + "\x04mail\xc0\x0c"},
                          {5, Spy::name_data("alias.test")},
                          {2, Spy::name_data("ns.test")},
                          Spy::address_record("10.0.0.1"),
                          Spy::address_record("2001:db8::1")}});
}

}  // namespace

TEST_CASE("every kind of record is read, in the order of the answer", "[dns_records]") {
    CHECK(show(read_dns_answer(whole_message())) ==
          "33=a.shop.test.:8080 15=mail.shop.test. 2=ns.test. 1=10.0.0.1 28=2001:db8::1");
}

TEST_CASE("an answer that is cut anywhere is refused", "[dns_records]") {
    const std::string whole = whole_message();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CAPTURE(size);
        CHECK(show(read_dns_answer(whole.substr(0, size))) ==
              "corrupt: the name server's answer is no message");
    }
}

TEST_CASE("an answer with any bit flipped is read or refused, and nothing else", "[dns_records]") {
    const std::string whole = whole_message();
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
        std::string flipped = whole;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        const auto found = read_dns_answer(flipped);
        if (!found) CHECK(found.error().message == "the name server's answer is no message");
    }
}

TEST_CASE("records come from the name server; no such name and no such record are empty",
          "[dns_records]") {
    Loop loop;
    Spy server(loop, [](std::uint16_t type, const std::string& name) -> std::optional<Spy::Reply> {
        if (name == "_web._tcp.shop.test" && type == 33) return Spy::Reply{0, {srv("a.test", 80)}};
        if (name == "_web._tcp.shop.test") return Spy::Reply{};
        if (name == "broken.test") return Spy::Reply{2, {}};
        return Spy::Reply{3, {}};
    });
    const auto records = make_dns_records(loop, server.address);
    CHECK(ask(loop, *records, "_web._tcp.shop.test.", DnsType::Srv) == "33=a.test.:80");
    CHECK(ask(loop, *records, "_web._tcp.shop.test.", DnsType::A).empty());
    CHECK(ask(loop, *records, "gone.test.", DnsType::Mx).empty());
    CHECK(ask(loop, *records, "broken.test.", DnsType::A) ==
          "unavailable: the name servers failed to look up broken.test.");
}

TEST_CASE("records that do not come are said at the deadline, and to those who wait at the end",
          "[dns_records]") {
    Loop loop;
    Spy server(loop, [](std::uint16_t, const std::string&) { return std::nullopt; });
    auto records = make_dns_records(loop, server.address);
    CHECK(ask(loop, *records, "slow.test.", DnsType::A, 20ms) ==
          "timed out: no answer from the name servers for slow.test.");
    std::string told;
    records->ask("a.test.", DnsType::A, Deadline::after(loop.now(), 1h),
                 [&](const Found& found) { told = show(found); });
    records.reset();
    CHECK(told == "cancelled: the lookup of a.test. was cancelled");
    loop.turn(0ms);
}
