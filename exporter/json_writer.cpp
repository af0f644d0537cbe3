#include "exporter/json_writer.h"

#include <charconv>
#include <cmath>

namespace vedette::exporter {

void JsonWriter::comma() {
    if (needs_comma_) out_ += ',';
    needs_comma_ = true;
}

JsonWriter& JsonWriter::begin_object() {
    comma();
    out_ += '{';
    needs_comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::end_object() {
    out_ += '}';
    needs_comma_ = true;
    return *this;
}

JsonWriter& JsonWriter::begin_list() {
    comma();
    out_ += '[';
    needs_comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::end_list() {
    out_ += ']';
    needs_comma_ = true;
    return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
    comma();
    quoted(name);
    out_ += ':';
    needs_comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
    comma();
    quoted(text);
    return *this;
}

JsonWriter& JsonWriter::value(bool yes) {
    return raw(yes ? "true" : "false");
}

JsonWriter& JsonWriter::value(std::int64_t number) {
    char text[24];
    const auto end = std::to_chars(text, text + sizeof text, number).ptr;
    return raw({text, static_cast<std::size_t>(end - text)});
}

JsonWriter& JsonWriter::value(double number) {
    if (!std::isfinite(number)) return null();
    comma();
    append_value(out_, number, ValueStyle::Json);
    return *this;
}

JsonWriter& JsonWriter::null() {
    return raw("null");
}

JsonWriter& JsonWriter::raw(std::string_view json) {
    comma();
    out_ += json;
    return *this;
}

JsonWriter& JsonWriter::labels(const Labels& labels) {
    begin_object();
    for (const Label label : labels) field(label.name, label.value);
    return end_object();
}

JsonWriter& JsonWriter::annotations(const Annotations& annotations) {
    begin_object();
    for (const auto& [name, text] : annotations) field(name, text);
    return end_object();
}

JsonWriter& JsonWriter::timestamp(Timestamp at) {
    comma();
    if (at.ms < 0) out_ += '-';
    const std::uint64_t ms =
        at.ms < 0 ? 0 - static_cast<std::uint64_t>(at.ms) : static_cast<std::uint64_t>(at.ms);
    char text[24];
    out_.append(text, std::to_chars(text, text + sizeof text, ms / 1000).ptr);
    if (const std::uint64_t fraction = ms % 1000; fraction != 0) {
        out_ += fraction < 10 ? ".00" : fraction < 100 ? ".0" : ".";
        out_.append(text, std::to_chars(text, text + sizeof text, fraction).ptr);
    }
    return *this;
}

JsonWriter& JsonWriter::sample_value(double value) {
    comma();
    out_ += '"';
    append_value(out_, value, ValueStyle::Json);
    out_ += '"';
    return *this;
}

namespace {

bool is_plain(char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\' &&
           static_cast<unsigned char>(c) < 0x80;
}

}  // namespace

void JsonWriter::quoted(std::string_view text) {
    static constexpr char hex[] = "0123456789abcdef";
    out_ += '"';
    std::size_t plain = 0;
    while (plain < text.size() && is_plain(text[plain])) ++plain;
    out_ += text.substr(0, plain);
    text.remove_prefix(plain);
    while (!text.empty()) {
        const char c = text.front();
        std::size_t length = 1;
        if (static_cast<unsigned char>(c) >= 0x80) {
            // The longest well-formed character here, or one bad byte.
            length = 2;
            while (length <= 4 && length <= text.size() && !is_utf8(text.substr(0, length)))
                ++length;
            const bool good = length <= 4 && length <= text.size();
            out_ += good ? text.substr(0, length) : std::string_view("\xef\xbf\xbd");
            if (!good) length = 1;
        } else if (c == '"' || c == '\\') {
            out_ += '\\';
            out_ += c;
        } else if (c == '\n') {
            out_ += "\\n";
        } else if (c == '\t') {
            out_ += "\\t";
        } else if (c == '\r') {
            out_ += "\\r";
        } else if (static_cast<unsigned char>(c) < 0x20) {
            out_ += "\\u00";
            out_ += hex[(c >> 4) & 15];
            out_ += hex[c & 15];
        } else {
            out_ += c;
        }
        text.remove_prefix(length);
    }
    out_ += '"';
}

}  // namespace vedette::exporter
