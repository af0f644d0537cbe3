#include <fmt/format.h>

#include <cstdio>
#include <variant>

#include "app/commands.h"
#include "app/configuration.h"
#include "app/terminal.h"

namespace vedette::app {

namespace {

/// Prints what was found; says how it ended.
Exit finish(const std::string& file, const Problems& problems, const std::string& holds) {
    fmt::print(stderr, "{}", problems.text());
    if (problems.any()) {
        fmt::print(stderr, "{}: not usable\n", file);
        return Exit::Wrong;
    }
    fmt::print("{}: fine, {}\n", file, holds);
    return problems.all().empty() ? Exit::Fine : Exit::LintOnly;
}

Exit worse(Exit a, Exit b) {
    if (a == Exit::Wrong || b == Exit::Wrong) return Exit::Wrong;
    return a == Exit::LintOnly || b == Exit::LintOnly ? Exit::LintOnly : Exit::Fine;
}

std::vector<Secret> secrets_of(const HttpSettings* http) {
    std::vector<Secret> out;
    if (http == nullptr) return out;
    if (http->basic_auth) out.push_back(http->basic_auth->password);
    out.push_back(http->authorization);
    out.push_back(http->tls.key);
    for (const auto& [name, value] : http->headers) out.push_back(value);
    return out;
}

std::vector<Secret> secrets_of(const notify::Integration& integration) {
    struct Visitor {
        std::vector<Secret> operator()(const notify::WebhookSettings& webhook) const {
            std::vector<Secret> out = secrets_of(webhook.http.get());
            out.insert(out.end(), {webhook.url, webhook.signing_secret});
            return out;
        }
        std::vector<Secret> operator()(const notify::SlackSettings& slack) const {
            std::vector<Secret> out = secrets_of(slack.http.get());
            out.push_back(slack.api_url);
            return out;
        }
        std::vector<Secret> operator()(const notify::EmailSettings& mail) const {
            return {mail.smtp.password, mail.smtp.tls.key};
        }
    };
    return std::visit(Visitor{}, integration.how);
}

/// Opens every secret once, so that a missing file is found now and not at night.
void open_secrets(const Configuration& configuration, Problems& problems) {
    const auto open = [&](const Secret& secret, std::string_view whose) {
        if (!secret.is_set()) return;
        if (const auto text = secret.reveal(); !text)
            problems.add(Problem{configuration.path,
                                 {},
                                 fmt::format("{}: {}", whose, text.error().message),
                                 {},
                                 false});
    };
    for (const http::Token& token : configuration.server.tokens) {
        open(token.current, "token `" + token.name + "`");
        open(token.previous, "token `" + token.name + "`");
    }
    for (const notify::Receiver& receiver : configuration.notify.receivers)
        for (const notify::Integration& integration : receiver.integrations)
            for (const Secret& secret : secrets_of(integration))
                open(secret, "receiver `" + receiver.name + "`");
}

}  // namespace

Exit check_config(const CheckOptions& options) {
    Exit exit = Exit::Fine;
    Overrides overrides;
    overrides.features = read_features(options.features);
    for (const std::string& file : options.files) {
        Problems problems;
        const Configuration configuration = load_configuration(file, overrides, problems);
        if (!problems.any() && !options.syntax_only) open_secrets(configuration, problems);
        std::size_t targets = 0, rules = 0;
        for (const auto& probe : configuration.probes.probes) targets += probe.targets.size();
        for (const auto& group : configuration.groups) rules += group.rules.size();
        exit = worse(exit, finish(file, problems,
                                  fmt::format("{}, {}, {}", counted(targets, "target", "targets"),
                                              counted(rules, "rule", "rules"),
                                              counted(configuration.notify.receivers.size(),
                                                      "receiver", "receivers"))));
    }
    return exit;
}

}  // namespace vedette::app
