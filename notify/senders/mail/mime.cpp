#include "notify/senders/mail/mime.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "core/labels.h"
#include "notify/senders/sender.h"

namespace vedette::notify {
namespace {

std::string base64_lines(std::string_view text) {
    const std::string all = base64(text);
    std::string out;
    for (std::size_t i = 0; i < all.size(); i += 76) out += all.substr(i, 76) + "\r\n";
    return out;
}

/// RFC 5322's date, in UTC.
std::string mail_date(Timestamp at) {
    const std::time_t seconds = at.ms / 1000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[64];
    return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &parts)};
}

bool is_header_name(std::string_view name) {
    return !name.empty() &&
           std::ranges::all_of(name, [](unsigned char c) { return c > ' ' && c < 127 && c != ':'; });
}

std::string without_breaks(std::string_view text) {
    std::string out;
    for (const char c : text)
        if (static_cast<unsigned char>(c) >= ' ' && c != 127) out += c;
        else if (!out.empty() && out.back() != ' ') out += ' ';
    return out;
}

void add_part(std::string& out, std::string_view boundary, std::string_view headers, std::string_view bytes) {
    out += fmt::format("--{}\r\n{}\r\nContent-Transfer-Encoding: base64\r\n\r\n{}", boundary, headers,
                       base64_lines(bytes));
}

/// The HTML, alone or with the picture it shows:
///
///     multipart/alternative ─┬─ text/plain
///                            └─ multipart/related ─┬─ text/html
///                                                  └─ image/png, Content-ID: <chart>
void add_html(std::string& out, const std::string& boundary, const MimeMail& mail) {
    const std::string_view type = "Content-Type: text/html; charset=utf-8";
    if (mail.picture.empty()) return add_part(out, boundary, type, mail.html);
    const std::string inner = boundary + "-related";
    out += fmt::format("--{}\r\nContent-Type: multipart/related; type=\"text/html\"; boundary=\"{}\"\r\n\r\n",
                       boundary, inner);
    add_part(out, inner, type, mail.html);
    add_part(out, inner,
             "Content-Type: image/png; name=\"chart.png\"\r\nContent-ID: <chart>\r\n"
             "Content-Disposition: inline; filename=\"chart.png\"",
             mail.picture);
    out += fmt::format("--{}--\r\n", inner);
}

}  // namespace

std::string base64(std::string_view text) {
    static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < text.size(); i += 3) {
        const std::size_t left = std::min<std::size_t>(3, text.size() - i);
        std::uint32_t bits = 0;
        for (std::size_t k = 0; k < 3; ++k)
            bits = bits << 8 | (k < left ? static_cast<unsigned char>(text[i + k]) : 0U);
        for (std::size_t k = 0; k < 4; ++k)
            out += k <= left ? digits[bits >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

std::string encode_header(std::string_view text) {
    const std::string clean = without_breaks(text);
    const bool plain = std::ranges::all_of(clean, [](unsigned char c) { return c < 127; }) &&
                       clean.size() <= 200 && clean.find("=?") == std::string::npos;
    if (plain) return clean;
    // An encoded word has at most 75 characters: 45 bytes of text, never part of a character.
    std::string out;
    for (std::size_t at = 0; at < clean.size();) {
        std::size_t end = std::min(at + 45, clean.size());
        while (end < clean.size() && end > at + 1 && (static_cast<unsigned char>(clean[end]) & 0xC0) == 0x80)
            --end;
        out += (out.empty() ? "" : "\r\n ") + fmt::format("=?utf-8?B?{}?=", base64(clean.substr(at, end - at)));
        at = end;
    }
    return out;
}

std::string print_mail(const MimeMail& mail) {
    const std::string boundary =
        fmt::format("vedette-{}", format_fingerprint(fingerprint(Labels{{"id", mail.message_id}})));
    std::string out;
    const auto header = [&](std::string_view name, std::string_view value) {
        const bool replaced =
            std::ranges::any_of(mail.headers, [&](const auto& one) { return one.first == name; });
        if (!replaced) out += fmt::format("{}: {}\r\n", name, value);
    };
    header("From", without_breaks(mail.from));
    header("To", without_breaks(mail.to));
    header("Subject", encode_header(mail.subject));
    header("Date", mail_date(mail.date));
    header("Message-ID", without_breaks(mail.message_id));
    header("In-Reply-To", without_breaks(mail.thread_id));
    header("References", without_breaks(mail.thread_id));
    header("Auto-Submitted", "auto-generated");
    for (const auto& [name, value] : mail.headers)
        if (is_header_name(name)) out += fmt::format("{}: {}\r\n", name, encode_header(value));
    out += fmt::format("MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"{}\"\r\n\r\n",
                       boundary);
    if (!mail.plain.empty())
        add_part(out, boundary, "Content-Type: text/plain; charset=utf-8", mail.plain);
    if (!mail.html.empty()) add_html(out, boundary, mail);
    return out + fmt::format("--{}--\r\n", boundary);
}

}  // namespace vedette::notify
