// Numbers and characters as they are written in templates, and nodes as they are printed.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "base/template/tree.h"
#include "core/labels.h"

namespace vedette::template_tree {
namespace {

/// Each `_` stands between digits, or behind the `0x` of a base.
bool underscores_separate_digits(std::string_view written) {
    const auto is_digit = [&](std::size_t i) {
        return i < written.size() && std::isxdigit(static_cast<unsigned char>(written[i]));
    };
    for (std::size_t i = 0; i < written.size(); ++i) {
        if (written[i] != '_') continue;
        const bool behind_base =
            i > 1 && written[i - 2] == '0' &&
            std::string_view("xXoO").find(written[i - 1]) != std::string_view::npos;
        if (i == 0 || !is_digit(i + 1) || !(is_digit(i - 1) || behind_base)) return false;
    }
    return true;
}

std::string joined(const std::vector<NodePtr>& nodes, std::string_view between) {
    std::string out;
    for (const auto& node : nodes) {
        if (!out.empty()) out += between;
        const bool is_group = between == " " && node->kind == NodeKind::Pipe;
        out += is_group ? "(" + print(*node) + ")" : print(*node);
    }
    return out;
}

}  // namespace

tl::expected<TemplateValue, const char*> read_number(std::string_view written) {
    constexpr tl::unexpected<const char*> bad("bad number syntax"),
        illegal("illegal number syntax"), overflow("integer overflow");
    if (!underscores_separate_digits(written)) return illegal;
    std::string text;
    for (const char c : written) {
        if (c != '_') text += c;
    }
    const bool negative = text.starts_with('-');
    std::string_view body = text;
    if (negative || body.starts_with('+')) body.remove_prefix(1);
    int base = 10;
    std::string_view digits = body;
    if (body.size() > 1 && body[0] == '0') {
        const char letter = static_cast<char>(body[1] | 0x20);
        base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
        digits.remove_prefix(letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1);
    }
    std::uint64_t integer = 0;
    const char* end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, integer, base);
    if (read.ec == std::errc{} && read.ptr == end && integer <= INT64_MAX)
        return TemplateValue(negative ? -static_cast<std::int64_t>(integer)
                                      : static_cast<std::int64_t>(integer));
    if (digits.empty() && base != 8) return illegal;
    if (base == 8 && body.find_first_not_of("0123456789") == std::string_view::npos)
        return overflow;
    if (read.ec == std::errc::result_out_of_range ||
        (read.ec == std::errc{} && read.ptr == end && integer > INT64_MAX))
        return overflow;
    if (base == 16 ? body.find_first_of("pP") == std::string_view::npos
                   : body.find_first_not_of("0123456789.eE+-") != std::string_view::npos)
        return bad;
    if (body.empty() || body.find_first_of("0123456789") == std::string_view::npos) return bad;
    char* stop = nullptr;
    const double number = std::strtod(text.c_str(), &stop);
    if (stop != text.c_str() + text.size()) return bad;
    if (!std::isfinite(number)) return illegal;
    return TemplateValue(number);
}

std::int64_t first_rune(std::string_view text) {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    if (byte(0) < 0x80) return byte(0);
    if (byte(0) < 0xe0) return ((byte(0) & 0x1f) << 6) | (byte(1) & 0x3f);
    if (byte(0) < 0xf0)
        return ((byte(0) & 0x0f) << 12) | ((byte(1) & 0x3f) << 6) | (byte(2) & 0x3f);
    return ((byte(0) & 7) << 18) | ((byte(1) & 0x3f) << 12) | ((byte(2) & 0x3f) << 6) |
           (byte(3) & 0x3f);
}

bool says_nothing(const Node& list) {
    for (const auto& child : list.children) {
        if (child->kind != NodeKind::Text ||
            child->text.find_first_not_of(" \t\r\n") != std::string::npos)
            return false;
    }
    return true;
}

std::string print(const Node& node) {
    switch (node.kind) {
        case NodeKind::Dot:
            return ".";
        case NodeKind::Nil:
            return "nil";
        case NodeKind::Text:
        case NodeKind::Bool:
        case NodeKind::Number:
        case NodeKind::String:
        case NodeKind::Function:
            return node.text;
        case NodeKind::Command:
            return joined(node.children, " ");
        case NodeKind::Pipe: {
            std::string out = fmt::format("{}", fmt::join(node.declared, ", "));
            if (!out.empty()) out += node.assigns ? " = " : " := ";
            return out + joined(node.children, " | ");
        }
        case NodeKind::Field:
            return fmt::format(".{}", fmt::join(node.names, "."));
        case NodeKind::Variable:
            return fmt::format("{}", fmt::join(node.names, "."));
        case NodeKind::Chain: {
            const bool is_group = node.children.front()->kind == NodeKind::Pipe;
            const std::string inner = print(*node.children.front());
            return fmt::format("{}.{}", is_group ? "(" + inner + ")" : inner,
                               fmt::join(node.names, "."));
        }
        case NodeKind::Call:
            return fmt::format("{{{{template {}{}}}}}", quote(node.text),
                               node.pipe ? " " + print(*node.pipe) : "");
        case NodeKind::Action:
            return "{{" + print(*node.pipe) + "}}";
        case NodeKind::If:
            return "{{if " + print(*node.pipe) + "}}";
        case NodeKind::Range:
            return "{{range " + print(*node.pipe) + "}}";
        case NodeKind::With:
            return "{{with " + print(*node.pipe) + "}}";
        case NodeKind::Break:
            return "{{break}}";
        case NodeKind::Continue:
            return "{{continue}}";
        case NodeKind::List:
            break;
    }
    return {};
}

}  // namespace vedette::template_tree
