#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vedette {

/// Who may call a route. Each includes those before it.
enum class Role { Nobody, Viewer, Editor, Admin };
std::string_view to_string(Role role);
std::optional<Role> parse_role(std::string_view text);

/// Where a route is answered: in the loop (must not block, microseconds), on a worker, as an event
/// stream. Measured: on a worker, and in the loop what is known to take microseconds because it was
/// asked before; a handler that may have waited for another program says so (`waited`).
enum class Weight { Inline, Worker, Measured, Stream };

/// Which listeners serve a route: `listeners[].serves` names groups.
enum class PathGroup { Pages, Metrics, Api, Write, Admin, Health };
std::string_view to_string(PathGroup group);
std::optional<PathGroup> parse_path_group(std::string_view text);

using Header = std::pair<std::string, std::string>;

/// A request whose head was judged and whose body, decoded and within its limit, is complete.
struct Request {
    std::string method;
    std::string path;                                        ///< percent-decoded, without the query
    std::vector<std::pair<std::string, std::string>> query;  ///< decoded; repeated names stay
    /// Fields of an `application/x-www-form-urlencoded` body, then the query parameters.
    std::vector<std::pair<std::string, std::string>> form;
    std::vector<std::pair<std::string, std::string>> captures;  ///< of `{name}` in the route's path
    std::vector<Header> headers;                                ///< names in lower case
    std::string body;
    std::string peer;  ///< address of the other end, from the socket, never from a header
    std::string user;  ///< empty when nobody logged in
    Role role = Role::Nobody;
    bool tls = false;
    std::string etag;      ///< of `If-None-Match`; empty when absent
    std::stop_token stop;  ///< stops when the caller goes away or the server ends

    /// First value, or an empty view.
    std::string_view header(std::string_view lower_case_name) const;
    std::string_view param(std::string_view name) const;  ///< of `form`
    std::vector<std::string_view> params(std::string_view name) const;
    std::string_view capture(std::string_view name) const;
};

/// The writing end of an event stream. Safe from any thread; never blocks.
class EventStream {
public:
    virtual ~EventStream() = default;
    /// One server-sent event. False when the listener is gone or lags behind its byte limit and was
    /// cut.
    virtual bool send(std::string_view event, std::string_view data) = 0;
    virtual bool open() const = 0;
};

/// What is answered. Never an exception's text.
struct Response {
    int status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::vector<Header> headers;
    std::string body;
    /// Body that outlives the answer and is not copied (an embedded page); used when not empty.
    std::string_view fixed_body;
    /// For Weight::Measured: it may have waited for another program, and is never given in the loop.
    bool waited = false;
    /// For Weight::Stream: called once, on the loop, with the stream; status must be 200.
    std::function<void(std::shared_ptr<EventStream>)> on_open;
};

/// One thing the front answers. `path` is exact, or has segments `{name}` (one segment) or a last
/// segment `{name...}` (the rest).
struct Route {
    std::string method, path;
    Role role = Role::Viewer;
    PathGroup group = PathGroup::Api;
    Weight weight = Weight::Worker;
    std::function<Response(const Request&)> answer;
    std::size_t body_bytes_max = 0;  ///< 0: limits.h's default
    std::string content_type;        ///< demanded of POST, PUT, PATCH and DELETE; empty: any
};

Response text_response(int status, std::string body);
Response json_response(int status, std::string body);

}  // namespace vedette
