#include "exporter/api/alertmanager/alerts.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/labels.h"
#include "exporter/api/alertmanager/answers.h"

namespace vedette::exporter::alertmanager {

namespace {

using Json = nlohmann::json;
using notify::Standing;
using notify::StandingAlert;

/// Which alerts are asked for.
struct Filter {
    notify::AlertMatchers matchers;
    std::optional<notify::AlertMatcher> receiver;
    bool active = true, silenced = true, inhibited = true, unprocessed = true, muted = true;

    bool wants(const StandingAlert& one) const {
        const bool suppressed = !one.silenced_by.empty() || !one.inhibited_by.empty();
        return (active || suppressed) && (silenced || one.silenced_by.empty()) &&
               (inhibited || one.inhibited_by.empty()) &&
               notify::match_all(matchers, one.alert->labels);
    }
    bool wants_receiver(std::string_view name) const {
        return !receiver || receiver->matches(Labels{{"receiver", name}});
    }
    /// Without a `route` an alert has no receivers, and is shown all the same.
    bool reaches(const StandingAlert& one) const {
        return !receiver || std::ranges::any_of(one.receivers, [this](const auto& name) {
            return wants_receiver(name);
        });
    }
};

tl::expected<Filter, Response> read_filter(const Request& request) {
    Filter out;
    auto matchers = filter_parameters(request);
    if (!matchers) return tl::make_unexpected(matchers.error());
    out.matchers = std::move(*matchers);
    if (const std::string_view pattern = request.param("receiver"); !pattern.empty()) {
        auto made =
            notify::AlertMatcher::make({Matcher::Op::Match, "receiver", std::string(pattern)});
        if (!made)
            return tl::make_unexpected(refused(
                400, fmt::format("failed to parse receiver param: {}", made.error().message)));
        out.receiver = std::move(*made);
    }
    out.active = flag_parameter(request, "active");
    out.silenced = flag_parameter(request, "silenced");
    out.inhibited = flag_parameter(request, "inhibited");
    out.unprocessed = flag_parameter(request, "unprocessed");
    out.muted = flag_parameter(request, "muted");
    return out;
}

void write_names(JsonWriter& json, std::string_view key, const std::vector<std::string>& names) {
    json.key(key).begin_list();
    for (const std::string& name : names) json.value(name);
    json.end_list();
}

void write_alert(JsonWriter& json, const StandingAlert& one,
                 const std::vector<std::string>& receivers,
                 const std::vector<std::string>& muted_by) {
    const Alert& alert = *one.alert;
    const bool suppressed =
        !one.silenced_by.empty() || !one.inhibited_by.empty() || !muted_by.empty();
    json.begin_object().key("annotations").annotations(alert.annotations);
    json.field("endsAt", format_rfc3339(one.ends));
    json.field("fingerprint", format_fingerprint(alert.id.fingerprint));
    json.key("receivers").begin_list();
    for (const std::string& name : receivers) json.begin_object().field("name", name).end_object();
    json.end_list();
    json.field("startsAt", format_rfc3339(one.starts)).key("status").begin_object();
    write_names(json, "inhibitedBy",
                one.inhibited_by.empty() ? std::vector<std::string>()
                                         : std::vector<std::string>{one.inhibited_by});
    write_names(json, "mutedBy", muted_by);
    write_names(json, "silencedBy", one.silenced_by);
    json.field("state", suppressed ? "suppressed" : "active").end_object();
    json.field("updatedAt", format_rfc3339(one.updated));
    if (!alert.generator_url.empty()) json.field("generatorURL", alert.generator_url);
    json.key("labels").labels(alert.labels).end_object();
}

/// An absolute URI or a path, roughly as Go's url.ParseRequestURI.
bool is_uri(std::string_view text) {
    if (text.starts_with('/')) return true;
    const std::size_t colon = text.find(':');
    if (colon == text.npos || colon == 0 || colon + 1 == text.size()) return false;
    const auto letter = [](char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; };
    return letter(text[0]) && std::ranges::all_of(text.substr(0, colon), [&](char c) {
        return letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    });
}

LabelsBuilder read_pairs(Document& document, const Json& pairs, std::string_view place) {
    LabelsBuilder out;
    if (!pairs.is_object()) {
        document.refuse_type(pairs, fmt::format("Go struct field {}", place), "models.LabelSet");
        return out;
    }
    for (const auto& [name, value] : pairs.items()) {
        const std::string text = document.text(value, fmt::format("{}.{}", place, name));
        if (document.wrong()) return out;
        out.set(name, text);
    }
    return out;
}

notify::PostedAlert read_alert(Document& document, const Json& item, std::size_t index) {
    notify::PostedAlert out;
    const std::string place = fmt::format("{}.", index);
    const Json* labels = document.required(item, "labels", place);
    if (labels == nullptr) return out;
    out.labels = read_pairs(document, *labels, "Alert.labels").build();
    if (const auto found = item.find("annotations"); found != item.end() && found->is_object()) {
        Annotations::Texts texts;
        for (const auto& [name, value] : found->items())
            texts.emplace(name, document.text(value, "PostableAlert.annotations." + name));
        out.annotations = Annotations(std::move(texts));
    }
    if (const auto found = item.find("startsAt"); found != item.end() && !found->is_null())
        out.starts = document.time(*found);
    if (const auto found = item.find("endsAt"); found != item.end() && !found->is_null())
        out.ends = document.time(*found);
    if (const auto found = item.find("generatorURL"); found != item.end())
        out.generator_url = document.text(*found, "Alert.generatorURL");
    if (!out.generator_url.empty() && !is_uri(out.generator_url))
        document.refuse(invalid(601, fmt::format("{}generatorURL in body must be of type uri: {}",
                                                 place, quote(out.generator_url))));
    return out;
}

/// What Alertmanager refuses of an alert that is well formed; empty when it is fine.
std::string judge(const Json& item, const notify::PostedAlert& alert) {
    if (alert.starts && alert.ends && *alert.ends < *alert.starts)
        return "start time must be before end time";
    for (const auto& [name, value] : item.at("labels").items())
        if (name.empty()) return "invalid label set: invalid name \"\"";
    return alert.labels.empty() ? "at least one label pair required" : "";
}

}  // namespace

Response get_alerts(const AlertmanagerSources& sources, const Request& request) {
    const auto filter = read_filter(request);
    if (!filter) return filter.error();
    const Standing standing = sources.standing();
    return answered([&](JsonWriter& json) {
        json.begin_list();
        for (const StandingAlert& one : standing.alerts)
            if (filter->wants(one) && filter->reaches(one))
                write_alert(json, one, one.receivers, {});
        json.end_list();
    });
}

Response get_groups(const AlertmanagerSources& sources, const Request& request) {
    const auto filter = read_filter(request);
    if (!filter) return filter.error();
    const Standing standing = sources.standing();
    // An alert is shown in each of its groups with the receivers of all of them.
    std::vector<std::vector<std::string>> receivers(standing.alerts.size());
    std::vector<const notify::StandingGroup*> groups;
    for (const notify::StandingGroup& group : standing.groups)
        if (filter->wants_receiver(group.receiver)) groups.push_back(&group);
    for (const notify::StandingGroup* group : groups)
        for (const std::size_t index : group->alerts)
            receivers[index].push_back(group->receiver);
    for (auto& names : receivers) std::ranges::sort(names);
    return answered([&](JsonWriter& json) {
        json.begin_list();
        for (const notify::StandingGroup* group : groups) {
            const auto wanted = [&](std::size_t index) {
                return filter->wants(standing.alerts[index]);
            };
            if (std::ranges::none_of(group->alerts, wanted)) continue;
            if (!filter->muted && !group->muted_by.empty()) continue;
            json.begin_object().key("alerts").begin_list();
            for (const std::size_t index : group->alerts)
                if (wanted(index))
                    write_alert(json, standing.alerts[index], receivers[index], group->muted_by);
            json.end_list().key("labels").labels(group->labels);
            json.key("receiver").begin_object().field("name", group->receiver).end_object();
            json.end_object();
        }
        json.end_list();
    });
}

Response post_alerts(const AlertmanagerSources& sources, const Request& request) {
    Document document(request, "alerts");
    const Json& root = document.root();
    if (!document.wrong() && !root.is_array() && !root.is_null())
        document.refuse_type(root, "Go value", "models.PostableAlerts");
    if (document.wrong()) return *document.wrong();
    std::vector<notify::PostedAlert> alerts;
    alerts.reserve(root.size());
    for (std::size_t i = 0; i < root.size() && !document.wrong(); ++i) {
        if (!root[i].is_object()) document.refuse_type(root[i], "Go value", "models.PostableAlert");
        else alerts.push_back(read_alert(document, root[i], i));
    }
    if (document.wrong()) return *document.wrong();
    // The good ones are taken, whatever the others are.
    std::string wrong;
    std::vector<notify::PostedAlert> good;
    good.reserve(alerts.size());
    for (std::size_t i = 0; i < alerts.size(); ++i) {
        const std::string why = judge(root[i], alerts[i]);
        if (why.empty()) good.push_back(std::move(alerts[i]));
        else wrong += (wrong.empty() ? "" : "\n") + why;
    }
    if (const Result<void> taken = sources.take(good); !taken) return refused(503, taken.error().message);
    if (!wrong.empty()) return refused(400, wrong);
    return text_response(200, {});
}

}  // namespace vedette::exporter::alertmanager
