#include "exporter/http/answerer.h"

#include <fmt/format.h>
#include <httplib.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <exception>
#include <utility>

#include "core/limits.h"
#include "exporter/http/body.h"

namespace vedette::http {

namespace {

constexpr std::string_view reason_phrase(int status) {
    switch (status) {
        case 204:
            return "No Content";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 417:
            return "Expectation Failed";
        case 421:
            return "Misdirected Request";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 501:
            return "Not Implemented";
        case 503:
            return "Service Unavailable";
        case 505:
            return "HTTP Version Not Supported";
        default:
            return "Error";
    }
}

/// Headers that were dealt with by the front, or that would let a caller speak for it.
bool is_for_handlers(std::string_view name) {
    constexpr std::array names{
        "connection",     "keep-alive",  "proxy-connection", "transfer-encoding",
        "content-length", "te",          "trailer",          "upgrade",
        "expect",         "range",       "if-range",         "accept-encoding",
        "authorization",  "remote_addr", "remote_port",      "local_addr",
        "local_port"};
    return std::none_of(names.begin(), names.end(),
                        [name](std::string_view known) { return same_word(name, known); });
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

bool is_text(std::string_view type) {
    return type.starts_with("text/") || type.find("json") != std::string_view::npos ||
           type.find("javascript") != std::string_view::npos ||
           type.find("openmetrics") != std::string_view::npos ||
           type.find("svg") != std::string_view::npos;
}

bool accepts_gzip(std::string_view accept_encoding) {
    const std::string text = lower(accept_encoding);
    const std::size_t at = text.find("gzip");
    if (at == std::string::npos) return false;
    const std::string rest = text.substr(at + 4, text.find(',', at) - at - 4);
    return rest.find("q=0") == std::string::npos || rest.find("q=0.") != std::string::npos;
}

const std::string* find_header(const Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
        if (same_word(key, name)) return &value;
    }
    return nullptr;
}

bool has_line_break(std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

/// A handler's headers must not end a line early, or a caller's text would write headers.
bool is_sound(const Response& response) {
    if (response.status < 200 || response.status > 599) return false;
    if (has_line_break(response.content_type)) return false;
    return std::none_of(response.headers.begin(), response.headers.end(), [](const Header& h) {
        return h.first.empty() || has_line_break(h.first) || has_line_break(h.second);
    });
}

/// `W/"a", "b"` holds `"b"`; tags compare weakly, as for GET.
bool tag_matches(std::string_view if_none_match, std::string_view tag) {
    if (if_none_match == "*") return true;
    return !tag.empty() && (" " + std::string(if_none_match) + ",").find(std::string(tag) + ",") !=
                               std::string::npos;
}

Response sorry(std::uint64_t id) {
    return text_response(
        500, fmt::format("something went wrong here; the log has it as request {}\n", id));
}

Response run_handler(const Call& call, Log& log) {
    try {
        Response response = call.route->answer(call.request);
        if (is_sound(response)) return response;
        log.error("a handler's answer cannot be sent",
                  {{"request", call.id}, {"path", call.route->path}, {"status", response.status}});
    } catch (const std::exception& error) {
        log.error("a handler failed",
                  {{"request", call.id}, {"path", call.route->path}, {"error", error.what()}});
    } catch (...) {
        log.error("a handler failed", {{"request", call.id}, {"path", call.route->path}});
    }
    return sorry(call.id);
}

/// Entity tag and compression, as far as caller and answer allow.
void finish(const Call& call, Response& response) {
    if (response.on_open) return;
    std::string_view text =
        response.fixed_body.empty() ? std::string_view(response.body) : response.fixed_body;
    if (response.status == 200 && !response.fixed_body.empty() && !find_header(response, "etag")) {
        const std::size_t hash = std::hash<std::string_view>()(text);
        response.headers.emplace_back("ETag", fmt::format("\"{:016x}\"", hash));
    }
    const std::string* tag = find_header(response, "etag");
    if (response.status == 200 && tag != nullptr && !call.request.etag.empty() &&
        tag_matches(call.request.etag, *tag)) {
        response.status = 304;
        response.body.clear();
        response.fixed_body = {};
        return;
    }
    if (text.size() < limits::compress_bytes_min || !is_text(response.content_type) ||
        find_header(response, "content-encoding")) {
        return;
    }
    response.headers.emplace_back("Vary", "Accept-Encoding");
    if (!accepts_gzip(call.accept_encoding)) return;
    std::string packed = gzipped(text);
    if (packed.empty() || packed.size() >= text.size()) return;
    response.body = std::move(packed);
    response.fixed_body = {};
    response.headers.emplace_back("Content-Encoding", "gzip");
}

/// httplib's two ends: reads the judged head, collects the answer. Bytes of the body are not
/// copied, only recognized: they go out from where they are.
class MemoryStream final : public httplib::Stream {
public:
    MemoryStream(std::string_view in, const std::string& peer, Answer& out)
        : in_(in), peer_(peer), out_(out) {}

    bool is_readable() const override { return !in_.empty(); }
    bool is_writable() const override { return true; }
    ssize_t read(char* to, size_t size) override {
        const std::size_t part = in_.copy(to, size);
        in_.remove_prefix(part);
        return static_cast<ssize_t>(part);
    }
    ssize_t write(const char* from, size_t size) override {
        const std::string_view body =
            out_.fixed_body.empty() ? std::string_view(out_.body) : out_.fixed_body;
        const bool is_body =
            !body.empty() && from >= body.data() && from < body.data() + body.size();
        if (!is_body) out_.head.append(from, size);
        return static_cast<ssize_t>(size);
    }
    void get_remote_ip_and_port(std::string& ip, int& port) const override {
        ip = peer_;
        port = 0;
    }
    void get_local_ip_and_port(std::string& ip, int& port) const override {
        ip.clear();
        port = 0;
    }
    socket_t socket() const override { return 0; }

private:
    std::string_view in_;
    const std::string& peer_;
    Answer& out_;
};

/// httplib writes a length of 0, which 204 must not have and which of 304 says the page is empty.
void cut_length(std::string& head) {
    constexpr std::string_view line = "\r\nContent-Length: 0";
    if (const std::size_t at = head.find(line); at != std::string::npos)
        head.erase(at, line.size());
}

}  // namespace

std::string handler_head(const Head& head, bool keep_alive) {
    std::string out = fmt::format("{} {} HTTP/1.1\r\n", head.method, head.path);
    for (const auto& [name, value] : head.headers) {
        if (is_for_handlers(name))
            fmt::format_to(std::back_inserter(out), "{}: {}\r\n", name, value);
    }
    if (!keep_alive) out += "Connection: close\r\n";
    out += "\r\n";
    return out;
}

std::string http_date() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::array<char, 40> text{};
    // The words are English in the C locale, which the daemon never leaves.
    std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return text.data();
}

Answer plain_answer(const Refusal& refusal, std::string_view method, bool keep_alive,
                    std::string_view extra_headers) {
    Answer answer;
    answer.status = refusal.status;
    answer.keep_alive = keep_alive;
    const bool empty = refusal.status == 204;
    const std::string text = empty ? std::string() : refusal.text + "\n";
    answer.head = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\n{}", refusal.status,
                              reason_phrase(refusal.status), http_date(), extra_headers);
    if (!keep_alive) answer.head += "Connection: close\r\n";
    if (!empty) {
        answer.head += fmt::format(
            "Content-Length: {}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "X-Content-Type-Options: nosniff\r\n",
            text.size());
    }
    answer.head += "\r\n";
    if (method != "HEAD") answer.body = text;
    return answer;
}

/// httplib::Server without its sockets and threads.
class Answerer::Server final : public httplib::Server {
public:
    Server(Log& log, std::chrono::seconds idle) : log_(log) {
        // What httplib takes for "shutting down" is a closed listening socket; it has none of ours.
        svr_sock_ = 0;
        set_keep_alive_timeout(idle.count());
        set_keep_alive_max_count(limits::keep_alive_requests_max);
        set_pre_routing_handler(
            [this](const httplib::Request& request, httplib::Response& response) {
                route(request, response);
                return HandlerResponse::Handled;
            });
        set_exception_handler([](const auto&, httplib::Response& response, std::exception_ptr) {
            response.status = 500;
        });
    }

    Answer answer(Call call) {
        Answer out;
        call_ = &call;
        answer_ = &out;
        MemoryStream stream(call.head, call.request.peer, out);
        bool closed = false;
        const bool written = process_request(stream, false, closed, nullptr);
        if (!written || out.head.empty()) {
            log_.error("an answer could not be written", {{"request", call.id}});
            out = plain_answer({500, "bug", sorry(call.id).body}, call.request.method, false, {});
        }
        if (out.status == 204 || out.status == 304) cut_length(out.head);
        if (call.request.method == "HEAD") {
            out.body.clear();
            out.fixed_body = {};
        }
        call_ = nullptr;
        return out;
    }

private:
    void route(const httplib::Request& from, httplib::Response& to) {
        Request& request = call_->request;
        request.method = from.method;
        for (const auto& [name, value] : from.headers) {
            // These httplib adds itself; ours came from the socket.
            if (!is_for_handlers(name)) continue;
            if (same_word(name, "if-none-match")) request.etag = value;
            request.headers.emplace_back(lower(name), value);
        }
        if (!call_->accept_encoding.empty()) {
            request.headers.emplace_back("accept-encoding", call_->accept_encoding);
        }
        Response response = run_handler(*call_, log_);
        finish(*call_, response);
        fill(response, to);
    }

    void fill(Response& response, httplib::Response& to) {
        Answer& out = *answer_;
        to.status = out.status = response.status;
        out.waited = response.waited;
        out.keep_alive = call_->keep_alive && !response.on_open;
        for (const auto& [name, value] : response.headers) to.set_header(name, value);
        for (const auto& [name, value] : call_->added_headers) to.set_header(name, value);
        to.set_header("Date", http_date());
        to.set_header("X-Content-Type-Options", "nosniff");
        if (call_->request.method == "HEAD") to.set_header("Accept-Ranges", "none");
        if (response.on_open) {
            out.on_open = std::move(response.on_open);
            to.set_header("Cache-Control", "no-store");
            to.set_content_provider("text/event-stream", [](std::size_t, httplib::DataSink& sink) {
                sink.done();
                return true;
            });
            return;
        }
        out.body = std::move(response.body);
        out.fixed_body = response.fixed_body;
        const std::string_view body =
            out.fixed_body.empty() ? std::string_view(out.body) : out.fixed_body;
        // A page of metrics without a type is refused by Prometheus, even an empty one.
        if (body.empty() && out.status == 200) to.set_header("Content-Type", response.content_type);
        if (body.empty()) return;
        to.set_content_provider(body.size(), response.content_type,
                                [body](std::size_t at, std::size_t size, httplib::DataSink& sink) {
                                    return sink.write(body.data() + at, size);
                                });
    }

    Log& log_;
    Call* call_ = nullptr;
    Answer* answer_ = nullptr;
};

Answerer::Answerer(Log& log, std::chrono::seconds idle)
    : server_(std::make_unique<Server>(log, idle)) {}
Answerer::~Answerer() = default;

Answer Answerer::answer(Call call) {
    return server_->answer(std::move(call));
}

}  // namespace vedette::http
