#include "notify/senders/sender.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/limits.h"
#include "notify/senders/mail/email.h"
#include "notify/senders/services/services.h"

namespace vedette::notify {
namespace {

using Json = nlohmann::ordered_json;

constexpr const Service* table[] = {
    &slack_service,     &pagerduty_service,  &msteamsv2_service,   &msteams_service,
    &discord_service,   &telegram_service,   &mattermost_service,  &rocketchat_service,
    &twilio_service,    &webhook_service,    &alertmanager_service, &incidentio_service,
    &opsgenie_service,  &victorops_service,  &webex_service};

bool means_later(int status, const Service& service) {
    return status == 408 || status == 425 || status == 429 || status >= 500 ||
           std::ranges::find(service.later_statuses, status) != service.later_statuses.end();
}

/// The first line of an answer, printable and short: services say there what they dislike.
std::string first_line(std::string_view body) {
    std::string out;
    for (const char c : body.substr(0, body.find('\n')).substr(0, 200))
        out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return is_utf8(out) ? cut_text(out, 120) : std::string();
}

/// Of an answer that is a JSON object; else null.
Json object_of(const HttpAnswer& answer) {
    constexpr int depth_max = 32;
    const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth <= depth_max; };
    Json out = Json::parse(answer.body, shallow, false);
    return out.is_object() ? out : Json();
}

std::string member_text(const Json& json, const char* name) {
    const auto found = json.is_object() ? json.find(name) : json.end();
    return json.is_object() && found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

/// The wait that a body asks for: `retry_after`, or `parameters.retry_after`.
std::optional<Milliseconds> wait_of(Json json, std::string_view path) {
    while (!path.empty() && json.is_object()) {
        const std::size_t dot = std::min(path.find('.'), path.size());
        const auto found = json.find(std::string(path.substr(0, dot)));
        if (found == json.end()) return std::nullopt;
        Json inner = *found;
        json = std::move(inner);
        path.remove_prefix(std::min(dot + 1, path.size()));
    }
    if (!path.empty() || !json.is_number()) return std::nullopt;
    return parse_retry_after(fmt::format("{:.3f}", json.get<double>()), {});
}

HttpCall call_of(const Post& post, const WebSettings& settings) {
    HttpCall call;
    call.method = post.method;
    call.url = post.url;
    call.settings = settings.http;
    call.fresh_connection = false;
    call.body_bytes_max = limits::webhook_answer_bytes_max;
    call.body = post.body;
    call.headers = {{"Content-Type", post.content_type}, {"User-Agent", "vedette"}};
    call.headers.insert(call.headers.end(), post.headers.begin(), post.headers.end());
    return call;
}

/// The requests of one message, one after the other.
class Run : public std::enable_shared_from_this<Run> {
public:
    Run(const Attempt& attempt, const Doors& doors, OutcomeDone done)
        : attempt_(attempt),
          settings_(std::get<WebSettings>(attempt.how->how)),
          service_(*find_service(settings_.kind)),
          http_(doors.http),
          clock_(doors.clock),
          done_(std::move(done)) {}

    void begin() {
        auto posts = posts_of(settings_, *attempt_.message, *attempt_.templates, attempt_.id);
        if (!posts) return done_(local_failure(posts.error()));
        posts_ = std::move(*posts);
        deadline_ = Deadline::after(clock_.steady(), settings_.timeout);
        next();
    }

private:
    void next() {
        http_.send(call_of(posts_[at_], settings_), deadline_,
                   [self = shared_from_this()](const HttpOutcome& answer) { self->answered(answer); });
    }

    void answered(const HttpOutcome& answer) {
        Outcome outcome = judge_http(answer, service_, clock_.now());
        Post& post = posts_[at_];
        if (!outcome.sent && !outcome.retry && answer && post.instead) {
            const Post instead = *post.instead;
            post = instead;
            return next();
        }
        if (outcome.sent && service_.remember != nullptr && post.remembers)
            if (std::string text = service_.remember(object_of(*answer), *attempt_.message); !text.empty())
                remembered_ = std::move(text);
        if (outcome.sent && ++at_ < posts_.size()) return next();
        outcome.remember = remembered_.empty() ? attempt_.message->remembered : remembered_;
        done_(outcome);
    }

    const Attempt attempt_;
    const WebSettings& settings_;
    const Service& service_;
    HttpClient& http_;
    const Clock& clock_;
    OutcomeDone done_;
    Deadline deadline_;
    std::vector<Post> posts_;
    std::size_t at_ = 0;
    std::string remembered_;
};

}  // namespace

std::span<const Service* const> services() {
    return table;
}

const Service* find_service(std::string_view kind) {
    const auto found = std::ranges::find(table, kind, &Service::kind);
    return found == std::end(table) ? nullptr : *found;
}

void send(const Attempt& attempt, const Doors& doors, OutcomeDone done) {
    if (const auto* email = std::get_if<EmailSettings>(&attempt.how->how))
        return send_email(*email, attempt, doors, std::move(done));
    if (const auto* exec = std::get_if<ExecSettings>(&attempt.how->how))
        return doors.command(*exec, webhook_body(*attempt.message, 0), std::move(done));
    std::make_shared<Run>(attempt, doors, std::move(done))->begin();
}

Result<std::vector<Post>> posts_of(const WebSettings& settings, const Message& message,
                                   const Templates& templates, std::int64_t attempt) {
    const Service* service = find_service(settings.kind);
    check(service != nullptr, "every kind of receiver has a row in the table of services");
    return service->posts({settings, message, templates, attempt});
}

std::string idempotency_key(const Message& message) {
    const Labels who{{"group", message.group_key}, {"receiver", message.receiver}};
    return fmt::format("{}-{}", format_fingerprint(fingerprint(who)), message.decided.ms);
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
    const bool reads_body = !service.false_fails.empty() || !service.wait_member.empty();
    const Json json = reads_body ? object_of(answer) : Json();
    const auto says = json.is_object() ? json.find(std::string(service.false_fails)) : json.end();
    const bool says_no = json.is_object() && says != json.end() && says->is_boolean() && !says->get<bool>();
    const bool ok = answer.status >= 200 && answer.status < 300;
    out.sent = ok && !says_no;
    if (out.sent) return out;
    const std::string word = member_text(json, "error");
    out.retry = ok ? std::ranges::find(service.later_words, word) != service.later_words.end()
                   : means_later(answer.status, service);
    out.retry_after = parse_retry_after(answer.header("retry-after"), now);
    if (const auto wait = wait_of(json, service.wait_member); wait && !service.wait_member.empty())
        out.retry_after = std::max(wait, out.retry_after);
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
