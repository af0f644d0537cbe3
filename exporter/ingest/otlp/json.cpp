#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>

#include "core/limits.h"
#include "core/sample.h"
#include "exporter/ingest/otlp/message.h"
#include "exporter/ingest/otlp/value_text.h"

namespace vedette::exporter::otlp {

namespace {

using Json = nlohmann::json;

/// Thrown inside this file only: where in the tree what was found.
struct Wrong {
    std::string what;
};

const Json& member(const Json& object, const char* name) {
    static const Json nothing;
    const auto found = object.is_object() ? object.find(name) : object.end();
    return found == object.end() || !object.is_object() ? nothing : *found;
}

const Json::array_t& list_of(const Json& object, const char* name) {
    static const Json::array_t none;
    const Json& value = member(object, name);
    if (value.is_null()) return none;
    if (!value.is_array())
        throw Wrong{fmt::format("{} is {}; expected a list", name, value.type_name())};
    return value.get_ref<const Json::array_t&>();
}

std::string text_of(const Json& object, const char* name) {
    const Json& value = member(object, name);
    if (value.is_null()) return {};
    if (!value.is_string())
        throw Wrong{fmt::format("{} is {}; expected text", name, value.type_name())};
    return value.get<std::string>();
}

template <class Number>
Number integer(const Json& value, const char* name) {
    if (value.is_null()) return 0;
    if (value.is_string()) {
        const std::string& text = value.get_ref<const std::string&>();
        Number number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error == std::errc() && end == text.data() + text.size()) return number;
    }
    if (value.is_number_unsigned() || (value.is_number_integer() && std::is_signed_v<Number>))
        return value.get<Number>();
    throw Wrong{fmt::format("{} is {}; expected a whole number", name, value.dump())};
}

template <class Number>
Number integer_of(const Json& object, const char* name) {
    return integer<Number>(member(object, name), name);
}

double number(const Json& value, const char* name) {
    if (value.is_null()) return 0;
    if (value.is_number()) return value.get<double>();
    if (value.is_string()) {
        const std::string& text = value.get_ref<const std::string&>();
        if (text == "Infinity") return INFINITY;
        if (text == "-Infinity") return -INFINITY;
        if (const auto read = parse_value(text)) return *read;
    }
    throw Wrong{fmt::format("{} is {}; expected a number", name, value.dump())};
}

Timestamp time_of(const Json& object, const char* name) {
    return {static_cast<std::int64_t>(integer_of<std::uint64_t>(object, name) / 1'000'000)};
}

ValueText any_value(const Json& value) {
    if (const Json& text = member(value, "stringValue"); text.is_string())
        return ValueText::text(text.get_ref<const std::string&>());
    if (const Json& flag = member(value, "boolValue"); flag.is_boolean())
        return ValueText::boolean(flag.get<bool>());
    if (const Json& whole = member(value, "intValue"); !whole.is_null())
        return ValueText::integer(integer<std::int64_t>(whole, "intValue"));
    if (const Json& real = member(value, "doubleValue"); !real.is_null())
        return ValueText::number(number(real, "doubleValue"));
    if (const Json& list = member(value, "arrayValue"); list.is_object()) {
        std::vector<ValueText> parts;
        for (const Json& part : list_of(list, "values")) parts.push_back(any_value(part));
        return ValueText::list(parts);
    }
    if (const Json& map = member(value, "kvlistValue"); map.is_object()) {
        std::vector<std::pair<std::string, ValueText>> parts;
        for (const Json& part : list_of(map, "values"))
            parts.emplace_back(text_of(part, "key"), any_value(member(part, "value")));
        return ValueText::map(std::move(parts));
    }
    // Already base64 in JSON.
    if (member(value, "bytesValue").is_string()) return ValueText::text(text_of(value, "bytesValue"));
    return {};
}

std::vector<Attribute> attributes_of(const Json& object, const char* name) {
    std::vector<Attribute> out;
    for (const Json& pair : list_of(object, name))
        out.push_back({text_of(pair, "key"), any_value(member(pair, "value")).as_label()});
    return out;
}

double point_value(const Json& point) {
    if (const Json& whole = member(point, "asInt"); !whole.is_null())
        return static_cast<double>(integer<std::int64_t>(whole, "asInt"));
    return number(member(point, "asDouble"), "asDouble");
}

std::string hex_of(const Json& object, const char* name) {
    std::string out = text_of(object, name);
    for (char& digit : out) digit = static_cast<char>(std::tolower(static_cast<unsigned char>(digit)));
    return out;
}

Exemplar read_exemplar(const Json& json) {
    return {attributes_of(json, "filteredAttributes"), time_of(json, "timeUnixNano"),
            point_value(json), hex_of(json, "traceId"), hex_of(json, "spanId")};
}

Point::Buckets read_buckets(const Json& json) {
    Point::Buckets out;
    out.offset = integer_of<std::int32_t>(json, "offset");
    for (const Json& count : list_of(json, "bucketCounts"))
        out.counts.push_back(integer<std::uint64_t>(count, "bucketCounts"));
    return out;
}

Point read_point(const Json& json) {
    Point out;
    out.attributes = attributes_of(json, "attributes");
    out.at = time_of(json, "timeUnixNano");
    out.absent = (integer_of<std::uint32_t>(json, "flags") & 1U) != 0;
    out.value = point_value(json);
    out.count = integer_of<std::uint64_t>(json, "count");
    if (const Json& sum = member(json, "sum"); !sum.is_null()) out.sum = number(sum, "sum");
    for (const Json& count : list_of(json, "bucketCounts"))
        out.bucket_counts.push_back(integer<std::uint64_t>(count, "bucketCounts"));
    for (const Json& bound : list_of(json, "explicitBounds"))
        out.bounds.push_back(number(bound, "explicitBounds"));
    out.scale = integer_of<std::int32_t>(json, "scale");
    out.zero_count = integer_of<std::uint64_t>(json, "zeroCount");
    out.zero_threshold = number(member(json, "zeroThreshold"), "zeroThreshold");
    out.positive = read_buckets(member(json, "positive"));
    out.negative = read_buckets(member(json, "negative"));
    for (const Json& pair : list_of(json, "quantileValues"))
        out.quantiles.emplace_back(number(member(pair, "quantile"), "quantile"),
                                   number(member(pair, "value"), "value"));
    for (const Json& exemplar : list_of(json, "exemplars"))
        out.exemplars.push_back(read_exemplar(exemplar));
    return out;
}

Metric::Temporality temporality_of(const Json& data) {
    const Json& value = member(data, "aggregationTemporality");
    if (value.is_string()) {
        const std::string& name = value.get_ref<const std::string&>();
        if (name == "AGGREGATION_TEMPORALITY_DELTA") return Metric::Temporality::Delta;
        if (name == "AGGREGATION_TEMPORALITY_CUMULATIVE") return Metric::Temporality::Cumulative;
    }
    if (value.is_number_unsigned() && value.get<std::uint64_t>() <= 2)
        return static_cast<Metric::Temporality>(value.get<int>());
    return Metric::Temporality::Unspecified;
}

Metric read_metric(const Json& json) {
    static constexpr std::pair<const char*, Metric::Kind> kinds[]{
        {"gauge", Metric::Kind::Gauge},
        {"sum", Metric::Kind::Sum},
        {"histogram", Metric::Kind::Histogram},
        {"exponentialHistogram", Metric::Kind::ExponentialHistogram},
        {"summary", Metric::Kind::Summary}};
    Metric out;
    out.name = text_of(json, "name");
    out.description = text_of(json, "description");
    out.unit = text_of(json, "unit");
    for (const auto& [key, kind] : kinds) {
        const Json& data = member(json, key);
        if (!data.is_object()) continue;
        out.kind = kind;
        out.temporality = temporality_of(data);
        out.monotonic = member(data, "isMonotonic") == Json(true);
        for (const Json& point : list_of(data, "dataPoints")) out.points.push_back(read_point(point));
    }
    return out;
}

Message read_message(const Json& json) {
    if (!json.is_object())
        throw Wrong{fmt::format("it is {}; expected an object", json.type_name())};
    Message out;
    for (const Json& part : list_of(json, "resourceMetrics")) {
        Resource& resource = out.emplace_back();
        resource.attributes = attributes_of(member(part, "resource"), "attributes");
        for (const Json& scope : list_of(part, "scopeMetrics"))
            for (const Json& metric : list_of(scope, "metrics"))
                resource.metrics.push_back(read_metric(metric));
    }
    return out;
}

/// How deep lists and objects lie in each other, without reading them: nlohmann's tree is freed by
/// recursion.
bool too_deep(std::string_view text) {
    constexpr int depth_max = 200;
    int depth = 0;
    bool in_text = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_text) {
            i += c == '\\' ? 1 : 0;
            in_text = c != '"';
            continue;
        }
        in_text = c == '"';
        depth += c == '[' || c == '{' ? 1 : c == ']' || c == '}' ? -1 : 0;
        if (depth > depth_max) return true;
    }
    return false;
}

}  // namespace

Result<Message> read_json(std::string_view text) {
    if (too_deep(text))
        return fail(Fault::BadInput, "the body is no OTLP in JSON: it nests deeper than 200");
    try {
        return read_message(Json::parse(text));
    } catch (const Json::exception& error) {
        return fail(Fault::BadInput, fmt::format("the body is no OTLP in JSON: {}", error.what()));
    } catch (const Wrong& wrong) {
        return fail(Fault::BadInput, fmt::format("the body is no OTLP in JSON: {}", wrong.what));
    }
}

}  // namespace vedette::exporter::otlp
