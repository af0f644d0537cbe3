#include "exporter/api/alertmanager/silences.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/labels.h"
#include "exporter/api/alertmanager/answers.h"

namespace vedette::exporter::alertmanager {

namespace {

using Json = nlohmann::json;
using notify::Silence;

constexpr std::size_t audit_rows_max = 1000;

bool is_equal(Matcher::Op op) {
    return op == Matcher::Op::Equal || op == Matcher::Op::Match;
}

bool is_regex(Matcher::Op op) {
    return op == Matcher::Op::Match || op == Matcher::Op::NotMatch;
}

void write_silence(JsonWriter& json, const Silence& silence, Timestamp now) {
    json.begin_object().field("id", silence.id).key("status").begin_object();
    json.field("state", to_string(silence.state(now))).end_object();
    json.field("updatedAt", format_rfc3339(silence.updated)).field("comment", silence.comment);
    json.field("createdBy", silence.created_by).field("endsAt", format_rfc3339(silence.ends));
    json.key("matchers").begin_list();
    for (const notify::AlertMatcher& one : silence.matchers) {
        const Matcher& matcher = one.matcher();
        json.begin_object().field("isEqual", is_equal(matcher.op));
        json.field("isRegex", is_regex(matcher.op)).field("name", matcher.name);
        json.field("value", matcher.value).end_object();
    }
    json.end_list().field("startsAt", format_rfc3339(silence.starts));
    if (!silence.recurring.empty()) json.key("recurring").raw(silence.recurring);
    if (silence.until_resolved) json.field("until", "resolved");
    json.end_object();
}

/// Active ones by their end, then those to come by their start, then ended ones, the latest first.
bool comes_before(const Silence& a, const Silence& b, Timestamp now) {
    const auto state = a.state(now), other = b.state(now);
    if (state != other)
        return state == Silence::State::Active ||
               (state == Silence::State::Pending && other == Silence::State::Expired);
    switch (state) {
        case Silence::State::Active: return a.ends < b.ends;
        case Silence::State::Pending: return a.starts < b.starts;
        case Silence::State::Expired: return a.ends > b.ends;
    }
    return false;
}

/// A filter asks what a silence's matchers are, not what they match: `job=a` selects silences that have
/// just this one, `job=~a` others.
bool is_about(const Silence& silence, const notify::AlertMatchers& filter) {
    return std::ranges::all_of(filter, [&](const notify::AlertMatcher& wanted) {
        return std::ranges::find(silence.matchers, wanted) != silence.matchers.end();
    });
}

bool is_uuid(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const char c = static_cast<char>(text[i] | 32);
        const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (dash ? text[i] != '-' : !digit) return false;
    }
    return true;
}

std::optional<Response> bad_id(std::string_view id) {
    if (is_uuid(id)) return std::nullopt;
    return invalid(601, fmt::format("silenceID in path must be of type uuid: {}", quote(id)));
}

void read_matchers(Document& document, const Json& list, Silence& into) {
    if (!list.is_array())
        return document.refuse_type(list, "Go struct field Silence.matchers", "models.Matchers");
    if (list.empty())
        return document.refuse(invalid(612, "matchers in body should have at least 1 items"));
    for (std::size_t i = 0; i < list.size() && !document.wrong(); ++i) {
        const std::string place = fmt::format("matchers.{}.", i);
        const Json& item = list[i];
        if (!item.is_object())
            return document.refuse_type(item, "Go struct field Silence.matchers", "models.Matcher");
        const Json* regex = document.required(item, "isRegex", place);
        const Json* name = document.required(item, "name", place);
        const Json* value = document.required(item, "value", place);
        if (document.wrong()) return;
        const auto equal_key = item.find("isEqual");
        const bool equal = equal_key == item.end() || equal_key->is_null() ||
                           document.truth(*equal_key, "Matcher.isEqual");
        const bool pattern = document.truth(*regex, "Matcher.isRegex");
        Matcher matcher{equal ? (pattern ? Matcher::Op::Match : Matcher::Op::Equal)
                              : (pattern ? Matcher::Op::NotMatch : Matcher::Op::NotEqual),
                        document.text(*name, "Matcher.name"), document.text(*value, "Matcher.value")};
        if (matcher.name.empty())
            return document.refuse(refused(400, fmt::format("invalid silence: invalid label matcher "
                                                            "{} in set 0: invalid label name \"\"",
                                                            i)));
        const std::string text = quote(matcher.value);
        auto made = notify::AlertMatcher::make(std::move(matcher));
        if (!made)
            return document.refuse(refused(
                400, fmt::format("invalid silence: invalid label matcher {} in set 0: invalid "
                                 "regular expression {}: {}",
                                 i, text, made.error().message)));
        into.matchers.push_back(std::move(*made));
    }
}

/// Our two keys: `recurring`, kept as it was sent, and `until`.
void read_extensions(Document& document, const Json& root, Silence& into) {
    if (const auto found = root.find("recurring"); found != root.end() && !found->is_null()) {
        into.recurring = found->dump();
        if (const auto ok = notify::read_times(into); !ok)
            document.refuse(refused(400, ok.error().message));
    }
    const auto until = root.find("until");
    if (until == root.end() || until->is_null()) return;
    into.until_resolved = *until == "resolved";
    if (!into.until_resolved)
        document.refuse(refused(400, fmt::format("invalid silence: `until` is {}; expected "
                                                 "\"resolved\"",
                                                 until->dump())));
}

Silence read_silence(Document& document) {
    Silence out;
    const Json& root = document.root();
    if (!root.is_object()) {
        document.refuse_type(root, "Go value", "models.PostableSilence");
        return out;
    }
    const Json* comment = document.required(root, "comment", "");
    const Json* created_by = document.required(root, "createdBy", "");
    const Json* ends = document.required(root, "endsAt", "");
    const Json* matchers = document.required(root, "matchers", "");
    const Json* starts = document.required(root, "startsAt", "");
    if (document.wrong()) return out;
    out.comment = document.text(*comment, "Silence.comment");
    out.created_by = document.text(*created_by, "Silence.createdBy");
    out.ends = document.time(*ends).value_or(Timestamp{});
    out.starts = document.time(*starts).value_or(Timestamp{});
    if (const auto id = root.find("id"); id != root.end()) out.id = document.text(*id, "ID");
    if (!document.wrong()) read_matchers(document, *matchers, out);
    if (!document.wrong()) read_extensions(document, root, out);
    return out;
}

/// The one who logged in, else the name that the request gives.
std::string who_asks(const Request& request, const std::string& said) {
    return request.user.empty() ? said : request.user;
}

}  // namespace

Response get_silences(const AlertmanagerSources& sources, const Request& request) {
    const auto filter = filter_parameters(request);
    if (!filter) return filter.error();
    const Timestamp now = sources.now();
    std::vector<Silence> silences = sources.silences();
    std::erase_if(silences, [&](const Silence& one) { return !is_about(one, *filter); });
    std::ranges::stable_sort(
        silences, [&](const Silence& a, const Silence& b) { return comes_before(a, b, now); });
    return answered([&](JsonWriter& json) {
        json.begin_list();
        for (const Silence& one : silences) write_silence(json, one, now);
        json.end_list();
    });
}

Response post_silence(const AlertmanagerSources& sources, const Request& request) {
    Document document(request, "silence");
    if (document.wrong()) return *document.wrong();
    Silence silence = read_silence(document);
    if (document.wrong()) return *document.wrong();
    std::string who = who_asks(request, silence.created_by);
    const auto id = sources.put_silence(std::move(silence), std::move(who));
    if (!id) {
        const Fault fault = id.error().fault;
        return refused(fault == Fault::NotFound ? 404 : fault == Fault::BadInput ? 400 : 503,
                       id.error().message);
    }
    return answered(
        [&](JsonWriter& json) { json.begin_object().field("silenceID", *id).end_object(); });
}

Response get_silence(const AlertmanagerSources& sources, const Request& request) {
    const std::string_view id = request.capture("id");
    if (auto bad = bad_id(id)) return *bad;
    for (const Silence& one : sources.silences())
        if (one.id == id)
            return answered([&](JsonWriter& json) { write_silence(json, one, sources.now()); });
    return text_response(404, {});
}

Response delete_silence(const AlertmanagerSources& sources, const Request& request) {
    const std::string_view id = request.capture("id");
    if (auto bad = bad_id(id)) return *bad;
    const Result<void> ended = sources.expire_silence(id, who_asks(request, "api"));
    if (ended) return text_response(200, {});
    if (ended.error().fault == Fault::NotFound) return text_response(404, {});
    return refused(503, ended.error().message);
}

Response get_audit(const AlertmanagerSources& sources, const Request&) {
    const auto rows = sources.audit(audit_rows_max);
    if (!rows) return refused(500, rows.error().message);
    return answered([&](JsonWriter& json) {
        json.begin_list();
        for (const notify::AuditRow& row : *rows) {
            json.begin_object().field("at", format_rfc3339(row.at)).field("who", row.who);
            json.field("what", row.what).key("silence");
            write_silence(json, row.silence, row.at);
            json.end_object();
        }
        json.end_list();
    });
}

}  // namespace vedette::exporter::alertmanager
