#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "exporter/http/connection.h"
#include "exporter/http/engine.h"

namespace vedette::http {

namespace {

constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

bool is_form(std::string_view type) {
    return same_word(type.substr(0, type.find(';')), "application/x-www-form-urlencoded");
}

/// Whether `type` is the one that the route demands, parameters aside.
bool fits_type(const Route& route, std::string_view type) {
    std::string_view plain = type.substr(0, type.find(';'));
    while (plain.ends_with(' ')) plain.remove_suffix(1);
    return route.content_type.empty() || same_word(plain, route.content_type);
}

/// The stop came between the request and its answer.
void say_close(std::string& head) {
    constexpr std::string_view promise = "\r\nKeep-Alive: ";
    const std::size_t at = head.find(promise);
    if (at == std::string::npos) return;
    const std::size_t end = head.find("\r\n", at + 2);
    head.replace(at, end - at, "\r\nConnection: close");
}

}  // namespace

bool Connection::read_head() {
    if (auto refusal = scanner_.scan(unread())) {
        refuse(*refusal);
        return true;
    }
    if (!scanner_.complete()) return false;
    current_ = std::make_unique<Current>();
    current_->began = engine_.loop.now();
    current_->bytes = unread().substr(scanner_.leading(), scanner_.size() - scanner_.leading());
    taken_ += scanner_.size();
    auto parsed = parse_head(current_->bytes);
    if (const Refusal* refusal = std::get_if<Refusal>(&parsed)) {
        refuse(*refusal);
        return true;
    }
    current_->head = std::get<Head>(std::move(parsed));
    current_->has_body_to_come = current_->head.framing != Framing::None;
    judge();
    return true;
}

/// What can be said of a request by its head alone, cheapest first.
void Connection::judge() {
    const Head& head = current_->head;
    if (auto refusal = engine_.access.judge_host(head.header("host"))) return refuse(*refusal);
    auto match = engine_.router.find(head.method, head.path, arrival_.groups);
    if (match.route == nullptr && match.allowed.empty()) {
        return refuse({404, "path", "there is nothing at this path"});
    }
    if (match.route == nullptr) {
        std::string allow = fmt::format("Allow: {}\r\n", match.allowed);
        if (head.method == "OPTIONS") {
            for (const auto& [name, value] : engine_.access.cross_origin_headers(head))
                allow += fmt::format("{}: {}\r\n", name, value);
            return refuse({204, "options", {}}, allow);
        }
        return refuse({405, "method", fmt::format("this path knows {}", match.allowed)}, allow);
    }
    current_->call.route = match.route;
    Call& call = current_->call;
    if (match.route->group == PathGroup::Api)
        call.added_headers = engine_.access.cross_origin_headers(head);
    if (call.added_headers.size() < 2)
        if (auto refusal = engine_.access.judge_origin(head)) return refuse(*refusal);
    call.id = engine_.next_id();
    // A stream has no length: its end is the connection's end.
    call.keep_alive = head.keep_alive && !ending_ && match.route->weight != Weight::Stream;
    call.head = handler_head(head, call.keep_alive);
    call.accept_encoding = head.header("accept-encoding");
    call.request.path = std::move(match.path);
    call.request.captures = std::move(match.captures);
    call.request.query = parse_form(head.query);
    call.request.peer = arrival_.peer;
    call.request.tls = transport_.tls();
    call.request.stop = current_->stop.get_token();
    if (match.route->role == Role::Nobody) return admit({});
    concluded(
        engine_.access.identify(head.header("authorization"), arrival_.peer, engine_.loop.now()));
}

void Connection::concluded(const Access::Verdict& verdict) {
    if (const auto* refusal = std::get_if<Refusal>(&verdict)) {
        const bool too_often = refusal->status == 429;
        return refuse(*refusal, too_often ? "Retry-After: 60\r\n"
                                          : "WWW-Authenticate: Basic realm=\"vedette\"\r\n");
    }
    if (const auto* identity = std::get_if<Identity>(&verdict)) return admit(*identity);
    const auto password = std::make_shared<PasswordCheck>(std::get<PasswordCheck>(verdict));
    enter(State::Checking);
    const bool taken = engine_.workers.submit([password, id = id_, call = current_->call.id,
                                               door = engine_.door, &engine = engine_](Answerer&) {
        const bool good = password_matches(*password);
        door->post([password, id, call, good, &engine] {
            if (Connection* connection = engine.find(id)) {
                connection->password_checked(call, *password, good);
            }
        });
    });
    if (!taken) refuse({503, "busy", "too much is going on here; try again"}, "Retry-After: 1\r\n");
}

void Connection::password_checked(std::uint64_t call_id, const PasswordCheck& check, bool good) {
    if (state_ != State::Checking || current_->call.id != call_id) return;
    concluded(engine_.access.conclude(check, good, arrival_.peer, engine_.loop.now()));
    work();
}

void Connection::admit(const Identity& identity) {
    const Route& route = *current_->call.route;
    const Head& head = current_->head;
    if (identity.role < route.role) {
        if (identity.user.empty()) {
            return refuse({401, "credentials", "this needs a user or a token"},
                          "WWW-Authenticate: Basic realm=\"vedette\"\r\n");
        }
        return refuse({403, "role",
                       fmt::format("this needs the role {}; {} has {}", to_string(route.role),
                                   identity.user, to_string(identity.role))});
    }
    current_->user = current_->call.request.user = identity.user;
    current_->call.request.role = identity.role;
    const bool changes = head.method != "GET" && head.method != "HEAD";
    if (changes && !fits_type(route, head.header("content-type"))) {
        return refuse(
            {415, "content_type", fmt::format("expected Content-Type: {}", route.content_type)});
    }
    const std::size_t most =
        route.body_bytes_max != 0 ? route.body_bytes_max : engine_.limits().body_bytes;
    auto body = BodyReader::open(head, most);
    if (const auto* refusal = std::get_if<Refusal>(&body)) return refuse(*refusal);
    current_->body.emplace(std::get<BodyReader>(std::move(body)));
    if (!current_->has_body_to_come) return dispatch();
    enter(State::Body);
    if (head.expects_continue && unread().empty()) {
        Piece piece;
        piece.head = continue_line;
        queue(std::move(piece));
    }
}

bool Connection::read_body() {
    if (unread().empty()) return false;
    std::string_view bytes = unread();
    const std::size_t before = bytes.size();
    const auto refusal = current_->body->read(bytes);
    taken_ += before - bytes.size();
    if (refusal) {
        refuse(*refusal);
        return true;
    }
    if (taken_ == in_.size()) {
        in_.clear();
        taken_ = 0;
    }
    count_buffered(current_->body->buffered());
    if (engine_.buffered_bytes > engine_.limits().buffered_bytes) {
        refuse({503, "buffered_bytes", "too many bodies at once; try again"}, "Retry-After: 1\r\n");
        return true;
    }
    if (!current_->body->done()) return false;
    current_->has_body_to_come = false;
    dispatch();
    return true;
}

/// Everything is there: on to the handler.
void Connection::dispatch() {
    Call& call = current_->call;
    call.request.body = current_->body->take();
    if (is_form(current_->head.header("content-type")))
        call.request.form = parse_form(call.request.body);
    call.request.form.insert(call.request.form.end(), call.request.query.begin(),
                             call.request.query.end());
    enter(State::Answering);
    if (call.route->weight == Weight::Stream &&
        engine_.event_streams >= engine_.limits().event_streams) {
        return refuse({503, "event_streams", "too many event streams are open"},
                      "Retry-After: 5\r\n");
    }
    std::optional<std::uint64_t> measured;
    if (call.route->weight == Weight::Measured) {
        measured = QuickRequests::key_of(call.request.path, current_->head.query, call.request.body);
    }
    const bool here = measured ? engine_.quick.is_quick(*measured)
                               : call.route->weight != Weight::Worker;
    here ? answer_here(measured) : answer_on_worker(measured);
}

void Connection::answer_here(std::optional<std::uint64_t> measured) {
    const auto began = std::chrono::steady_clock::now();
    Answer answer = engine_.answerer.answer(std::move(current_->call));
    const auto took = std::chrono::steady_clock::now() - began;
    if (measured) engine_.quick.took(*measured, answer.waited ? took.max() : took);
    send(std::move(answer));
}

void Connection::answer_on_worker(std::optional<std::uint64_t> measured) {
    Call& call = current_->call;
    if (engine_.requests_in_flight >= engine_.limits().requests_in_flight) {
        return refuse({503, "busy", "too much is going on here; try again"}, "Retry-After: 1\r\n");
    }
    const std::uint64_t call_id = call.id;
    const auto work = std::make_shared<Call>(std::move(call));
    current_->call.id = call_id;
    current_->call.route = work->route;
    const bool taken = engine_.workers.submit(
        [work, measured, id = id_, call_id, door = engine_.door,
         &engine = engine_](Answerer& answerer) {
            const auto began = std::chrono::steady_clock::now();
            const auto answer = std::make_shared<Answer>(answerer.answer(std::move(*work)));
            const auto took = std::chrono::steady_clock::now() - began;
            door->post([answer, measured, took, id, call_id, &engine] {
                --engine.requests_in_flight;
                if (measured) engine.quick.took(*measured, answer->waited ? took.max() : took);
                if (Connection* connection = engine.find(id)) {
                    connection->answered(call_id, std::move(*answer));
                }
            });
        });
    if (!taken)
        return refuse({503, "busy", "too much is going on here; try again"}, "Retry-After: 1\r\n");
    ++engine_.requests_in_flight;
}

void Connection::answered(std::uint64_t call_id, Answer answer) {
    // The deadline may have answered already.
    if (state_ != State::Answering || current_->call.id != call_id) return;
    send(std::move(answer));
    work();
}

void Connection::send(Answer answer) {
    if (ending_ && answer.keep_alive) say_close(answer.head);
    Piece piece;
    piece.head = std::move(answer.head);
    piece.body = std::move(answer.body);
    piece.fixed_body = answer.fixed_body;
    queue(std::move(piece));
    finished(answer.status);
    if (answer.on_open && current_->call.route->weight == Weight::Stream) {
        current_.reset();
        return open_stream(answer);
    }
    current_.reset();
    enter(answer.keep_alive && !ending_ ? State::Idle : State::Closing);
}

void Connection::open_stream(const Answer& answer) {
    enter(State::Streaming);
    stream_ = std::make_shared<FrontEventStream>(
        engine_.door,
        [id = id_, &engine = engine_] {
            if (Connection* connection = engine.find(id)) connection->stream_woke();
        },
        engine_.limits().event_backlog_bytes);
    ++engine_.event_streams;
    engine_.metrics.event_streams.set(static_cast<double>(engine_.event_streams));
    answer.on_open(stream_);
}

void Connection::stream_woke() {
    if (state_ != State::Streaming) return;
    if (stream_->was_cut()) {
        engine_.metrics.events_cut.add();
        return close();
    }
    std::string events = stream_->take();
    if (!events.empty()) {
        Piece piece;
        piece.head = std::move(events);
        queue(std::move(piece));
    }
    work();
}

/// Answers without a handler. The connection goes on only when nothing of the request is left to
/// come and its end is known.
void Connection::refuse(const Refusal& refusal, std::string_view extra_headers) {
    if (refusal.status != 204) engine_.metrics.refused(refusal.reason);
    const bool sound = current_ && !current_->head.method.empty() && !current_->has_body_to_come;
    const bool keep_alive = sound && current_->head.keep_alive && !ending_ && refusal.status < 500;
    Answer answer = plain_answer(refusal, current_ ? current_->head.method : std::string_view(),
                                 keep_alive, extra_headers);
    Piece piece;
    piece.head = std::move(answer.head);
    piece.body = std::move(answer.body);
    queue(std::move(piece));
    finished(refusal.status);
    current_.reset();
    if (keep_alive) return enter(State::Idle);
    in_.clear();
    in_.shrink_to_fit();
    taken_ = 0;
    enter(State::Closing);
}

/// Counts the request; `status` 0 when nobody was left to be answered.
void Connection::finished(int status) {
    count_buffered(0);
    const std::string_view handler = current_ && current_->call.route != nullptr
                                         ? std::string_view(current_->call.route->path)
                                         : "";
    const Loop::TimePoint now = std::chrono::steady_clock::now();
    const double seconds =
        current_ ? std::chrono::duration<double>(now - current_->began).count() : 0.0;
    if (status != 0) engine_.metrics.answered(handler, status, seconds);
    if (!engine_.settings.access_log || !current_) return;
    engine_.log.info("request", {{"peer", arrival_.peer},
                                 {"method", current_->head.method},
                                 {"path", current_->head.path},
                                 {"status", status},
                                 {"user", current_->user},
                                 {"seconds", seconds}});
}

}  // namespace vedette::http
