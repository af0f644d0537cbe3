#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <variant>

#include "app/commands/commands.h"
#include "app/configuration.h"
#include "app/rule_lint.h"
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
        std::vector<Secret> operator()(const notify::WebSettings& web) const {
            std::vector<Secret> out = secrets_of(web.http.get());
            for (const auto& [key, secret] : web.secrets) out.push_back(secret);
            return out;
        }
        std::vector<Secret> operator()(const notify::EmailSettings& mail) const {
            return {mail.smtp.password, mail.smtp.tls.key};
        }
        std::vector<Secret> operator()(const notify::ExecSettings&) const { return {}; }
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

/// Rules that stand twice in one file, for each file; false when there are any.
bool lint_rules(const std::vector<rules::RuleGroup>& groups) {
    std::map<std::string, std::vector<rules::RuleGroup>> files;
    for (const auto& group : groups) files[group.file].push_back(group);
    bool clean = true;
    for (const auto& [file, of_file] : files) {
        const auto duplicates = rules::duplicate_rules(of_file);
        if (duplicates.empty()) continue;
        clean = false;
        fmt::print("Checking {}\n", file);
        std::fflush(stdout);
        print_duplicates(duplicates);
    }
    return clean;
}

}  // namespace

Exit check_config(const CheckOptions& options) {
    Exit exit = Exit::Fine;
    const bool find_duplicates =
        wants_duplicates(options.lint, "too-long-scrape-interval") && !options.syntax_only;
    Overrides overrides;
    overrides.features = read_features(options.features);
    overrides.warn_of_duplicates = false;  // lint says it
    overrides.ignore_unknown_fields = options.ignore_unknown_fields;
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
        if (find_duplicates && !problems.any() && !lint_rules(configuration.groups) &&
            options.lint_fatal)
            exit = worse(exit, Exit::LintOnly);
    }
    return exit;
}

}  // namespace vedette::app
