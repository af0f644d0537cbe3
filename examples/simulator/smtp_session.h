#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "examples/simulator/tcp_server.h"

namespace vedette::simulator {

/// One mail as it came over SMTP.
struct ReceivedMail {
    std::string from;
    std::vector<std::string> to;
    std::string message;  ///< dots unstuffed, CRLF line ends
};

/// What one client may send.
struct SmtpLimits {
    std::size_t line_bytes = 8 * 1024;
    std::size_t message_bytes = std::size_t{1} << 20;
    std::size_t recipients = 100;
    std::size_t messages = 1000;  ///< of one connection
};

/// The server's side of one SMTP conversation (RFC 5321 without extensions, RFC 4954's PLAIN and LOGIN,
/// any password is right). Knows no socket: bytes in, replies out, whatever the pieces.
///
///     command ──MAIL──RCPT──► DATA ──lines──► "." ──► deliver
///        │  ▲──────────────────────────────────┘
///        └──AUTH──► user ──► password ──► command
class SmtpSession final : public Talk {
public:
    /// `deliver` gets each complete mail before the client is told that it was taken.
    explicit SmtpSession(std::function<void(ReceivedMail)> deliver, SmtpLimits limits = {});

    std::string greet() override;
    std::string hear(std::string_view bytes) override;
    bool over() const override { return state_ == State::Over; }

private:
    enum class State { Command, AuthUser, AuthPassword, Data, Over };

    std::string line(std::string_view text);
    std::string command(std::string_view text);
    std::string mail_from(std::string_view rest);
    std::string rcpt_to(std::string_view rest);
    std::string begin_data();
    std::string auth(std::string_view rest);
    std::string data_line(std::string_view text);
    void forget_mail();

    const std::function<void(ReceivedMail)> deliver_;
    const SmtpLimits limits_;
    State state_ = State::Command;
    std::string partial_;        // of a line whose end has not come
    bool line_too_long_ = false;
    bool has_sender_ = false;
    std::string refusal_;        // what the end of DATA will be answered with instead of 250
    std::size_t messages_ = 0;
    ReceivedMail mail_;
};

}  // namespace vedette::simulator
