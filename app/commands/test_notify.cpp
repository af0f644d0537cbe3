#include <fmt/format.h>

#include <optional>

#include "app/commands/commands.h"
#include "app/configuration.h"
#include "app/terminal.h"
#include "base/command.h"
#include "base/resolver.h"
#include "core/limits.h"
#include "notify/senders/sender.h"

namespace vedette::app {

namespace {

/// Something that reads like an alert and says that it is none.
notify::Message test_message(const notify::Receiver& receiver, const Configuration& configuration,
                             Timestamp now) {
    Alert alert;
    alert.labels = {{"alertname", "VedetteTest"}, {"job", "vedette"}, {"severity", "info"}};
    alert.annotations = {{"summary", "a test of the receiver " + receiver.name + ", nothing is wrong"},
                         {"description", "Sent by `vedette test notify`."}};
    alert.id = {fingerprint(alert.labels), now};
    alert.state = AlertState::Firing;
    alert.value = 1;
    alert.active_at = now;
    alert.fired_at = now;
    alert.generator_url = configuration.external_url + "/graph?g0.expr=up";
    notify::Message out;
    out.receiver = receiver.name;
    // Its own group each time: no service takes it for the end of an incident of before.
    out.group_key = fmt::format("{{}}/test:{{at=\"{}\"}}", now.ms);
    out.group_labels = {{"alertname", "VedetteTest"}};
    out.alerts = {std::make_shared<const Alert>(std::move(alert))};
    out.at = now;
    out.decided = now;
    out.external_url = configuration.external_url;
    out.repeat_interval = std::chrono::minutes(1);
    out.timezone = configuration.notify.timezone;
    return out;
}

/// What sends, on a loop that runs only while it is waited for.
class Post {
public:
    Post(const Configuration& configuration, std::shared_ptr<const notify::Templates> templates)
        : configuration_(configuration),
          templates_(std::move(templates)),
          resolver_(configuration.resolver == Configuration::ResolverKind::Dns
                        ? make_dns_resolver(loop_)
                        : make_system_resolver(loop_)),
          http_(loop_, *resolver_),
          smtp_(loop_, *resolver_) {}

    notify::Outcome send(const notify::Receiver& receiver, const notify::Integration& how) {
        const auto message = std::make_shared<const notify::Message>(
            test_message(receiver, configuration_, clock_.now()));
        const notify::Doors doors{
            http_,
            [this](const SmtpSettings& settings, Mail mail, Deadline deadline, auto done) {
                smtp_.send(settings, std::move(mail), deadline, std::move(done));
            },
            clock_};
        std::optional<notify::Outcome> out;
        notify::send({&how, message, templates_, 0}, doors,
                     [&](const notify::Outcome& outcome) { out = outcome; });
        while (!out) loop_.turn(std::chrono::milliseconds(100));
        return *out;
    }
    std::chrono::steady_clock::time_point now() const { return clock_.steady(); }

private:
    const Configuration& configuration_;
    std::shared_ptr<const notify::Templates> templates_;
    SystemClock clock_;
    Loop loop_;
    std::unique_ptr<Resolver> resolver_;
    HttpClient http_;
    SmtpClient smtp_;
};

/// `team  slack  #ops  sent, answer 200, 84 ms`; whether it arrived.
bool try_one(Post& post, const notify::Receiver& receiver, const notify::Integration& how) {
    const std::string who = fmt::format("{}  {}  {}", receiver.name, how.kind(), how.target());
    if (std::holds_alternative<notify::ExecSettings>(how.how)) {
        fmt::print("{}  not started: a test acts on nothing\n", who);
        return true;
    }
    const auto began = post.now();
    const notify::Outcome outcome = post.send(receiver, how);
    const auto took = std::chrono::duration_cast<Milliseconds>(post.now() - began);
    if (outcome.sent)
        fmt::print("{}  sent, answer {}, {}\n", who, outcome.status, humanize_duration(took));
    else
        fmt::print("{}  not sent: {}{}\n", who, outcome.error,
                   outcome.retry_after
                       ? fmt::format("; asks to wait {}", humanize_duration(*outcome.retry_after))
                       : "");
    std::fflush(stdout);
    return outcome.sent;
}

}  // namespace

Exit test_notify(const std::string& config, const std::string& receiver) {
    Problems problems;
    const Configuration configuration = load_configuration(config, {}, problems);
    fmt::print(stderr, "{}", problems.text());
    if (problems.any()) return Exit::Wrong;
    if (!receiver.empty() && configuration.notify.receiver(receiver) == nullptr) {
        std::vector<std::string> names;
        for (const auto& one : configuration.notify.receivers) names.push_back(one.name);
        const std::string_view near = nearest(receiver, names);
        fmt::print(stderr, "{}: there is no receiver `{}`{}\n", config, receiver,
                   near.empty() ? "" : fmt::format("; did you mean `{}`?", near));
        return Exit::Wrong;
    }
    auto templates = notify::Templates::make(configuration.notify);
    if (!templates) {
        fmt::print(stderr, "{}\n", templates.error().message);
        return Exit::Wrong;
    }
    Post post(configuration, std::move(*templates));
    std::size_t tried = 0, arrived = 0;
    for (const notify::Receiver& one : configuration.notify.receivers) {
        if (!receiver.empty() && one.name != receiver) continue;
        for (const notify::Integration& how : one.integrations) {
            ++tried;
            if (try_one(post, one, how)) ++arrived;
        }
    }
    if (tried == 0) fmt::print("{}: no receiver has a way to be told\n", config);
    return arrived == tried && tried > 0 ? Exit::Fine : Exit::Wrong;
}

}  // namespace vedette::app
