#include "examples/simulator/services.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

namespace vedette::simulator {

namespace {

constexpr std::size_t workers = 12;  // so many may be slow at once; threads start when first needed
constexpr Milliseconds stop_grace{200};

const std::vector<ServiceState>& platform() {
    static const std::vector<ServiceState> all{
        {.name = "checkout", .typical_ms = 18},
        {.name = "shop", .typical_ms = 9},
        {.name = "search", .typical_ms = 24},
        {.name = "login", .typical_ms = 7},
        {.name = "media", .typical_ms = 31},
        {.name = "billing", .typical_ms = 14},
        {.name = "heygen", .provider = true, .typical_ms = 160},
        {.name = "runway", .provider = true, .typical_ms = 120},
        {.name = "d-id", .provider = true, .typical_ms = 95},
    };
    return all;
}

/// A port that nobody listens on now.
Result<std::uint16_t> free_port(const std::string& host) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    socklen_t size = sizeof at;
    auto* raw = reinterpret_cast<sockaddr*>(&at);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool found = inet_pton(AF_INET, host.c_str(), &at.sin_addr) == 1 &&
                       bind(fd, raw, size) == 0 && getsockname(fd, raw, &size) == 0;
    close(fd);
    if (!found) return fail(Fault::Unavailable, fmt::format("{} has no free port", host));
    return ntohs(at.sin_port);
}

/// Returns early when the caller goes away.
void wait(Milliseconds time, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace

std::string_view to_string(Health health) {
    switch (health) {
        case Health::Well: return "well";
        case Health::Refuses: return "refuses";
        case Health::Errors: return "errors";
        case Health::Slow: return "slow";
        case Health::Garbage: return "garbage";
    }
    return "";
}

std::optional<Health> parse_break(std::string_view how) {
    if (how.empty() || how == "refuse") return Health::Refuses;
    if (how == "error") return Health::Errors;
    if (how == "slow") return Health::Slow;
    if (how == "garbage") return Health::Garbage;
    return std::nullopt;
}

Services::Services(Log& log, Metrics& metrics) : states_(platform()), front_({}, log, metrics) {
    std::vector<Route> routes;
    for (const char* path : {"/", "/health"})
        routes.push_back({.method = "GET",
                          .path = path,
                          .role = Role::Nobody,
                          .group = PathGroup::Health,
                          .weight = Weight::Worker,
                          .answer = [this](const Request& request) { return answer(request); }});
    front_.add(std::move(routes));
}

Services::~Services() {
    stop();
}

Result<void> Services::start(const std::string& host, std::uint16_t port) {
    host_ = host;
    std::size_t number = 0;
    {
        const Lock lock(mutex_);
        for (ServiceState& state : states_) {
            if (port == 0) {
                const auto found = free_port(host);
                if (!found) return fail(found.error());
                state.port = *found;
            } else {
                state.port = static_cast<std::uint16_t>(port + number++);
            }
        }
    }
    if (Result<void> started = front_.start(); !started) return started;
    running_ = true;
    return make_so();
}

Result<void> Services::set(std::string_view name, Health health, Milliseconds slow_by) {
    const Lock one_at_a_time(change_);
    std::vector<std::string_view> names;
    bool found = false;
    {
        const Lock lock(mutex_);
        for (ServiceState& state : states_) {
            names.push_back(state.name);
            if (state.name != name) continue;
            found = true;
            state.health = health;
            state.slow_by = health == Health::Slow ? slow_by : Milliseconds(0);
        }
    }
    if (!found)
        return fail(Fault::NotFound, fmt::format("no service `{}`; there are {}", name, fmt::join(names, ", ")));
    return make_so();
}

// Who leaves a port goes before who comes to it.
Result<void> Services::make_so() {
    if (Result<void> closed = close_garbage(); !closed) return closed;
    if (Result<void> served = front_.reload(settings()); !served) return served;
    return open_garbage();
}

Result<void> Services::close_garbage() {
    const auto now = states();
    wire_.call([&] {
        for (const ServiceState& state : now)
            if (state.health != Health::Garbage) garbage_.erase(state.name);
    });
    return {};
}

Result<void> Services::open_garbage() {
    const auto now = states();
    Result<void> result;
    wire_.call([&] {
        for (const ServiceState& state : now) {
            if (state.health != Health::Garbage || garbage_.count(state.name) != 0) continue;
            auto server = std::make_unique<TcpServer>(wire_.loop(), [] { return std::make_unique<GarbageTalk>(); });
            if (Result<void> bound = server->listen(address(state)); bound) garbage_[state.name] = std::move(server);
            else result = bound;
        }
    });
    return result;
}

std::string Services::address(const ServiceState& state) const {
    return fmt::format("{}:{}", host_, state.port);
}

http::ServerSettings Services::settings() const {
    http::ServerSettings out;
    out.limits.workers = workers;
    for (const ServiceState& state : states())
        if (state.health != Health::Refuses && state.health != Health::Garbage)
            out.listeners.push_back({.address = address(state), .serves = {}, .tls = {}});
    return out;
}

std::vector<ServiceState> Services::states() const {
    const Lock lock(mutex_);
    return states_;
}

/// Mostly near what is typical, drifting a little over minutes, now and then with a longer tail.
Milliseconds Services::latency(const ServiceState& state) {
    if (state.health == Health::Slow) return state.slow_by;
    const double minutes = std::chrono::duration<double, std::ratio<60>>(
                               std::chrono::steady_clock::now().time_since_epoch()).count();
    const double drift = 1 + 0.2 * std::sin(minutes / 3 + state.port);
    const double tail = std::exponential_distribution<>(6)(dice_);
    return Milliseconds(std::lround(state.typical_ms * (drift + std::min(tail, 2.0))));
}

Response Services::answer(const Request& request) {
    const std::string_view host = request.header("host");
    const std::string port(host.substr(host.rfind(':') + 1));
    ServiceState asked;
    Milliseconds time{0};
    {
        const Lock lock(mutex_);
        const auto found = std::ranges::find_if(states_, [&](const ServiceState& one) {
            return std::to_string(one.port) == port;
        });
        if (found == states_.end()) return text_response(421, "the Host header names no service's port\n");
        asked = *found;
        time = latency(asked);
    }
    wait(time, request.stop);
    if (asked.health == Health::Errors)
        return json_response(503, fmt::format("{{\"service\":\"{}\",\"status\":\"error\",\"error\":\"broken on request\"}}\n", asked.name));
    return json_response(200, fmt::format("{{\"service\":\"{}\",\"status\":\"ok\"}}\n", asked.name));
}

void Services::stop() {
    if (!std::exchange(running_, false)) return;
    front_.stop(stop_grace);
    wire_.call([this] { garbage_.clear(); });
}

}  // namespace vedette::simulator
