#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "core/config.h"
#include "core/error.h"

namespace vedette {

/// A password, token or address that must not be seen: prints as `<secret>` everywhere.
///
/// Comes as text, from a file (read again when the file changes) or from an environment variable
/// (`${NAME}` as the whole value, resolved when it is read). Copies share it. Safe between threads.
class Secret {
public:
    Secret() = default;
    static Secret from_text(std::string text);
    static Secret from_file(std::string path);
    /// From the environment as it was when the program started (see `take_environment`).
    static Secret from_environment(std::string variable);

    bool is_set() const { return source_ != nullptr; }
    /// The secret itself, trailing line ends of a file cut. Fails with NotFound or Refused and names
    /// the file or variable, never the content. Call it where it is used, as late as possible.
    Result<std::string> reveal() const;
    /// Where it comes from, for a person: `file slack.url`, `variable SLACK_URL`, `<secret>`.
    std::string describe() const;
    bool operator==(const Secret& other) const;

private:
    struct Source;
    std::shared_ptr<Source> source_;
};

/// Always `<secret>`, or empty when not set.
std::string to_string(const Secret& secret);

/// Reads `key` or `key_file` (both is a problem) of a map; relative files are beside the configuration.
/// With `Problems` of a syntax-only check nothing is opened.
Secret read_secret(MapReader& map, std::string_view key);
/// The value of one node as a secret: text, or `${NAME}`.
Secret secret_of(const ConfigNode& node, Problems& problems, std::string_view what);

/// Copies the environment for `from_environment` and clears it, so that no child and no dump sees it.
/// Call once, first thing in main, before threads. `keep` names what libraries need (PATH, TZ, LANG …).
void take_environment(std::initializer_list<std::string_view> keep);

}  // namespace vedette
