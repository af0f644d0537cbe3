#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "core/http.h"
#include "exporter/http/head.h"

namespace vedette::http {

/// One request that was judged, with its body, on its way to a handler.
struct Call {
    const Route* route = nullptr;
    Request request;   ///< all but method and headers, which are read from `head`
    std::string head;  ///< see `handler_head`
    std::string accept_encoding;
    std::vector<Header> added_headers;  ///< to whatever the handler answers
    std::uint64_t id = 0;               ///< in the log when something fails
    bool keep_alive = true;
};

/// One answer as bytes: head, then `body` or `fixed_body`.
struct Answer {
    int status = 500;
    std::string head, body;
    std::string_view fixed_body;
    bool keep_alive = false;
    bool waited = false;  ///< for something outside this process
    std::function<void(std::shared_ptr<EventStream>)> on_open;
};

/// The head as httplib gets to see it: path only, no framing, no ranges, no credentials, no
/// `Expect`, and none of the names under which httplib itself notes addresses.
std::string handler_head(const Head& head, bool keep_alive);

/// Now, as the `Date` header writes it.
std::string http_date();

/// An answer of the front itself: one sentence, no handler.
Answer plain_answer(const Refusal& refusal, std::string_view method, bool keep_alive,
                    std::string_view extra_headers);

/// Answers calls: httplib reads the judged head and writes the answer, between two ends of memory;
/// the router is ours. One for each thread that answers.
class Answerer {
public:
    /// `idle` is what `Keep-Alive` promises.
    Answerer(Log& log, std::chrono::seconds idle);
    ~Answerer();
    Answerer(const Answerer&) = delete;
    Answerer& operator=(const Answerer&) = delete;

    /// Runs the handler. Whatever it throws ends in the log under the call's id; the caller sees
    /// 500.
    Answer answer(Call call);

private:
    class Server;
    std::unique_ptr<Server> server_;
};

}  // namespace vedette::http
