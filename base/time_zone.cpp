#include "base/time_zone.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace vedette {
namespace {

tl::unexpected<Error> malformed() {
    return fail(Fault::BadInput, "malformed time zone information");
}

/// Takes big-endian numbers and texts from the front; `good` is false from when there was too
/// little.
struct Reader {
    std::string_view rest;
    bool good = true;

    std::string_view take(std::size_t bytes) {
        if (bytes > rest.size()) {
            good = false;
            return {};
        }
        const std::string_view out = rest.substr(0, bytes);
        rest.remove_prefix(bytes);
        return out;
    }
    std::uint64_t number(std::size_t bytes) {
        std::uint64_t out = 0;
        for (const char c : take(bytes)) out = (out << 8) | static_cast<unsigned char>(c);
        return out;
    }
    std::int64_t time(std::size_t bytes) {
        const std::uint64_t raw = number(bytes);
        return bytes == 4 ? static_cast<std::int32_t>(static_cast<std::uint32_t>(raw))
                          : static_cast<std::int64_t>(raw);
    }
};

/// `TZif`, version, 15 unused bytes, six counts.
struct Header {
    char version = 0;
    std::size_t utc_marks = 0, standard_marks = 0, leaps = 0, times = 0, types = 0, letters = 0;

    static std::optional<Header> read(Reader& in) {
        if (in.take(4) != "TZif") return std::nullopt;
        Header out;
        const std::string_view version = in.take(1);
        in.take(15);
        for (std::size_t* count : {&out.utc_marks, &out.standard_marks, &out.leaps, &out.times,
                                   &out.types, &out.letters})
            *count = in.number(4);
        if (!in.good) return std::nullopt;
        out.version = version[0];
        return out;
    }
    std::size_t body_bytes(std::size_t time_bytes) const {
        return times * (time_bytes + 1) + types * 6 + letters + leaps * (time_bytes + 4) +
               standard_marks + utc_marks;
    }
};

// ── the text behind the file: `CET-1CEST,M3.5.0,M10.5.0/3` ──

std::optional<std::string> take_name(std::string_view& text) {
    const bool quoted = text.starts_with('<');
    if (quoted) text.remove_prefix(1);
    std::size_t end = 0;
    while (end < text.size() &&
           (quoted ? text[end] != '>'
                   : std::string_view("+-,0123456789").find(text[end]) == text.npos))
        ++end;
    if (quoted ? end == text.size() : end < 3) return std::nullopt;
    std::string out(text.substr(0, end));
    text.remove_prefix(end + (quoted ? 1 : 0));
    return out;
}

std::optional<int> take_number(std::string_view& text, int max) {
    std::size_t end = 0;
    int out = 0;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9' && out <= max)
        out = out * 10 + (text[end++] - '0');
    if (end == 0 || out > max) return std::nullopt;
    text.remove_prefix(end);
    return out;
}

bool take_letter(std::string_view& text, char letter) {
    if (!text.starts_with(letter)) return false;
    text.remove_prefix(1);
    return true;
}

/// `[+-]hh[:mm[:ss]]`
std::optional<std::int64_t> take_seconds(std::string_view& text) {
    const bool negative = take_letter(text, '-');
    if (!negative) take_letter(text, '+');
    std::int64_t out = 0;
    const auto hours = take_number(text, 24 * 7);
    if (!hours) return std::nullopt;
    out = *hours * 3600;
    for (const int unit : {60, 1}) {
        if (!take_letter(text, ':')) break;
        const auto part = take_number(text, 59);
        if (!part) return std::nullopt;
        out += *part * unit;
    }
    return negative ? -out : out;
}

std::chrono::year year_of(std::int64_t seconds) {
    const auto day = std::chrono::floor<std::chrono::days>(
        std::chrono::sys_seconds(std::chrono::seconds(seconds)));
    return std::chrono::year_month_day(day).year();
}

}  // namespace

std::optional<TimeZone::Change> TimeZone::parse_change(std::string_view& text) {
    Change out;
    std::optional<int> day;
    if (take_letter(text, 'M')) {
        const auto month = take_number(text, 12);
        if (!month || *month < 1 || !take_letter(text, '.')) return std::nullopt;
        const auto week = take_number(text, 5);
        if (!week || *week < 1 || !take_letter(text, '.')) return std::nullopt;
        day = take_number(text, 6);
        out.month = *month;
        out.week = *week;
    } else {
        out.kind = take_letter(text, 'J') ? Change::Kind::Julian : Change::Kind::Day;
        day = take_number(text, 365);
    }
    if (!day) return std::nullopt;
    out.day = *day;
    if (!take_letter(text, '/')) return out;
    const auto seconds = take_seconds(text);
    if (!seconds) return std::nullopt;
    out.seconds = *seconds;
    return out;
}

std::optional<TimeZone::Rule> TimeZone::parse_rule(std::string_view text) {
    Rule out;
    const auto offset = [&](Offset& into, std::optional<std::int64_t> unless_said) {
        auto name = take_name(text);
        if (!name) return false;
        into.name = *std::move(name);
        const bool said = !text.empty() && text[0] != ',';
        // These texts count westwards.
        const auto west = said || !unless_said ? take_seconds(text) : unless_said;
        if (!west) return false;
        into.east = std::chrono::seconds(-*west);
        return true;
    };
    if (!offset(out.standard, std::nullopt)) return std::nullopt;
    if (text.empty()) return out;
    if (!offset(out.summer, -out.standard.east.count() - 3600)) return std::nullopt;
    if (text.empty()) text = ",M3.2.0,M11.1.0";
    for (auto* change : {&out.begins, &out.ends}) {
        if (!take_letter(text, ',')) return std::nullopt;
        *change = parse_change(text);
        if (!*change) return std::nullopt;
    }
    if (!text.empty()) return std::nullopt;
    return out;
}

/// Seconds since 1970 on the clocks of the place.
std::int64_t TimeZone::seconds_of(const Change& change, std::chrono::year year) {
    using namespace std::chrono;
    sys_days day = sys_days(year / January / 1);
    if (change.kind == Change::Kind::Month) {
        const auto month = year / std::chrono::month(static_cast<unsigned>(change.month));
        const weekday wanted(static_cast<unsigned>(change.day));
        day = change.week == 5 ? sys_days(month / wanted[last])
                               : sys_days(month / wanted[static_cast<unsigned>(change.week)]);
    } else if (change.kind == Change::Kind::Day) {
        day += days(change.day);
    } else {
        // Counts from 1, and never counts the 29th of February.
        day += days(change.day - 1 + (year.is_leap() && change.day >= 60 ? 1 : 0));
    }
    return day.time_since_epoch().count() * std::int64_t{86400} + change.seconds;
}

TimeZone::Offset TimeZone::by_rule(const Rule& rule, std::int64_t when) {
    if (!rule.begins) return rule.standard;
    const std::chrono::year year = year_of(when + rule.standard.east.count());
    const std::int64_t begins = seconds_of(*rule.begins, year) - rule.standard.east.count();
    const std::int64_t ends = seconds_of(*rule.ends, year) - rule.summer.east.count();
    const bool summer =
        begins < ends ? when >= begins && when < ends : when >= begins || when < ends;
    return summer ? rule.summer : rule.standard;
}

Result<TimeZone> TimeZone::parse(const std::string& name, std::string_view bytes) {
    Reader in{bytes};
    auto header = Header::read(in);
    if (!header) return malformed();
    std::size_t time_bytes = 4;
    if (header->version >= '2') {
        // The same again behind it, with longer times.
        in.take(header->body_bytes(4));
        header = Header::read(in);
        if (!header) return malformed();
        time_bytes = 8;
    }
    if (header->types == 0 || header->body_bytes(time_bytes) > in.rest.size()) return malformed();
    TimeZone out;
    out.name_ = name;
    for (std::size_t i = 0; i < header->times; ++i) out.times_.push_back(in.time(time_bytes));
    for (std::size_t i = 0; i < header->times; ++i)
        out.becomes_.push_back(static_cast<std::uint8_t>(in.number(1)));
    Reader types{in.take(header->types * 6)};
    const std::string_view letters = in.take(header->letters);
    bool found_first = false;
    for (std::size_t i = 0; i < header->types; ++i) {
        const std::chrono::seconds east(types.time(4));
        const bool summer = types.number(1) != 0;
        const std::size_t at = types.number(1);
        if (at >= letters.size()) return malformed();
        const std::string_view rest = letters.substr(at);
        out.offsets_.push_back({east, std::string(rest.substr(0, rest.find('\0')))});
        if (!summer && !std::exchange(found_first, true)) out.first_ = i;
    }
    for (const std::uint8_t index : out.becomes_)
        if (index >= out.offsets_.size()) return malformed();
    if (!std::is_sorted(out.times_.begin(), out.times_.end())) return malformed();
    in.take(header->leaps * (time_bytes + 4) + header->standard_marks + header->utc_marks);
    if (in.rest.starts_with('\n')) {
        const std::string_view rest = in.rest.substr(1);
        out.rule_ = parse_rule(rest.substr(0, rest.find('\n')));
    }
    return out;
}

TimeZone::Offset TimeZone::at(Timestamp when) const {
    const std::int64_t seconds =
        std::chrono::floor<std::chrono::seconds>(Milliseconds(when.ms)).count();
    const auto after = std::upper_bound(times_.begin(), times_.end(), seconds);
    if (after == times_.end() && rule_) return by_rule(*rule_, seconds);
    if (after == times_.begin()) return offsets_[first_];
    return offsets_[becomes_[static_cast<std::size_t>(after - times_.begin()) - 1]];
}

Result<std::shared_ptr<const TimeZone>> find_time_zone(const std::string& name) {
    if (name.empty() || name == "UTC") return std::shared_ptr<const TimeZone>();
    if (name.find("..") != name.npos || name[0] == '/' || name[0] == '\\')
        return fail(Fault::BadInput, "time: invalid location name");
    const std::string path = name == "Local" ? "/etc/localtime" : "/usr/share/zoneinfo/" + name;
    std::error_code error;
    const auto kind = std::filesystem::status(path, error).type();
    if (kind == std::filesystem::file_type::directory)
        return fail(Fault::BadInput, "is a directory");
    if (error == std::errc::not_a_directory) return fail(Fault::BadInput, "not a directory");
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    if (!file) return fail(Fault::NotFound, "unknown time zone " + name);
    auto zone = TimeZone::parse(name, bytes);
    if (!zone) return fail(zone.error());
    return std::make_shared<const TimeZone>(*std::move(zone));
}

}  // namespace vedette
