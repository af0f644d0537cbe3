#include "base/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/sink.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "core/labels.h"
#include "core/limits.h"
#include "core/mutex.h"
#include "core/sample.h"

namespace vedette {
namespace {

using namespace std::chrono_literals;

std::string_view name_of(LogLevel level) {
    switch (level) {
        case LogLevel::Debug:
            return "debug";
        case LogLevel::Info:
            return "info";
        case LogLevel::Warn:
            return "warn";
        case LogLevel::Error:
            return "error";
    }
    return "error";
}

/// What syslog and journald call the level.
int priority_of(LogLevel level) {
    switch (level) {
        case LogLevel::Debug:
            return 7;
        case LogLevel::Info:
            return 6;
        case LogLevel::Warn:
            return 4;
        case LogLevel::Error:
            return 3;
    }
    return 3;
}

/// Cuts what is too long, not inside a character.
std::string_view shorten(std::string_view text) {
    if (text.size() <= limits::log_line_bytes_max) return text;
    std::size_t end = limits::log_line_bytes_max;
    while (end > 0 && (text[end] & 0xc0) == 0x80) --end;
    return text.substr(0, end);
}

/// Bytes of the well-formed UTF-8 character at the front, or 0.
std::size_t character_bytes(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t bytes = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    return bytes <= text.size() && is_utf8(text.substr(0, bytes)) ? bytes : 0;
}

/// Appends a JSON string. What is no UTF-8 becomes U+FFFD, so that the line stays JSON.
void append_json(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        const char c = text.front();
        const std::size_t bytes = character_bytes(text);
        if (bytes == 0)
            out += "\\ufffd";
        else if (c == '"' || c == '\\')
            out.append({'\\', c});
        else if (c == '\n')
            out += "\\n";
        else if (c == '\t')
            out += "\\t";
        else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        else
            out += text.substr(0, bytes);
        text.remove_prefix(bytes == 0 ? 1 : bytes);
    }
    out += '"';
}

bool is_printable(std::string_view text) {
    for (const char c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
    return is_utf8(text);
}

/// Appends a word as it is, anything else quoted, so that values end where they seem to end.
void append_text(std::string& out, std::string_view text) {
    const bool word = !text.empty() && is_printable(text) &&
                      text.find_first_of(" \"=\\") == std::string_view::npos;
    if (word)
        out += text;
    else
        out += quote(text);
}

void append_value(std::string& out, const LogField& field, bool json) {
    if (const auto* text = std::get_if<std::string>(&field.value)) {
        json ? append_json(out, shorten(*text)) : append_text(out, shorten(*text));
    } else if (const auto* whole = std::get_if<std::int64_t>(&field.value)) {
        out += std::to_string(*whole);
    } else if (const auto* real = std::get_if<double>(&field.value)) {
        // JSON has no infinities and no NaN.
        const std::string digits = format_value(*real);
        out += json && !std::isfinite(*real) ? '"' + digits + '"' : digits;
    } else {
        out += std::get<bool>(field.value) ? "true" : "false";
    }
}

/// The part of a line that two lines which are the same have in common.
std::string body_of(bool json, std::string_view message, Log::Fields fields) {
    std::string out;
    message = shorten(message);
    if (json) {
        out += "\"message\":";
        append_json(out, message);
    } else {
        out += is_printable(message) ? std::string(message) : quote(message);
    }
    for (const LogField& field : fields) {
        out += json ? ',' : ' ';
        json ? append_json(out, field.name) : void(out += field.name);
        out += json ? ':' : '=';
        append_value(out, field, json);
    }
    return out;
}

std::string line_of(LogSettings::Format format, Timestamp at, LogLevel level, std::string_view body,
                    std::uint64_t repeated) {
    const std::string_view name = name_of(level);
    const bool json = format == LogSettings::Format::Json;
    std::string more;
    if (repeated > 0) more = fmt::format("{}{}", json ? ",\"repeated\":" : " repeated=", repeated);
    if (json)
        return fmt::format(R"({{"time":"{}","level":"{}",{}{}}})", format_rfc3339(at), name, body,
                           more);
    if (format == LogSettings::Format::Journal)
        return fmt::format("<{}>{}{}", priority_of(level), body, more);
    return fmt::format("{} {:<5} {}{}", format_rfc3339(at), name, body, more);
}

/// Writes lines to a descriptor. Only spdlog's one worker calls `log` and `flush`.
class DescriptorSink final : public spdlog::sinks::sink {
public:
    explicit DescriptorSink(const std::string& path) {
        if (path.empty()) return;
        fd_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        if (fd_ >= 0) return;
        failure_ = fmt::format("cannot open {}: {}", path, std::generic_category().message(errno));
        fd_ = STDERR_FILENO;
    }
    ~DescriptorSink() override {
        if (fd_ != STDERR_FILENO) ::close(fd_);
    }
    /// Why stderr is used although a file was asked for; empty when it is not so.
    const std::string& failure() const { return failure_; }
    std::uint64_t flushes() const { return flushes_; }
    std::uint64_t lost() const { return lost_; }

    void log(const spdlog::details::log_msg& message) override {
        line_.assign(message.payload.data(), message.payload.size());
        line_ += '\n';
        std::string_view rest = line_;
        while (!rest.empty()) {
            const ssize_t wrote = ::write(fd_, rest.data(), rest.size());
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote < 0) {
                ++lost_;  // a full disk must not stop the program, and there is nobody to tell
                return;
            }
            rest.remove_prefix(static_cast<std::size_t>(wrote));
        }
    }
    void flush() override { ++flushes_; }
    void set_pattern(const std::string&) override {}
    void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

private:
    int fd_ = STDERR_FILENO;
    std::string failure_;
    std::string line_;
    std::atomic<std::uint64_t> flushes_{0}, lost_{0};
};

}  // namespace

std::string format_log_line(LogSettings::Format format, Timestamp at, LogLevel level,
                            std::string_view message, std::initializer_list<LogField> fields) {
    return line_of(format, at, level, body_of(format == LogSettings::Format::Json, message, fields),
                   0);
}

struct Log::State {
    struct Last {
        LogLevel level;
        std::string body;
        Timestamp at;                                    // when it came last
        std::chrono::steady_clock::time_point shown_at;  // when it was printed last
        std::uint64_t repeated = 0;                      // since then
    };

    LogSettings::Format format;
    SystemClock system_clock;
    const Clock* clock;
    std::atomic<LogLevel> level;
    std::shared_ptr<DescriptorSink> sink;
    std::shared_ptr<spdlog::details::thread_pool> pool;
    std::shared_ptr<spdlog::async_logger> logger;
    Mutex mutex;
    std::optional<Last> last VEDETTE_GUARDED_BY(mutex);

    void print(LogLevel line_level, Timestamp at, std::string_view body, std::uint64_t repeated) {
        logger->log(spdlog::level::info, line_of(format, at, line_level, body, repeated));
    }
    /// Prints the repetitions that were only counted so far.
    void print_repeats() VEDETTE_REQUIRES(mutex) {
        if (!last || last->repeated == 0) return;
        print(last->level, last->at, last->body, std::exchange(last->repeated, 0));
    }
};

Log::Log(const LogSettings& settings, const Clock* clock) : state_(std::make_unique<State>()) {
    state_->format = settings.format;
    state_->clock = clock ? clock : &state_->system_clock;
    state_->level = settings.level;
    state_->sink = std::make_shared<DescriptorSink>(settings.file);
    state_->pool = std::make_shared<spdlog::details::thread_pool>(limits::log_queue_lines_max, 1);
    state_->logger = std::make_shared<spdlog::async_logger>(
        "vedette", state_->sink, state_->pool, spdlog::async_overflow_policy::overrun_oldest);
    if (!state_->sink->failure().empty())
        error("the log goes to stderr", {{"reason", state_->sink->failure()}});
}

Log::~Log() {
    {
        const Lock lock(state_->mutex);
        state_->print_repeats();
    }
    // Its thread is joined when the queue is empty. Before the logger: queued lines hold on to it,
    // and the thread would be the one to end it.
    state_->pool.reset();
    state_->logger.reset();
}

void Log::write(LogLevel level, std::string_view message, Fields fields) {
    if (level < state_->level) return;
    std::string body = body_of(state_->format == LogSettings::Format::Json, message, fields);
    const Timestamp at = state_->clock->now();
    const auto steady = state_->clock->steady();
    const Lock lock(state_->mutex);
    auto& last = state_->last;
    if (last && last->level == level && last->body == body) {
        ++last->repeated;
        last->at = at;
        if (steady - last->shown_at < limits::log_repeat_every) return;
        last->shown_at = steady;
        state_->print_repeats();
        return;
    }
    state_->print_repeats();
    state_->print(level, at, body, 0);
    last = State::Last{level, std::move(body), at, steady, 0};
}

void Log::flush() {
    {
        const Lock lock(state_->mutex);
        state_->print_repeats();
    }
    const std::uint64_t before = state_->sink->flushes();
    state_->logger->flush();
    // The request stands in the same queue as the lines and may itself be overrun by a burst of
    // them.
    constexpr auto look_again = 1ms;
    for (auto waited = 0ms; waited < 2s && state_->sink->flushes() == before; waited += look_again)
        std::this_thread::sleep_for(look_again);
}

void Log::set_level(LogLevel level) {
    state_->level = level;
}

std::uint64_t Log::dropped() const {
    return state_->pool->overrun_counter() + state_->sink->lost();
}

}  // namespace vedette
