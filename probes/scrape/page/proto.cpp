#include "probes/scrape/page/proto.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/histogram.h"
#include "core/wire_parts.h"

namespace vedette::scrape {
namespace {

// The kinds of a family, as their numbers stand in its field `type`.
constexpr std::uint64_t summary_type = 2, gauge_histogram_type = 5;
constexpr std::array<std::string_view, 6> type_words{"counter", "gauge",     "summary",
                                                     "unknown", "histogram", "gaugehistogram"};

void put_escaped(std::string& out, std::string_view text) {
    for (const char c : text) {
        if (c == '\n')
            out += "\\n";
        else if (c == '\\' || c == '"')
            (out += '\\') += c;
        else
            out += c;
    }
}

void put_quoted(std::string& out, std::string_view text) {
    out += '"';
    put_escaped(out, text);
    out += '"';
}

void put_label(std::string& out, std::string_view name, std::string_view value) {
    if (is_classic_label_name(name))
        out += name;
    else
        put_quoted(out, name);
    out += '=';
    put_quoted(out, value);
}

/// google.protobuf.Timestamp, to the millisecond below.
bool read_moment(std::string_view bytes, std::optional<Timestamp>& out) {
    std::uint64_t seconds = 0;
    std::int64_t nanos = 0;
    WireReader in(bytes);
    while (in.next()) {
        if (in.number() == 1 && in.is_varint()) seconds = in.as_unsigned();
        if (in.number() == 2 && in.is_varint()) nanos = in.as_signed();
    }
    out = Timestamp{static_cast<std::int64_t>(seconds * 1000) + nanos / 1'000'000};
    return !in.bad();
}

/// The native side of an `io.prometheus.client.Histogram`, field by field.
struct Native {
    Histogram histogram;
    double count_float = 0, zero_float = 0, zero_whole = 0;
    std::uint64_t negative = 0, positive = 0;

    bool is_float() const { return count_float > 0 || zero_float > 0; }
    /// What tells it from a classic one.
    bool is_native() const {
        return !histogram.positive_spans.empty() || !histogram.negative_spans.empty() ||
               histogram.zero_threshold > 0 || zero_whole > 0 || zero_float > 0;
    }
    bool take(const WireReader& field) {
        switch (field.number()) {
            case 5:
                histogram.schema = static_cast<std::int32_t>(field.as_zigzag());
                return field.is_varint();
            case 6:
                return real(field, histogram.zero_threshold);
            case 7:
                zero_whole = static_cast<double>(field.as_unsigned());
                return field.is_varint();
            case 8:
                return real(field, zero_float);
            case 9:
                return field.is_bytes() && read_span(field.bytes(), histogram.negative_spans);
            case 10:
                return read_deltas(field, histogram.negative_buckets, negative);
            case 11:
                return read_doubles(field, histogram.negative_buckets);
            case 12:
                return field.is_bytes() && read_span(field.bytes(), histogram.positive_spans);
            case 13:
                return read_deltas(field, histogram.positive_buckets, positive);
            case 14:
                return read_doubles(field, histogram.positive_buckets);
            default:
                return true;
        }
    }
    static bool real(const WireReader& field, double& out) {
        if (!field.is_fixed64()) return false;
        out = field.as_double();
        return true;
    }
};

}  // namespace

std::string canonical_bound(double bound) {
    std::string text = format_value(bound);
    if (std::isfinite(bound) && text.find_first_of("e.") == std::string::npos) text += ".0";
    return text;
}

Error ProtoReader::error(std::string_view what) const {
    return {Fault::BadInput, fmt::format("metric family {}: {}", families_, what)};
}

// ── messages
// ─────────────────────────────────────────────────────────────────────────────────────────────

bool ProtoReader::read_family(std::string_view bytes) {
    family_ = {.metrics = bytes};
    WireReader in(bytes);
    while (in.next()) {
        if (in.number() == 1 && in.is_bytes()) family_.name = in.bytes();
        if (in.number() == 2 && in.is_bytes()) family_.help = in.bytes();
        if (in.number() == 3 && in.is_varint()) family_.type = in.as_unsigned();
        if (in.number() == 5 && in.is_bytes()) family_.unit = in.bytes();
    }
    in_ = WireReader(bytes);
    return !in.bad();
}

bool ProtoReader::read_plain(std::string_view bytes) {
    WireReader in(bytes);
    bool good = true;
    while (good && in.next()) {
        if (in.number() == 1 && in.is_fixed64()) metric_.value = in.as_double();
        if (in.number() == 2 && in.is_bytes()) metric_.exemplar = in.bytes();
        if (in.number() == 3 && in.is_bytes()) good = read_moment(in.bytes(), metric_.created);
    }
    return good && !in.bad();
}

bool ProtoReader::read_summary(std::string_view bytes) {
    WireReader in(bytes);
    bool good = true;
    while (good && in.next()) {
        if (in.number() == 1 && in.is_varint())
            metric_.count = static_cast<double>(in.as_unsigned());
        if (in.number() == 2 && in.is_fixed64()) metric_.sum = in.as_double();
        if (in.number() == 4 && in.is_bytes()) good = read_moment(in.bytes(), metric_.created);
        if (in.number() != 3 || !in.is_bytes()) continue;
        Numbered& part = metric_.parts.emplace_back();
        WireReader quantile(in.bytes());
        while (quantile.next()) {
            if (quantile.number() == 1 && quantile.is_fixed64()) part.number = quantile.as_double();
            if (quantile.number() == 2 && quantile.is_fixed64()) part.value = quantile.as_double();
        }
        good = good && !quantile.bad();
    }
    return good && !in.bad();
}

bool ProtoReader::read_histogram(std::string_view bytes) {
    Native native;
    WireReader in(bytes);
    bool good = true;
    while (good && in.next()) {
        switch (in.number()) {
            case 1:
                metric_.count = static_cast<double>(in.as_unsigned());
                break;
            case 2:
                good = Native::real(in, metric_.sum);
                break;
            case 3:
                good = in.is_bytes();
                if (good) {
                    Numbered& part = metric_.parts.emplace_back();
                    double whole = 0, real = 0;
                    WireReader bucket(in.bytes());
                    while (bucket.next()) {
                        if (bucket.number() == 1 && bucket.is_varint())
                            whole = static_cast<double>(bucket.as_unsigned());
                        if (bucket.number() == 2 && bucket.is_fixed64())
                            part.number = bucket.as_double();
                        if (bucket.number() == 3 && bucket.is_bytes())
                            part.exemplar = bucket.bytes();
                        if (bucket.number() == 4 && bucket.is_fixed64()) real = bucket.as_double();
                    }
                    part.value = real > 0 ? real : whole;
                    good = !bucket.bad();
                }
                break;
            case 4:
                good = Native::real(in, native.count_float);
                break;
            case 15:
                good = in.is_bytes() && read_moment(in.bytes(), metric_.created);
                break;
            case 16:
                good = in.is_bytes();
                if (good) metric_.exemplars.push_back(in.bytes());
                break;
            default:
                good = native.take(in);
        }
    }
    if (!good || in.bad()) return false;
    const double whole_count = metric_.count;
    if (native.count_float > 0) metric_.count = native.count_float;
    if (!native.is_native()) return true;
    Histogram& h = native.histogram;
    h.count = native.is_float() ? native.count_float : whole_count;
    h.zero_count = native.is_float() ? native.zero_float : native.zero_whole;
    h.sum = metric_.sum;
    if (family_.type == gauge_histogram_type) h.reset_hint = Histogram::ResetHint::Gauge;
    if (const auto valid = validate(h, !native.is_float()); !valid)
        refusal_ = valid.error().message;
    else
        compact(h);
    metric_.native = std::make_shared<const Histogram>(std::move(h));
    return true;
}

bool ProtoReader::read_kind(std::string_view bytes, std::uint32_t number) {
    // Metric: 2 gauge, 3 counter, 4 summary, 5 untyped, 7 histogram. What the family is not is
    // passed over.
    constexpr std::array<std::uint32_t, 6> field_of_type{3, 2, 4, 5, 7, 7};
    if (field_of_type[family_.type] != number) return true;
    if (number == 4) return read_summary(bytes);
    return number == 7 ? read_histogram(bytes) : read_plain(bytes);
}

bool ProtoReader::read_metric(std::string_view bytes) {
    metric_ = {};
    refusal_.clear();
    part_ = 0;
    WireReader in(bytes);
    bool good = true;
    while (good && in.next()) {
        if (in.number() == 1 && in.is_bytes()) good = read_label(in.bytes(), metric_.labels);
        if (in.number() == 6 && in.is_varint() && in.as_unsigned() != 0)
            metric_.at = Timestamp{in.as_signed()};
        if (in.number() != 1 && in.is_bytes()) good = read_kind(in.bytes(), in.number());
    }
    return good && !in.bad();
}

// ── items
// ────────────────────────────────────────────────────────────────────────────────────────────────

/// False at the end of the page.
Result<bool> ProtoReader::begin_family() {
    if (page_.empty()) return false;
    ++families_;
    WireReader head(page_);
    std::uint64_t size = 0;
    const std::size_t before = page_.size();
    if (!head.varint(size) || size > head.left())
        return fail(
            error(fmt::format("the page ends inside it, {} bytes after its start", before)));
    page_.remove_prefix(before - head.left());
    if (!read_family(page_.substr(0, static_cast<std::size_t>(size))))
        return fail(error("it is no io.prometheus.client.MetricFamily"));
    page_.remove_prefix(static_cast<std::size_t>(size));
    if (family_.name.empty()) return fail(error("it has no name"));
    if (family_.type >= type_words.size())
        return fail(error(fmt::format("{} has type {}; expected 0 to {}", quote(family_.name),
                                      family_.type, type_words.size() - 1)));
    if (!family_.unit.empty() && !family_.name.ends_with(family_.unit))
        return fail(error(fmt::format("unit {} not a suffix of {} {}", quote(family_.unit),
                                      type_words[family_.type], quote(family_.name))));
    return true;
}

/// False when the family has no more of them.
Result<bool> ProtoReader::begin_metric() {
    while (in_.next()) {
        if (in_.number() != 4 || !in_.is_bytes()) continue;
        if (!read_metric(in_.bytes()))
            return fail(error(fmt::format("{} holds what is no io.prometheus.client.Metric",
                                          quote(family_.name))));
        return true;
    }
    return false;
}

PageItem ProtoReader::comment(std::string_view word, std::string_view text) {
    PageItem item;
    item.kind = PageItem::Kind::Comment;
    text_ = fmt::format("# {} ", word);
    if (is_classic_metric_name(family_.name))
        text_ += family_.name;
    else
        put_quoted(text_, family_.name);
    text_ += ' ';
    put_escaped(text_, text);
    item.text = text_;
    return item;
}

void ProtoReader::write_series(std::string_view suffix, std::string_view label, double number) {
    text_.clear();
    const bool classic = is_classic_metric_name(family_.name);
    if (classic) (text_ += family_.name) += suffix;
    bool first = true;
    const auto begin = [&] {
        text_ += first ? '{' : ',';
        first = false;
    };
    if (!classic) {
        begin();
        put_quoted(text_, fmt::format("{}{}", family_.name, suffix));
    }
    for (const Label each : metric_.labels) {
        begin();
        put_label(text_, each.name, each.value);
    }
    if (!label.empty()) {
        begin();
        put_label(text_, label, canonical_bound(number));
    }
    if (!first) text_ += '}';
}

PageItem ProtoReader::sample(std::string_view suffix, double value) {
    write_series(suffix, {}, 0);
    PageItem item;
    item.kind = PageItem::Kind::Sample;
    item.text = text_;
    item.value = value;
    item.at = metric_.at;
    item.created = metric_.created;
    return item;
}

/// False when there is none, or one that is left out for want of a time.
bool ProtoReader::put_exemplar(std::string_view bytes, bool timed_only) {
    PageExemplar exemplar;
    std::vector<Label> labels;
    WireReader in(bytes);
    bool good = true;
    while (good && in.next()) {
        if (in.number() == 1 && in.is_bytes()) good = read_label(in.bytes(), labels);
        if (in.number() == 2 && in.is_fixed64()) exemplar.value = in.as_double();
        if (in.number() == 3 && in.is_bytes()) good = read_moment(in.bytes(), exemplar.at);
    }
    if (!good || in.bad()) return false;
    if (timed_only && !exemplar.at) return true;
    std::string& text = exemplar_texts_.emplace_back("{");
    for (const Label label : labels) {
        if (text.size() > 1) text += ',';
        put_label(text, label.name, label.value);
    }
    text += '}';
    exemplar.labels = text;
    exemplars_.push_back(exemplar);
    return true;
}

Result<PageItem> ProtoReader::native_item() {
    if (!refusal_.empty()) return fail(error(fmt::format("{}: {}", quote(family_.name), refusal_)));
    PageItem item = sample("", 0);
    item.histogram = metric_.native;
    bool good = true;
    for (const std::string_view each : metric_.exemplars) good = good && put_exemplar(each, true);
    if (metric_.exemplars.empty())
        for (const Numbered& part : metric_.parts)
            if (!part.exemplar.empty()) good = good && put_exemplar(part.exemplar, true);
    if (!good) return fail(error(fmt::format("{} has a broken exemplar", quote(family_.name))));
    std::stable_sort(exemplars_.begin(), exemplars_.end(), [](const auto& a, const auto& b) {
        return a.at != b.at ? a.at < b.at : a.value < b.value;
    });
    item.exemplars = exemplars_;
    return item;
}

bool ProtoReader::part_left() const {
    if (family_.type == summary_type) return part_ < metric_.parts.size();
    if (part_ == 0) return true;
    return part_ <= metric_.parts.size() && metric_.parts[part_ - 1].number != INFINITY;
}

/// The quantile or bucket whose turn it is; the bucket of +Inf is added when it is missing.
PageItem ProtoReader::part_item() {
    const bool quantiles = family_.type == summary_type;
    const bool added = part_ == metric_.parts.size();
    const Numbered part = added ? Numbered{INFINITY, metric_.count, {}} : metric_.parts[part_];
    PageItem item = sample(quantiles ? "" : "_bucket", part.value);
    write_series(quantiles ? "" : "_bucket", quantiles ? "quantile" : "le", part.number);
    item.text = text_;
    if (!part.exemplar.empty() && put_exemplar(part.exemplar, false)) item.exemplars = exemplars_;
    ++part_;
    return item;
}

Result<PageItem> ProtoReader::next(std::string_view) {
    exemplars_.clear();
    exemplar_texts_.clear();
    while (true) {
        switch (step_) {
            case Step::Family: {
                const Result<bool> more = begin_family();
                if (!more) return fail(more.error());
                if (!*more) return PageItem{};
                step_ = Step::Type;
                if (!family_.help.empty()) return comment("HELP", family_.help);
                break;
            }
            case Step::Type:
                step_ = Step::Unit;
                return comment("TYPE", type_words[family_.type]);
            case Step::Unit:
                step_ = Step::Metric;
                if (!family_.unit.empty()) return comment("UNIT", family_.unit);
                break;
            case Step::Metric: {
                const Result<bool> more = begin_metric();
                if (!more) return fail(more.error());
                if (!*more) {
                    step_ = Step::Family;
                    break;
                }
                if (!has_parts()) {
                    PageItem item = sample("", metric_.value);
                    if (!metric_.exemplar.empty() && put_exemplar(metric_.exemplar, false))
                        item.exemplars = exemplars_;
                    return item;
                }
                step_ = metric_.native ? Step::Native : Step::Count;
                break;
            }
            case Step::Native:
                step_ = classic_too_ && !metric_.parts.empty() ? Step::Count : Step::Metric;
                return native_item();
            case Step::Count:
                step_ = Step::Sum;
                return sample("_count", metric_.count);
            case Step::Sum:
                step_ = Step::Part;
                return sample("_sum", metric_.sum);
            case Step::Part:
                if (part_left()) return part_item();
                step_ = Step::Metric;
                break;
        }
    }
}

}  // namespace vedette::scrape
