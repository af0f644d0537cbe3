#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/http/client.h"
#include "notify/message.h"
#include "notify/settings.h"
#include "notify/templates.h"
#include "notify/words/markup.h"

namespace vedette::notify {

/// One key of a service's configuration.
struct Key {
    enum class Is { Text, Secret, Switch, Number, Tree };
    /// Whom giving it concerns:
    ///   Operation   where and how; its default always holds
    ///   Look        colour, name, picture; Alertmanager's default holds only in Alertmanager's look
    ///   Words       what people read: who gives it asks for Alertmanager's look
    enum class Part { Operation, Look, Words };
    std::string_view name;
    Is is = Is::Text;
    Part part = Part::Operation;
    std::string_view otherwise = {};  ///< a template; `true` of a switch
    std::string_view global = {};     ///< the key of `global` that stands in
};

/// One HTTP request of a message.
struct Post {
    std::string url, body;
    std::string content_type = "application/json";
    std::string method = "POST";
    std::vector<Header> headers = {};
    /// What to send instead when this one is refused for good: the message to be edited is gone, the
    /// markup is not understood.
    std::shared_ptr<const Post> instead = {};
    /// What the answer to this one says is worth remembering counts.
    bool remembers = true;
};

/// What a body is made of. All of it outlives the call.
struct Draft {
    const WebSettings& settings;
    const Message& message;
    const Templates& templates;
    std::int64_t attempt = 0;
};

/// What one service takes and how it answers: a row of the one table that all senders share.
struct Service {
    std::string_view kind;  ///< "slack"; the configuration says `slack_configs`
    std::string_view name;  ///< "Slack"
    bool send_resolved = true;
    std::span<const Key> keys;
    std::size_t text_max = 0;  ///< of its longest text; 0: none known
    Measure measure = Measure::Bytes;
    /// The requests of one message, in order; what fails is a template or a secret.
    Result<std::vector<Post>> (*posts)(const Draft& draft) = nullptr;
    /// What the keys together must be, beside what each is.
    void (*check)(MapReader& map, const WebSettings& settings) = nullptr;

    /// Its secrets say where it is: those of `global` count only when none is given here.
    bool secrets_exclude = false;

    // ── how it answers ──
    /// 2xx whose JSON has this member false is a failure: `ok`, `success`.
    std::string_view false_fails = {};
    /// Words of such a failure that mean "later"; any other is for good.
    std::span<const std::string_view> later_words = {};
    /// Statuses that mean "later", beside 408, 425, 429 and 5xx, which mean it everywhere.
    std::span<const int> later_statuses = {};
    /// Members of the answer's JSON, in seconds, beside the header: `retry_after`,
    /// `parameters.retry_after`.
    std::string_view wait_member = {};
    /// What of a success is worth remembering for the next message about the same; may be null.
    std::string (*remember)(const nlohmann::ordered_json& answer, const Message& message) = nullptr;
};

/// Every service, in the order of the documents.
std::span<const Service* const> services();
/// Nothing when there is none of that kind.
const Service* find_service(std::string_view kind);

/// Expands templates into texts and JSON, and keeps the first failure, so that a body reads from top
/// to bottom.
class Filler {
public:
    explicit Filler(const Draft& draft) : draft_(draft) {}

    /// The text of `key`, expanded.
    std::string text(std::string_view key);
    std::string expand(std::string_view text);
    std::string secret(std::string_view key);
    /// `into[key]` = `value`, unless it is empty.
    static void put(nlohmann::ordered_json& into, const char* key, std::string value);
    /// `into[key]` = the text of `key`, unless it is empty; longer ones are cut.
    void put(nlohmann::ordered_json& into, const char* key, std::size_t max = 0,
             Measure by = Measure::Characters);
    /// Every text in it expanded; what is written as a number or a truth stays one.
    nlohmann::ordered_json tree(const ConfigNode& node);
    /// The same; then each text is read as YAML, so that `{{ len .Alerts }}` is a number.
    nlohmann::ordered_json typed_tree(const ConfigNode& node);
    nlohmann::ordered_json typed(std::string_view text);

    void fail_with(Error error);
    const std::optional<Error>& failure() const { return failure_; }
    /// `posts`, or the failure.
    Result<std::vector<Post>> finish(std::vector<Post> posts) const;

private:
    const Draft& draft_;
    std::optional<Error> failure_;
};

/// JSON as text; bytes that are no UTF-8 are replaced.
std::string print_json(const nlohmann::ordered_json& json);
/// `https://hooks.example/x/` and `v2/alerts` joined by one slash.
std::string join_url(std::string_view base, std::string_view path);
/// The identity that a group has at services that know incidents: SHA-256 of its key, in hexadecimal.
std::string incident_key(const Message& message);
/// One of `critical`, `error`, `warning`, `info`, of the worst alert that fires.
std::string_view worst_severity(const Message& message);

}  // namespace vedette::notify
