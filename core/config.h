#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/time.h"

namespace vedette {

/// Where in a file something stands; lines and columns count from 1, 0 is "nowhere".
struct Mark {
    int line = 0, column = 0;
};

/// One file's text, kept so that a problem can show the line it stands on.
struct ConfigFile {
    std::string name;  // as the person wrote it
    std::string text;
};

/// A plain tree read from YAML: merge keys applied, aliases resolved, duplicates refused.
struct ConfigNode {
    enum class Kind { Null, Scalar, List, Map };
    struct Entry;

    Kind kind = Kind::Null;
    bool quoted = false;            ///< a quoted scalar is always a string
    std::string text;               ///< of a scalar, as written, unquoted
    std::vector<ConfigNode> items;  ///< of a list
    std::vector<Entry> entries;     ///< of a map, in file order
    Mark mark;
    std::shared_ptr<const ConfigFile> file;

    const ConfigNode* find(std::string_view key) const;
    bool is_map() const { return kind == Kind::Map; }
    bool is_list() const { return kind == Kind::List; }
    bool is_scalar() const { return kind == Kind::Scalar; }
    bool is_null() const { return kind == Kind::Null; }
};

struct ConfigNode::Entry {
    std::string key;
    Mark mark;
    ConfigNode value;
};

/// One thing wrong in a file, for a person.
struct Problem {
    std::string file;
    Mark mark;
    std::string message;  ///< what was found and what was expected
    std::string line;     ///< the text of the line it stands on; empty when unknown
    bool warning = false;
};

/// Prints `file:line:column: message`, the line, and a caret under the column.
std::string to_string(const Problem& problem);

/// Collects every problem of a configuration, not only the first.
class Problems {
public:
    void add(const ConfigNode& at, std::string message);
    void add(const std::shared_ptr<const ConfigFile>& file, Mark mark, std::string message);
    void add(Problem problem);
    void warn(const ConfigNode& at, std::string message);

    bool any() const;  ///< errors; warnings do not count
    const std::vector<Problem>& all() const { return problems_; }
    /// All of them, one after the other, at most limits::problems_shown_max and how many more.
    std::string text() const;

private:
    std::vector<Problem> problems_;
};

/// Reads one map with types. Every key asked for is known; `finish` (or the destructor) reports the
/// others with the nearest known key. What is wrong goes to `Problems`, and the default is
/// returned.
///
///     MapReader probe(node, problems, "probe \"shop\"");
///     settings.every = probe.duration("every", 15s);
class MapReader {
public:
    /// `what` names the map in messages: `probe "db"`, `route`.
    MapReader(const ConfigNode& node, Problems& problems, std::string what);
    ~MapReader();
    MapReader(const MapReader&) = delete;
    MapReader& operator=(const MapReader&) = delete;

    /// The value, or nothing when absent or null. Marks the key as known.
    const ConfigNode* node(std::string_view key);
    /// As `node`, and a problem when absent.
    const ConfigNode* required(std::string_view key);

    std::string string(std::string_view key, std::string_view otherwise = {});
    std::string required_string(std::string_view key);
    bool boolean(std::string_view key, bool otherwise);
    std::int64_t integer(std::string_view key, std::int64_t otherwise, std::int64_t min,
                         std::int64_t max);
    double number(std::string_view key, double otherwise);
    Milliseconds duration(std::string_view key, Milliseconds otherwise);
    /// `10MB`, `512KiB`, `1GB` (Prometheus's sizes: powers of 1024 either way) or a plain number.
    std::uint64_t bytes(std::string_view key, std::uint64_t otherwise);
    /// A list of scalars, or one scalar.
    std::vector<std::string> strings(std::string_view key);
    std::vector<std::pair<std::string, std::string>> string_map(std::string_view key);
    /// One of `choices`, else a problem that lists them and suggests the nearest.
    std::string choice(std::string_view key, std::initializer_list<std::string_view> choices,
                       std::string_view otherwise);
    /// Calls `each` for every item of a list; a problem when it is no list.
    void list(std::string_view key, const std::function<void(const ConfigNode&)>& each);

    /// Keys that are fine although nobody asks for them here.
    void also_known(std::initializer_list<std::string_view> keys);
    /// Reports a problem at `key`'s value, or at the map when the key is absent.
    void problem(std::string_view key, std::string message);
    void finish();

    Problems& problems() { return problems_; }
    const std::string& what() const { return what_; }
    const ConfigNode& map() const { return node_; }

private:
    const ConfigNode& node_;
    Problems& problems_;
    std::string what_;
    std::vector<std::string> known_;
    bool finished_ = false;
};

/// Scalars by YAML 1.1's rules as Go's reader has them; a problem and `otherwise` when of another
/// type.
std::string scalar_string(const ConfigNode& node, Problems& problems, std::string_view what);
bool scalar_boolean(const ConfigNode& node, Problems& problems, std::string_view what,
                    bool otherwise);
std::int64_t scalar_integer(const ConfigNode& node, Problems& problems, std::string_view what,
                            std::int64_t otherwise);
double scalar_number(const ConfigNode& node, Problems& problems, std::string_view what,
                     double otherwise);
Milliseconds scalar_duration(const ConfigNode& node, Problems& problems, std::string_view what,
                             Milliseconds otherwise);

/// The nearest of `known` to `word`, when near enough to be a slip of the finger; else empty.
std::string_view nearest(std::string_view word, const std::vector<std::string>& known);

/// One top-level key of vedette.yml that a room reads.
struct ConfigSection {
    std::string_view key;      // "probes"
    std::string_view summary;  // one line for the documentation
    /// Reads the value into the room's own settings; called only when the key is there.
    std::function<void(const ConfigNode&, Problems&)> read;
};

}  // namespace vedette
