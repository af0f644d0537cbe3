#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/http/client.h"
#include "base/secret.h"
#include "base/smtp.h"
#include "base/time_zone.h"
#include "core/config.h"
#include "core/time.h"
#include "notify/matcher.h"
#include "notify/routing/time_interval.h"

namespace vedette::notify {

using namespace std::chrono_literals;

/// One node of the routing tree, with what it inherits already filled in. Names, meaning and defaults
/// are Alertmanager's.
struct RouteNode {
    AlertMatchers matchers;  ///< the root has none
    std::string receiver;
    std::vector<std::string> group_by;
    bool group_by_all = false;             ///< `group_by: ['...']`
    Milliseconds group_wait = 30s;         ///< a new group waits so long for company
    Milliseconds group_interval = 5min;    ///< between two messages about one group
    Milliseconds repeat_interval = 4h;     ///< nothing new: say it again
    bool continue_to_next = false;         ///< look at the siblings after this one matched
    std::string key = "{}";                ///< `{}/{severity="critical"}`: first part of a group key
    /// Not told while one of `muted` holds, nor while none of `active` does, when it has some. They
    /// are the node's own: children do not inherit them.
    std::vector<std::shared_ptr<const NamedInterval>> muted, active;
    std::vector<RouteNode> routes;
};

/// An `inhibit_rule`: while an alert of the source class fires, alerts of the target class with the
/// same values of `equal` are not told.
struct InhibitRule {
    std::string name;  ///< for people; empty when not given
    AlertMatchers source, target;
    std::vector<std::string> equal;
};

/// A service that is told by HTTP requests: what its row of the table of services
/// (notify/senders/service.h) says it may be told. Texts are templates.
struct WebSettings {
    template <typename Value>
    using Map = std::map<std::string, Value, std::less<>>;

    std::string kind = "webhook";
    std::shared_ptr<const HttpSettings> http;
    Milliseconds timeout = 10s;  ///< Alertmanager's 0 (none but the group interval) is ours of 10 s
    Map<Secret> secrets;
    Map<std::string> texts;
    Map<bool> switches;
    Map<std::int64_t> numbers;
    Map<ConfigNode> trees;  ///< lists and maps whose texts are templates
    /// Vedette's own words; else Alertmanager's defaults stand where no text is given.
    bool own_words = true;

    std::string_view text(std::string_view key) const;
    bool on(std::string_view key) const;
    std::int64_t number(std::string_view key) const;
    const ConfigNode* tree(std::string_view key) const;
    const Secret& secret(std::string_view key) const;  ///< one that is not set when there is none
};

/// Mail over SMTP. Texts are templates; empty ones are ours.
struct EmailSettings {
    std::vector<std::string> to;
    std::string from;
    SmtpSettings smtp;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string html, text;
    bool html_off = false, text_off = false;  ///< given as an empty string: leave that part out
    /// All mails of one group: one thread, or one a day.
    enum class Thread { Group, Day } thread = Thread::Group;
    bool own_words = true;  ///< the subject too, unless `headers` has one
};

/// A command of this machine, started when something fires or is over: the message as JSON on its
/// standard input, nothing from outside in its arguments, an empty environment.
struct ExecSettings {
    std::vector<std::string> command;  ///< an absolute path, then its arguments as they are
    Milliseconds timeout = 30s;        ///< then it and its children are killed
};

/// How often a receiver may be told at most; more waits and merges.
struct Rate {
    std::uint64_t at_most = 0;  ///< 0: no limit
    Milliseconds per = 1h;
};

/// One way in which a receiver is told.
struct Integration {
    std::variant<WebSettings, EmailSettings, ExecSettings> how;
    bool send_firing = true;  ///< false: only told when all is over
    bool send_resolved = false;
    Rate rate;

    std::string_view kind() const;  ///< "webhook", "slack", "email", "exec"
    /// `#ops`, `hooks.example`, `ops@shop.example`: who hears it, for people, no secrets.
    std::string target() const;
};

struct Receiver {
    std::string name;
    std::vector<Integration> integrations;
};

/// Everything notify is told by its configuration. Built whole, then swapped.
struct Settings {
    bool enabled = false;  ///< there is a `route`; without one nothing is told, all is recorded
    RouteNode route;
    std::vector<Receiver> receivers;
    std::vector<InhibitRule> inhibit_rules;
    Milliseconds resolve_timeout = 5min;
    std::vector<std::pair<std::string, std::string>> templates;  ///< file name and text
    std::string external_url = "http://localhost:7887";  ///< where pages are; set by the wiring
    std::shared_ptr<const TimeZone> timezone;  ///< of every time that people read; null: UTC
    bool record_only = false;         ///< shadow mode: everything happens but the sending
    Milliseconds silence_longest{0};  ///< no silence may last longer; 0: any length
    std::string shown;  ///< Alertmanager's part of the configuration as YAML, without secrets

    const Receiver* receiver(std::string_view name) const;
};

}  // namespace vedette::notify
