#include "store/remote/datasource.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/http/form.h"
#include "base/snappy.h"
#include "store/matching.h"
#include "store/remote/gathering.h"
#include "store/remote/read_json.h"
#include "store/remote/read_messages.h"

namespace vedette::store {

namespace {

using Read = DatasourceSettings::Read;

/// `{__name__="up",job=~"a|b"}`
std::string selector_text(std::span<const Matcher> matchers) {
    std::string out = "{";
    for (const Matcher& matcher : matchers) {
        if (out.size() > 1) out += ',';
        out += to_string(matcher);
    }
    return out + "}";
}

/// Seconds with three digits, as far as any server understands times.
std::string seconds_text(std::int64_t ms) {
    constexpr std::int64_t most = 253'402'300'799'999;  // the year 9999
    ms = std::clamp(ms, -most, most);
    const std::int64_t size = ms < 0 ? -ms : ms;
    return fmt::format("{}{}.{:03}", ms < 0 ? "-" : "", size / 1000, size % 1000);
}

std::int64_t first_ms(Window window) {
    return window.from.ms == std::numeric_limits<std::int64_t>::max() ? window.from.ms
                                                                      : window.from.ms + 1;
}

/// Everything an answer holds may be late, torn or senseless: one question, from asking to reading.
class Question {
public:
    Question(Server& server, std::span<const Matcher> matchers, Window window, const Hints& hints,
             std::stop_token stop)
        : server_(server),
          matchers_(matchers),
          window_(window),
          hints_(hints),
          stop_(std::move(stop)) {}

    Result<std::unique_ptr<SeriesCursor>> answer() {
        const auto way = server_.way(stop_);
        if (!way) return fail(way.error());
        Gathering series(window_, limits::datasource_samples_max);
        Result<void> done;
        if (*way == Read::RemoteRead) done = read(series);
        if (*way == Read::Export) done = take_export(series);
        if (*way == Read::Query) done = query(series);
        if (!done) return fail(done.error());
        server_.numbers().samples.add(static_cast<double>(series.samples()));
        return series.finish();
    }

private:
    Result<void> read(Gathering& out) {
        const bool chunks = window_.to - window_.from >= limits::datasource_chunks_from;
        auto taken = read_once(out, chunks);
        if (!taken) return fail(taken.error());
        if (*taken == Chunks::Taken) return {};
        out = Gathering(window_, limits::datasource_samples_max);
        taken = read_once(out, false);
        if (!taken) return fail(taken.error());
        return {};
    }

    Result<Chunks> read_once(Gathering& out, bool chunks) {
        const auto answer = server_.ask(
            server_.read_call(read_request(matchers_, window_, hints_, chunks)), stop_);
        if (!answer) return fail(answer.error());
        const bool streamed =
            answer->header("content-type").starts_with("application/x-streamed-protobuf");
        auto taken = streamed ? read_chunks(answer->body, out) : read_message(answer->body, out);
        if (!taken) return fail(server_.spoiled(taken.error()));
        return taken;
    }

    static Result<Chunks> read_message(std::string_view body, Gathering& out) {
        const auto message = uncompress_snappy(body, limits::datasource_decoded_bytes_max);
        if (!message) return fail(message.error());
        if (auto taken = read_samples(*message, out); !taken) return fail(taken.error());
        return Chunks::Taken;
    }

    Result<void> take_export(Gathering& out) {
        std::string form;
        add_field(form, "match[]", selector_text(matchers_));
        add_field(form, "start", seconds_text(std::max<std::int64_t>(first_ms(window_), 0)));
        add_field(form, "end", seconds_text(window_.to.ms));
        add_field(form, "max_rows_per_line", "10000");
        return ask("/api/v1/export", std::move(form), out, read_export);
    }

    /// A range of the selector, and, where the newest sample is all that counts, which of its
    /// series the server has not seen end.
    Result<void> query(Gathering& out) {
        constexpr std::int64_t longest = std::int64_t{100} * 365 * 24 * 3600 * 1000;
        const std::int64_t wide = window_.from.ms < window_.to.ms - longest
                                      ? longest
                                      : window_.to.ms - window_.from.ms;
        if (wide <= 0) return {};
        const std::string selector = selector_text(matchers_);
        std::string form;
        add_field(form, "query", fmt::format("{}[{}ms]", selector, wide));
        add_field(form, "time", seconds_text(window_.to.ms));
        if (auto done = ask("/api/v1/query", std::move(form), out, read_matrix); !done) return done;
        if (!hints_.latest_only) return {};
        form.clear();
        add_field(form, "query", selector);
        add_field(form, "time", seconds_text(window_.to.ms));
        add_field(form, "lookback_delta", fmt::format("{}ms", wide));
        constexpr std::int64_t first = std::numeric_limits<std::int64_t>::min();
        constexpr std::int64_t last = std::numeric_limits<std::int64_t>::max();
        Gathering alive({{first}, {last}}, limits::datasource_samples_max);
        if (auto done = ask("/api/v1/query", std::move(form), alive, read_matrix); !done)
            return done;
        std::vector<Labels> names = alive.names();
        std::sort(names.begin(), names.end());
        out.keep_only(names);
        return {};
    }

    Result<void> ask(const char* path, std::string form, Gathering& out,
                     Result<void> (*read)(std::string_view, Gathering&)) {
        const auto answer = server_.ask(server_.call(path, std::move(form)), stop_);
        if (!answer) return fail(answer.error());
        if (auto taken = read(answer->body, out); !taken)
            return fail(server_.spoiled(taken.error()));
        return {};
    }

    Server& server_;
    const std::span<const Matcher> matchers_;
    const Window window_;
    const Hints& hints_;
    const std::stop_token stop_;
};

/// `match[]`, `start` and `end` of what asks for names.
std::string names_form(LabelSource::Selectors selectors, Window window, Read way) {
    std::string form;
    for (const auto& selector : selectors) add_field(form, "match[]", selector_text(selector));
    // Both mean all of time when they are left out, but to VictoriaMetrics the first means today.
    const bool all = first_ms(window) <= 0;
    if (!all || way == Read::Export)
        add_field(form, "start", seconds_text(std::max<std::int64_t>(first_ms(window), 0)));
    constexpr std::int64_t far_ahead = std::int64_t{1} << 50;
    if (window.to.ms < far_ahead) add_field(form, "end", seconds_text(window.to.ms));
    return form;
}

/// `U__http_2e_status`: any name in a path. VictoriaMetrics takes names as they are.
std::string name_in_path(std::string_view name, Read way) {
    if (way == Read::Export || is_classic_label_name(name)) return encode_part(name);
    std::string out = "U__";
    for (std::size_t i = 0; i < name.size();) {
        const auto byte = static_cast<unsigned char>(name[i]);
        const std::size_t size = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
        const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                           (byte >= '0' && byte <= '9');
        if (plain) {
            out += name[i];
        } else if (byte == '_') {
            out += "__";
        } else {
            std::uint32_t code = size == 1 ? byte : byte & (0x7fU >> size);
            for (std::size_t k = 1; k < size && i + k < name.size(); ++k)
                code = code << 6 | (static_cast<unsigned char>(name[i + k]) & 0x3f);
            out += fmt::format("_{:x}_", code);
        }
        i += size;
    }
    return out;
}

}  // namespace

struct Datasource::Loaded {
    Loaded(DatasourceSettings settings, ReadyMatcher names, const DatasourceDoors& doors)
        : server(std::move(settings), doors), local_names(std::move(names)) {}

    Server server;
    const ReadyMatcher local_names;
};

Datasource::Datasource(DatasourceDoors doors) : doors_(std::move(doors)) {
    Server::Numbers::in(doors_.metrics).up.set(1);
}

Datasource::~Datasource() = default;

void Datasource::load(std::optional<DatasourceSettings> settings) {
    std::shared_ptr<Loaded> next;
    if (settings) {
        auto names = ReadyMatcher::make(
            {Matcher::Op::Match, std::string(metric_name_label), settings->local_names});
        check(names.has_value(), "the pattern was read when the section was");
        next = std::make_shared<Loaded>(std::move(*settings), std::move(*names), doors_);
    }
    {
        const Lock lock(mutex_);
        loaded_.swap(next);
    }
}

std::shared_ptr<Datasource::Loaded> Datasource::loaded() const {
    const Lock lock(mutex_);
    return loaded_;
}

bool Datasource::knows(std::span<const Matcher> matchers) const {
    const auto loaded = this->loaded();
    if (!loaded) return false;
    return std::none_of(matchers.begin(), matchers.end(), [&](const Matcher& matcher) {
        return matcher.op == Matcher::Op::Equal && matcher.name == metric_name_label &&
               loaded->local_names.holds(matcher.value);
    });
}

namespace {

Error none() {
    return {Fault::Unavailable, "no datasource is configured"};
}

/// Asks for a list of names and reads it.
template <typename T>
Result<std::vector<T>> ask_names(Server& server, HttpCall call,
                                 Result<std::vector<T>> (*read)(std::string_view)) {
    call.body_bytes_max = limits::datasource_names_bytes_max;
    const auto answer = server.ask(std::move(call), {});
    if (!answer) return fail(answer.error());
    Result<std::vector<T>> list = read(answer->body);
    if (!list) return fail(server.spoiled(list.error()));
    return list;
}

}  // namespace

Result<std::unique_ptr<SeriesCursor>> Datasource::select(std::span<const Matcher> matchers,
                                                         Window window, const Hints& hints,
                                                         std::stop_token stop) {
    const auto loaded = this->loaded();
    if (!loaded) return fail(none());
    return Question(loaded->server, matchers, window, hints, std::move(stop)).answer();
}

Result<std::vector<std::string>> Datasource::label_names(Selectors selectors, Window window) {
    const auto loaded = this->loaded();
    if (!loaded) return fail(none());
    Server& server = loaded->server;
    const auto way = server.way({});
    if (!way) return fail(way.error());
    return ask_names(server, server.call("/api/v1/labels", names_form(selectors, window, *way)),
                     read_texts);
}

Result<std::vector<std::string>> Datasource::label_values(std::string_view name,
                                                          Selectors selectors, Window window) {
    const auto loaded = this->loaded();
    if (!loaded) return fail(none());
    Server& server = loaded->server;
    const auto way = server.way({});
    if (!way) return fail(way.error());
    const std::string form = names_form(selectors, window, *way);
    return ask_names(server,
                     server.call(fmt::format("/api/v1/label/{}/values{}{}",
                                             name_in_path(name, *way), form.empty() ? "" : "?",
                                             form)),
                     read_texts);
}

Result<std::vector<Labels>> Datasource::series_in(Selectors selectors, Window window) {
    const auto loaded = this->loaded();
    if (!loaded) return fail(none());
    Server& server = loaded->server;
    const auto way = server.way({});
    if (!way) return fail(way.error());
    // The API wants a selector; this one holds for everything.
    static const std::vector<std::vector<Matcher>> all{
        {{Matcher::Op::Match, std::string(metric_name_label), ".+"}}};
    return ask_names(
        server,
        server.call("/api/v1/series", names_form(selectors.empty() ? all : selectors, window, *way)),
        read_series_names);
}

}  // namespace vedette::store
