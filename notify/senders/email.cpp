// Mail over SMTP: what it says. How it looks as bytes is in mime.cpp.
#include <fmt/format.h>

#include "core/limits.h"
#include "notify/senders/mime.h"
#include "notify/senders/senders.h"

namespace vedette::notify {
namespace {

constexpr std::string_view repeat_note = "(possibly a repeat: the outcome of an earlier attempt is unknown)";

std::string default_plain(const Message& message) {
    std::string out = headline(message) + "\n";
    if (message.possible_repeat) out += fmt::format("{}\n", repeat_note);
    std::size_t shown = 0;
    for (const AlertRef& alert : message.alerts) {
        if (shown++ == limits::mail_alerts_max) break;
        // Of a single alert the first line has said it.
        out += message.alerts.size() == 1 ? "\n" : "\n" + headline(*alert, message.at) + "\n";
        for (const char* name : {"summary", "description"})
            if (const auto text = alert->annotations.get(name); !text.empty())
                out += fmt::format("  {}\n", text);
        for (const Label label : alert->labels) out += fmt::format("  {} = {}\n", label.name, label.value);
        out += fmt::format("  since {}, value {}\n", format_rfc3339(starts_at(*alert)), alert->value);
        for (const Link& link : links(message, *alert)) out += fmt::format("  {}: {}\n", link.name, link.url);
    }
    if (message.alerts.size() > limits::mail_alerts_max)
        out += fmt::format("\nand {} more\n", message.alerts.size() - limits::mail_alerts_max);
    return out;
}

std::string default_html(const Message& message) {
    std::string out = fmt::format(
        "<!DOCTYPE html>\n<html><body style=\"font-family:sans-serif\">\n<p><b>{}</b></p>\n",
        escape_html(headline(message)));
    if (message.possible_repeat) out += fmt::format("<p>{}</p>\n", repeat_note);
    std::size_t shown = 0;
    for (const AlertRef& alert : message.alerts) {
        if (shown++ == limits::mail_alerts_max) break;
        if (message.alerts.size() > 1)
            out += fmt::format("<h3>{}</h3>\n", escape_html(headline(*alert, message.at)));
        for (const char* name : {"summary", "description"})
            if (const auto text = alert->annotations.get(name); !text.empty())
                out += fmt::format("<p>{}</p>\n", escape_html(text));
        out += "<table>\n";
        for (const Label label : alert->labels)
            out += fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", escape_html(label.name),
                               escape_html(label.value));
        out += fmt::format("</table>\n<p>since {}, value {}</p>\n<p>",
                           format_rfc3339(starts_at(*alert)), alert->value);
        for (const Link& link : links(message, *alert))
            out += fmt::format("<a href=\"{}\">{}</a> ", escape_html(link.url), link.name);
        out += "</p>\n";
    }
    if (message.alerts.size() > limits::mail_alerts_max)
        out += fmt::format("<p>and {} more</p>\n", message.alerts.size() - limits::mail_alerts_max);
    return out + "</body></html>\n";
}

/// `Ops <ops@x>` → `ops@x`
std::string address_of(std::string_view text) {
    if (const auto open = text.find('<'); open != text.npos)
        return std::string(text.substr(open + 1, text.find('>') - open - 1));
    return std::string(text);
}

}  // namespace

Result<std::string> email_text(const EmailSettings& settings, const Message& message,
                               const Templates& templates) {
    MimeMail mail;
    mail.from = settings.from;
    for (const std::string& one : settings.to) mail.to += (mail.to.empty() ? "" : ", ") + one;
    mail.subject = cut_text(headline(message), limits::mail_subject_bytes_max);
    mail.date = message.at;
    const std::string from = address_of(settings.from);
    const std::string domain = from.substr(from.find('@') + 1);
    const std::string key = idempotency_key(message);
    mail.message_id = fmt::format("<{}.vedette@{}>", key, domain);
    mail.thread_id = fmt::format("<{}.vedette@{}>", key.substr(0, key.find('-')), domain);
    for (const auto& [name, text] : settings.headers) {
        auto value = templates.expand(text, message);
        if (!value) return fail(value.error());
        if (name == "Subject" || name == "subject")
            mail.subject = cut_text(*value, limits::mail_subject_bytes_max);
        else mail.headers.emplace_back(name, std::move(*value));
    }
    auto plain = settings.text.empty() ? default_plain(message) : templates.expand(settings.text, message);
    if (!plain) return fail(plain.error());
    auto html = settings.html.empty() ? default_html(message) : templates.expand(settings.html, message);
    if (!html) return fail(html.error());
    if (!settings.text_off) mail.plain = cut_text(*plain, limits::mail_bytes_max);
    if (!settings.html_off) mail.html = cut_text(*html, limits::mail_bytes_max);
    return print_mail(mail);
}

void send_email(const EmailSettings& settings, const Attempt& attempt, const Doors& doors,
                OutcomeDone done) {
    auto text = email_text(settings, *attempt.message, *attempt.templates);
    if (!text) return done(local_failure(text.error()));
    Mail mail{address_of(settings.from), settings.to, std::move(*text)};
    doors.mail(settings.smtp, std::move(mail),
               Deadline::after(doors.clock.steady(), limits::mail_deadline),
               [done](const tl::expected<void, SmtpFailure>& result) {
                        Outcome out;
                        out.sent = result.has_value();
                        out.status = 250;
                        if (!result) {
                            out.retry = result.error().retry;
                            out.status = result.error().reply;
                            out.error = result.error().error.message;
                            out.maybe_arrived = result.error().error.fault == Fault::Timeout;
                        }
                        done(out);
                    });
}

}  // namespace vedette::notify
