// An SMTP conversation in any pieces: the replies must not depend on how it was cut, the mails neither,
// and nothing that a mail contains may break its reader or get out of the page.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "examples/simulator/inbox_page.h"
#include "examples/simulator/mail.h"
#include "examples/simulator/smtp_session.h"

using namespace vedette::simulator;

namespace {

struct Heard {
    std::string replies;
    std::vector<std::string> mails;
    bool operator==(const Heard&) const = default;
};

Heard hear(std::string_view bytes, std::size_t step) {
    Heard heard;
    SmtpSession session([&](ReceivedMail mail) { heard.mails.push_back(std::move(mail.message)); },
                        {.line_bytes = 200, .message_bytes = 2000, .recipients = 3, .messages = 3});
    for (std::size_t at = 0; at < bytes.size(); at += step)
        heard.replies += session.hear(bytes.substr(at, step));
    return heard;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
    const Heard heard = hear(bytes, data[0] + 1U);
    if (heard != hear(bytes, std::max<std::size_t>(bytes.size(), 1))) std::abort();
    for (const std::string& mail : heard.mails) {
        const MailView view = read_mail(mail);
        if (valid_utf8(view.subject) != view.subject || valid_utf8(view.text) != view.text) std::abort();
    }
    for (const Message::Kind kind : {Message::Kind::Slack, Message::Kind::Webhook, Message::Kind::Mail}) {
        Message message;
        message.kind = kind;
        message.body = bytes;
        if (message_html(message, {}).find("<script") != std::string::npos) std::abort();
    }
    return 0;
}
