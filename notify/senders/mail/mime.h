#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/time.h"

namespace vedette::notify {

std::string base64(std::string_view bytes);

/// A mail before it is bytes.
struct MimeMail {
    std::string from, to, subject;
    std::string message_id;  ///< with angle brackets; the same for every try
    std::string thread_id;   ///< all mails about one group refer to it
    Timestamp date;
    std::vector<std::pair<std::string, std::string>> headers;  ///< more; bad names are left out
    std::string plain, html;                                   ///< an empty part is left out
    std::string picture;  ///< PNG that the HTML shows as `cid:chart`; empty: none
};

/// RFC 5322 text with CRLF line ends, parts in base64, so that no line is long and no text breaks out.
std::string print_mail(const MimeMail& mail);

}  // namespace vedette::notify
