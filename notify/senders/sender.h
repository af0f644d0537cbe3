#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/http/client.h"
#include "base/smtp.h"
#include "notify/decide.h"
#include "notify/message.h"
#include "notify/settings.h"
#include "notify/templates.h"

namespace vedette::notify {

/// What a service takes and how it answers: the one table all senders share.
struct Service {
    std::string_view kind;           ///< "slack"
    std::size_t text_bytes_max = 0;  ///< of the text it shows; 0: none known
    /// Statuses that mean "later", beside 408, 425, 429 and 5xx, which mean it everywhere.
    std::span<const int> retry_statuses;
    bool json_ok_false_fails = false;  ///< 200 with `"ok":false` is a failure
};
const Service& service(std::string_view kind);

/// What an attempt has to work with. All of it outlives the attempt.
struct Attempt {
    const Integration* how = nullptr;
    std::shared_ptr<const Message> message;
    std::shared_ptr<const Templates> templates;
    std::int64_t id = 0;  ///< row of the ledger
};
/// `SmtpClient::send`, or a spy.
using SendMail = std::function<void(const SmtpSettings&, Mail, Deadline,
                                    std::function<void(tl::expected<void, SmtpFailure>)>)>;
struct Doors {
    HttpClient& http;
    SendMail mail;
    const Clock& clock;
};
using OutcomeDone = std::function<void(Outcome)>;

/// One attempt, never more. Calls `done` exactly once, on the loop, within the integration's timeout;
/// inside the call when it fails before anything is sent.
void send(const Attempt& attempt, const Doors& doors, OutcomeDone done);

// ── bodies, also for tests and `test notify` ──

/// Alertmanager's version 4 JSON; alerts beyond `max_alerts` (0: none) are counted, not listed.
std::string webhook_body(const Message& message, std::uint64_t max_alerts);
/// Lower-case hexadecimal HMAC-SHA-256.
std::string sign(std::string_view body, std::string_view secret);
/// Slack's JSON. Fails when a template does.
Result<std::string> slack_body(const SlackSettings& settings, const Message& message,
                               const Templates& templates);
/// `&`, `<` and `>` as Slack wants them; nothing else means anything to it there.
std::string escape_slack(std::string_view text);
/// The whole mail, headers and both parts. Fails when a template does.
Result<std::string> email_text(const EmailSettings& settings, const Message& message,
                               const Templates& templates);
std::string escape_html(std::string_view text);
/// RFC 2047 encoded words where the text is not plain ASCII; CR and LF never survive.
std::string encode_header(std::string_view text);

// ── what senders share ──

/// The same for every try of one message: group, receiver and the moment it was decided.
std::string idempotency_key(const Message& message);
/// A POST of `body` over a connection that may be kept; every receiver over HTTP begins with it.
HttpCall post_call(std::string url, std::shared_ptr<const HttpSettings> http,
                   std::string content_type, std::string body);
Outcome judge_http(const HttpOutcome& outcome, const Service& service, Timestamp now);
/// A secret or a template that failed: trying again at once changes nothing.
Outcome local_failure(const Error& error);

}  // namespace vedette::notify
