#include "probes/scrape/relabel.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <optional>

namespace vedette::scrape {
namespace {

using Action = RelabelRule::Action;

struct ActionName {
    std::string_view name;
    Action action;
};

constexpr std::array action_names = {
    ActionName{"replace", Action::Replace},     ActionName{"keep", Action::Keep},
    ActionName{"drop", Action::Drop},           ActionName{"keepequal", Action::KeepEqual},
    ActionName{"dropequal", Action::DropEqual}, ActionName{"hashmod", Action::HashMod},
    ActionName{"labelmap", Action::LabelMap},   ActionName{"labeldrop", Action::LabelDrop},
    ActionName{"labelkeep", Action::LabelKeep}, ActionName{"lowercase", Action::Lowercase},
    ActionName{"uppercase", Action::Uppercase},
};

std::shared_ptr<const re2::RE2> compile(const std::string& text) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    return std::make_shared<const re2::RE2>("^(?s:" + text + ")$", options);
}

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9');
}

/// A match of a rule's regex in `text`: the whole and its groups.
class Match {
public:
    static std::optional<Match> find(const re2::RE2& regex, std::string_view text) {
        Match match(regex, text);
        const auto count = static_cast<int>(match.groups_.size());
        if (!regex.Match({text.data(), text.size()}, 0, text.size(), re2::RE2::ANCHOR_BOTH,
                         match.groups_.data(), count))
            return std::nullopt;
        return match;
    }

    /// `$1`, `${1}`, `${name}`, `$$`, as Go's Regexp.Expand has them: the longest name counts, and
    /// a group that is not there is empty.
    std::string expand(std::string_view text) const {
        std::string out;
        while (!text.empty()) {
            const std::size_t dollar = text.find('$');
            out += text.substr(0, dollar);
            if (dollar == std::string_view::npos) break;
            text.remove_prefix(dollar + 1);
            if (!text.empty() && text.front() == '$') {
                out += '$';
                text.remove_prefix(1);
                continue;
            }
            const std::string_view name = group_name(text);
            if (name.empty())
                out += '$';
            else
                out += group(name);
        }
        return out;
    }

private:
    Match(const re2::RE2& regex, std::string_view)
        : regex_(&regex), groups_(static_cast<std::size_t>(regex.NumberOfCapturingGroups()) + 1) {}

    /// Takes a name off the front; empty when there is none.
    static std::string_view group_name(std::string_view& text) {
        const bool braces = !text.empty() && text.front() == '{';
        const std::size_t begin = braces ? 1 : 0;
        std::size_t end = begin;
        while (end < text.size() && is_word(text[end])) ++end;
        const bool closed = !braces || (end < text.size() && text[end] == '}');
        if (end == begin || !closed) return {};
        const std::string_view name = text.substr(begin, end - begin);
        text.remove_prefix(braces ? end + 1 : end);
        return name;
    }

    std::string_view group(std::string_view name) const {
        const bool number =
            std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
        std::size_t index = groups_.size();
        if (number && name.size() < 6) {
            index = std::stoul(std::string(name));
        } else if (!number) {
            const auto& names = regex_->NamedCapturingGroups();
            const auto at = names.find(std::string(name));
            if (at != names.end()) index = static_cast<std::size_t>(at->second);
        }
        if (index >= groups_.size()) return {};
        return {groups_[index].data(), groups_[index].size()};
    }

    const re2::RE2* regex_;
    std::vector<re2::StringPiece> groups_;
};

bool matches(const RelabelRule& rule, std::string_view text) {
    return re2::RE2::FullMatch({text.data(), text.size()}, *rule.regex);
}

std::string joined_value(const RelabelRule& rule, const LabelsBuilder& labels) {
    std::string out;
    for (std::size_t i = 0; i < rule.source_labels.size(); ++i) {
        if (i > 0) out += rule.separator;
        out += labels.get(rule.source_labels[i]);
    }
    return out;
}

void replace(const RelabelRule& rule, std::string_view value, LabelsBuilder& labels) {
    const std::optional<Match> match = Match::find(*rule.regex, value);
    if (!match) return;
    const std::string target = match->expand(rule.target_label);
    if (target.empty() || !is_utf8(target)) return;
    labels.set(target, match->expand(rule.replacement));  // empty deletes
}

/// The last eight bytes of MD5, the most significant first, as every Prometheus has it: shards that
/// are split by it agree.
std::uint64_t md5_number(std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int bytes = 0;
    check(EVP_Digest(text.data(), text.size(), digest.data(), &bytes, EVP_md5(), nullptr) == 1 &&
              bytes == 16,
          "MD5 is there");
    std::uint64_t number = 0;
    for (std::size_t i = 8; i < 16; ++i) number = (number << 8) | digest[i];
    return number;
}

/// Of ASCII letters; others stay.
std::string in_case(std::string text, bool upper) {
    for (char& c : text) {
        const char first = upper ? 'a' : 'A';
        if (c >= first && c <= first + 25) c = static_cast<char>(c ^ 0x20);
    }
    return text;
}

void map_names(const RelabelRule& rule, LabelsBuilder& labels) {
    const Labels before = labels.build();
    for (const Label label : before)
        if (const auto match = Match::find(*rule.regex, label.name))
            if (const std::string name = match->expand(rule.replacement); !name.empty())
                labels.set(name, label.value);
}

void drop_names(const RelabelRule& rule, bool that_match, LabelsBuilder& labels) {
    const Labels before = labels.build();
    for (const Label label : before)
        if (matches(rule, label.name) == that_match) labels.del(label.name);
}

/// False when the labels are to be dropped.
bool apply(const RelabelRule& rule, LabelsBuilder& labels) {
    const std::string value = joined_value(rule, labels);
    switch (rule.action) {
        case Action::Keep:
            return matches(rule, value);
        case Action::Drop:
            return !matches(rule, value);
        case Action::KeepEqual:
            return labels.get(rule.target_label) == value;
        case Action::DropEqual:
            return labels.get(rule.target_label) != value;
        case Action::Replace:
            replace(rule, value, labels);
            break;
        case Action::HashMod:
            labels.set(rule.target_label, std::to_string(md5_number(value) % rule.modulus));
            break;
        case Action::LabelMap:
            map_names(rule, labels);
            break;
        case Action::LabelDrop:
            drop_names(rule, true, labels);
            break;
        case Action::LabelKeep:
            drop_names(rule, false, labels);
            break;
        case Action::Lowercase:
            labels.set(rule.target_label, in_case(value, false));
            break;
        case Action::Uppercase:
            labels.set(rule.target_label, in_case(value, true));
            break;
    }
    return true;
}

Action read_action(MapReader& map) {
    std::vector<std::string> names;
    for (const ActionName& known : action_names) names.emplace_back(known.name);
    const std::string text = map.string("action", "replace");
    const std::string small = in_case(text, false);
    for (const ActionName& known : action_names)
        if (known.name == small) return known.action;
    const std::string_view near = nearest(text, names);
    map.problem("action",
                fmt::format("unknown relabel action `{}`; expected {}", text,
                            near.empty() ? fmt::format("one of `{}`", fmt::join(names, "`, `"))
                                         : fmt::format("`{}`?", near)));
    return Action::Replace;
}

void check_rule(const RelabelRule& rule, MapReader& map) {
    const bool by_name = rule.action == Action::LabelDrop || rule.action == Action::LabelKeep;
    const bool has_target = !rule.target_label.empty();
    switch (rule.action) {
        case Action::HashMod:
            if (rule.modulus == 0) map.problem("modulus", "`hashmod` needs a `modulus` above 0");
            [[fallthrough]];
        case Action::Replace:
        case Action::KeepEqual:
        case Action::DropEqual:
        case Action::Lowercase:
        case Action::Uppercase:
            if (!has_target)
                map.problem("target_label", "this relabel action needs a `target_label`");
            break;
        default:
            break;
    }
    if (rule.action == Action::LabelMap && rule.replacement.empty())
        map.problem("replacement", "`labelmap` needs a `replacement`");
    const bool equal = rule.action == Action::KeepEqual || rule.action == Action::DropEqual;
    if (!equal && !by_name) return;
    for (const std::string_view key : {"modulus", "separator", "replacement"})
        if (map.node(key) != nullptr)
            map.problem(key, fmt::format("`{}` means nothing to this relabel action", key));
    if (equal && map.node("regex") != nullptr)
        map.problem("regex", "`regex` means nothing to `keepequal` and `dropequal`");
    if (by_name && (has_target || !rule.source_labels.empty()))
        map.problem(has_target ? "target_label" : "source_labels",
                    "`labeldrop` and `labelkeep` know `regex` only");
}

RelabelRule read_rule(const ConfigNode& node, Problems& problems) {
    MapReader map(node, problems, "relabel rule");
    RelabelRule rule;
    rule.action = read_action(map);
    rule.source_labels = map.strings("source_labels");
    if (const ConfigNode* separator = map.node("separator"))
        rule.separator = scalar_string(*separator, problems, "`separator`");
    rule.target_label = map.string("target_label");
    rule.modulus = static_cast<std::uint64_t>(map.integer("modulus", 0, 0, INT64_MAX));
    if (const ConfigNode* replacement = map.node("replacement"))
        rule.replacement = scalar_string(*replacement, problems, "`replacement`");
    std::string text = "(.*)";
    if (const ConfigNode* regex = map.node("regex"))
        text = scalar_string(*regex, problems, "`regex`");
    rule.regex = compile(text);
    if (!rule.regex->ok()) {
        map.problem("regex", fmt::format("`regex` {} is no RE2 expression: {}", quote(text),
                                         rule.regex->error()));
        rule.regex = compile("");
    }
    check_rule(rule, map);
    return rule;
}

}  // namespace

std::vector<RelabelRule> read_relabel_rules(const ConfigNode& list, Problems& problems) {
    std::vector<RelabelRule> rules;
    if (!list.is_list()) {
        problems.add(list, "expected a list of relabel rules");
        return rules;
    }
    for (const ConfigNode& item : list.items) rules.push_back(read_rule(item, problems));
    return rules;
}

bool relabel(std::span<const RelabelRule> rules, LabelsBuilder& labels) {
    return std::all_of(rules.begin(), rules.end(),
                       [&](const RelabelRule& rule) { return apply(rule, labels); });
}

}  // namespace vedette::scrape
