#include "store/chunks/histogram_bytes.h"

#include <bit>
#include <memory>
#include <utility>
#include <vector>

#include "core/histogram.h"
#include "store/bytes.h"

namespace vedette::store {

namespace {

constexpr std::uint8_t layout_flag = 0x80;  // a layout follows; otherwise as the sample before
constexpr std::uint8_t reset_mask = 0x03;

bool same_layout(const Histogram& a, const Histogram& b) {
    return a.schema == b.schema && a.zero_threshold == b.zero_threshold &&
           a.positive_spans == b.positive_spans && a.negative_spans == b.negative_spans &&
           a.custom_bounds == b.custom_bounds &&
           a.positive_buckets.size() == b.positive_buckets.size() &&
           a.negative_buckets.size() == b.negative_buckets.size();
}

void put_spans(std::string& out, const std::vector<Histogram::Span>& spans) {
    put_varint(out, spans.size());
    for (const auto& span : spans) {
        put_signed(out, span.offset);
        put_varint(out, span.length);
    }
}

void read_spans(ByteReader& in, std::vector<Histogram::Span>& spans) {
    spans.resize(in.count(2));
    for (auto& span : spans) {
        span.offset = static_cast<std::int32_t>(in.signed_varint());
        span.length = static_cast<std::uint32_t>(in.varint());
    }
}

// Every number of `value` beside the one it had in `before`: for each(number, number before).
template <typename Each>
void for_numbers(Histogram& value, const Histogram* before, Each each) {
    static const Histogram zero;
    const Histogram& old = before != nullptr ? *before : zero;
    each(value.count, old.count);
    each(value.zero_count, old.zero_count);
    each(value.sum, old.sum);
    const auto buckets = [&](std::vector<double>& now, const std::vector<double>& then) {
        for (std::size_t i = 0; i < now.size(); ++i) each(now[i], i < then.size() ? then[i] : 0.0);
    };
    buckets(value.positive_buckets, old.positive_buckets);
    buckets(value.negative_buckets, old.negative_buckets);
}

}  // namespace

void put_histogram(std::string& out, const Histogram& value, const Histogram* before) {
    const bool layout = before == nullptr || !same_layout(value, *before);
    const Histogram* base = layout ? nullptr : before;
    put_u8(out, static_cast<std::uint8_t>(static_cast<std::uint8_t>(value.reset_hint) |
                                          (layout ? layout_flag : 0)));
    if (layout) {
        put_signed(out, value.schema);
        put_real(out, value.zero_threshold);
        put_spans(out, value.positive_spans);
        put_spans(out, value.negative_spans);
        put_varint(out, value.positive_buckets.size());
        put_varint(out, value.negative_buckets.size());
        put_varint(out, value.custom_bounds.size());
        for (const double bound : value.custom_bounds) put_real(out, bound);
    }
    Histogram copy = value;
    for_numbers(copy, base, [&](double now, double then) {
        put_real_bits(out, std::bit_cast<std::uint64_t>(now) ^ std::bit_cast<std::uint64_t>(then));
    });
}

HistogramRef read_histogram(ByteReader& in, const Histogram* before) {
    auto value = std::make_shared<Histogram>();
    const std::uint8_t flags = in.u8();
    const Histogram* base = nullptr;
    if ((flags & layout_flag) != 0) {
        value->schema = static_cast<std::int32_t>(in.signed_varint());
        if (!is_known_schema(value->schema)) in.refuse();
        value->zero_threshold = in.real();
        read_spans(in, value->positive_spans);
        read_spans(in, value->negative_spans);
        const std::size_t positive = in.count(), negative = in.count();
        value->custom_bounds.resize(in.count());
        for (double& bound : value->custom_bounds) bound = in.real();
        if (positive + negative > in.left()) in.refuse();
        if (!in.ok()) return nullptr;
        value->positive_buckets.resize(positive);
        value->negative_buckets.resize(negative);
    } else if (before != nullptr) {
        *value = *before;
        base = before;
    } else {
        in.refuse();
    }
    value->reset_hint = static_cast<Histogram::ResetHint>(flags & reset_mask);
    for_numbers(*value, base, [&](double& now, double then) {
        now = std::bit_cast<double>(in.real_bits() ^ std::bit_cast<std::uint64_t>(then));
    });
    return in.ok() ? HistogramRef(std::move(value)) : nullptr;
}

}  // namespace vedette::store
