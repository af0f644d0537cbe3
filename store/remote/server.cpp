#include "store/remote/server.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/http/form.h"
#include "base/snappy.h"
#include "store/remote/gathering.h"
#include "store/remote/read_json.h"
#include "store/remote/read_messages.h"

namespace vedette::store {

namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr std::string_view protobuf = "application/x-protobuf";

/// An answer that says that the server is no use now, whatever it was asked.
bool says_down(int status) {
    return status == 401 || status == 403 || status == 407 || status == 429 || status == 502 ||
           status == 503 || status == 504;
}

/// Whether an empty read was understood: who serves a page for every path answers 200 too.
bool is_read_answer(std::string_view body) {
    const auto message = uncompress_snappy(body, limits::datasource_said_bytes_max);
    if (!message) return false;
    Gathering nothing({{0}, {0}}, 0);
    return read_samples(*message, nothing).has_value();
}

}  // namespace

Server::Numbers Server::Numbers::in(Metrics& metrics) {
    return {metrics.gauge("vedette_datasource_up",
                          "Whether the other server gave an answer when it was last asked; 1 when "
                          "it was not asked yet, or when there is none."),
            metrics.counter("vedette_datasource_requests_total",
                            "Requests that were sent to the other server."),
            metrics.counter("vedette_datasource_requests_failed_total",
                            "Requests to the other server without an answer that could be used."),
            metrics.counter("vedette_datasource_requests_unsent_total",
                            "Questions that failed at once because the other server was found "
                            "down just before."),
            metrics.counter("vedette_datasource_bytes_total",
                            "Bytes of answers of the other server, as they came."),
            metrics.counter("vedette_datasource_samples_total",
                            "Samples that were read from the other server."),
            metrics.histogram("vedette_datasource_request_seconds",
                              "How long the other server took to answer.",
                              {0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10})};
}

Server::Server(DatasourceSettings settings, const DatasourceDoors& doors)
    : settings_(std::move(settings)),
      doors_(doors),
      shown_(redact_url(settings_.url)),
      numbers_(Numbers::in(doors.metrics)) {
    numbers_.up.set(1);
    if (settings_.read != Read::Auto) way_ = settings_.read;
}

Server::~Server() {
    doors_.notice(notice(), false);
    numbers_.up.set(1);
}

std::string Server::notice() const {
    return fmt::format("The datasource {} does not answer.", shown_);
}

Error Server::named(Error error) const {
    error.message = fmt::format("datasource {}: {}", shown_, error.message);
    return error;
}

HttpCall Server::call(std::string path, std::string form) const {
    HttpCall call;
    call.url = settings_.url + path;
    call.settings = settings_.http;
    call.body_bytes_max = limits::datasource_answer_bytes_max;
    call.fresh_connection = false;
    call.compressed = true;
    // A Vedette that is asked answers from its own store, so that two which read each other do not
    // ask for ever.
    call.headers.emplace_back("X-Vedette-Datasource", "1");
    if (form.empty()) return call;
    call.method = "POST";
    call.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    call.body = std::move(form);
    return call;
}

HttpCall Server::read_call(std::string_view message) const {
    HttpCall call = this->call("/api/v1/read");
    call.method = "POST";
    call.compressed = false;
    call.headers.emplace_back("Content-Type", protobuf);
    call.headers.emplace_back("Content-Encoding", "snappy");
    call.headers.emplace_back("Accept-Encoding", "snappy");
    call.headers.emplace_back("X-Prometheus-Remote-Read-Version", "0.1.0");
    call.body = compress_snappy(message);
    return call;
}

Result<HttpAnswer> Server::ask(HttpCall call, const std::stop_token& stop) {
    Result<HttpAnswer> answer = exchange(std::move(call), stop);
    if (!answer) return answer;
    if (auto good = judge(*answer); !good) return fail(good.error());
    return answer;
}

/// What the status says; also whether the server is up.
Result<void> Server::judge(const HttpAnswer& answer) {
    const int status = answer.status;
    if (status / 100 == 2) {
        if (!answer.body_cut) return {};
        return fail(named({Fault::Limit, fmt::format("an answer of more than {} bytes; ask for less",
                                                     answer.body.size())}));
    }
    const std::string said = said_in(answer.body);
    const Fault fault =
        status / 100 == 4 && !says_down(status) ? Fault::BadInput : Fault::Unavailable;
    numbers_.failed.add();
    if (status == 404 || status == 405) {  // another program may have taken its place
        const Lock lock(mutex_);
        if (settings_.read == Read::Auto) way_.reset();
    }
    return fail(named({fault, fmt::format("answered {}{}{}", status, said.empty() ? "" : ": ", said)}));
}

Result<HttpAnswer> Server::exchange(HttpCall call, const std::stop_token& stop) {
    if (auto may = may_ask(); !may) return fail(may.error());
    if (auto entered = enter(stop); !entered) return fail(entered.error());
    Result<HttpAnswer> answer = exchange_now(std::move(call), stop);
    leave();
    return answer;
}

Result<HttpAnswer> Server::exchange_now(HttpCall call, const std::stop_token& stop) {
    numbers_.asked.add();
    const auto began = doors_.clock.steady();
    HttpOutcome outcome = doors_.exchange(std::move(call), settings_.timeout, stop);
    const nanoseconds took = doors_.clock.steady() - began;
    if (!outcome) {
        Error error = std::move(outcome.error().error);
        if (error.fault == Fault::Cancelled) {
            not_told();
            return fail(std::move(error));
        }
        numbers_.failed.add();
        error = named({Fault::Unavailable, std::move(error.message)});
        failed(error, took);
        return fail(std::move(error));
    }
    numbers_.seconds.observe(std::chrono::duration<double>(took).count());
    numbers_.bytes.add(static_cast<double>(outcome->body_bytes));
    if (says_down(outcome->status)) {
        const std::string said = said_in(outcome->body);
        failed(named({Fault::Unavailable, fmt::format("answered {}{}{}", outcome->status,
                                                      said.empty() ? "" : ": ", said)}),
               took);
    } else {
        answered();
    }
    return std::move(*outcome);
}

/// Fails with what was said before while it is too early to ask a server that is down.
Result<void> Server::may_ask() {
    const Lock lock(mutex_);
    if (up_) return {};
    const TimePoint now = doors_.clock.steady();
    if (now < ask_again_) {
        numbers_.unasked.add();
        return fail(why_);
    }
    ask_again_ = now + settings_.timeout;  // one asks for all
    return {};
}

Result<void> Server::enter(const std::stop_token& stop) {
    const Lock lock(mutex_);
    const auto room = [&]() VEDETTE_REQUIRES(mutex_) {
        return inside_ < limits::datasource_requests_in_flight_max;
    };
    if (!left_.wait_for(mutex_, stop, settings_.timeout, room))
        return fail(stop.stop_requested()
                        ? Error{Fault::Cancelled, "stopped"}
                        : named({Fault::Unavailable,
                                 fmt::format("{} requests are waiting for its answers already",
                                             limits::datasource_requests_in_flight_max)}));
    ++inside_;
    return {};
}

void Server::leave() {
    {
        const Lock lock(mutex_);
        --inside_;
    }
    left_.notify_one();
}

void Server::answered() {
    {
        const Lock lock(mutex_);
        if (up_) return;
        up_ = true;
        numbers_.up.set(1);
    }
    doors_.log.info("the datasource answers again", {{"url", shown_}});
    doors_.notice(notice(), false);
}

void Server::failed(const Error& error, nanoseconds took) {
    using std::chrono::ceil;
    const Milliseconds rest =
        std::clamp<Milliseconds>(2 * ceil<Milliseconds>(took), limits::datasource_rest_min,
                                 limits::datasource_rest_max);
    bool news = false;
    {
        const Lock lock(mutex_);
        news = std::exchange(up_, false);
        why_ = error;
        ask_again_ = doors_.clock.steady() + rest;
        if (settings_.read == Read::Auto) way_.reset();  // another may come back
        numbers_.up.set(0);
    }
    if (!news) return;
    doors_.log.warn("the datasource does not answer; rules and queries that read it fail",
                    {{"url", shown_}, {"error", error.message}});
    doors_.notice(notice(), true);
}

/// Who asked went away before it heard anything: the next one may ask.
void Server::not_told() {
    const Lock lock(mutex_);
    ask_again_ = doors_.clock.steady();
}

Error Server::spoiled(Error error) {
    numbers_.failed.add();
    return named(std::move(error));
}

/// Nothing when the server does not know this way.
Result<std::optional<Server::Read>> Server::try_way(HttpCall call, Read read,
                                                    const std::stop_token& stop) {
    const auto answer = exchange(std::move(call), stop);
    if (!answer) return fail(answer.error());
    if (says_down(answer->status) || answer->status / 100 == 5) return fail(judge(*answer).error());
    const bool known =
        answer->status / 100 == 2 &&
        (read == Read::RemoteRead ? is_read_answer(answer->body) : answer->body.empty());
    return known ? std::optional(read) : std::nullopt;
}

/// Asks what costs nothing: an empty read, then an export of no series.
Result<Server::Read> Server::way(const std::stop_token& stop) {
    {
        const Lock lock(mutex_);
        if (way_) return *way_;
    }
    auto found = try_way(read_call({}), Read::RemoteRead, stop);
    if (found && !*found) {
        std::string form;
        add_field(form, "match[]", R"({__name__="vedette_asks_for_nothing"})");
        add_field(form, "start", "1");
        add_field(form, "end", "2");
        found = try_way(call("/api/v1/export", std::move(form)), Read::Export, stop);
    }
    if (!found) return fail(found.error());
    const Read way = found->value_or(Read::Query);
    constexpr std::string_view names[] = {"auto", "remote_read", "export", "query"};
    doors_.log.info("the datasource is read",
                    {{"url", shown_}, {"by", names[static_cast<std::size_t>(way)]}});
    const Lock lock(mutex_);
    way_ = way;
    return way;
}

}  // namespace vedette::store
