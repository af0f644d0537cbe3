#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/loop.h"
#include "core/error.h"

namespace vedette {

/// A name server on loopback, over UDP, answered by a function: the type of record asked for and
/// the name in, the whole answer section out; nothing is silence. On the loop's thread only.
class SpyNameServer {
public:
    struct Record {
        std::uint16_t type = 1;
        std::string data;  ///< as it goes over the wire
    };
    struct Reply {
        int code = 0;  ///< 3: no such name
        std::vector<Record> records;
    };
    using Script = std::function<std::optional<Reply>(std::uint16_t type, const std::string& name)>;

    SpyNameServer(Loop& loop, Script script) : loop_(loop), script_(std::move(script)) {
        fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        check(::bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0, "a port is free");
        socklen_t size = sizeof at;
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size);
        address = "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
        loop_.watch(fd_, Loop::readable, [this](unsigned) { answer(); });
    }
    ~SpyNameServer() {
        loop_.unwatch(fd_);
        ::close(fd_);
    }
    SpyNameServer(const SpyNameServer&) = delete;
    SpyNameServer& operator=(const SpyNameServer&) = delete;

    std::string address;
    int asked = 0;

    static Record address_record(const char* text) {
        const bool v6 = std::string_view(text).find(':') != std::string_view::npos;
        std::string bytes(v6 ? 16 : 4, '\0');
        check(::inet_pton(v6 ? AF_INET6 : AF_INET, text, bytes.data()) == 1, "an address");
        return {static_cast<std::uint16_t>(v6 ? 28 : 1), std::move(bytes)};
    }
    /// `a.test` as the wire has it.
    static std::string name_data(std::string_view name) {
        std::string out;
        while (!name.empty()) {
            const auto dot = std::min(name.find('.'), name.size());
            out += static_cast<char>(dot);
            out += name.substr(0, dot);
            name.remove_prefix(std::min(dot + 1, name.size()));
        }
        return out + '\0';
    }
    static std::string number_data(std::uint16_t number) {
        return {static_cast<char>(number >> 8), static_cast<char>(number & 0xff)};
    }
    /// The whole message that answers `query`, whose question takes `question` bytes.
    static std::string message(std::string_view query, std::size_t question, const Reply& reply) {
        // header: id, flags, one question, answers, nothing else; then the question as it came
        std::string out(query.substr(0, 2));
        out += '\x81';
        out += static_cast<char>(0x80 | reply.code);
        out += number_data(1) + number_data(static_cast<std::uint16_t>(reply.records.size()));
        out.append(4, '\0');
        out += query.substr(12, question);
        for (const Record& record : reply.records) {
            out += "\xc0\x0c" + number_data(record.type) + number_data(1);
            out += number_data(0) + number_data(60);
            out += number_data(static_cast<std::uint16_t>(record.data.size())) + record.data;
        }
        return out;
    }

private:
    void answer() {
        char buffer[512];
        sockaddr_in from{};
        socklen_t size = sizeof from;
        const auto got =
            ::recvfrom(fd_, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size);
        if (got < 17) return;
        ++asked;
        const std::string query(buffer, static_cast<std::size_t>(got));
        std::string name;
        std::size_t at = 12;
        for (; query[at] != 0; at += static_cast<std::size_t>(query[at]) + 1) {
            if (!name.empty()) name += '.';
            name += query.substr(at + 1, static_cast<std::size_t>(query[at]));
        }
        const auto type = static_cast<std::uint16_t>(static_cast<unsigned char>(query[at + 2]));
        const auto reply = script_(type, name);
        if (!reply) return;
        const std::string out = message(query, at + 5 - 12, *reply);
        ::sendto(fd_, out.data(), out.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
    }

    Loop& loop_;
    Script script_;
    int fd_ = -1;
};

}  // namespace vedette
