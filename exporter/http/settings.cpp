#include "exporter/http/settings.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <charconv>
#include <set>

namespace vedette::http {

namespace {

ServerTls read_tls(const ConfigNode& node, Problems& problems) {
    ServerTls tls;
    MapReader map(node, problems, "listener's tls");
    tls.cert_file = map.required_string("cert_file");
    tls.key_file = map.required_string("key_file");
    tls.min_version = map.choice("min_version", {"TLS12", "TLS13"}, tls.min_version);
    return tls;
}

ListenerSettings read_listener(const ConfigNode& node, Problems& problems) {
    ListenerSettings listener;
    MapReader map(node, problems, "listener");
    listener.address = map.required_string("address");
    if (!listener.address.empty()) {
        const auto parsed = parse_address(listener.address);
        if (!parsed) map.problem("address", parsed.error().message);
    }
    for (const std::string& word : map.strings("serves")) {
        if (const auto group = parse_path_group(word)) {
            listener.serves.push_back(*group);
        } else {
            map.problem("serves",
                        fmt::format("unknown path group `{}`; expected pages, metrics, api, "
                                    "write, admin or health",
                                    word));
        }
    }
    if (const ConfigNode* tls = map.node("tls")) listener.tls = read_tls(*tls, problems);
    return listener;
}

Role read_role(MapReader& map, std::string_view key, Role otherwise) {
    const std::string word =
        map.choice(key, {"nobody", "viewer", "editor", "admin"}, to_string(otherwise));
    return parse_role(word).value_or(otherwise);
}

bool is_bcrypt(std::string_view hash) {
    return hash.size() == 60 && hash.substr(0, 2) == "$2" && hash[3] == '$' && hash[6] == '$' &&
           std::string_view("aby").find(hash[2]) != std::string_view::npos;
}

User read_user(const ConfigNode& node, Problems& problems) {
    User user;
    MapReader map(node, problems, "user");
    user.name = map.required_string("name");
    user.password_hash = map.required_string("password_hash");
    user.role = read_role(map, "role", user.role);
    if (user.name.find(':') != std::string::npos) {
        map.problem("name", "a user's name must not contain `:`");
    }
    if (!user.password_hash.empty() && !is_bcrypt(user.password_hash)) {
        map.problem("password_hash",
                    "expected a bcrypt hash, such as `htpasswd -nBC 10 NAME` prints");
    }
    return user;
}

Token read_token(const ConfigNode& node, Problems& problems) {
    Token token;
    MapReader map(node, problems, "token");
    token.name = map.required_string("name");
    token.current = read_secret(map, "token");
    token.previous = read_secret(map, "previous");
    token.role = read_role(map, "role", token.role);
    if (!token.current.is_set()) map.problem("token", "expected `token` or `token_file`");
    return token;
}

FrontLimits read_limits(const ConfigNode& node, Problems& problems) {
    FrontLimits limits;
    MapReader map(node, problems, "server limits");
    const auto count = [&map](std::string_view key, std::size_t& into, std::size_t most) {
        into = static_cast<std::size_t>(
            map.integer(key, static_cast<std::int64_t>(into), 1, static_cast<std::int64_t>(most)));
    };
    count("connections", limits.connections, limits::connections_max * 16);
    count("requests_in_flight", limits.requests_in_flight, limits::requests_in_flight_max * 16);
    count("event_streams", limits.event_streams, limits::event_streams_max * 16);
    count("workers", limits.workers, 64);
    limits.body_bytes = map.bytes("body_size", limits.body_bytes);
    limits.head_deadline = map.duration("head_deadline", limits.head_deadline);
    limits.body_deadline = map.duration("body_deadline", limits.body_deadline);
    limits.response_deadline = map.duration("response_deadline", limits.response_deadline);
    limits.idle = map.duration("idle", limits.idle);
    return limits;
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
    const auto wrong = [text] {
        return fail(
            Fault::BadInput,
            fmt::format("`{}` is no address to listen on; expected host:port, [::1]:port or :port",
                        text));
    };
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return wrong();
    std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    unsigned number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc() || end != port.data() + port.size() || number > 65535) return wrong();
    if (host.starts_with('[')) {
        if (!host.ends_with(']')) return wrong();
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return wrong();
    }
    return Address{std::string(host), std::string(port)};
}

ServerSettings read_server_section(const ConfigNode& node, Problems& problems) {
    ServerSettings settings;
    MapReader map(node, problems, "server");
    map.list("listeners", [&](const ConfigNode& item) {
        settings.listeners.push_back(read_listener(item, problems));
    });
    std::set<std::string> names;
    map.list("users", [&](const ConfigNode& item) {
        settings.users.push_back(read_user(item, problems));
        if (!names.insert(settings.users.back().name).second) {
            problems.add(item,
                         fmt::format("user `{}` stands here twice", settings.users.back().name));
        }
    });
    map.list("tokens", [&](const ConfigNode& item) {
        settings.tokens.push_back(read_token(item, problems));
    });
    const bool open = settings.users.empty() && settings.tokens.empty();
    settings.anonymous = read_role(map, "anonymous", open ? Role::Viewer : Role::Nobody);
    settings.allowed_hosts = map.strings("allowed_hosts");
    if (const std::string pattern = map.string("cors_origin"); !pattern.empty()) {
        re2::RE2::Options options(re2::RE2::Quiet);
        options.set_dot_nl(true);
        const auto compiled = std::make_shared<const re2::RE2>(pattern, options);
        if (compiled->ok())
            settings.cors_origin = compiled;
        else
            map.problem("cors_origin", fmt::format("`{}` is no regular expression: {}", pattern,
                                                   compiled->error()));
    }
    settings.access_log = map.boolean("access_log", false);
    if (const ConfigNode* limits = map.node("limits")) {
        settings.limits = read_limits(*limits, problems);
    }
    return settings;
}

}  // namespace vedette::http
