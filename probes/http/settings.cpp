#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "core/labels.h"
#include "probes/http/http.h"

namespace vedette::probes {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

std::optional<Pattern> read_pattern(const ConfigNode& node, Problems& problems,
                                    std::string_view what) {
    const std::string text = scalar_string(node, problems, what);
    if (!node.is_scalar()) return std::nullopt;
    auto pattern = Pattern::compile(text);
    if (pattern) return *pattern;
    problems.add(node, pattern.error().message);
    return std::nullopt;
}

/// One pattern, or a list of them, behind those already there.
void read_patterns(MapReader& map, std::string_view key, std::vector<Pattern>& out) {
    const ConfigNode* node = map.node(key);
    if (node == nullptr) return;
    const auto one = [&](const ConfigNode& item) {
        auto pattern =
            read_pattern(item, map.problems(), fmt::format("`{}` of {}", key, map.what()));
        if (pattern) out.push_back(*pattern);
    };
    if (!node->is_list()) return one(*node);
    for (const ConfigNode& item : node->items) one(item);
}

// ── status ──

std::optional<int> status_code(std::string_view text) {
    int code = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), code);
    if (text.size() != 3 || read.ptr != text.data() + 3 || code < 100) return std::nullopt;
    return code;
}

/// `200`, `2xx`, `200-204`
std::optional<StatusRange> status_range(const std::string& text) {
    if (const auto code = status_code(text)) return StatusRange{*code, *code, text};
    if (text.size() == 3 && text[0] >= '1' && text[0] <= '9' && lower(text.substr(1)) == "xx")
        return StatusRange{(text[0] - '0') * 100, (text[0] - '0') * 100 + 99, text};
    if (text.size() != 7 || text[3] != '-') return std::nullopt;
    const auto first = status_code(std::string_view(text).substr(0, 3));
    const auto last = status_code(std::string_view(text).substr(4));
    if (!first || !last || *first > *last) return std::nullopt;
    return StatusRange{*first, *last, text};
}

void read_status(MapReader& map, std::string_view key, std::vector<StatusRange>& out) {
    const ConfigNode* node = map.node(key);
    if (node == nullptr) return;
    const std::string what = fmt::format("`{}` of {}", key, map.what());
    const auto one = [&](const ConfigNode& item) {
        const std::string text = scalar_string(item, map.problems(), what);
        if (!item.is_scalar()) return;
        if (auto range = status_range(text)) return out.push_back(std::move(*range));
        map.problems().add(
            item, fmt::format("{} is `{}`; expected `200`, `2xx` or `200-204`", what, text));
    };
    if (!node->is_list()) return one(*node);
    for (const ConfigNode& item : node->items) one(item);
}

// ── headers ──

/// `{name: Server, absent: true}`, `{name: Content-Type, matches: json}`
void read_header_expect(const ConfigNode& node, Problems& problems, const std::string& owner,
                        std::vector<HeaderExpect>& out) {
    MapReader map(node, problems, "a header expected by " + owner);
    HeaderExpect expect;
    expect.name = lower(map.required_string("name"));
    int said = 0;
    const auto flag = [&](std::string_view key, HeaderExpect::Must must) {
        if (!map.boolean(key, false)) return;
        expect.must = must;
        ++said;
    };
    const auto pattern = [&](std::string_view key, HeaderExpect::Must must) {
        const ConfigNode* value = map.node(key);
        if (value == nullptr) return;
        expect.pattern = read_pattern(*value, problems, fmt::format("`{}` of {}", key, map.what()));
        expect.must = expect.pattern ? must : HeaderExpect::Must::BePresent;
        expect.may_be_missing = must == HeaderExpect::Must::NotMatch;
        ++said;
    };
    flag("present", HeaderExpect::Must::BePresent);
    flag("absent", HeaderExpect::Must::BeAbsent);
    pattern("matches", HeaderExpect::Must::Match);
    pattern("not_matches", HeaderExpect::Must::NotMatch);
    if (said != 1 && node.is_map())
        problems.add(node,
                     fmt::format("{} says {} of `present: true`, `absent: true`, `matches` and "
                                 "`not_matches`; expected one",
                                 map.what(), said == 0 ? "none" : "several"));
    out.push_back(std::move(expect));
}

/// A list as above, or a map of names and patterns: `headers: {Content-Type: json}`.
void read_header_expects(MapReader& map, const std::string& owner, std::vector<HeaderExpect>& out) {
    const ConfigNode* node = map.node("headers");
    if (node == nullptr) return;
    if (!node->is_map()) {
        map.list("headers", [&](const ConfigNode& item) {
            read_header_expect(item, map.problems(), owner, out);
        });
        return;
    }
    for (const ConfigNode::Entry& entry : node->entries) {
        auto pattern = read_pattern(entry.value, map.problems(),
                                    fmt::format("header `{}` expected by {}", entry.key, owner));
        if (!pattern) continue;
        out.push_back({lower(entry.key), HeaderExpect::Must::Match, std::move(pattern), false});
    }
}

/// blackbox_exporter's `fail_if_header_matches` and `fail_if_header_not_matches`.
void read_header_failures(MapReader& map, std::string_view key, HeaderExpect::Must must,
                          std::vector<HeaderExpect>& out) {
    map.list(key, [&](const ConfigNode& item) {
        MapReader entry(item, map.problems(), fmt::format("an entry of `{}`", key));
        HeaderExpect expect{lower(entry.required_string("header")), must, std::nullopt, false};
        if (const ConfigNode* regexp = entry.required("regexp"))
            expect.pattern = read_pattern(*regexp, map.problems(), "`regexp` of " + entry.what());
        expect.may_be_missing = entry.boolean("allow_missing", false);
        if (expect.pattern) out.push_back(std::move(expect));
    });
}

// ── the rest of `expect` ──

void read_body_expect(MapReader& map, const std::string& owner, HttpExpect& expect) {
    const ConfigNode* node = map.node("body");
    if (node == nullptr) return;
    if (!node->is_map()) return read_patterns(map, "body", expect.body_matches);
    MapReader body(*node, map.problems(), "the body expected by " + owner);
    read_patterns(body, "matches", expect.body_matches);
    read_patterns(body, "not_matches", expect.body_not_matches);
    const auto bound = [&](std::string_view key) -> std::optional<std::uint64_t> {
        if (node->find(key) == nullptr) return body.bytes(key, 0), std::nullopt;
        return body.bytes(key, 0);
    };
    expect.body_bytes_min = bound("bytes_min");
    expect.body_bytes_max = bound("bytes_max");
    if (expect.body_bytes_min && expect.body_bytes_max &&
        *expect.body_bytes_min > *expect.body_bytes_max)
        body.problem("bytes_min", fmt::format("`bytes_min` is {}, more than `bytes_max`, {}",
                                              *expect.body_bytes_min, *expect.body_bytes_max));
}

void read_redirect_expect(MapReader& map, HttpExpect& expect) {
    expect.final_url = map.string("final_url");
    const ConfigNode* node = map.node("redirects");
    if (node == nullptr) return;
    if (node->is_scalar() && node->text == "none") {
        expect.redirects_max = 0;
        return;
    }
    const std::string what = fmt::format("`redirects` of {}", map.what());
    const auto most = scalar_integer(*node, map.problems(), what, 0);
    if (most < 0 || most > static_cast<std::int64_t>(limits::redirects_max))
        map.problems().add(*node, fmt::format("{} is {}; expected `none` or at most {}", what, most,
                                              limits::redirects_max));
    expect.redirects_max = static_cast<int>(most);
}

/// `required`, `none`, or a map.
void read_tls_expect(MapReader& map, const std::string& owner, HttpExpect& expect) {
    const ConfigNode* node = map.node("tls");
    if (node == nullptr) return;
    if (node->is_scalar()) {
        expect.tls = map.choice("tls", {"required", "none"}, "required") == "required";
        return;
    }
    MapReader tls(*node, map.problems(), "the TLS expected by " + owner);
    expect.tls = tls.boolean("required", true);
    const std::string version = tls.choice("min_version", {"TLS10", "TLS11", "TLS12", "TLS13"}, "");
    if (!version.empty()) expect.tls_version_min = fmt::format("TLS {}.{}", version[3], version[4]);
    if (tls.map().find("valid_for") != nullptr)
        expect.certificate_valid_for = tls.duration("valid_for", Milliseconds(0));
    tls.also_known({"valid_for"});
    if (!*expect.tls && (!version.empty() || expect.certificate_valid_for))
        tls.problem("required",
                    fmt::format("{} is not required, but has a version or a validity", tls.what()));
}

void read_versions(MapReader& map, std::string_view key, bool blackbox,
                   std::vector<std::string>& out) {
    for (const std::string& text : map.strings(key)) {
        std::string version = text;
        if (blackbox && version.starts_with("HTTP/")) version.erase(0, 5);
        if (version == "2.0") version = "2";
        if (version == "1.0" || version == "1.1" || version == "2") {
            out.push_back(version);
            continue;
        }
        map.problem(
            key,
            fmt::format("`{}` of {} has `{}`; expected one of {}", key, map.what(), text,
                        blackbox ? "`HTTP/1.0`, `HTTP/1.1`, `HTTP/2.0`" : "`1.0`, `1.1`, `2`"));
    }
}

void read_expect(MapReader& probe, HttpExpect& expect) {
    const ConfigNode* node = probe.node("expect");
    if (node == nullptr) return;
    MapReader map(*node, probe.problems(), "`expect` of " + probe.what());
    read_status(map, "status", expect.status);
    read_header_expects(map, probe.what(), expect.headers);
    read_body_expect(map, probe.what(), expect);
    read_versions(map, "http_version", false, expect.versions);
    read_redirect_expect(map, expect);
    read_tls_expect(map, probe.what(), expect);
    if (map.map().find("duration_under") != nullptr)
        expect.duration_under = map.duration("duration_under", Milliseconds(0));
    map.also_known({"duration_under"});
}

/// What blackbox_exporter's http module expects, in its own words.
void read_module_expect(MapReader& probe, HttpExpect& expect) {
    const bool said_twice =
        !expect.status.empty() && probe.map().find("valid_status_codes") != nullptr;
    if (said_twice)
        probe.problem("valid_status_codes",
                      fmt::format("{} has both `valid_status_codes` and `status` of `expect`; "
                                  "expected one",
                                  probe.what()));
    read_status(probe, "valid_status_codes", expect.status);
    read_versions(probe, "valid_http_versions", true, expect.versions);
    read_patterns(probe, "fail_if_body_matches_regexp", expect.body_not_matches);
    read_patterns(probe, "fail_if_body_not_matches_regexp", expect.body_matches);
    read_header_failures(probe, "fail_if_header_matches", HeaderExpect::Must::NotMatch,
                         expect.headers);
    read_header_failures(probe, "fail_if_header_not_matches", HeaderExpect::Must::Match,
                         expect.headers);
    const bool no_tls = probe.boolean("fail_if_ssl", false);
    const bool only_tls = probe.boolean("fail_if_not_ssl", false);
    if (no_tls && only_tls)
        probe.problem("fail_if_ssl", fmt::format("{} has both `fail_if_ssl` and `fail_if_not_ssl`; "
                                                 "nothing could be up",
                                                 probe.what()));
    if (no_tls) expect.tls = false;
    if (only_tls) expect.tls = true;
}

Family read_family(MapReader& probe) {
    const bool v6 = probe.choice("preferred_ip_protocol", {"ip4", "ip6"}, "ip4") == "ip6";
    const bool fallback = probe.boolean("ip_protocol_fallback", true);
    if (v6) return fallback ? Family::V6Preferred : Family::V6Only;
    return fallback ? Family::V4Preferred : Family::V4Only;
}

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 ||
               std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) !=
                   std::string_view::npos;
    });
}

std::vector<Header> read_request_headers(MapReader& probe) {
    std::vector<Header> headers = probe.string_map("headers");
    for (const Header& header : headers) {
        const bool breaks_line = header.second.find_first_of("\r\n") != std::string::npos;
        if (is_token(header.first) && !breaks_line) continue;
        probe.problem("headers",
                      fmt::format("header {} of {} cannot be sent; expected a name such as "
                                  "`Accept` and a value of one line",
                                  quote(header.first), probe.what()));
    }
    return headers;
}

}  // namespace

std::string http_objection(std::string_view url) {
    const std::size_t scheme_end = url.find("://");
    const std::string scheme = lower(url.substr(0, scheme_end == url.npos ? 0 : scheme_end));
    if (scheme != "http" && scheme != "https")
        return "expected a URL that begins with http:// or https://";
    for (const char c : url)
        if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f')
            return "expected a URL without spaces and control characters";
    const std::string_view rest = url.substr(scheme_end + 3);
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
    // The target is shown in labels and pages; what must not be seen has its place in the settings.
    if (authority.find('@') != authority.npos)
        return "expected no user and password in it: `basic_auth` keeps them secret";
    if (authority.empty() || authority.front() == ':') return "expected a host after ://";
    return {};
}

HttpProbeSettings read_http_probe(MapReader& probe) {
    HttpProbeSettings settings;
    settings.method = probe.string("method", "GET");
    if (!is_token(settings.method))
        probe.problem("method", fmt::format("`method` of {} is {}; expected a word such as `GET`",
                                            probe.what(), quote(settings.method)));
    settings.headers = read_request_headers(probe);
    settings.body = probe.string("body");
    settings.family = read_family(probe);
    settings.compressed = probe.choice("compression", {"gzip", "identity"}, "identity") == "gzip";
    settings.expect.gzip = settings.compressed;
    settings.body_bytes_max = probe.bytes("body_size_limit", settings.body_bytes_max);
    if (settings.body_bytes_max == 0)
        settings.body_bytes_max = limits::answer_body_bytes_max_default;
    auto client = std::make_shared<HttpSettings>(read_http_settings(probe));
    if (probe.boolean("no_follow_redirects", false)) client->follow_redirects = false;
    settings.client = std::move(client);
    read_expect(probe, settings.expect);
    read_module_expect(probe, settings.expect);
    return settings;
}

Attempt read_http(MapReader& probe) {
    const auto settings = std::make_shared<const HttpProbeSettings>(read_http_probe(probe));
    return [settings](const World& world, const std::string& url, Deadline deadline, Done done) {
        start_http(world, settings, url, deadline, std::move(done));
    };
}

}  // namespace vedette::probes
