#include "base/config_text.h"

#include <algorithm>
#include <array>

namespace vedette {

namespace {

bool is_plain(std::string_view text) {
    constexpr std::string_view first = "-?:,[]{}#&*!|>'\"%@` ";
    if (text.empty() || first.find(text.front()) != std::string_view::npos) return false;
    if (text.back() == ' ' || text.back() == ':') return false;
    return text.find(": ") == std::string_view::npos && text.find(" #") == std::string_view::npos &&
           std::all_of(text.begin(), text.end(),
                       [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        const auto code = static_cast<unsigned char>(c);
        if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (code < 0x20 || code == 0x7f) {
            constexpr std::string_view digits = "0123456789abcdef";
            out += "\\x";
            out += digits[code >> 4];
            out += digits[code & 15];
        } else {
            out += c;
        }
    }
    return out + '"';
}

/// `http://user:password@host/` → `http://user:xxxxx@host/`
std::string without_password(std::string text) {
    const std::size_t scheme = text.find("://");
    if (scheme == std::string::npos) return text;
    const std::size_t from = scheme + 3;
    const std::size_t end = std::min(text.find_first_of("/?#", from), text.size());
    const std::size_t at = text.rfind('@', end);
    if (at == std::string::npos || at < from) return text;
    const std::size_t colon = text.find(':', from);
    if (colon < at) text.replace(colon + 1, at - colon - 1, "xxxxx");
    return text;
}

class Printer {
public:
    std::string print(const ConfigNode& root) {
        put(root, 0, {}, {});
        return std::move(out_);
    }

private:
    void indent(int depth) { out_.append(static_cast<std::size_t>(depth) * 2, ' '); }

    std::string text_of(const ConfigNode& node, std::string_view key, std::string_view inside) {
        if (node.is_null()) return "null";
        if (is_hidden_key(key, inside)) return node.text.empty() ? "\"\"" : "<secret>";
        const std::string text = without_password(node.text);
        return node.quoted || !is_plain(text) ? quoted(text) : text;
    }

    /// Behind `key:` or `-`: a scalar on the same line, all else on lines of its own.
    void put(const ConfigNode& node, int depth, std::string_view key, std::string_view inside) {
        if (node.is_map() && !node.entries.empty()) return put_map(node, depth, key);
        if (node.is_list() && !node.items.empty()) return put_list(node, depth, key, inside);
        out_ += ' ';
        out_ += node.is_map() ? "{}" : node.is_list() ? "[]" : text_of(node, key, inside);
        out_ += '\n';
    }

    void put_map(const ConfigNode& node, int depth, std::string_view around) {
        if (!out_.empty()) out_ += '\n';
        for (const ConfigNode::Entry& entry : node.entries) put_entry(entry, depth, around);
    }

    void put_entry(const ConfigNode::Entry& entry, int depth, std::string_view around) {
        indent(depth);
        out_ += (is_plain(entry.key) ? entry.key : quoted(entry.key)) + ':';
        // Of a map of headers all is hidden, whatever the names.
        const bool headers = around == "http_headers" || around == "headers";
        put(entry.value, depth + 1, headers ? around : std::string_view(entry.key), around);
    }

    void put_list(const ConfigNode& node, int depth, std::string_view key,
                  std::string_view inside) {
        out_ += '\n';
        for (const ConfigNode& item : node.items) {
            indent(depth);
            out_ += '-';
            put(item, depth + 1, key, inside);
        }
    }

    std::string out_;
};

}  // namespace

std::string config_text(const ConfigNode& root) {
    return Printer().print(root);
}

bool is_hidden_key(std::string_view key, std::string_view inside) {
    if (key.ends_with("_file") || key.ends_with("_files")) return false;
    constexpr std::array words{"password", "secret",      "token",       "credential",
                               "headers",  "webhook_url", "routing_key", "api_key"};
    constexpr std::array whole{"key", "previous", "api_url", "slack_api_url", "chat_id"};
    constexpr std::array told_by_url{"webhook_configs", "incidentio_configs",
                                     "alertmanager_configs"};
    if (key == "url")
        return std::find(told_by_url.begin(), told_by_url.end(), inside) != told_by_url.end();
    return std::any_of(
               words.begin(), words.end(),
               [&](std::string_view word) { return key.find(word) != std::string_view::npos; }) ||
           std::find(whole.begin(), whole.end(), key) != whole.end();
}

}  // namespace vedette
