#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/http/client.h"
#include "base/secret.h"
#include "base/smtp.h"
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

/// A webhook in Alertmanager's version 4 shape.
struct WebhookSettings {
    std::shared_ptr<const HttpSettings> http;
    Secret url;
    std::uint64_t max_alerts = 0;  ///< 0: all
    Milliseconds timeout = 10s;    ///< Alertmanager's 0 (none but the group interval) is ours of 10 s
    bool delivery_headers = false;  ///< ours: X-Vedette-Delivery, Idempotency-Key
    Secret signing_secret;          ///< ours: X-Vedette-Signature, HMAC-SHA-256 of the body
};

/// A Slack incoming webhook. Texts are templates; empty ones are ours.
struct SlackSettings {
    struct Field {
        std::string title, value;
        bool is_short = false;
    };
    std::shared_ptr<const HttpSettings> http;
    Secret api_url;
    Milliseconds timeout = 10s;
    std::string channel, username, icon_emoji, icon_url;
    std::string color, title, title_link, pretext, text, footer, fallback, image_url, thumb_url;
    std::vector<Field> fields;
    std::vector<std::string> mrkdwn_in;
    bool short_fields = false, link_names = false;
};

/// Mail over SMTP. Texts are templates; empty ones are ours.
struct EmailSettings {
    std::vector<std::string> to;
    std::string from;
    SmtpSettings smtp;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string html, text;
    bool html_off = false, text_off = false;  ///< given as an empty string: leave that part out
};

/// One way in which a receiver is told.
struct Integration {
    std::variant<WebhookSettings, SlackSettings, EmailSettings> how;
    bool send_resolved = false;

    std::string_view kind() const;  ///< "webhook", "slack", "email"
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

    const Receiver* receiver(std::string_view name) const;
};

}  // namespace vedette::notify
