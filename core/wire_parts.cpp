#include "core/wire_parts.h"

#include <cstring>

namespace vedette {

bool read_label(std::string_view bytes, std::vector<Label>& out) {
    Label label;
    WireReader in(bytes);
    while (in.next()) {
        if (in.number() == 1 && in.is_bytes()) label.name = in.bytes();
        if (in.number() == 2 && in.is_bytes()) label.value = in.bytes();
    }
    out.push_back(label);
    return !in.bad();
}

bool read_span(std::string_view bytes, std::vector<Histogram::Span>& out) {
    Histogram::Span span;
    WireReader in(bytes);
    while (in.next()) {
        if (in.number() == 1 && in.is_varint())
            span.offset = static_cast<std::int32_t>(in.as_zigzag());
        if (in.number() == 2 && in.is_varint())
            span.length = static_cast<std::uint32_t>(in.as_unsigned());
    }
    out.push_back(span);
    return !in.bad();
}

bool read_deltas(const WireReader& field, std::vector<double>& out, std::uint64_t& running) {
    const auto take = [&](std::uint64_t raw) {
        running += (raw >> 1) ^ (0 - (raw & 1));
        out.push_back(static_cast<double>(static_cast<std::int64_t>(running)));
    };
    if (field.is_varint()) {
        take(field.as_unsigned());
        return true;
    }
    if (!field.is_bytes()) return false;
    WireReader packed(field.bytes());
    while (!packed.at_end()) {
        std::uint64_t raw = 0;
        if (!packed.varint(raw)) return false;
        take(raw);
    }
    return true;
}

bool read_doubles(const WireReader& field, std::vector<double>& out) {
    if (!field.is_bytes() && !field.is_fixed64()) return false;
    const std::string_view bytes = field.bytes();
    if (bytes.size() % sizeof(double) != 0) return false;
    const std::size_t before = out.size();
    out.resize(before + bytes.size() / sizeof(double));
    if (!bytes.empty()) std::memcpy(out.data() + before, bytes.data(), bytes.size());
    return true;
}

}  // namespace vedette
