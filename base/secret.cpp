#include "base/secret.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "base/files.h"
#include "core/labels.h"
#include "core/limits.h"
#include "core/mutex.h"

namespace vedette {
namespace {

constexpr std::string_view hidden = "<secret>";

/// The environment as the program was started with; the process has only one, so has the program.
struct Environment {
    Mutex mutex;
    bool taken VEDETTE_GUARDED_BY(mutex) = false;
    std::map<std::string, std::string, std::less<>> variables VEDETTE_GUARDED_BY(mutex);
};

Environment& environment() {
    static Environment only;
    return only;
}

/// `SLACK_URL` of `${SLACK_URL}`; empty when the whole text is not of this form.
std::string_view variable_of(std::string_view text) {
    if (!text.starts_with("${") || !text.ends_with('}')) return {};
    const std::string_view name = text.substr(2, text.size() - 3);
    return is_classic_label_name(name) ? name : std::string_view();
}

/// A problem whose line is not shown: it may be the secret.
void add_without_line(Problems& problems, const ConfigNode& at, std::string message) {
    problems.add(
        {at.file ? at.file->name : "configuration", at.mark, std::move(message), {}, false});
}

std::string beside(const ConfigNode& map, const std::string& path) {
    if (path.empty() || path.front() == '/' || !map.file) return path;
    const auto slash = map.file->name.rfind('/');
    return slash == std::string::npos ? path : map.file->name.substr(0, slash + 1) + path;
}

}  // namespace

struct Secret::Source {
    enum class Kind { Text, File, Variable };
    Kind kind;
    std::string text;  // the secret, the path, or the name

    bool operator==(const Source&) const = default;
};

Secret Secret::from_text(std::string text) {
    Secret secret;
    secret.source_ = std::make_shared<Source>(Source{Source::Kind::Text, std::move(text)});
    return secret;
}

Secret Secret::from_file(std::string path) {
    Secret secret;
    secret.source_ = std::make_shared<Source>(Source{Source::Kind::File, std::move(path)});
    return secret;
}

Secret Secret::from_environment(std::string variable) {
    Secret secret;
    secret.source_ = std::make_shared<Source>(Source{Source::Kind::Variable, std::move(variable)});
    return secret;
}

Result<std::string> Secret::reveal() const {
    if (!source_) return fail(Fault::NotFound, "no secret is set");
    const std::string& text = source_->text;
    if (source_->kind == Source::Kind::Text) return text;
    if (source_->kind == Source::Kind::File) {
        // Read on every use, not kept: a rotated token counts at once, and a dump holds nothing
        // old.
        auto content = make_files()->read_all(text, limits::secret_bytes_max);
        if (!content) {
            const Fault fault = content.error().fault;
            return fail(fault == Fault::NotFound ? fault : Fault::Refused,
                        fmt::format("secret of {}: {}", describe(), content.error().message));
        }
        while (!content->empty() && (content->back() == '\n' || content->back() == '\r'))
            content->pop_back();
        if (content->empty())
            return fail(Fault::Refused, fmt::format("secret of {} is empty", describe()));
        return content;
    }
    Environment& all = environment();
    const Lock lock(all.mutex);
    if (all.taken) {
        const auto at = all.variables.find(text);
        if (at != all.variables.end()) return at->second;
    } else if (const char* value = std::getenv(text.c_str())) {
        return std::string(value);
    }
    return fail(Fault::NotFound, fmt::format("the environment variable {} is not set", text));
}

std::string Secret::describe() const {
    if (!source_) return {};
    if (source_->kind == Source::Kind::File) return "file " + source_->text;
    if (source_->kind == Source::Kind::Variable) return "variable " + source_->text;
    return std::string(hidden);
}

bool Secret::operator==(const Secret& other) const {
    if (source_ == other.source_) return true;
    return source_ && other.source_ && *source_ == *other.source_;
}

std::string to_string(const Secret& secret) {
    return secret.is_set() ? std::string(hidden) : std::string();
}

Secret secret_of(const ConfigNode& node, Problems& problems, std::string_view what) {
    if (node.is_null()) return {};
    if (!node.is_scalar()) {
        add_without_line(problems, node,
                         fmt::format("{} is {}; expected a text or `${{NAME}}`", what,
                                     node.is_map() ? "a map" : "a list"));
        return {};
    }
    if (node.text.empty()) return {};
    const std::string_view variable = variable_of(node.text);
    if (!variable.empty()) return Secret::from_environment(std::string(variable));
    if (node.text.starts_with("${") && node.text.ends_with('}')) {
        add_without_line(problems, node,
                         fmt::format("{} looks like an environment variable, but its name is none; "
                                     "expected `${{NAME}}` of letters, digits and `_`",
                                     what));
        return {};
    }
    return Secret::from_text(node.text);
}

Secret read_secret(MapReader& map, std::string_view key) {
    const std::string file_key = std::string(key) + "_file";
    const ConfigNode* value = map.node(key);
    const ConfigNode* file = map.node(file_key);
    if (value && file) {
        add_without_line(map.problems(), *file,
                         fmt::format("`{}` and `{}` of {} are both set; expected one of them", key,
                                     file_key, map.what()));
        return {};
    }
    if (value) return secret_of(*value, map.problems(), fmt::format("`{}` of {}", key, map.what()));
    const std::string path = file ? map.string(file_key) : std::string();
    return path.empty() ? Secret() : Secret::from_file(beside(map.map(), path));
}

void take_environment(std::initializer_list<std::string_view> keep) {
    Environment& all = environment();
    const Lock lock(all.mutex);
    std::vector<std::pair<std::string, std::string>> kept;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const std::size_t equals = text.find('=');
        const std::string_view name = text.substr(0, equals);
        const std::string_view value =
            equals == std::string_view::npos ? "" : text.substr(equals + 1);
        all.variables.emplace(name, value);  // of two with one name getenv finds the first
        bool is_kept = false;
        for (const std::string_view one : keep) is_kept = is_kept || one == name;
        if (is_kept) kept.emplace_back(name, value);
        // Wiped where it stands: /proc/PID/environ and a core dump show these very bytes.
        if (!is_kept) ::explicit_bzero(*entry, std::strlen(*entry));
    }
    ::clearenv();
    for (const auto& [name, value] : kept) ::setenv(name.c_str(), value.c_str(), 1);
    all.taken = true;
}

}  // namespace vedette
