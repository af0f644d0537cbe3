#pragma once

#include <string>
#include <string_view>

namespace vedette::simulator {

/// What a person reads of a mail. All of it valid UTF-8.
struct MailView {
    std::string subject, from, to, date;
    std::string text;  ///< the first text/plain part, else the first text part of any kind
};

/// Reads an RFC 5322 message with MIME parts, quoted-printable and base64, and encoded words in its
/// headers. Whatever is broken is shown as it came: a reader of mail has nobody to complain to.
MailView read_mail(std::string_view message);

/// `=?utf-8?B?…?=` and `=?utf-8?Q?…?=` in a header, decoded.
std::string decode_words(std::string_view header);

/// Bytes that are no UTF-8 become U+FFFD.
std::string valid_utf8(std::string_view bytes);

}  // namespace vedette::simulator
