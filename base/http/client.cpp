#include "base/http/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/http/curl_hop.h"
#include "base/http/curl_multi.h"
#include "base/http/hop.h"
#include "base/http/oauth2.h"
#include "base/http/plain_hop.h"
#include "base/http/proxy.h"
#include "base/http/url.h"
#include "core/limits.h"

namespace vedette {
namespace {

using std::chrono::steady_clock;

const Error cancelled{Fault::Cancelled, "the request was cancelled"};

/// One call from `send` to `done`, over all its hops:
///
///     send ──► (waiting for a token) ──► resolving ──► asking ──► done
///                                            ▲             │ redirect
///                                            └─────────────┘
struct Call {
    HttpCall asked;
    HttpDone done;
    Deadline deadline;
    Milliseconds wait{0};  // for all of it, as given
    Loop::TimerId timer;
    HttpUrl url;
    std::string method;
    bool with_body = true, with_secrets = true, same_host = true;
    bool asking = false, wants_token = false;
    std::string authorization;  // by a token
    std::optional<HttpUrl> proxy;
    int redirects = 0;
    std::string looked_up;  // the host's name, or the proxy's
    Address address;
    steady_clock::time_point resolve_began;
    HttpPhaseTimes spent{};
    std::unique_ptr<HttpHop> hop;  // last: what it borrows is above
};

std::vector<Phase> phases_until(HttpPhase last, const HttpPhaseTimes& spent) {
    std::vector<Phase> phases;
    phases.reserve(spent.size());
    for (std::size_t i = 0; i <= static_cast<std::size_t>(last); ++i)
        phases.push_back({http_phase_names[i], spent[i]});
    return phases;
}

void add(HttpPhaseTimes& sum, const HttpPhaseTimes& more) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += more[i];
}

std::string late_message(HttpPhase phase, const Call& call) {
    const std::string wait = humanize_duration(call.wait);
    if (call.wants_token)
        return fmt::format("no token from {} in {}",
                           redact_url(call.asked.settings->oauth2->token_url), wait);
    switch (phase) {
        case HttpPhase::Resolve:
            return fmt::format("no answer from the name servers for {} in {}", call.looked_up,
                               wait);
        case HttpPhase::Connect:
            return fmt::format("no connection in {}", wait);
        case HttpPhase::Tls:
            return fmt::format("no TLS handshake in {}", wait);
        case HttpPhase::Processing:
            return fmt::format("no answer in {}", wait);
        case HttpPhase::Transfer:
            break;
    }
    return fmt::format("no complete answer in {}", wait);
}

/// As Go's client: 307 and 308 repeat the request, the others become GET, and HEAD stays HEAD.
void change_method(Call& call, int status) {
    if (status == 307 || status == 308) return;
    if (call.method != "GET" && call.method != "HEAD") call.method = "GET";
    call.with_body = false;
}

}  // namespace

struct HttpClient::State : std::enable_shared_from_this<HttpClient::State> {
    State(Loop& on, Resolver& names)
        : loop(on),
          resolver(names),
          multi(on),
          tokens(on, [this](HttpCall call, Deadline deadline, HttpDone done) {
              send(std::move(call), deadline, std::move(done));
          }) {}

    Loop& loop;
    Resolver& resolver;
    CurlMulti multi;
    std::unordered_map<std::uint64_t, std::unique_ptr<Call>> calls;
    OAuth2Tokens tokens;
    std::unordered_map<std::string, HttpUrl> urls;  // taken apart before
    std::uint64_t last_id = 0;
    bool closing = false;

    void send(HttpCall asked, Deadline deadline, HttpDone done);
    Result<HttpUrl> url_of(const std::string& text);
    void want_token(std::uint64_t id);
    void begin_hop(std::uint64_t id);
    std::unique_ptr<HttpHop> make_hop(std::uint64_t id, const Call& call);
    void resolved(std::uint64_t id, Result<std::vector<Address>> found);
    void hop_ended(std::uint64_t id);
    void follow(std::uint64_t id);
    void late(std::uint64_t id);
    /// The last two; the client may be gone when they return.
    void succeed(std::uint64_t id);
    void fail_call(std::uint64_t id, HttpPhase phase, Error error);
    void finish(std::uint64_t id, HttpOutcome outcome);
    void close();
};

void HttpClient::State::send(HttpCall asked, Deadline deadline, HttpDone done) {
    check(asked.settings != nullptr, "an HTTP call has settings");
    if (closing) {  // asked for while all the others are being cancelled
        return loop.post([done = std::move(done)] {
            done(tl::unexpected(HttpFailure{cancelled, "resolve", {}, "", 0, {}}));
        });
    }
    const std::uint64_t id = ++last_id;
    auto call = std::make_unique<Call>();
    call->asked = std::move(asked);
    call->done = std::move(done);
    call->deadline = deadline;
    call->wait =
        std::max(std::chrono::ceil<Milliseconds>(deadline.at - loop.now()), Milliseconds(0));
    call->method = call->asked.method;
    call->timer = loop.at(deadline.at, [this, id] { late(id); });
    auto url = url_of(call->asked.url);
    Call& kept = *calls.emplace(id, std::move(call)).first->second;
    if (url) {
        kept.url = std::move(*url);
        return kept.asked.settings->oauth2 ? want_token(id) : begin_hop(id);
    }
    loop.post([self = weak_from_this(), id, error = url.error()] {
        if (const auto state = self.lock()) state->fail_call(id, HttpPhase::Resolve, error);
    });
}

/// A probe asks for one URL for ever: what it is made of is remembered.
Result<HttpUrl> HttpClient::State::url_of(const std::string& text) {
    if (const auto known = urls.find(text); known != urls.end()) return known->second;
    auto url = parse_http_url(text);
    if (!url) return url;
    if (urls.size() == limits::http_urls_remembered_max) urls.clear();
    urls.emplace(text, *url);
    return url;
}

void HttpClient::State::want_token(std::uint64_t id) {
    Call& call = *calls.at(id);
    call.wants_token = true;
    call.resolve_began = steady_clock::now();
    // A refusal may come at once (a secret that is not there), and `done` never inside `send`.
    tokens.ask(call.asked.settings->oauth2,
               [self = weak_from_this(), id, &on = loop](const Result<std::string>& token) {
                   on.post([self, id, token] {
                       const auto state = self.lock();
                       if (!state || !state->calls.contains(id)) return;
                       if (!token) return state->fail_call(id, HttpPhase::Resolve, token.error());
                       Call& waiting = *state->calls.at(id);
                       waiting.wants_token = false;
                       waiting.authorization = *token;
                       state->begin_hop(id);
                   });
               });
}

void HttpClient::State::begin_hop(std::uint64_t id) {
    Call& call = *calls.at(id);
    call.asking = false;
    call.looked_up = call.url.host;
    auto proxy = proxy_for(*call.asked.settings, call.url);
    if (!proxy)
        return loop.post([self = weak_from_this(), id, error = proxy.error()] {
            if (const auto state = self.lock()) state->fail_call(id, HttpPhase::Resolve, error);
        });
    call.proxy = std::move(*proxy);
    // A proxy looks names up itself: of what it is asked for, only literals can be judged here.
    if (call.proxy) call.looked_up = call.proxy->host;
    call.resolve_began = steady_clock::now();
    resolver.resolve(call.looked_up, call.asked.family, call.deadline,
                     [self = weak_from_this(), id](Result<std::vector<Address>> found) {
                         if (const auto state = self.lock()) state->resolved(id, std::move(found));
                     });
}

void HttpClient::State::resolved(std::uint64_t id, Result<std::vector<Address>> found) {
    const auto at = calls.find(id);
    if (at == calls.end()) return;
    Call& call = *at->second;
    call.spent[0] += steady_clock::now() - call.resolve_began;
    if (!found) return fail_call(id, HttpPhase::Resolve, found.error());
    check(!found->empty(), "a resolver's answer has an address");
    call.address = std::move(found->front());
    if (call.asked.steered_by_others) {
        const auto literal = parse_address(call.url.host);
        const Address& judged = literal ? *literal : call.address;
        if (is_link_local_or_metadata(judged))
            return fail_call(
                id, HttpPhase::Resolve,
                {Fault::Refused,
                 fmt::format("refused to connect to {}: a link-local or metadata address",
                             literal || call.looked_up != call.url.host
                                 ? judged.text
                                 : fmt::format("{} ({})", judged.text, call.url.host))});
    }
    call.asking = true;
    call.hop = make_hop(id, call);
    auto begun = call.hop->begin(
        call.asked,
        {call.url, call.address, call.method, call.with_body, call.with_secrets, call.same_host,
         call.asked.settings->follow_redirects, call.proxy, call.authorization});
    if (!begun) {
        call.asking = false;
        fail_call(id, HttpPhase::Resolve, begun.error());
    }
}

std::unique_ptr<HttpHop> HttpClient::State::make_hop(std::uint64_t id, const Call& call) {
    auto ended = [this, id] { hop_ended(id); };
    if (PlainHop::can(call.asked, call.url)) return std::make_unique<PlainHop>(loop, ended);
    return std::make_unique<CurlHop>(multi, ended);
}

void HttpClient::State::hop_ended(std::uint64_t id) {
    Call& call = *calls.at(id);
    add(call.spent, call.hop->times());
    call.asking = false;
    if (!call.hop->ok()) return fail_call(id, call.hop->phase(), call.hop->error());
    if (!call.hop->redirect().empty()) return follow(id);
    succeed(id);
}

void HttpClient::State::follow(std::uint64_t id) {
    Call& call = *calls.at(id);
    if (static_cast<std::size_t>(call.redirects) >= call.asked.redirects_max)
        return fail_call(
            id, HttpPhase::Transfer,
            {Fault::Limit, fmt::format("more than {} redirects", call.asked.redirects_max)});
    auto next = resolve_redirect(call.url, call.hop->redirect());
    if (!next) return fail_call(id, HttpPhase::Transfer, next.error());
    ++call.redirects;
    change_method(call, call.hop->answer().status);
    const bool same_host = next->host == call.url.host;
    // Once another host steered the request, it gets no secrets any more, even back at home.
    if (!same_host || (call.url.tls && !next->tls)) call.with_secrets = false;
    if (!same_host) call.same_host = false;
    call.url = std::move(*next);
    begin_hop(id);
}

void HttpClient::State::late(std::uint64_t id) {
    Call& call = *calls.at(id);
    call.timer = {};
    HttpPhase phase = HttpPhase::Resolve;
    if (call.asking) {
        phase = call.hop->phase();
        add(call.spent, call.hop->times());
    } else {
        call.spent[0] += steady_clock::now() - call.resolve_began;
    }
    fail_call(id, phase, {Fault::Timeout, late_message(phase, call)});
}

void HttpClient::State::succeed(std::uint64_t id) {
    Call& call = *calls.at(id);
    HttpAnswer answer = std::move(call.hop->answer());
    answer.address = call.address.text;
    answer.address_is_v6 = call.address.is_v6;
    answer.final_url = call.url.text;
    answer.redirects = call.redirects;
    answer.phases = phases_until(HttpPhase::Transfer, call.spent);
    answer.tls = call.hop->tls();
    finish(id, std::move(answer));
}

void HttpClient::State::fail_call(std::uint64_t id, HttpPhase phase, Error error) {
    const auto at = calls.find(id);
    if (at == calls.end()) return;
    const Call& call = *at->second;
    HttpFailure failure{std::move(error),
                        std::string(http_phase_names[static_cast<std::size_t>(phase)]),
                        phases_until(phase, call.spent),
                        call.address.text,
                        call.redirects,
                        call.hop ? call.hop->tls() : std::nullopt};
    finish(id, tl::unexpected(std::move(failure)));
}

void HttpClient::State::finish(std::uint64_t id, HttpOutcome outcome) {
    const auto at = calls.find(id);
    loop.cancel(at->second->timer);
    const HttpDone done = std::move(at->second->done);
    calls.erase(at);
    done(std::move(outcome));
}

void HttpClient::State::close() {
    closing = true;
    while (!calls.empty()) fail_call(calls.begin()->first, HttpPhase::Resolve, cancelled);
}

HttpClient::HttpClient(Loop& loop, Resolver& resolver)
    : state_(std::make_shared<State>(loop, resolver)) {}

HttpClient::~HttpClient() {
    state_->close();
}

void HttpClient::send(HttpCall call, Deadline deadline, HttpDone done) {
    state_->send(std::move(call), deadline, std::move(done));
}

std::size_t HttpClient::in_flight() const {
    return state_->calls.size();
}

std::string_view HttpAnswer::header(std::string_view lower_case_name) const {
    for (const auto& [name, value] : headers)
        if (name == lower_case_name) return value;
    return {};
}

}  // namespace vedette
