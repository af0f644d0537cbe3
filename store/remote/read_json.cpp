#include "store/remote/read_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "store/remote/limits.h"

namespace vedette::store {

namespace {

using Json = nlohmann::json;

tl::unexpected<Error> corrupt(std::string_view why) {
    return fail(Fault::Corrupt, fmt::format("the answer cannot be read: {}", why));
}

/// Seconds with a fraction; nothing for what is no time.
std::optional<Timestamp> time_of(double seconds) {
    constexpr double most = 9e15;
    const double ms = std::round(seconds * 1000);
    if (!(ms >= -most && ms <= most)) return std::nullopt;
    return Timestamp{static_cast<std::int64_t>(ms)};
}

/// Takes a matrix as it is read, so that no tree of it is built.
///
///   {"data": {"result": [ {"metric": {"a": "b"}, "values": [ [1.5, "2"] ], "value": [1.5, "2"]} ]}}
///    Root     Data      List Series    Metric             Points Point             Point
class MatrixReader final : public nlohmann::json_sax<Json> {
public:
    explicit MatrixReader(Gathering& out) : out_(out) {}

    /// After the text was read.
    Result<void> done(bool well_formed) const {
        if (error_) return fail(*error_);
        if (!well_formed) return corrupt("it is no JSON");
        if (status_ == "error") return fail(Fault::BadInput, said_);
        if (status_ != "success" || !any_result_)
            return corrupt("it has no `status` of success with a `result`");
        return {};
    }

    bool null() override { return plain(); }
    bool boolean(bool) override { return plain(); }
    bool number_integer(number_integer_t value) override {
        return number(static_cast<double>(value));
    }
    bool number_unsigned(number_unsigned_t value) override {
        return number(static_cast<double>(value));
    }
    bool number_float(number_float_t value, const string_t&) override { return number(value); }
    bool binary(binary_t&) override { return plain(); }

    bool string(string_t& value) override {
        switch (place()) {
            case Place::Root:
                if (key_ == "status") status_ = value;
                if (key_ == "error") said_ = value;
                return true;
            case Place::Metric:
                metric_.emplace_back(key_, value);
                return true;
            case Place::Point:
                return point_value(value);
            default:
                return plain();
        }
    }
    bool key(string_t& name) override {
        key_ = name;
        return true;
    }
    bool start_object(std::size_t) override {
        const Place next = object_in(place());
        if (next == Place::Series) {
            metric_.clear();
            points_.clear();
        }
        places_.push_back(next);
        return true;
    }
    bool end_object() override {
        const Place ended = place();
        places_.pop_back();
        return ended != Place::Series || end_series();
    }
    bool start_array(std::size_t) override {
        const Place inside = place();
        Place next = Place::Other;
        if (inside == Place::Data && key_ == "result") {
            next = Place::List;
            any_result_ = true;
        }
        if (inside == Place::Series && key_ == "values") next = Place::Points;
        if (inside == Place::Series && key_ == "value") next = Place::Point;
        if (inside == Place::Series && (key_ == "histograms" || key_ == "histogram"))
            histograms_ = true;
        if (inside == Place::Points) next = Place::Point;
        if (next == Place::Point) {
            at_.reset();
            valued_ = false;
        }
        places_.push_back(next);
        return true;
    }
    bool end_array() override {
        const Place ended = place();
        places_.pop_back();
        return ended != Place::Point || valued_ || refuse("a point is no time with a value");
    }
    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
        return false;
    }

private:
    enum class Place : std::uint8_t { Outside, Other, Root, Data, List, Series, Metric, Points, Point };
    struct Point {
        Timestamp at;
        double value;
    };

    Place place() const { return places_.empty() ? Place::Outside : places_.back(); }
    Place object_in(Place inside) const {
        if (inside == Place::Outside) return Place::Root;
        if (inside == Place::Root && key_ == "data") return Place::Data;
        if (inside == Place::List) return Place::Series;
        if (inside == Place::Series && key_ == "metric") return Place::Metric;
        return Place::Other;
    }
    bool refuse(std::string_view why) {
        error_ = corrupt(why).value();
        return false;
    }
    /// A value that means nothing where it is; or must not be there.
    bool plain() {
        if (place() == Place::Point) return refuse("a point is no time with a value");
        if (place() == Place::Metric) return refuse("a label has no text for a value");
        return true;
    }
    bool number(double value) {
        if (place() != Place::Point) return plain();
        if (at_) return refuse("a point has a value that is no text");
        at_ = time_of(value);
        return at_ || refuse("a time is out of range");
    }
    bool point_value(std::string_view text) {
        if (!at_ || valued_) return refuse("a point is no time with a value");
        const Result<double> value = parse_value(text);
        if (!value) return refuse(value.error().message);
        points_.push_back({*at_, *value});
        valued_ = true;
        return true;
    }
    bool end_series() {
        std::vector<Label> labels;
        labels.reserve(metric_.size());
        for (const auto& [name, value] : metric_) labels.push_back({name, value});
        Labels name(std::move(labels));
        if (histograms_) {
            error_ = Error{Fault::Refused,
                           fmt::format("{} has native histograms, which only remote read gives",
                                       to_string(name))};
            return false;
        }
        out_.begin(std::move(name));
        for (const Point& point : points_)
            if (!out_.add(point.at, point.value)) {
                error_ = out_.too_many();
                return false;
            }
        return true;
    }

    Gathering& out_;
    std::vector<Place> places_;
    std::string key_;
    std::string status_, said_;
    bool any_result_ = false;
    std::vector<std::pair<std::string, std::string>> metric_;
    std::vector<Point> points_;
    std::optional<Timestamp> at_;
    bool valued_ = false;
    bool histograms_ = false;
    std::optional<Error> error_;
};

/// What is nested deeper than any answer is left out, so that a tree of it takes no more than the
/// text did, about.
Json parse_flat(std::string_view text) {
    constexpr int depth_max = 4;
    return Json::parse(
        text, [](int depth, Json::parse_event_t, const Json&) { return depth <= depth_max; },
        false);
}

std::optional<Labels> labels_of(const Json& object) {
    if (!object.is_object()) return std::nullopt;
    std::vector<Label> labels;
    for (const auto& [name, value] : object.items()) {
        const auto* text = value.get_ptr<const std::string*>();
        if (text == nullptr) return std::nullopt;
        labels.push_back({name, *text});
    }
    return Labels(std::move(labels));
}

std::optional<double> exported_value(const Json& value) {
    if (value.is_null()) return stale_marker();
    if (value.is_number()) return value.get<double>();
    const auto* text = value.get_ptr<const std::string*>();
    if (text == nullptr) return std::nullopt;
    if (*text == "Infinity") return std::numeric_limits<double>::infinity();
    if (*text == "-Infinity") return -std::numeric_limits<double>::infinity();
    return std::nullopt;
}

/// VictoriaMetrics 1.79 writes the first value of a list as it is: NaN, +Inf and -Inf are no JSON.
std::string with_first_value_mended(std::string_view line) {
    constexpr std::string_view list = R"("values":[)";  // not inside a text: its quotes have \ before
    constexpr std::pair<std::string_view, std::string_view> words[] = {
        {"NaN", "null"}, {"+Inf", R"("Infinity")"}, {"-Inf", R"("-Infinity")"}};
    std::string out(line);
    const std::size_t found = out.find(list);
    if (found == std::string::npos) return out;
    const std::size_t at = found + list.size();
    for (const auto& [word, meant] : words)
        if (line.substr(at).starts_with(word)) out.replace(at, word.size(), meant);
    return out;
}

Result<void> read_exported_series(std::string_view line, Gathering& out) {
    const Json series = parse_flat(with_first_value_mended(line));
    if (!series.is_object()) return corrupt("a line is no JSON object");
    const Json values = series.value("values", Json());
    const Json times = series.value("timestamps", Json());
    auto labels = labels_of(series.value("metric", Json()));
    if (!labels || !values.is_array() || !times.is_array() || values.size() != times.size())
        return corrupt("a line is no `metric` with as many `values` as `timestamps`");
    out.begin(std::move(*labels));
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto value = exported_value(values[i]);
        if (!value || !times[i].is_number_integer())
            return corrupt("a line has a value or a time that is no number");
        if (!out.add({times[i].get<std::int64_t>()}, *value)) return fail(out.too_many());
    }
    return {};
}

/// The `data` of a list that the API answers with.
Result<Json> list_in(std::string_view json) {
    Json answer = parse_flat(json);
    if (!answer.is_object()) return corrupt("it is no JSON object");
    const auto data = answer.find("data");
    if (data == answer.end() || !data->is_array()) return corrupt("its `data` is no list");
    return std::move(*data);
}

template <typename T>
void sort_once(std::vector<T>& list) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
}

}  // namespace

Result<void> read_matrix(std::string_view json, Gathering& out) {
    MatrixReader reader(out);
    const bool well_formed = Json::sax_parse(json, &reader);
    return reader.done(well_formed);
}

Result<void> read_export(std::string_view lines, Gathering& out) {
    while (!lines.empty()) {
        const std::size_t end = std::min(lines.find('\n'), lines.size());
        if (end > 0)
            if (auto taken = read_exported_series(lines.substr(0, end), out); !taken) return taken;
        lines.remove_prefix(std::min(end + 1, lines.size()));
    }
    return {};
}

Result<std::vector<std::string>> read_texts(std::string_view json) {
    const Result<Json> list = list_in(json);
    if (!list) return fail(list.error());
    std::vector<std::string> texts;
    for (const Json& each : *list) {
        const auto* text = each.get_ptr<const std::string*>();
        if (text == nullptr) return corrupt("its `data` holds what is no text");
        texts.push_back(*text);
    }
    sort_once(texts);
    return texts;
}

Result<std::vector<Labels>> read_series_names(std::string_view json) {
    const Result<Json> list = list_in(json);
    if (!list) return fail(list.error());
    std::vector<Labels> names;
    for (const Json& each : *list) {
        auto labels = labels_of(each);
        if (!labels) return corrupt("its `data` holds what are no labels");
        names.push_back(std::move(*labels));
    }
    sort_once(names);
    return names;
}

std::string said_in(std::string_view body) {
    std::string text(body.substr(0, 64 * limits::datasource_said_bytes_max));
    const Json answer = Json::parse(text, nullptr, false);
    if (answer.is_object())
        if (const auto error = answer.find("error"); error != answer.end() && error->is_string())
            text = error->get<std::string>();
    std::string out;
    for (const char c : text.substr(0, limits::datasource_said_bytes_max)) {
        const auto byte = static_cast<unsigned char>(c);
        out += byte < ' ' || byte == 0x7f ? ' ' : c;
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    while (!is_utf8(out)) out.pop_back();
    return out;
}

}  // namespace vedette::store
