#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vedette::exporter::otlp {

/// OTLP's AnyValue as text: alone it is written plainly, inside a list or map as JSON. Prometheus's
/// receiver writes attributes so.
class ValueText {
public:
    ValueText() = default;  ///< no value: empty, `null` inside
    static ValueText text(std::string_view value);
    static ValueText boolean(bool value);
    static ValueText integer(std::int64_t value);
    static ValueText number(double value);
    static ValueText bytes(std::string_view value);  ///< as base64
    static ValueText list(const std::vector<ValueText>& parts);
    static ValueText map(std::vector<std::pair<std::string, ValueText>> parts);  ///< by key

    std::string as_label() && { return std::move(plain_); }

private:
    std::string plain_, json_ = "null";
};

}  // namespace vedette::exporter::otlp
