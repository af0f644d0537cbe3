#include "base/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <streambuf>
#include <unordered_map>
#include <utility>

#include "base/files.h"
#include "core/labels.h"
#include "core/limits.h"

namespace vedette {
namespace {

constexpr std::string_view string_tag = "tag:yaml.org,2002:str";
constexpr std::string_view plain_tag = "?", quoted_tag = "!";

/// Tags that say what our reader finds out by itself, or what it ignores as Go's does.
bool is_known_tag(const std::string& tag) {
    static constexpr std::string_view prefix = "tag:yaml.org,2002:";
    static constexpr std::string_view names[] = {"str",  "int", "float", "bool",
                                                 "null", "map", "seq",   "merge"};
    if (tag.empty() || tag == plain_tag || tag == quoted_tag) return true;
    if (!tag.starts_with(prefix)) return false;
    const std::string_view name = std::string_view(tag).substr(prefix.size());
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

/// Turns the library's marks into ours: both count from 1, columns in characters, not bytes.
class Places {
public:
    explicit Places(std::string_view text) : text_(text) {
        starts_.push_back(0);
        for (std::size_t at = 0; (at = text.find('\n', at)) != std::string_view::npos;)
            starts_.push_back(++at);
    }

    Mark operator()(const YAML::Mark& mark) {
        if (mark.is_null()) return {};
        const auto line = static_cast<std::size_t>(mark.line);
        if (line >= starts_.size()) return {mark.line + 1, mark.column + 1};
        const std::size_t at =
            std::min(starts_[line] + static_cast<std::size_t>(mark.column), text_.size());
        // Counted on from the place asked for before: a file may be one line of a million columns.
        if (at < at_ || starts_[line] >= at_) {
            at_ = starts_[line];
            characters_ = 0;
        }
        const auto passed = text_.substr(at_, at - at_);
        characters_ += static_cast<int>(
            std::count_if(passed.begin(), passed.end(), [](char c) { return (c & 0xc0) != 0x80; }));
        at_ = at;
        return {mark.line + 1, characters_ + 1};
    }
    /// True when a null is written out at `mark` (`~`, `null`), false when there is just nothing.
    bool null_is_written(const YAML::Mark& mark) const {
        const auto line = static_cast<std::size_t>(mark.line);
        if (mark.is_null() || line >= starts_.size()) return false;
        const std::size_t at = starts_[line] + static_cast<std::size_t>(mark.column);
        if (at >= text_.size()) return false;
        const auto rest = text_.substr(at);
        return rest.starts_with('~') || rest.starts_with("null") || rest.starts_with("Null") ||
               rest.starts_with("NULL");
    }

private:
    std::string_view text_;
    std::vector<std::size_t> starts_;  // of lines
    std::size_t at_ = 0;               // the place asked for last, and
    int characters_ = 0;               // how many characters of its line are before it
};

/// Thrown out of the library's parser when there is no point in reading on.
struct Stop {};

/// A tree that is ready, and what copying it would cost.
struct Built {
    ConfigNode node;
    std::size_t nodes = 1;
    std::size_t depth = 0;  // levels below it
};

/// Builds the tree from the library's events, so that an alias is met before it is followed: the
/// library's own tree shares what aliases name, and walking it would not end for a cycle.
///
/// Invariants: (Y1) nodes built and nodes copied stay within limits at every moment; (Y2) an anchor
/// is entered into `anchors_` when its node is complete, so no node ever contains itself.
class TreeBuilder final : public YAML::EventHandler {
public:
    TreeBuilder(std::shared_ptr<const ConfigFile> file, Problems& problems)
        : file_(std::move(file)), places_(file_->text), problems_(problems) {}

    ConfigNode take() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (documents_++ == 0) return;
        stop(places_(mark), "a second document begins here; expected one document in a file");
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        Built built = make(ConfigNode::Kind::Null, mark);
        // The library puts "nothing" at whatever comes next; a person looks for it at the key.
        if (!frames_.empty() && frames_.back().has_key && !places_.null_is_written(mark))
            built.node.mark = frames_.back().key_mark;
        complete(std::move(built), anchor);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        Built built = make(ConfigNode::Kind::Scalar, mark);
        look_at(tag, built.node.mark);
        built.node.text = value;
        built.node.quoted = tag == quoted_tag || tag == string_tag;
        complete(std::move(built), anchor);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        begin(ConfigNode::Kind::List, mark, tag, anchor);
    }
    void OnSequenceEnd() override { end(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        begin(ConfigNode::Kind::Map, mark, tag, anchor);
    }
    void OnMapEnd() override { end(); }

private:
    /// A list or map that is still open.
    struct Frame {
        Built built;
        YAML::anchor_t anchor = 0;
        bool has_key = false;     // of a map: the next node is a value
        bool drop_value = false;  // its key was refused
        bool is_merge = false;    // its key is `<<`
        std::string key;
        Mark key_mark, merge_mark;
        Built merged;                                        // the value of `<<`
        std::unordered_map<std::string, std::size_t> index;  // of keys, once there are many
    };

    [[noreturn]] void stop(Mark mark, std::string message) {
        problems_.add(file_, mark, std::move(message));
        throw Stop();
    }
    void look_at(const std::string& tag, Mark mark) {
        if (!is_known_tag(tag))
            problems_.add(file_, mark, fmt::format("unknown tag `{}`; no tag is needed here", tag));
    }
    Built make(ConfigNode::Kind kind, const YAML::Mark& mark);
    void begin(ConfigNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
               YAML::anchor_t anchor);
    void end();
    void complete(Built built, YAML::anchor_t anchor);
    void take_key(Frame& frame, Built built);
    void take_value(Frame& frame, Built built);
    void merge(Frame& frame);
    void merge_map(Frame& frame, ConfigNode from);
    void spend_copies(std::size_t nodes, Mark mark);
    static const ConfigNode::Entry* find(Frame& frame, const std::string& key);

    std::shared_ptr<const ConfigFile> file_;
    Places places_;
    Problems& problems_;
    ConfigNode root_;
    std::vector<Frame> frames_;
    std::unordered_map<YAML::anchor_t, Built> anchors_;
    std::size_t documents_ = 0;
    std::size_t nodes_ = 0;   // built
    std::size_t copies_ = 0;  // of them, by anchors and aliases
};

Built TreeBuilder::make(ConfigNode::Kind kind, const YAML::Mark& mark) {
    Built built;
    built.node.kind = kind;
    built.node.mark = places_(mark);
    built.node.file = file_;
    if (++nodes_ > limits::yaml_nodes_max)
        stop(built.node.mark,
             fmt::format("the file has more than {} values", limits::yaml_nodes_max));
    return built;
}

void TreeBuilder::begin(ConfigNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
                        YAML::anchor_t anchor) {
    Frame frame;
    frame.built = make(kind, mark);
    frame.anchor = anchor;
    look_at(tag, frame.built.node.mark);
    if (frames_.size() >= limits::yaml_depth_max)
        stop(frame.built.node.mark,
             fmt::format("nested deeper than {} levels", limits::yaml_depth_max));
    frames_.push_back(std::move(frame));
}

void TreeBuilder::end() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    merge(frame);
    complete(std::move(frame.built), frame.anchor);
}

void TreeBuilder::spend_copies(std::size_t nodes, Mark mark) {
    copies_ += nodes;
    if (copies_ > limits::yaml_copies_max)
        stop(mark, fmt::format("anchors and aliases expand to more than {} values",
                               limits::yaml_copies_max));
}

void TreeBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
    const Mark place = places_(mark);
    const auto named = anchors_.find(anchor);
    if (named == anchors_.end()) stop(place, "the alias stands inside what it names");
    // Looked at before the copy is made: ten lines of aliases can name a billion values.
    spend_copies(named->second.nodes, place);
    if (frames_.size() + named->second.depth > limits::yaml_depth_max)
        stop(place, fmt::format("nested deeper than {} levels", limits::yaml_depth_max));
    complete(named->second, 0);
}

void TreeBuilder::complete(Built built, YAML::anchor_t anchor) {
    if (anchor != 0) {
        spend_copies(built.nodes, built.node.mark);
        anchors_[anchor] = built;
    }
    if (frames_.empty()) {
        root_ = std::move(built.node);
        return;
    }
    Frame& frame = frames_.back();
    if (frame.built.node.is_list()) {
        frame.built.nodes += built.nodes;
        frame.built.depth = std::max(frame.built.depth, built.depth + 1);
        frame.built.node.items.push_back(std::move(built.node));
    } else if (!frame.has_key) {
        take_key(frame, std::move(built));
    } else {
        take_value(frame, std::move(built));
    }
}

/// The entry of `key`, or nothing. Long maps get an index, so that 20,000 keys take no time.
const ConfigNode::Entry* TreeBuilder::find(Frame& frame, const std::string& key) {
    constexpr std::size_t short_map = 16;
    const auto& entries = frame.built.node.entries;
    if (entries.size() <= short_map) {
        const auto at = std::find_if(entries.begin(), entries.end(),
                                     [&](const ConfigNode::Entry& e) { return e.key == key; });
        return at == entries.end() ? nullptr : &*at;
    }
    for (std::size_t i = frame.index.size(); i < entries.size(); ++i)
        frame.index.emplace(entries[i].key, i);
    const auto at = frame.index.find(key);
    return at == frame.index.end() ? nullptr : &entries[at->second];
}

void TreeBuilder::take_key(Frame& frame, Built built) {
    ConfigNode& node = built.node;
    frame.has_key = true;
    frame.key_mark = node.mark;
    frame.is_merge = false;
    frame.drop_value = !node.is_scalar();
    if (frame.drop_value) {
        const std::string_view found = node.is_null()  ? "nothing"
                                       : node.is_map() ? "a map"
                                                       : "a list";
        problems_.add(file_, node.mark, fmt::format("a key is {}; expected a word", found));
        return;
    }
    frame.key = std::move(node.text);
    frame.is_merge = frame.key == "<<" && !node.quoted;
    const ConfigNode::Entry* earlier = frame.is_merge ? nullptr : find(frame, frame.key);
    const Mark first = frame.is_merge ? frame.merge_mark : earlier ? earlier->mark : Mark{};
    if (first.line == 0) return;
    frame.drop_value = true;
    problems_.add(
        file_, node.mark,
        fmt::format("duplicate key `{}`; it stands on line {} already", frame.key, first.line));
}

void TreeBuilder::take_value(Frame& frame, Built built) {
    frame.has_key = false;
    if (frame.drop_value) return;
    if (frame.is_merge) {
        frame.merge_mark = frame.key_mark;
        frame.merged = std::move(built);
        return;
    }
    frame.built.nodes += built.nodes;
    frame.built.depth = std::max(frame.built.depth, built.depth + 1);
    frame.built.node.entries.push_back(
        {std::move(frame.key), frame.key_mark, std::move(built.node)});
}

/// Adds what `<<` names to a map whose own keys are all there, as they win.
void TreeBuilder::merge(Frame& frame) {
    if (frame.merge_mark.line == 0) return;
    frame.built.nodes += frame.merged.nodes;
    frame.built.depth = std::max(frame.built.depth, frame.merged.depth + 1);
    ConfigNode& from = frame.merged.node;
    if (!from.is_list()) {
        merge_map(frame, std::move(from));
        return;
    }
    for (ConfigNode& item : from.items) merge_map(frame, std::move(item));
}

void TreeBuilder::merge_map(Frame& frame, ConfigNode from) {
    if (!from.is_map()) {
        problems_.add(file_, frame.merge_mark,
                      "`<<` merges something that is no map; expected a map or a list of maps");
        return;
    }
    for (ConfigNode::Entry& entry : from.entries)
        if (find(frame, entry.key) == nullptr) frame.built.node.entries.push_back(std::move(entry));
}

/// Reads from text without a copy of it.
class TextBuffer final : public std::streambuf {
public:
    explicit TextBuffer(const std::string& text) {
        char* begin = const_cast<char*>(text.data());  // a stream buffer wants it, and only reads
        setg(begin, begin, begin + text.size());
    }
};

/// What the library would read wrongly or not at all: bytes that are no text. The byte 4 even ends
/// the text for it.
bool is_text(const std::shared_ptr<const ConfigFile>& file, Problems& problems) {
    const std::string& text = file->text;
    if (text.size() > limits::yaml_bytes_max) {
        problems.add({file->name,
                      {},
                      fmt::format("the file is larger than {} bytes", limits::yaml_bytes_max),
                      {},
                      false});
        return false;
    }
    if (!is_utf8(text)) {
        problems.add({file->name, {}, "the file is not UTF-8 text", {}, false});
        return false;
    }
    Mark mark{1, 1};
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7f) {
            problems.add(file, mark,
                         fmt::format("a control character, 0x{:02x}; expected text", byte));
            return false;
        }
        if ((byte & 0xc0) != 0x80) ++mark.column;
        if (c == '\n') mark = {mark.line + 1, 1};
    }
    return true;
}

}  // namespace

ConfigNode read_yaml(std::string name, std::string_view text, Problems& problems) {
    const auto file =
        std::make_shared<const ConfigFile>(ConfigFile{std::move(name), std::string(text)});
    if (!is_text(file, problems)) return {};
    TreeBuilder builder(file, problems);
    try {
        TextBuffer buffer(file->text);
        std::istream stream(&buffer);
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (const Stop&) {
        return {};
    } catch (const YAML::Exception& error) {
        problems.add(file, Places(file->text)(error.mark), fmt::format("not YAML: {}", error.msg));
        return {};
    } catch (const std::exception& error) {
        problems.add(file, {}, fmt::format("cannot read it: {}", error.what()));
        return {};
    }
    ConfigNode root = builder.take();
    if (!root.file) root.file = file;  // a file with nothing in it
    return root;
}

ConfigNode read_yaml_file(const std::string& path, Problems& problems) {
    auto text = make_files()->read_all(path, limits::yaml_bytes_max);
    if (text) return read_yaml(path, *text, problems);
    problems.add({path, {}, std::move(text.error().message), {}, false});
    return {};
}

}  // namespace vedette
