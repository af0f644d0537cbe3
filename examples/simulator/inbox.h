#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/http.h"
#include "core/mutex.h"
#include "core/time.h"
#include "examples/simulator/smtp_session.h"

namespace vedette::simulator {

/// Something that arrived.
struct Message {
    enum class Kind { Slack, Webhook, Mail };
    std::uint64_t id = 0;
    Timestamp at;
    Kind kind = Kind::Slack;
    std::string where;  ///< path of the request, or the recipients of a mail
    std::string body;   ///< as it came: JSON, or the whole mail
    int answered = 200; ///< what its sender was told
};
std::string_view to_string(Message::Kind kind);  // `slack`

/// How a receiver misbehaves, `times` times.
struct ReceiverFault {
    int status = 500;
    int retry_after_seconds = 0;  ///< 0: no Retry-After
    std::uint64_t times = 1;
};

/// Where everything that is sent to people ends up, the newest kept, the oldest forgotten.
/// Safe between threads.
class Inbox {
public:
    static constexpr std::size_t messages_max = 200;
    static constexpr std::size_t bytes_max = std::size_t{8} << 20;
    static constexpr std::size_t watchers_max = 16;

    explicit Inbox(const Clock& clock) : clock_(clock) {}

    /// Keeps what came to `/slack/…` or `/hook/…` and answers it, with a fault when one is due.
    Response receive(Message::Kind kind, const Request& request);
    void receive(ReceivedMail mail);
    void clear();
    /// The next messages of that kind are refused.
    void break_receiver(Message::Kind kind, ReceiverFault fault);

    std::vector<Message> newest_first() const;
    /// Tells the stream, from now on, when there is something new.
    void watch(std::shared_ptr<EventStream> stream);
    /// Something that the page shows changed.
    void announce();

private:
    void keep(Message message);

    const Clock& clock_;
    mutable Mutex mutex_;
    std::deque<Message> messages_ VEDETTE_GUARDED_BY(mutex_);
    std::size_t bytes_ VEDETTE_GUARDED_BY(mutex_) = 0;
    std::uint64_t last_id_ VEDETTE_GUARDED_BY(mutex_) = 0;
    std::map<Message::Kind, ReceiverFault> faults_ VEDETTE_GUARDED_BY(mutex_);
    std::vector<std::shared_ptr<EventStream>> watchers_ VEDETTE_GUARDED_BY(mutex_);
};

/// For tests and curious people: every message with its parts, newest first.
std::string inbox_json(const std::vector<Message>& messages);

}  // namespace vedette::simulator
