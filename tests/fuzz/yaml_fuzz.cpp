#include <cstddef>
#include <cstdint>

#include "base/yaml.h"
#include "core/error.h"
#include "core/limits.h"

using namespace vedette;

namespace {

/// Counts values and follows every list and map, which must come to an end.
std::size_t walk(const ConfigNode& node, std::size_t depth) {
    check(depth <= limits::yaml_depth_max, "a tree is not deeper than the limit");
    std::size_t nodes = 1;
    for (const ConfigNode& item : node.items) nodes += walk(item, depth + 1);
    for (const ConfigNode::Entry& entry : node.entries) {
        check(node.find(entry.key) == &entry.value, "a key stands once in a map");
        nodes += walk(entry.value, depth + 1);
    }
    return nodes;
}

}  // namespace

/// Any text gives a tree within limits or a problem, never both a bare nothing and no problem.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Problems problems;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const ConfigNode root = read_yaml("fuzz.yml", text, problems);
    check(walk(root, 0) <= limits::yaml_nodes_max, "a tree is not larger than the limit");
    check(root.file != nullptr || problems.any(), "what cannot be read has a problem");
    problems.text();
    return 0;
}
