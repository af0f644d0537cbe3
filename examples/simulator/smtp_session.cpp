#include "examples/simulator/smtp_session.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

namespace vedette::simulator {

namespace {

bool takes(std::string_view& text, std::string_view word) {
    if (text.size() < word.size()) return false;
    const auto same = [](char upper, char said) {
        return std::toupper(static_cast<unsigned char>(said)) == upper;
    };
    if (!std::equal(word.begin(), word.end(), text.begin(), same)) return false;
    text.remove_prefix(word.size());
    return true;
}

/// A verb is followed by a space or by nothing.
bool takes_verb(std::string_view& text, std::string_view verb) {
    std::string_view rest = text;
    if (!takes(rest, verb) || (!rest.empty() && rest.front() != ' ')) return false;
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    text = rest;
    return true;
}

/// `<a@b> SIZE=10` → `a@b`; nothing when it is no path.
std::optional<std::string> path_of(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    const std::size_t end = text.find('>');
    if (!text.starts_with('<') || end == text.npos) return std::nullopt;
    return std::string(text.substr(1, end - 1));
}

}  // namespace

SmtpSession::SmtpSession(std::function<void(ReceivedMail)> deliver, SmtpLimits limits)
    : deliver_(std::move(deliver)), limits_(limits) {}

std::string SmtpSession::greet() {
    return "220 simulator ESMTP\r\n";
}

std::string SmtpSession::hear(std::string_view bytes) {
    std::string replies;
    while (!bytes.empty() && !over()) {
        const std::size_t end = bytes.find('\n');
        const std::string_view piece = bytes.substr(0, end);
        if (partial_.size() + piece.size() > limits_.line_bytes) {
            line_too_long_ = true;
            partial_.clear();
        } else if (!line_too_long_) {
            partial_ += piece;
        }
        if (end == bytes.npos) break;
        bytes.remove_prefix(end + 1);
        if (partial_.ends_with('\r')) partial_.pop_back();
        const std::string whole = std::exchange(partial_, {});
        replies += line(whole);
        line_too_long_ = false;
    }
    return replies;
}

std::string SmtpSession::line(std::string_view text) {
    switch (state_) {
        case State::Data: return data_line(text);
        case State::AuthUser:
            state_ = State::AuthPassword;
            return "334 UGFzc3dvcmQ6\r\n";  // "Password:"
        case State::AuthPassword:
            state_ = State::Command;
            return text == "*" ? "501 5.7.0 cancelled\r\n" : "235 2.7.0 welcome\r\n";
        case State::Over: return {};
        case State::Command: break;
    }
    if (line_too_long_) return "500 5.5.2 line too long\r\n";
    return command(text);
}

std::string SmtpSession::command(std::string_view text) {
    if (takes_verb(text, "EHLO")) {
        forget_mail();
        return "250-simulator\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE " +
               std::to_string(limits_.message_bytes) + "\r\n250 AUTH PLAIN LOGIN\r\n";
    }
    if (takes_verb(text, "HELO")) {
        forget_mail();
        return "250 simulator\r\n";
    }
    if (takes(text, "MAIL FROM:")) return mail_from(text);
    if (takes(text, "RCPT TO:")) return rcpt_to(text);
    if (takes_verb(text, "DATA")) return begin_data();
    if (takes_verb(text, "AUTH")) return auth(text);
    if (takes_verb(text, "RSET")) {
        forget_mail();
        return "250 2.0.0 forgotten\r\n";
    }
    if (takes_verb(text, "NOOP")) return "250 2.0.0 ok\r\n";
    if (takes_verb(text, "QUIT")) {
        state_ = State::Over;
        return "221 2.0.0 bye\r\n";
    }
    return "500 5.5.1 this simulator does not know that command\r\n";
}

std::string SmtpSession::mail_from(std::string_view rest) {
    auto path = path_of(rest);
    if (!path) return "501 5.5.4 expected MAIL FROM:<address>\r\n";
    if (has_sender_) return "503 5.5.1 one mail at a time\r\n";
    if (messages_ >= limits_.messages) return "452 4.5.3 too many mails on one connection\r\n";
    has_sender_ = true;
    mail_.from = std::move(*path);
    return "250 2.1.0 ok\r\n";
}

std::string SmtpSession::rcpt_to(std::string_view rest) {
    auto path = path_of(rest);
    if (!path || path->empty()) return "501 5.5.4 expected RCPT TO:<address>\r\n";
    if (!has_sender_) return "503 5.5.1 MAIL first\r\n";
    if (mail_.to.size() >= limits_.recipients) return "452 4.5.3 too many recipients\r\n";
    mail_.to.push_back(std::move(*path));
    return "250 2.1.5 ok\r\n";
}

std::string SmtpSession::begin_data() {
    if (mail_.to.empty()) return "503 5.5.1 RCPT first\r\n";
    state_ = State::Data;
    return "354 end with a dot on a line of its own\r\n";
}

std::string SmtpSession::auth(std::string_view rest) {
    if (takes_verb(rest, "PLAIN")) {
        if (!rest.empty()) return "235 2.7.0 welcome\r\n";
        state_ = State::AuthPassword;
        return "334 \r\n";
    }
    if (takes_verb(rest, "LOGIN")) {
        state_ = rest.empty() ? State::AuthUser : State::AuthPassword;
        return rest.empty() ? "334 VXNlcm5hbWU6\r\n" : "334 UGFzc3dvcmQ6\r\n";
    }
    return "504 5.5.4 PLAIN or LOGIN\r\n";
}

std::string SmtpSession::data_line(std::string_view text) {
    if (line_too_long_) {
        refusal_ = "554 5.6.0 a line is too long\r\n";
        return {};
    }
    if (text == ".") {
        state_ = State::Command;
        std::string answer = std::exchange(refusal_, {});
        if (answer.empty()) {
            ++messages_;
            deliver_(std::move(mail_));
            answer = "250 2.0.0 delivered to the inbox\r\n";
        }
        forget_mail();
        return answer;
    }
    if (text.starts_with('.')) text.remove_prefix(1);
    if (mail_.message.size() + text.size() + 2 > limits_.message_bytes) {
        refusal_ = "552 5.3.4 the mail is too large\r\n";
        mail_.message.clear();
    }
    if (refusal_.empty()) mail_.message.append(text).append("\r\n");
    return {};
}

void SmtpSession::forget_mail() {
    has_sender_ = false;
    refusal_.clear();
    mail_ = {};
}

}  // namespace vedette::simulator
