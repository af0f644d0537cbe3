#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/time_zone.h"
#include "core/error.h"
#include "core/time.h"

namespace vedette {

class TemplateValue;
struct TemplateObject;

using TemplateList = std::vector<TemplateValue>;
/// Ordered by key, as Go ranges over maps.
using TemplateMap = std::map<std::string, TemplateValue, std::less<>>;
using TemplateArguments = std::span<const TemplateValue>;

/// What a template may call: a function of Go's or ours, or a method of an object.
struct TemplateFunction {
    /// One letter a parameter: `s` string, `i` integer, `m` map, `l` list of strings, `L` list of
    /// anything, `t` time, `d` duration, `r` what `query` gives, `e` one element of that, `a`
    /// anything. A `*` at the end says "any number of the last". Arguments arrive counted and of
    /// these types; for `l`, `L`, `r` and `m` what is missing arrives empty.
    std::string takes;
    std::function<Result<TemplateValue>(TemplateArguments)> call;
};

using TemplateFunctions = std::map<std::string, TemplateFunction, std::less<>>;

/// One value inside a template: what Go calls reflect.Value, as far as templates see it.
///
/// Copying is cheap: lists, maps and objects are shared and never change. Safe to share between
/// threads.
class TemplateValue {
public:
    enum class Kind { Missing, Bool, Int, Float, String, Time, Duration, List, Map, Object };

    TemplateValue() = default;  ///< Missing: prints `<no value>`
    TemplateValue(bool value) : value_(value) {}
    template <typename Integer>
        requires(std::is_integral_v<Integer> && !std::is_same_v<Integer, bool>)
    TemplateValue(Integer value) : value_(static_cast<std::int64_t>(value)) {}
    TemplateValue(double value) : value_(value) {}
    TemplateValue(std::string value) : value_(std::move(value)) {}
    TemplateValue(std::string_view value) : value_(std::string(value)) {}
    TemplateValue(const char* value) : value_(std::string(value)) {}
    TemplateValue(Timestamp value) : value_(Time{value, nullptr}) {}
    /// As a clock in `zone` shows it; null is UTC.
    TemplateValue(Timestamp value, std::shared_ptr<const TimeZone> zone)
        : value_(Time{value, std::move(zone)}) {}
    TemplateValue(std::chrono::nanoseconds value) : value_(value) {}
    /// `type`: as Go names it; a text that lives for ever.
    TemplateValue(TemplateList value, std::string_view type = "[]string");
    TemplateValue(TemplateMap value, std::string_view type = "map[string]string");
    TemplateValue(TemplateObject value);

    Kind kind() const { return static_cast<Kind>(value_.index()); }
    bool is_missing() const { return kind() == Kind::Missing; }
    bool boolean() const { return std::get<bool>(value_); }
    std::int64_t integer() const { return std::get<std::int64_t>(value_); }
    double number() const { return std::get<double>(value_); }
    const std::string& string() const { return std::get<std::string>(value_); }
    Timestamp time() const { return std::get<Time>(value_).at; }
    const std::shared_ptr<const TimeZone>& zone() const { return std::get<Time>(value_).zone; }
    std::chrono::nanoseconds duration() const { return std::get<std::chrono::nanoseconds>(value_); }
    const TemplateList& list() const { return *std::get<Shared<TemplateList>>(value_).items; }
    const TemplateMap& map() const { return *std::get<Shared<TemplateMap>>(value_).items; }
    const TemplateObject& object() const {
        return *std::get<std::shared_ptr<const TemplateObject>>(value_);
    }
    /// What an object stands for (`TemplateObject::self`); any other value is itself.
    const TemplateValue& plain() const;
    /// How deeply lists, maps and objects are nested in it; 0 for a scalar.
    int depth() const { return depth_; }
    /// Go's name of the type, for messages: `float64`, `map[string]string`.
    std::string type_name() const;
    /// Go's truth: false, 0, empty and missing are false.
    bool is_true() const;

private:
    struct Time {
        Timestamp at;
        std::shared_ptr<const TimeZone> zone;
    };
    template <typename Items>
    struct Shared {
        std::shared_ptr<const Items> items;
        std::string_view type;
    };

    std::variant<std::monostate, bool, std::int64_t, double, std::string, Time,
                 std::chrono::nanoseconds, Shared<TemplateList>, Shared<TemplateMap>,
                 std::shared_ptr<const TemplateObject>>
        value_;
    int depth_ = 0;
};

struct TemplateField {
    std::string name;
    TemplateValue value;
    std::string json = {};  ///< its name in JSON; empty: the same
};

/// A Go struct with methods, or a named list, map or number with methods (`.Alerts.Firing`,
/// `.Labels.SortedPairs`, `.StartsAt.Month`). A method `String` is how it prints.
struct TemplateObject {
    std::string type;  ///< as Go names it, for messages; a pointer begins with `*`
    std::vector<TemplateField> fields;
    TemplateFunctions methods;
    TemplateValue self;  ///< printed, ranged over, measured and looked up in; Missing: a struct
};

/// Appends `value` as Go's %v prints it; stops soon after `out` has grown beyond `bytes_max`.
void print_template_value(std::string& out, const TemplateValue& value, std::size_t bytes_max);
/// The same as a string, for values known to be small.
std::string to_string(const TemplateValue& value);

/// Go's strconv.FormatFloat(value, verb, precision, 64) for verbs e, f, g; precision -1: shortest
/// that reads back.
std::string format_go_float(double value, char verb, int precision);
/// Go's fmt.Sprintf; wrong verbs print as Go prints them (`%!d(float64=1)`).
std::string go_printf(std::string_view format, TemplateArguments arguments, std::size_t bytes_max);
/// The same for one value and one verb without flags: `s` is what Go's own messages print with.
std::string go_print(const TemplateValue& value, char verb, std::size_t bytes_max);
/// Go's time.Duration.String: `1h5m0s`, `1.5s`, `150µs`.
std::string format_go_duration(std::chrono::nanoseconds duration);
/// Go's time.Time.Format with Go's reference layout (`2006-01-02 15:04:05 MST`); no zone is UTC.
std::string format_go_time(Timestamp at, std::string_view layout, const TimeZone* zone = nullptr);

}  // namespace vedette
