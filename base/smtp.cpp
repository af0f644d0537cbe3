#include "base/smtp.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "base/http/curl_multi.h"
#include "base/http/tls_watch.h"
#include "core/limits.h"

namespace vedette {
namespace {

using MailDone = std::function<void(tl::expected<void, SmtpFailure>)>;

struct Smarthost {
    std::string host, port;
    bool tls = false;  // from the first byte
};

/// `host:port`, `[::1]:port`.
Result<Smarthost> parse_smarthost(std::string_view text) {
    const auto colon = text.rfind(':');
    unsigned port = 0;
    const auto digits = colon == text.npos ? std::string_view() : text.substr(colon + 1);
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    auto host = text.substr(0, std::min(colon, text.size()));
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const bool good_port = read.ec == std::errc() && read.ptr == digits.data() + digits.size() &&
                           port > 0 && port < 65536;
    const bool good_host = !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '.' || c == '-' || c == '_' || c == ':';
    });
    if (!good_port || !good_host)
        return fail(Fault::BadInput,
                    fmt::format("the mail server is `{}`; expected `host:port`", text));
    return Smarthost{std::string(host), std::string(digits), port == 465};
}

/// An address that cannot smuggle a command: ASCII, no control characters, spaces or angle
/// brackets.
bool is_mail_address(std::string_view text) {
    return !text.empty() && text.size() <= 320 && text.front() != '@' &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return c > 32 && c != 127 && c != '<' && c != '>'; });
}

bool is_clean(std::string_view text) {
    return std::none_of(text.begin(), text.end(),
                        [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; });
}

Result<void> judge(const SmtpSettings& settings, const Mail& mail) {
    for (const std::string* address : {&mail.from})
        if (!is_mail_address(*address))
            return fail(Fault::BadInput, fmt::format("not a mail address: `{}`", *address));
    if (mail.to.empty()) return fail(Fault::BadInput, "the mail has nobody to go to");
    for (const std::string& address : mail.to)
        if (!is_mail_address(address))
            return fail(Fault::BadInput, fmt::format("not a mail address: `{}`", address));
    if (settings.hello.empty() || !is_clean(settings.hello) ||
        settings.hello.find_first_of(" /") != std::string::npos)
        return fail(Fault::BadInput,
                    fmt::format("not a name to say hello with: `{}`", settings.hello));
    if (!is_clean(settings.username) || !is_clean(settings.identity))
        return fail(Fault::BadInput, "the mail user has control characters");
    return {};
}

/// The text as DATA wants it: a dot before each that begins a line, CRLF at the end, then a lone
/// dot.
std::string stuffed(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 8);
    bool line_begins = true;
    for (const char c : text) {
        if (line_begins && c == '.') out += '.';
        out += c;
        line_begins = c == '\n';
    }
    if (!out.ends_with("\r\n")) out += "\r\n";
    return out + ".\r\n";
}

/// One mail under way. libcurl connects, greets, begins TLS and logs in; the mail itself is said by
/// us, because libcurl waits for the last replies of a mail inside a call, and that would hold up
/// the loop.
///
///     send ──► resolving ──► libcurl: EHLO STARTTLS AUTH ──► MAIL ─► RCPT… ─► DATA ─► text ──►
///     done
class Delivery final : public CurlTransfer {
public:
    Delivery(Loop& loop, CurlMulti& multi, std::function<void()> ended)
        : loop_(loop), multi_(multi), ended_(std::move(ended)) {}
    ~Delivery() override {
        if (fd_ != CURL_SOCKET_BAD) loop_.unwatch(fd_);
        multi_.give_back(easy_);
        curl_slist_free_all(route_);
    }

    SmtpSettings settings;
    Mail mail;
    MailDone done;
    Smarthost server;
    Deadline deadline;
    Milliseconds wait{0};
    Loop::TimerId timer;

    Result<void> begin(const Address& address);
    SmtpFailure failure() const;
    SmtpFailure late() const {
        return {{Fault::Timeout, fmt::format("the mail server {} did not take the mail in {}",
                                             settings.smarthost, humanize_duration(wait))},
                reply_,
                true};
    }
    bool ok() const { return taken_; }
    bool keeps_connection() const override { return true; }

private:
    void finished(CURLcode code) override;
    void on_ready(unsigned events);
    void say();
    void hear();
    void answer_reply();
    void end() {
        const auto ended = ended_;  // may destroy this
        ended();
    }
    Result<void> set_login(const Address& address);
    static int on_debug(CURL*, curl_infotype kind, char* data, std::size_t size, void* self);
    void note_reply(std::string_view text);

    Loop& loop_;
    CurlMulti& multi_;
    std::function<void()> ended_;
    CURL* easy_ = nullptr;
    curl_slist* route_ = nullptr;
    curl_socket_t fd_ = CURL_SOCKET_BAD;  // watched by us once libcurl is done
    std::array<char, CURL_ERROR_SIZE> detail_{};
    TlsWatch tls_;
    std::size_t step_ = 0;    // what was said: 0 MAIL, then a RCPT each, DATA, the text
    std::string out_, in_;    // not sent yet, not a whole line yet
    std::string reply_text_;  // of the last reply, its lines joined
    int reply_ = 0;
    bool reply_goes_on_ = false, taken_ = false;
    CURLcode code_ = CURLE_OK;
};

Result<void> Delivery::begin(const Address& address) {
    easy_ = multi_.take();
    if (easy_ == nullptr) return fail(Fault::Limit, "no memory left for a mail");
    const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(easy_, option, value); };
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_ERRORBUFFER, detail_.data());
    set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    set(CURLOPT_PROXY, "");
    set(CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    set(CURLOPT_FRESH_CONNECT, 1L);
    const auto bracketed = [](const std::string& host) {
        return host.find(':') == host.npos ? host : "[" + host + "]";
    };
    // The certificate must be for the name asked for; the connection goes to the address found.
    const std::string& name =
        settings.tls.server_name.empty() ? server.host : settings.tls.server_name;
    // The path is what the server is greeted with.
    set(CURLOPT_URL, fmt::format("{}://{}:{}/{}", server.tls ? "smtps" : "smtp", bracketed(name),
                                 server.port, settings.hello)
                         .c_str());
    route_ = curl_slist_append(
        nullptr, fmt::format("::{}:{}", bracketed(address.text), server.port).c_str());
    set(CURLOPT_CONNECT_TO, route_);
    set(CURLOPT_USE_SSL,
        static_cast<long>(settings.require_tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    set(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    if (auto secured = tls_.attach(easy_, settings.tls); !secured) return secured;
    if (auto login = set_login(address); !login) return login;
    set(CURLOPT_CONNECT_ONLY, 1L);
    // The replies are heard through the debug function; nothing is printed.
    set(CURLOPT_VERBOSE, 1L);
    set(CURLOPT_DEBUGFUNCTION, &Delivery::on_debug);
    set(CURLOPT_DEBUGDATA, this);
    if (!multi_.start(easy_, *this)) return fail(Fault::Internal, "libcurl took no more mails");
    return {};
}

Result<void> Delivery::set_login(const Address& address) {
    if (settings.username.empty()) return {};
    if (!settings.require_tls && !server.tls && !is_loopback(address))
        return fail(Fault::Refused, "a password is sent through TLS only; set require_tls");
    std::string password;
    if (settings.password.is_set()) {
        auto revealed = settings.password.reveal();
        if (!revealed) return fail(revealed.error());
        password = std::move(*revealed);
    }
    curl_easy_setopt(easy_, CURLOPT_USERNAME, settings.username.c_str());
    curl_easy_setopt(easy_, CURLOPT_PASSWORD, password.c_str());
    if (!settings.identity.empty())
        curl_easy_setopt(easy_, CURLOPT_SASL_AUTHZID, settings.identity.c_str());
    // In this order; what else libcurl knows (NTLM, GSSAPI) nobody asked for.
    curl_easy_setopt(easy_, CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN");
    return {};
}

void Delivery::finished(CURLcode code) {
    code_ = code;
    if (code == CURLE_OK && curl_easy_getinfo(easy_, CURLINFO_ACTIVESOCKET, &fd_) != CURLE_OK)
        code_ = CURLE_RECV_ERROR;
    if (code_ != CURLE_OK || fd_ == CURL_SOCKET_BAD) return end();
    reply_ = 0;
    reply_text_.clear();
    out_ = fmt::format("MAIL FROM:<{}>\r\n", mail.from);
    loop_.watch(fd_, Loop::readable | Loop::writable,
                [this](unsigned events) { on_ready(events); });
}

void Delivery::on_ready(unsigned events) {
    const bool was_saying = !out_.empty();
    if (events & Loop::writable) say();
    if (code_ == CURLE_OK && events & Loop::readable) hear();
    if (code_ != CURLE_OK || taken_ || (reply_ >= 400 && !reply_goes_on_)) return end();
    if (was_saying != !out_.empty())
        loop_.watch(fd_, Loop::readable | (out_.empty() ? 0U : Loop::writable),
                    [this](unsigned ready) { on_ready(ready); });
}

void Delivery::say() {
    while (!out_.empty()) {
        std::size_t sent = 0;
        const CURLcode code = curl_easy_send(easy_, out_.data(), out_.size(), &sent);
        out_.erase(0, sent);
        if (code == CURLE_AGAIN) return;
        if (code != CURLE_OK) {
            code_ = code;
            return;
        }
    }
}

void Delivery::hear() {
    std::array<char, 4096> buffer;
    while (!taken_) {
        std::size_t got = 0;
        const CURLcode code = curl_easy_recv(easy_, buffer.data(), buffer.size(), &got);
        if (code == CURLE_AGAIN) return;
        if (code != CURLE_OK || got == 0) {
            code_ = code == CURLE_OK ? CURLE_GOT_NOTHING : code;
            return;
        }
        in_.append(buffer.data(), got);
        for (auto end = in_.find('\n'); end != in_.npos && !taken_; end = in_.find('\n')) {
            const std::string line = in_.substr(0, end);
            in_.erase(0, end + 1);
            note_reply(line);
            if (reply_ >= 400 && !reply_goes_on_) return;
            if (!reply_goes_on_) answer_reply();
        }
        if (in_.size() > limits::smtp_reply_bytes_max) {
            code_ = CURLE_WEIRD_SERVER_REPLY;
            return;
        }
    }
}

/// Says what comes after a reply that agreed.
void Delivery::answer_reply() {
    const std::size_t data = mail.to.size() + 1;
    if (step_ == data + 1) {
        taken_ = true;
        // A courtesy; its answer is nobody's concern.
        std::size_t sent = 0;
        curl_easy_send(easy_, "QUIT\r\n", 6, &sent);
        return;
    }
    if (step_ == data && reply_ != 354) {
        code_ = CURLE_WEIRD_SERVER_REPLY;
        return;
    }
    ++step_;
    if (step_ < data)
        out_ += fmt::format("RCPT TO:<{}>\r\n", mail.to[step_ - 1]);
    else if (step_ == data)
        out_ += "DATA\r\n";
    else
        out_ += stuffed(mail.message);
    say();
}

int Delivery::on_debug(CURL*, curl_infotype kind, char* data, std::size_t size, void* self) {
    if (kind == CURLINFO_HEADER_IN) static_cast<Delivery*>(self)->note_reply({data, size});
    return 0;
}

/// Replies come line by line: `250-first`, `250 last`.
void Delivery::note_reply(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
    int code = 0;
    std::from_chars(text.data(), text.data() + std::min<std::size_t>(text.size(), 3), code);
    if (text.size() < 3 || code < 200 || code > 599) return;
    if (!reply_goes_on_) reply_text_.clear();
    reply_goes_on_ = text.size() > 3 && text[3] == '-';
    reply_ = code;
    const auto words = text.substr(std::min<std::size_t>(text.size(), 4));
    if (reply_text_.size() + words.size() < limits::smtp_reply_bytes_max) {
        if (!reply_text_.empty() && !words.empty()) reply_text_ += ' ';
        for (const char c : words)  // for people: what is no text is not shown
            reply_text_ += static_cast<unsigned char>(c) < 32 || c == 127 ? '?' : c;
    }
}

SmtpFailure Delivery::failure() const {
    const std::string_view detail = detail_.data();
    long system_error = 0;
    curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &system_error);
    const std::string& where = settings.smarthost;
    switch (code_) {
        case CURLE_COULDNT_CONNECT:
            return {{Fault::Unavailable,
                     system_error == ECONNREFUSED
                         ? fmt::format("the mail server {}: connection refused", where)
                         : fmt::format("cannot connect to the mail server {}: {}", where,
                                       std::strerror(static_cast<int>(system_error)))}};
        case CURLE_USE_SSL_FAILED:
            return {
                {Fault::Refused,
                 fmt::format("the mail server {} offers no STARTTLS, and TLS is required", where)},
                reply_,
                true};
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_CERTPROBLEM: {
            const std::string& name =
                settings.tls.server_name.empty() ? server.host : settings.tls.server_name;
            return {{Fault::Refused, fmt::format("the mail server {}: {}", where,
                                                 tls_.explain(code_, name, detail))}};
        }
        default:
            break;
    }
    if (reply_ >= 400)
        return {{reply_ >= 500 ? Fault::Refused : Fault::Unavailable,
                 fmt::format("the mail server {} answered {} {}", where, reply_, reply_text_)},
                reply_,
                reply_ < 500};
    if (code_ == CURLE_LOGIN_DENIED)
        return {{Fault::Refused,
                 fmt::format("the mail server {} offers no AUTH PLAIN or LOGIN", where)},
                reply_,
                true};
    return {{Fault::Unavailable, fmt::format("the mail server {} broke off: {}", where,
                                             code_ == CURLE_GOT_NOTHING ? "it closed the connection"
                                             : detail.empty()           ? curl_easy_strerror(code_)
                                                                        : detail)},
            reply_,
            true};
}

}  // namespace

struct SmtpClient::State : std::enable_shared_from_this<SmtpClient::State> {
    State(Loop& on, Resolver& names) : loop(on), resolver(names), multi(on) {}

    Loop& loop;
    Resolver& resolver;
    CurlMulti multi;
    std::unordered_map<std::uint64_t, std::unique_ptr<Delivery>> deliveries;
    std::uint64_t last_id = 0;
    bool closing = false;

    void resolve(std::uint64_t id);
    void resolved(std::uint64_t id, Result<std::vector<Address>> found);
    /// Ends one; the client may be gone when it returns.
    void finish(std::uint64_t id, tl::expected<void, SmtpFailure> outcome) {
        const auto at = deliveries.find(id);
        if (at == deliveries.end()) return;
        loop.cancel(at->second->timer);
        const MailDone done = std::move(at->second->done);
        deliveries.erase(at);
        done(std::move(outcome));
    }
    void fail_with(std::uint64_t id, SmtpFailure failure) {
        finish(id, tl::unexpected(std::move(failure)));
    }
    void fail_later(std::uint64_t id, Error error, bool retry) {
        loop.post([self = weak_from_this(), id, error = std::move(error), retry] {
            if (const auto state = self.lock()) state->fail_with(id, {error, 0, retry});
        });
    }
};

void SmtpClient::State::resolve(std::uint64_t id) {
    const Delivery& delivery = *deliveries.at(id);
    resolver.resolve(delivery.server.host, Family::V4Preferred, delivery.deadline,
                     [self = weak_from_this(), id](Result<std::vector<Address>> found) {
                         if (const auto state = self.lock()) state->resolved(id, std::move(found));
                     });
}

void SmtpClient::State::resolved(std::uint64_t id, Result<std::vector<Address>> found) {
    const auto at = deliveries.find(id);
    if (at == deliveries.end()) return;
    if (!found)
        return fail_with(id, {{found.error().fault,
                               fmt::format("the mail server {}: {}", at->second->settings.smarthost,
                                           found.error().message)}});
    check(!found->empty(), "a resolver's answer has an address");
    if (auto begun = at->second->begin(found->front()); !begun) fail_with(id, {begun.error()});
}

SmtpClient::SmtpClient(Loop& loop, Resolver& resolver)
    : state_(std::make_shared<State>(loop, resolver)) {}

SmtpClient::~SmtpClient() {
    state_->closing = true;
    while (!state_->deliveries.empty())
        state_->fail_with(state_->deliveries.begin()->first,
                          {{Fault::Cancelled, "the mail was cancelled"}});
}

void SmtpClient::send(const SmtpSettings& settings, Mail mail, Deadline deadline, MailDone done) {
    State& state = *state_;
    if (state.closing)
        return state.loop.post([done = std::move(done)] {
            done(tl::unexpected(SmtpFailure{{Fault::Cancelled, "the mail was cancelled"}}));
        });
    const std::uint64_t id = ++state.last_id;
    auto delivery = std::make_unique<Delivery>(state.loop, state.multi, [&state, id] {
        const Delivery& one = *state.deliveries.at(id);
        if (one.ok()) return state.finish(id, {});
        state.fail_with(id, one.failure());
    });
    auto server = parse_smarthost(settings.smarthost);
    auto good = judge(settings, mail);
    delivery->settings = settings;
    delivery->mail = std::move(mail);
    delivery->done = std::move(done);
    delivery->deadline = deadline;
    delivery->wait =
        std::max(std::chrono::ceil<Milliseconds>(deadline.at - state.loop.now()), Milliseconds(0));
    delivery->timer = state.loop.at(deadline.at, [&state, id] {
        Delivery& one = *state.deliveries.at(id);
        one.timer = {};
        state.fail_with(id, one.late());
    });
    if (server) delivery->server = *server;
    state.deliveries.emplace(id, std::move(delivery));
    if (!server) return state.fail_later(id, server.error(), false);
    if (!good) return state.fail_later(id, good.error(), false);
    state.resolve(id);
}

}  // namespace vedette
