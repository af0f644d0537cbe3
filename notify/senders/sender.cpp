#include "notify/senders/sender.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/limits.h"
#include "notify/senders/senders.h"

namespace vedette::notify {
namespace {

constexpr Service table[] = {
    {"webhook", 0, {}, false},
    {"slack", limits::slack_text_bytes_max, {}, true},
    {"email", limits::mail_bytes_max, {}, false},
};

bool means_later(int status, const Service& service) {
    return status == 408 || status == 425 || status == 429 || status >= 500 ||
           std::ranges::find(service.retry_statuses, status) != service.retry_statuses.end();
}

/// The first line of an answer, printable and short: services say there what they dislike.
std::string first_line(std::string_view body) {
    std::string out;
    for (const char c : body.substr(0, body.find('\n')).substr(0, 200))
        out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return is_utf8(out) ? cut_text(out, 120) : std::string();
}

}  // namespace

const Service& service(std::string_view kind) {
    const auto found = std::ranges::find(table, kind, &Service::kind);
    check(found != std::end(table), "every sender has a row in the table of services");
    return *found;
}

void send(const Attempt& attempt, const Doors& doors, OutcomeDone done) {
    struct Visitor {
        const Attempt& attempt;
        const Doors& doors;
        OutcomeDone& done;
        void operator()(const WebhookSettings& s) { send_webhook(s, attempt, doors, std::move(done)); }
        void operator()(const SlackSettings& s) { send_slack(s, attempt, doors, std::move(done)); }
        void operator()(const EmailSettings& s) { send_email(s, attempt, doors, std::move(done)); }
    };
    std::visit(Visitor{attempt, doors, done}, attempt.how->how);
}

std::string idempotency_key(const Message& message) {
    const Labels who{{"group", message.group_key}, {"receiver", message.receiver}};
    return fmt::format("{}-{}", format_fingerprint(fingerprint(who)), message.decided.ms);
}

HttpCall post_call(std::string url, std::shared_ptr<const HttpSettings> http,
                   std::string content_type, std::string body) {
    HttpCall call;
    call.method = "POST";
    call.url = std::move(url);
    call.settings = std::move(http);
    call.fresh_connection = false;
    call.body_bytes_max = limits::webhook_answer_bytes_max;
    call.body = std::move(body);
    call.headers = {{"Content-Type", std::move(content_type)}, {"User-Agent", "vedette"}};
    return call;
}

Outcome judge_http(const HttpOutcome& outcome, const Service& service, Timestamp now) {
    Outcome out;
    if (!outcome) {
        const HttpFailure& failure = outcome.error();
        out.error = failure.error.message;
        out.maybe_arrived = failure.phase == "processing" || failure.phase == "transfer";
        out.retry = failure.error.fault != Fault::Refused && failure.error.fault != Fault::BadInput;
        return out;
    }
    const HttpAnswer& answer = *outcome;
    out.status = answer.status;
    const bool says_no = service.json_ok_false_fails &&
                         answer.body.find("\"ok\":false") != std::string::npos;
    out.sent = answer.status >= 200 && answer.status < 300 && !says_no;
    if (out.sent) return out;
    out.retry = says_no || means_later(answer.status, service);
    out.retry_after = parse_retry_after(answer.header("retry-after"), now);
    out.error = fmt::format("HTTP {}", answer.status);
    if (const std::string line = first_line(answer.body); !line.empty()) out.error += ": " + line;
    return out;
}

Outcome local_failure(const Error& error) {
    Outcome out;
    out.retry = false;
    out.error = error.message;
    return out;
}

}  // namespace vedette::notify
