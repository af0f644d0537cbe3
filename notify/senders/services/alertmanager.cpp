// An Alertmanager elsewhere: the alerts themselves, for it to route.
#include <nlohmann/json.hpp>

#include "notify/senders/services/services.h"

namespace vedette::notify {
namespace {

using Json = nlohmann::ordered_json;
using Is = Key::Is;

Result<std::vector<Post>> posts(const Draft& draft) {
    Filler filler(draft);
    Json body = Json::array();
    for (const AlertRef& alert : draft.message.alerts) {
        Json one;
        one["labels"] = Json::object();
        one["annotations"] = Json::object();
        for (const Label label : alert->labels) one["labels"][std::string(label.name)] = label.value;
        for (const auto& [name, text] : alert->annotations) one["annotations"][name] = text;
        one["startsAt"] = format_rfc3339(starts_at(*alert));
        // Without an end it would be over there after five minutes; with one in time for two more
        // messages of ours, it is over soon after we are gone.
        const bool over = alert->state == AlertState::Resolved;
        one["endsAt"] = format_rfc3339(over ? alert->resolved_at.value_or(draft.message.at)
                                            : draft.message.at + 2 * draft.message.repeat_interval +
                                                  Milliseconds(std::chrono::minutes(1)));
        one["generatorURL"] = alert->generator_url;
        body.push_back(std::move(one));
    }
    Post post;
    post.url = join_url(filler.secret("url"), "api/v2/alerts");
    post.body = print_json(body);
    return filler.finish({std::move(post)});
}

void check(MapReader& map, const WebSettings& settings) {
    if (!settings.secret("url").is_set())
        map.problems().add(map.map(), "an Alertmanager needs `url` or `url_file`, such as "
                                      "`http://alertmanager:9093`; each of a cluster is an entry of its own");
}

constexpr Key keys[] = {{"url", Is::Secret}};

}  // namespace

const Service alertmanager_service{.kind = "alertmanager", .name = "Alertmanager", .send_resolved = true,
                                   .keys = keys, .posts = posts, .check = check};

}  // namespace vedette::notify
