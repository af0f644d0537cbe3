#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/http/hop.h"

namespace vedette {

inline constexpr const char* user_agent = "Vedette";

/// The header lines a call asks for on one hop: its own, those of its settings, and its
/// authorization, less what another host must not see. Only the HTTP client includes this header.
struct RequestHeaders {
    std::vector<Header> lines;
    bool has_agent = false, has_host = false, has_type = false, has_accept = false;
};

/// Whether a header says how the message is framed or what becomes of the connection: libcurl's to
/// judge, not our own client's.
bool is_framing_header(std::string_view name);

/// Whether name and value can stand in a head, with nothing that ends the line.
bool can_be_header(std::string_view name, std::string_view value);

/// Fails with BadInput when method, a name or a value cannot be sent, and as the secrets do when
/// they cannot be read.
Result<RequestHeaders> request_headers(const HttpCall& call, const HttpHop::Ask& ask);

/// What is sent after the head: nothing after a redirect that turned the request into a GET.
std::string_view request_body(const HttpCall& call, const HttpHop::Ask& ask);
/// Whether the body's length is announced, though it may be 0.
bool has_length(const HttpCall& call, const HttpHop::Ask& ask);

}  // namespace vedette
