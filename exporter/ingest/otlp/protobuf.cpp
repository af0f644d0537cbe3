#include <fmt/format.h>

#include <cstring>

#include "core/limits.h"
#include "core/sample.h"
#include "core/wire.h"
#include "exporter/ingest/otlp/message.h"
#include "exporter/ingest/otlp/value_text.h"

namespace vedette::exporter::otlp {

namespace {

constexpr std::size_t value_depth_max = 32;

/// Reads message by message; `room` bounds what a small body may become in memory.
class Reader {
public:
    Result<Message> read(std::string_view bytes) {
        Message message;
        const bool good = each(bytes, [&](const WireReader& in) {
            return in.number() != 1 || !in.is_bytes() || resource_metrics(in.bytes(), message);
        });
        if (room_ == 0)
            return fail(Fault::Limit, fmt::format("the request has more than {} parts",
                                                  limits::write_parts_max));
        if (!good)
            return fail(Fault::BadInput, "the body is no ExportMetricsServiceRequest of OTLP");
        return message;
    }

private:
    /// Calls `take` for each field; false when it or the wire says no, or no room is left.
    template <class Take>
    bool each(std::string_view bytes, const Take& take) {
        WireReader in(bytes);
        while (in.next()) {
            if (room_ == 0) return false;
            --room_;
            if (!take(in)) return false;
        }
        return !in.bad();
    }

    bool resource_metrics(std::string_view bytes, Message& out) {
        Resource& resource = out.emplace_back();
        return each(bytes, [&](const WireReader& in) {
            if (!in.is_bytes()) return true;
            if (in.number() == 1) return attributes_in(in.bytes(), 1, resource.attributes);
            return in.number() != 2 || scope_metrics(in.bytes(), resource);
        });
    }

    bool scope_metrics(std::string_view bytes, Resource& out) {
        return each(bytes, [&](const WireReader& in) {
            return in.number() != 2 || !in.is_bytes() ||
                   metric(in.bytes(), out.metrics.emplace_back());
        });
    }

    bool metric(std::string_view bytes, Metric& out) {
        return each(bytes, [&](const WireReader& in) {
            if (!in.is_bytes()) return true;
            switch (in.number()) {
                case 1:
                    out.name = in.bytes();
                    return true;
                case 2:
                    out.description = in.bytes();
                    return true;
                case 3:
                    out.unit = in.bytes();
                    return true;
                case 5:
                    return data(in.bytes(), Metric::Kind::Gauge, out);
                case 7:
                    return data(in.bytes(), Metric::Kind::Sum, out);
                case 9:
                    return data(in.bytes(), Metric::Kind::Histogram, out);
                case 10:
                    return data(in.bytes(), Metric::Kind::ExponentialHistogram, out);
                case 11:
                    return data(in.bytes(), Metric::Kind::Summary, out);
                default:
                    return true;
            }
        });
    }

    bool data(std::string_view bytes, Metric::Kind kind, Metric& out) {
        out.kind = kind;
        out.points.clear();
        return each(bytes, [&](const WireReader& in) {
            if (in.number() == 2 && in.is_varint() && in.as_unsigned() <= 2)
                out.temporality = static_cast<Metric::Temporality>(in.as_unsigned());
            if (in.number() == 3 && in.is_varint()) out.monotonic = in.as_unsigned() != 0;
            if (in.number() != 1 || !in.is_bytes()) return true;
            Point& point = out.points.emplace_back();
            switch (kind) {
                case Metric::Kind::Histogram:
                    return histogram(in.bytes(), point);
                case Metric::Kind::ExponentialHistogram:
                    return exponential(in.bytes(), point);
                case Metric::Kind::Summary:
                    return summary(in.bytes(), point);
                default:
                    return number(in.bytes(), point);
            }
        });
    }

    bool number(std::string_view bytes, Point& out) {
        return each(bytes, [&](const WireReader& in) {
            if (in.number() == 3 && in.is_fixed64()) out.at = time(in);
            if (in.number() == 4 && in.is_fixed64()) out.value = in.as_double();
            if (in.number() == 6 && in.is_fixed64())
                out.value = static_cast<double>(static_cast<std::int64_t>(fixed(in)));
            if (in.number() == 8 && in.is_varint()) out.absent = (in.as_unsigned() & 1) != 0;
            if (in.number() == 5 && in.is_bytes()) return exemplar(in.bytes(), out);
            return in.number() != 7 || attribute(in, out.attributes);
        });
    }

    bool histogram(std::string_view bytes, Point& out) {
        return each(bytes, [&](const WireReader& in) {
            if (in.number() == 3 && in.is_fixed64()) out.at = time(in);
            if (in.number() == 4 && in.is_fixed64()) out.count = fixed(in);
            if (in.number() == 5 && in.is_fixed64()) out.sum = in.as_double();
            if (in.number() == 10 && in.is_varint()) out.absent = (in.as_unsigned() & 1) != 0;
            if (in.number() == 6) return fixed_list(in, out.bucket_counts);
            if (in.number() == 7) return fixed_list(in, out.bounds);
            if (in.number() == 8 && in.is_bytes()) return exemplar(in.bytes(), out);
            return in.number() != 9 || attribute(in, out.attributes);
        });
    }

    bool exponential(std::string_view bytes, Point& out) {
        return each(bytes, [&](const WireReader& in) {
            if (in.number() == 3 && in.is_fixed64()) out.at = time(in);
            if (in.number() == 4 && in.is_fixed64()) out.count = fixed(in);
            if (in.number() == 5 && in.is_fixed64()) out.sum = in.as_double();
            if (in.number() == 6 && in.is_varint())
                out.scale = static_cast<std::int32_t>(in.as_zigzag());
            if (in.number() == 7 && in.is_fixed64()) out.zero_count = fixed(in);
            if (in.number() == 10 && in.is_varint()) out.absent = (in.as_unsigned() & 1) != 0;
            if (in.number() == 14 && in.is_fixed64()) out.zero_threshold = in.as_double();
            if (in.number() == 8 && in.is_bytes()) return buckets(in.bytes(), out.positive);
            if (in.number() == 9 && in.is_bytes()) return buckets(in.bytes(), out.negative);
            if (in.number() == 11 && in.is_bytes()) return exemplar(in.bytes(), out);
            return in.number() != 1 || attribute(in, out.attributes);
        });
    }

    bool buckets(std::string_view bytes, Point::Buckets& out) {
        return each(bytes, [&](const WireReader& in) {
            if (in.number() == 1 && in.is_varint())
                out.offset = static_cast<std::int32_t>(in.as_zigzag());
            if (in.number() != 2) return true;
            if (in.is_varint()) {
                out.counts.push_back(in.as_unsigned());
                return true;
            }
            if (!in.is_bytes()) return false;
            WireReader packed(in.bytes());
            while (!packed.at_end()) {
                std::uint64_t count = 0;
                if (!packed.varint(count)) return false;
                out.counts.push_back(count);
            }
            return true;
        });
    }

    bool summary(std::string_view bytes, Point& out) {
        return each(bytes, [&](const WireReader& in) {
            if (in.number() == 3 && in.is_fixed64()) out.at = time(in);
            if (in.number() == 4 && in.is_fixed64()) out.count = fixed(in);
            if (in.number() == 5 && in.is_fixed64()) out.sum = in.as_double();
            if (in.number() == 8 && in.is_varint()) out.absent = (in.as_unsigned() & 1) != 0;
            if (in.number() == 6 && in.is_bytes()) {
                auto& [quantile, value] = out.quantiles.emplace_back(0, 0);
                return each(in.bytes(), [&](const WireReader& part) {
                    if (part.number() == 1 && part.is_fixed64()) quantile = part.as_double();
                    if (part.number() == 2 && part.is_fixed64()) value = part.as_double();
                    return true;
                });
            }
            return in.number() != 7 || attribute(in, out.attributes);
        });
    }

    bool exemplar(std::string_view bytes, Point& point) {
        Exemplar& out = point.exemplars.emplace_back();
        return each(bytes, [&](const WireReader& in) {
            if (in.number() == 2 && in.is_fixed64()) out.at = time(in);
            if (in.number() == 3 && in.is_fixed64()) out.value = in.as_double();
            if (in.number() == 6 && in.is_fixed64())
                out.value = static_cast<double>(static_cast<std::int64_t>(fixed(in)));
            if (in.number() == 4 && in.is_bytes()) out.span_id = hex(in.bytes());
            if (in.number() == 5 && in.is_bytes()) out.trace_id = hex(in.bytes());
            return in.number() != 7 || attribute(in, out.attributes);
        });
    }

    /// The attributes of a message that has them as field `number`.
    bool attributes_in(std::string_view bytes, std::uint32_t number, std::vector<Attribute>& out) {
        return each(bytes, [&](const WireReader& in) {
            return in.number() != number || attribute(in, out);
        });
    }

    bool attribute(const WireReader& field, std::vector<Attribute>& out) {
        if (!field.is_bytes()) return false;
        Attribute& made = out.emplace_back();
        ValueText text;
        const bool good = key_value(field.bytes(), made.key, text, 0);
        made.value = std::move(text).as_label();
        return good;
    }

    bool key_value(std::string_view bytes, std::string& key, ValueText& value, std::size_t depth) {
        return each(bytes, [&](const WireReader& in) {
            if (in.number() == 1 && in.is_bytes()) key = in.bytes();
            return in.number() != 2 || !in.is_bytes() || any_value(in.bytes(), value, depth);
        });
    }

    bool any_value(std::string_view bytes, ValueText& out, std::size_t depth) {
        if (depth > value_depth_max) return false;
        return each(bytes, [&](const WireReader& in) {
            switch (in.number()) {
                case 1:
                    if (in.is_bytes()) out = ValueText::text(in.bytes());
                    return in.is_bytes();
                case 2:
                    out = ValueText::boolean(in.as_unsigned() != 0);
                    return in.is_varint();
                case 3:
                    out = ValueText::integer(in.as_signed());
                    return in.is_varint();
                case 4:
                    if (in.is_fixed64()) out = ValueText::number(in.as_double());
                    return in.is_fixed64();
                case 5:
                    return in.is_bytes() && list(in.bytes(), out, depth + 1);
                case 6:
                    return in.is_bytes() && map(in.bytes(), out, depth + 1);
                case 7:
                    if (in.is_bytes()) out = ValueText::bytes(in.bytes());
                    return in.is_bytes();
                default:
                    return true;
            }
        });
    }

    bool list(std::string_view bytes, ValueText& out, std::size_t depth) {
        std::vector<ValueText> parts;
        const bool good = each(bytes, [&](const WireReader& in) {
            return in.number() != 1 || !in.is_bytes() ||
                   any_value(in.bytes(), parts.emplace_back(), depth);
        });
        out = ValueText::list(parts);
        return good;
    }

    bool map(std::string_view bytes, ValueText& out, std::size_t depth) {
        std::vector<std::pair<std::string, ValueText>> parts;
        const bool good = each(bytes, [&](const WireReader& in) {
            if (in.number() != 1 || !in.is_bytes()) return true;
            auto& [key, value] = parts.emplace_back();
            return key_value(in.bytes(), key, value, depth);
        });
        out = ValueText::map(std::move(parts));
        return good;
    }

    template <class Number>
    bool fixed_list(const WireReader& field, std::vector<Number>& out) {
        static_assert(sizeof(Number) == 8);
        const std::string_view bytes = field.bytes();
        if ((!field.is_bytes() && !field.is_fixed64()) || bytes.size() % 8 != 0) return false;
        const std::size_t before = out.size();
        out.resize(before + bytes.size() / 8);
        if (!bytes.empty()) std::memcpy(out.data() + before, bytes.data(), bytes.size());
        return true;
    }

    static std::uint64_t fixed(const WireReader& field) {
        std::uint64_t value = 0;
        std::memcpy(&value, field.bytes().data(), sizeof value);
        return value;
    }
    static Timestamp time(const WireReader& field) {
        return {static_cast<std::int64_t>(fixed(field) / 1'000'000)};
    }
    static std::string hex(std::string_view bytes) {
        std::string out;
        for (const char byte : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
        return out;
    }

    std::size_t room_ = limits::write_parts_max;
};

}  // namespace

Result<Message> read_protobuf(std::string_view bytes) {
    return Reader().read(bytes);
}

}  // namespace vedette::exporter::otlp
