#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/http/client.h"

namespace vedette {

/// How a mail server is reached; Alertmanager's e-mail keys mean the same.
struct SmtpSettings {
    std::string smarthost;  ///< `host:port`
    std::string hello = "localhost";
    std::string username;
    Secret password;
    std::string identity;
    bool require_tls = true;  ///< STARTTLS or nothing; port 465 speaks TLS from the start
    TlsSettings tls;
};

struct Mail {
    std::string from;             ///< address only
    std::vector<std::string> to;  ///< addresses only
    std::string message;          ///< complete RFC 5322 text with CRLF line ends
};

struct SmtpFailure {
    Error error;        ///< one sentence with the server's reply
    int reply = 0;      ///< the server's code; 0 when it did not come to that
    bool retry = true;  ///< false after a 5xx: trying again changes nothing
};

/// Sends mails over libcurl, one connection each, on a loop. All recipients or none. AUTH only
/// inside TLS (loopback excepted when require_tls is off). Calls `done` exactly once, on the loop,
/// by `deadline`, never inside `send`; with Cancelled when the client goes. On the loop's thread
/// only.
class SmtpClient {
public:
    SmtpClient(Loop& loop, Resolver& resolver);
    ~SmtpClient();
    SmtpClient(const SmtpClient&) = delete;
    SmtpClient& operator=(const SmtpClient&) = delete;
    void send(const SmtpSettings& settings, Mail mail, Deadline deadline,
              std::function<void(tl::expected<void, SmtpFailure>)> done);

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace vedette
