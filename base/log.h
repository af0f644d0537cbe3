#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "core/error.h"
#include "core/time.h"

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

/// One line as it is printed, without its end. Nothing in `message` or `fields` can break out of it:
///
///     text     2026-11-20T09:02:56.120Z warn  probe changed probe=shop reason="no answer in 2 s"
///     json     {"time":"2026-11-20T09:02:56.120Z","level":"warn","message":"probe changed",…}
///     journal  <4>probe changed probe=shop reason="no answer in 2 s"
std::string format_log_line(LogSettings::Format format, Timestamp at, LogLevel level,
                            std::string_view message, std::initializer_list<LogField> fields);

/// Structured, asynchronous, through spdlog. A line that repeats at once is counted, not printed again
/// (`… repeated=41`), and shown anew every 10 s while it goes on. A file that cannot be opened is
/// said on stderr, and stderr is used. Secrets do not belong here: pass `to_string(secret)`. Safe between threads.
///
///     log.info("probe changed", {{"probe", name}, {"state", "down"}, {"reason", reading.reason}});
class Log {
public:
    /// `clock` must outlive this; without one it is the machine's.
    explicit Log(const LogSettings& settings, const Clock* clock = nullptr);
    ~Log();
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    using Fields = std::initializer_list<LogField>;
    void debug(std::string_view message, Fields fields = {}) { write(LogLevel::Debug, message, fields); }
    void info(std::string_view message, Fields fields = {}) { write(LogLevel::Info, message, fields); }
    void warn(std::string_view message, Fields fields = {}) { write(LogLevel::Warn, message, fields); }
    void error(std::string_view message, Fields fields = {}) { write(LogLevel::Error, message, fields); }
    void write(LogLevel level, std::string_view message, Fields fields);
    /// Returns when everything logged before is written, or after 2 s.
    void flush();
    void set_level(LogLevel level);
    /// Lines lost because the queue was full.
    std::uint64_t dropped() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace vedette
