#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/annotations.h"
#include "core/labels.h"
#include "core/sample.h"
#include "core/time.h"

namespace vedette::exporter {

/// As the APIs write durations.
inline double in_seconds(std::chrono::nanoseconds took) {
    return std::chrono::duration<double>(took).count();
}

/// Writes JSON from the front to the back into one string, without a tree in between: answers of a
/// hundred thousand samples are written as fast as their digits. Commas are put where they belong.
/// Text that is not UTF-8 has its bad bytes replaced by U+FFFD.
class JsonWriter {
public:
    JsonWriter& begin_object();
    JsonWriter& end_object();
    JsonWriter& begin_list();
    JsonWriter& end_list();
    JsonWriter& key(std::string_view name);

    JsonWriter& value(std::string_view text);
    JsonWriter& value(const char* text) { return value(std::string_view(text)); }
    JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
    JsonWriter& value(bool yes);
    JsonWriter& value(std::int64_t number);
    JsonWriter& value(std::uint64_t number) { return value(static_cast<std::int64_t>(number)); }
    JsonWriter& value(int number) { return value(static_cast<std::int64_t>(number)); }
    /// A JSON number; NaN and infinities, which JSON has not, become null.
    JsonWriter& value(double number);
    JsonWriter& null();
    /// Already JSON.
    JsonWriter& raw(std::string_view json);

    template <typename T>
    JsonWriter& field(std::string_view name, T&& content) {
        key(name);
        return value(std::forward<T>(content));
    }

    /// `{"__name__":"up","job":"api"}`
    JsonWriter& labels(const Labels& labels);
    /// The same; empty texts are there too.
    JsonWriter& annotations(const Annotations& annotations);
    /// Seconds as Prometheus's API writes them: `1790000000.123`.
    JsonWriter& timestamp(Timestamp at);
    /// A sample's value as Prometheus's API writes it: the digits in quotes.
    JsonWriter& sample_value(double value);

    std::string take() { return std::move(out_); }
    const std::string& text() const { return out_; }

private:
    void comma();
    void quoted(std::string_view text);

    std::string out_;
    bool needs_comma_ = false;
};

}  // namespace vedette::exporter
