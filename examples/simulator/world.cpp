#include "examples/simulator/world.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "examples/simulator/control.h"
#include "examples/simulator/smtp_session.h"

namespace vedette::simulator {

namespace {

/// Anybody who reaches it may break it: so only this machine does.
Result<void> check_loopback(const std::string& address) {
    const auto parsed = http::parse_address(address);
    if (!parsed) return fail(parsed.error());
    if (parsed->host.starts_with("127.")) return {};
    return fail(Fault::BadInput, fmt::format("`{}` is not this machine only; the simulator listens on 127.0.0.1", address));
}

}  // namespace

World::World(WorldSettings settings) : settings_(std::move(settings)) {}

World::~World() {
    if (front_) front_->stop(Milliseconds(200));
    mail_loop_.call([this] { smtp_.reset(); });
}

Result<void> World::start() {
    for (const std::string& address : {settings_.listen, settings_.smtp, settings_.services})
        if (Result<void> ours = check_loopback(address); !ours) return ours;

    http::ServerSettings server;
    server.listeners = {{.address = settings_.listen, .serves = {}, .tls = {}}};
    front_ = std::make_unique<http::Front>(std::move(server), log_, front_metrics_);
    front_->add(control_routes(services_, inbox_, clock_));
    if (Result<void> bound = front_->start(); !bound) return bound;

    Result<void> result;
    mail_loop_.call([&] {
        smtp_ = std::make_unique<TcpServer>(mail_loop_.loop(), [this] {
            return std::make_unique<SmtpSession>([this](ReceivedMail mail) { inbox_.receive(std::move(mail)); });
        });
        result = smtp_->listen(settings_.smtp);
    });
    if (!result) return result;

    const auto first = http::parse_address(settings_.services);
    std::uint16_t port = 0;
    std::from_chars(first->port.data(), first->port.data() + first->port.size(), port);
    return services_.start(first->host, port);
}

std::string World::summary() const {
    const auto services = services_.states();
    return fmt::format("inbox http://{}/inbox  mail {}  services 127.0.0.1:{}-{}", front_->addresses().front(),
                       smtp_->address(), services.front().port, services.back().port);
}

}  // namespace vedette::simulator
