#include "exporter/exposition.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_set>

#include "core/sample.h"

namespace vedette::exporter {

std::string ExpositionFormat::content_type() const {
    std::string type = open_metrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                    : "text/plain; version=0.0.4; charset=utf-8";
    return type + (utf8_names ? "; escaping=allow-utf-8" : "; escaping=underscores");
}

// ── what the reader wants
// ──────────────────────────────────────────────────────────────────────────

namespace {

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

/// Takes the part before `separator` off the front of `rest`.
std::string_view take_part(std::string_view& rest, char separator) {
    const std::size_t at = rest.find(separator);
    const std::string_view part = trim(rest.substr(0, at));
    rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
    return part;
}

struct Offer {
    ExpositionFormat format;
    double weight = 1;
    bool is_ours = false;
};

Offer read_offer(std::string_view text) {
    Offer offer;
    const std::string_view type = take_part(text, ';');
    std::string_view version;
    while (!text.empty()) {
        const std::string_view parameter = take_part(text, ';');
        if (parameter.starts_with("q=")) {
            const std::string_view digits = parameter.substr(2);
            std::from_chars(digits.data(), digits.data() + digits.size(), offer.weight);
        }
        if (parameter.starts_with("version=")) version = parameter.substr(8);
        if (parameter == "escaping=allow-utf-8") offer.format.utf8_names = true;
    }
    if (type == "application/openmetrics-text" &&
        (version.empty() || version == "1.0.0" || version == "0.0.1")) {
        offer.format.open_metrics = true;
        offer.is_ours = true;
    }
    const bool is_text =
        type == "text/plain" && (version.empty() || version == "0.0.4" || version == "1.0.0");
    if (is_text || type == "text/*" || type == "*/*") offer.is_ours = true;
    return offer;
}

}  // namespace

ExpositionFormat choose_format(std::string_view accept) {
    Offer best;
    best.weight = 0;
    while (!accept.empty()) {
        const Offer offer = read_offer(take_part(accept, ','));
        if (offer.is_ours && offer.weight > best.weight) best = offer;
    }
    return best.format;
}

// ── writing
// ────────────────────────────────────────────────────────────────────────────────────────

std::string escape_name(std::string_view name) {
    std::string out(name);
    for (std::size_t i = 0; i < out.size(); ++i) {
        const char c = out[i];
        const bool letter =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
        if (!letter && !(i > 0 && c >= '0' && c <= '9')) out[i] = '_';
    }
    return out;
}

namespace {

/// Without a branch a character; `find_first_of` takes three times as long.
bool is_to_be_escaped(std::string_view text) {
    bool found = false;
    for (const char c : text) found |= c == '\\' || c == '\n' || c == '"';
    return found;
}

class Writer {
public:
    Writer(const ExpositionFormat& format, std::size_t points) : format_(format) {
        out_.reserve(points * 96);
    }

    void family(const MetricFamily& family) {
        prepare_name(family);
        heading("# HELP ", [&] { escaped(family.help, format_.open_metrics); });
        heading("# TYPE ", [&] { out_ += type_word(family.type); });
        for (const MetricFamily::Point& point : family.points) {
            switch (family.type) {
                case MetricFamily::Type::Histogram:
                    histogram(point);
                    break;
                case MetricFamily::Type::Summary:
                    summary(point);
                    break;
                case MetricFamily::Type::Counter:
                    line(format_.open_metrics ? "_total" : "", point.labels, {}, {}, point.value,
                         point.at);
                    break;
                default:
                    line("", point.labels, {}, {}, point.value, point.at);
            }
        }
    }
    std::string finish() {
        if (format_.open_metrics) out_ += "# EOF\n";
        return std::move(out_);
    }

private:
    void prepare_name(const MetricFamily& family) {
        std::string_view name = family.name;
        // OpenMetrics names the family without the suffix that its samples carry.
        if (format_.open_metrics && family.type == MetricFamily::Type::Counter &&
            name.ends_with("_total"))
            name.remove_suffix(6);
        is_classic_ = is_classic_metric_name(name);
        name_ = is_classic_ || format_.utf8_names ? std::string(name) : escape_name(name);
        if (!format_.utf8_names) is_classic_ = true;
    }

    template <typename Rest>
    void heading(std::string_view word, Rest rest) {
        out_ += word;
        if (is_classic_) {
            out_ += name_;
        } else {
            out_ += '"';
            escaped(name_, true);
            out_ += '"';
        }
        out_ += ' ';
        rest();
        out_ += '\n';
    }

    std::string_view type_word(MetricFamily::Type type) const {
        if (format_.open_metrics && type == MetricFamily::Type::Untyped) return "unknown";
        return to_string(type);
    }

    void histogram(const MetricFamily::Point& point) {
        bool saw_infinity = false;
        std::string bound;
        for (const auto& [upper, count] : point.buckets) {
            saw_infinity = saw_infinity || (std::isinf(upper) && upper > 0);
            bound.clear();
            append_bound(bound, upper);
            line("_bucket", point.labels, "le", bound, count, point.at);
        }
        if (!saw_infinity) line("_bucket", point.labels, "le", "+Inf", point.count, point.at);
        line("_sum", point.labels, {}, {}, point.sum, point.at);
        line("_count", point.labels, {}, {}, point.count, point.at);
    }

    void summary(const MetricFamily::Point& point) {
        std::string bound;
        for (const auto& [quantile, value] : point.buckets) {
            bound.clear();
            append_bound(bound, quantile);
            line("", point.labels, "quantile", bound, value, point.at);
        }
        line("_sum", point.labels, {}, {}, point.sum, point.at);
        line("_count", point.labels, {}, {}, point.count, point.at);
    }

    /// OpenMetrics wants `le` and `quantile` to look like floats: `1.0`.
    void append_bound(std::string& out, double bound) const {
        append_value(out, bound);
        if (format_.open_metrics && out.find_first_of(".eIN") == std::string::npos) out += ".0";
    }

    void line(std::string_view suffix, const Labels& labels, std::string_view extra_name,
              std::string_view extra_value, double value, const std::optional<Timestamp>& at) {
        bool first = true;
        if (is_classic_) {
            out_ += name_;
            out_ += suffix;
        } else {
            out_ += "{\"";
            escaped(name_, true);
            out_ += suffix;
            out_ += '"';
            first = false;
        }
        for (const Label label : labels) pair(label.name, label.value, first);
        if (!extra_name.empty()) pair(extra_name, extra_value, first);
        if (!first) out_ += '}';
        out_ += ' ';
        append_value(out_, value);
        if (at) timestamp(*at);
        out_ += '\n';
    }

    void pair(std::string_view name, std::string_view value, bool& first) {
        out_ += first ? (is_classic_ ? '{' : ',') : ',';
        first = false;
        if (is_classic_label_name(name)) {
            out_ += name;
        } else if (format_.utf8_names) {
            out_ += '"';
            escaped(name, true);
            out_ += '"';
        } else {
            std::string plain = escape_name(name);
            std::replace(plain.begin(), plain.end(), ':', '_');
            out_ += plain;
        }
        out_ += "=\"";
        escaped(value, true);
        out_ += '"';
    }

    void timestamp(Timestamp at) {
        char text[32];
        out_ += ' ';
        const auto end = std::to_chars(text, text + sizeof text, at.ms).ptr;
        if (!format_.open_metrics) {
            out_.append(text, end);
            return;
        }
        append_value(out_, at.seconds(), ValueStyle::Json);
    }

    void escaped(std::string_view text, bool quotes) {
        // Nearly always nothing to escape: copied in one piece.
        if (!is_to_be_escaped(text)) {
            out_ += text;
            return;
        }
        for (const char c : text) {
            if (c == '\\')
                out_ += "\\\\";
            else if (c == '\n')
                out_ += "\\n";
            else if (c == '"' && quotes)
                out_ += "\\\"";
            else
                out_ += c;
        }
    }

    const ExpositionFormat& format_;
    std::string out_;
    std::string name_;
    bool is_classic_ = true;
};

}  // namespace

std::string write_exposition(std::span<const MetricFamily> families,
                             const ExpositionFormat& format) {
    std::size_t points = 0;
    for (const MetricFamily& family : families) points += family.points.size() + 2;
    Writer writer(format, points);
    for (const MetricFamily& family : families) writer.family(family);
    return writer.finish();
}

std::vector<MetricFamily> merge_families(std::vector<MetricFamily> families) {
    std::stable_sort(families.begin(), families.end(),
                     [](const auto& a, const auto& b) { return a.name < b.name; });
    struct Hash {
        std::size_t operator()(const Labels& labels) const { return labels.hash(); }
    };
    std::vector<MetricFamily> merged;
    std::unordered_set<Labels, Hash> seen;
    for (MetricFamily& family : families) {
        const bool same = !merged.empty() && merged.back().name == family.name;
        if (!same) {
            seen.clear();
            merged.push_back({family.name, family.type, std::move(family.help), {}});
        }
        for (MetricFamily::Point& point : family.points)
            if (seen.insert(point.labels).second) merged.back().points.push_back(std::move(point));
    }
    return merged;
}

}  // namespace vedette::exporter
