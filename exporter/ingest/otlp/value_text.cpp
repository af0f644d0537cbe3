#include "exporter/ingest/otlp/value_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/sample.h"

namespace vedette::exporter::otlp {

namespace {

std::string json_text(std::string_view text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Padded, of the standard alphabet.
std::string base64(std::string_view bytes) {
    static constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t some = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k)
            group = group << 8 | (k < some ? static_cast<unsigned char>(bytes[i + k]) : 0);
        for (std::size_t k = 0; k < 4; ++k)
            out += k <= some ? digits[group >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

}  // namespace

ValueText ValueText::text(std::string_view value) {
    ValueText out;
    out.plain_ = value;
    out.json_ = json_text(value);
    return out;
}

ValueText ValueText::boolean(bool value) {
    ValueText out;
    out.plain_ = out.json_ = value ? "true" : "false";
    return out;
}

ValueText ValueText::integer(std::int64_t value) {
    ValueText out;
    out.plain_ = out.json_ = fmt::format("{}", value);
    return out;
}

ValueText ValueText::number(double value) {
    ValueText out;
    // JSON has no NaN and no infinities; Go's writer fails for them and the text stays empty.
    if (std::isfinite(value)) out.plain_ = out.json_ = format_value(value, ValueStyle::Json);
    return out;
}

ValueText ValueText::bytes(std::string_view value) {
    ValueText out;
    out.plain_ = base64(value);
    out.json_ = json_text(out.plain_);
    return out;
}

ValueText ValueText::list(const std::vector<ValueText>& parts) {
    ValueText out;
    for (const ValueText& part : parts) out.plain_ += (out.plain_.empty() ? "" : ",") + part.json_;
    out.plain_ = out.json_ = "[" + out.plain_ + "]";
    return out;
}

ValueText ValueText::map(std::vector<std::pair<std::string, ValueText>> parts) {
    std::ranges::stable_sort(parts, {}, &std::pair<std::string, ValueText>::first);
    ValueText out;
    for (const auto& [key, part] : parts)
        out.plain_ += (out.plain_.empty() ? "" : ",") + json_text(key) + ":" + part.json_;
    out.plain_ = out.json_ = "{" + out.plain_ + "}";
    return out;
}

}  // namespace vedette::exporter::otlp
