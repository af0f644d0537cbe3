#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/http/client.h"
#include "base/smtp.h"
#include "notify/decide.h"
#include "notify/message.h"
#include "notify/senders/service.h"
#include "notify/settings.h"
#include "notify/templates.h"

namespace vedette::notify {

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
using OutcomeDone = std::function<void(Outcome)>;
/// `run_command`, or a spy: starts the command with `input` on its standard input.
using StartCommand = std::function<void(const ExecSettings&, std::string input, OutcomeDone)>;
struct Doors {
    HttpClient& http;
    SendMail mail;
    const Clock& clock;
    StartCommand command = {};
};

/// One attempt, never more. Calls `done` exactly once, on the loop, within the integration's timeout;
/// inside the call when it fails before anything is sent. A message of several requests sends them in
/// order, the next when the last was taken; all of them together have that timeout.
void send(const Attempt& attempt, const Doors& doors, OutcomeDone done);

// ── bodies, also for tests and `test notify` ──

/// The requests that an attempt would send. Fails when a template or a secret does.
Result<std::vector<Post>> posts_of(const WebSettings& settings, const Message& message,
                                   const Templates& templates, std::int64_t attempt = 0);
/// Alertmanager's version 4 JSON; alerts beyond `max_alerts` (0: none) are counted, not listed.
std::string webhook_body(const Message& message, std::uint64_t max_alerts);
/// Lower-case hexadecimal HMAC-SHA-256.
std::string sign(std::string_view body, std::string_view secret);
/// The whole mail, headers and parts. Fails when a template does.
Result<std::string> email_text(const EmailSettings& settings, const Message& message,
                               const Templates& templates);
/// RFC 2047 encoded words where the text is not plain ASCII; CR and LF never survive.
std::string encode_header(std::string_view text);

// ── what senders share ──

/// The same for every try of one message: group, receiver and the moment it was decided.
std::string idempotency_key(const Message& message);
Outcome judge_http(const HttpOutcome& outcome, const Service& service, Timestamp now);
/// A secret or a template that failed: trying again at once changes nothing.
Outcome local_failure(const Error& error);

}  // namespace vedette::notify
