#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "core/error.h"

namespace vedette {

enum class LogLevel { Debug, Info, Warn, Error };

/// One named value of a log line.
struct LogField {
    LogField(std::string_view name_, std::string_view value_) : name(name_), value(std::string(value_)) {}
    LogField(std::string_view name_, const char* value_) : name(name_), value(std::string(value_)) {}
    LogField(std::string_view name_, const std::string& value_) : name(name_), value(value_) {}
    LogField(std::string_view name_, double value_) : name(name_), value(value_) {}
    LogField(std::string_view name_, bool value_) : name(name_), value(value_) {}
    template <typename Integer>
        requires std::is_integral_v<Integer>
    LogField(std::string_view name_, Integer value_)
        : name(name_), value(static_cast<std::int64_t>(value_)) {}

    std::string_view name;
    std::variant<std::string, std::int64_t, double, bool> value;
};

struct LogSettings {
    enum class Format { Text, Json, Journal };  ///< Journal: text with `<3>` priorities
    Format format = Format::Text;
    LogLevel level = LogLevel::Info;
    std::string file;  ///< empty: stderr
};

/// Structured, asynchronous, through spdlog. A line that repeats at once is counted, not printed again
/// (`… repeated 41 times`). Secrets do not belong here: pass `to_string(secret)`. Safe between threads.
///
///     log.info("probe changed", {{"probe", name}, {"state", "down"}, {"reason", reading.reason}});
class Log {
public:
    explicit Log(const LogSettings& settings);
    ~Log();
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    using Fields = std::initializer_list<LogField>;
    void debug(std::string_view message, Fields fields = {}) { write(LogLevel::Debug, message, fields); }
    void info(std::string_view message, Fields fields = {}) { write(LogLevel::Info, message, fields); }
    void warn(std::string_view message, Fields fields = {}) { write(LogLevel::Warn, message, fields); }
    void error(std::string_view message, Fields fields = {}) { write(LogLevel::Error, message, fields); }
    void write(LogLevel level, std::string_view message, Fields fields);
    void flush();
    void set_level(LogLevel level);
    /// Lines lost because the queue was full.
    std::uint64_t dropped() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace vedette
