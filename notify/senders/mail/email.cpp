// Mail over SMTP: what it says. How it looks as bytes is in mime.cpp.
#include <fmt/format.h>

#include "base/template/value.h"
#include "core/limits.h"
#include "notify/senders/mail/email.h"
#include "notify/senders/mail/mime.h"
#include "notify/words/chart.h"
#include "notify/words/markup.h"
#include "notify/words/words.h"

namespace vedette::notify {
namespace {

std::string default_plain(const Message& message) {
    std::string out = headline(message) + "\n";
    if (const std::string note = note_of(message); !note.empty()) out += note + "\n";
    std::size_t shown = 0;
    for (const AlertRef& alert : message.alerts) {
        if (shown++ == limits::mail_alerts_max) break;
        const AlertWords words = words_of(message, *alert);
        // Of a single alert the first line has said it.
        out += message.alerts.size() == 1 ? "\n" : "\n" + words.headline + "\n";
        for (const std::string& one : words.paragraphs) out += fmt::format("  {}\n", one);
        for (const auto& [name, value] : words.facts) out += fmt::format("  {} = {}\n", name, value);
        out += fmt::format("  {}{}{}\n", words.since, words.value.empty() ? "" : ", ", words.value);
        for (const Link& link : words.links) out += fmt::format("  {}: {}\n", link.name, link.url);
    }
    if (message.alerts.size() > limits::mail_alerts_max)
        out += fmt::format("\nand {} more\n", message.alerts.size() - limits::mail_alerts_max);
    return out;
}

// Inline styles alone: mail programs drop the rest. One column, at most 600 wide, so that a phone shows it whole.
constexpr std::string_view page_head =
    "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
    "content=\"width=device-width\"></head>\n<body style=\"margin:0;padding:12px;background:#f3f4f6;"
    "font:16px/1.5 -apple-system,'Segoe UI',Roboto,sans-serif;color:#1f2933\">\n"
    "<div style=\"max-width:600px;margin:0 auto;background:#fff;border-top:6px solid {};padding:16px\">\n"
    "<p style=\"margin:0 0 8px;font-size:20px;font-weight:600\">{}</p>\n";
constexpr std::string_view grey = "style=\"color:#52606d;padding:2px 12px 2px 0;vertical-align:top\"";

void add_alert(std::string& out, const Message& message, const Alert& alert) {
    const AlertWords words = words_of(message, alert);
    if (message.alerts.size() > 1)
        out += fmt::format("<p style=\"margin:16px 0 4px;padding-top:12px;border-top:1px solid #e4e7eb;"
                           "font-weight:600\">{}</p>\n", escape_html(words.headline));
    for (const std::string& one : words.paragraphs)
        out += fmt::format("<p style=\"margin:4px 0\">{}</p>\n", escape_html(one));
    out += fmt::format("<p style=\"margin:4px 0\">{}{}{}</p>\n<table style=\"border-collapse:collapse;"
                       "font-size:14px\">\n", escape_html(words.since), words.value.empty() ? "" : ", ",
                       escape_html(words.value));
    for (const auto& [name, value] : words.facts)
        out += fmt::format("<tr><td {}>{}</td><td>{}</td></tr>\n", grey, escape_html(name), escape_html(value));
    out += "</table>\n<p style=\"margin:8px 0\">";
    for (const Link& link : words.links)
        out += fmt::format("<a href=\"{}\" style=\"display:inline-block;margin:0 16px 4px 0;padding:4px 0;"
                           "color:#1f62a8\">{}</a>", escape_html(link.url), escape_html(link.name));
    out += "</p>\n";
}

std::string default_html(const Message& message, bool has_picture) {
    std::string out = fmt::format(fmt::runtime(page_head), message.firing() ? "#c0392b" : "#2e9e5b",
                                  escape_html(headline(message)));
    if (const std::string note = note_of(message); !note.empty())
        out += fmt::format("<p style=\"margin:4px 0\">{}</p>\n", escape_html(note));
    if (has_picture)
        out += "<p style=\"margin:8px 0\"><img src=\"cid:chart\" alt=\"the value over the last hours\" "
               "width=\"568\" style=\"max-width:100%;height:auto\"></p>\n";
    std::size_t shown = 0;
    for (const AlertRef& alert : message.alerts) {
        if (shown++ == limits::mail_alerts_max) break;
        add_alert(out, message, *alert);
    }
    if (message.alerts.size() > limits::mail_alerts_max)
        out += fmt::format("<p>and {} more</p>\n", message.alerts.size() - limits::mail_alerts_max);
    return out + "</div></body></html>\n";
}

/// `Ops <ops@x>` → `ops@x`
std::string address_of(std::string_view text) {
    if (const auto open = text.find('<'); open != text.npos)
        return std::string(text.substr(open + 1, text.find('>') - open - 1));
    return std::string(text);
}

/// What all mails of a group, or of its day, refer to.
std::string thread_of(const EmailSettings& settings, const Message& message) {
    const std::string key = idempotency_key(message);
    const std::string group = key.substr(0, key.find('-'));
    if (settings.thread == EmailSettings::Thread::Group) return group;
    return group + "-" + format_go_time(message.decided, "2006-01-02", message.timezone.get());
}

Result<std::string> subject_of(const EmailSettings& settings, const Message& message, const Templates& templates) {
    if (settings.own_words) return headline(message);
    return templates.expand(R"({{ template "email.default.subject" . }})", message);
}

}  // namespace

Result<std::string> email_text(const EmailSettings& settings, const Message& message,
                               const Templates& templates) {
    MimeMail mail;
    mail.from = settings.from;
    for (const std::string& one : settings.to) mail.to += (mail.to.empty() ? "" : ", ") + one;
    auto subject = subject_of(settings, message, templates);
    if (!subject) return fail(subject.error());
    mail.subject = cut_text(*subject, limits::mail_subject_bytes_max);
    mail.date = message.at;
    const std::string from = address_of(settings.from);
    const std::string domain = from.substr(from.find('@') + 1);
    mail.message_id = fmt::format("<{}.vedette@{}>", idempotency_key(message), domain);
    mail.thread_id = fmt::format("<{}.vedette@{}>", thread_of(settings, message), domain);
    for (const auto& [name, text] : settings.headers) {
        auto value = templates.expand(text, message);
        if (!value) return fail(value.error());
        if (name == "Subject" || name == "subject")
            mail.subject = cut_text(*value, limits::mail_subject_bytes_max);
        else mail.headers.emplace_back(name, std::move(*value));
    }
    const bool own_html = settings.html.empty();
    if (const History* history = lead_history(message); history != nullptr && own_html && !settings.html_off)
        mail.picture = draw_chart(*history, message.timezone.get()).value_or("");
    auto plain = settings.text.empty() ? default_plain(message) : templates.expand(settings.text, message);
    if (!plain) return fail(plain.error());
    auto html = own_html ? default_html(message, !mail.picture.empty())
                         : templates.expand_html(settings.html, message);
    if (!html) return fail(html.error());
    if (!settings.text_off) mail.plain = cut_text(*plain, limits::mail_bytes_max);
    if (!settings.html_off) mail.html = cut_marked(*html, limits::mail_bytes_max, Measure::Bytes);
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
