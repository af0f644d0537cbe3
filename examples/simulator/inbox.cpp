#include "examples/simulator/inbox.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "examples/simulator/mail.h"

namespace vedette::simulator {

std::string_view to_string(Message::Kind kind) {
    switch (kind) {
        case Message::Kind::Slack: return "slack";
        case Message::Kind::Webhook: return "webhook";
        case Message::Kind::Mail: return "mail";
    }
    return "";
}

Response Inbox::receive(Message::Kind kind, const Request& request) {
    Message message;
    message.kind = kind;
    message.where = request.path;
    message.body = request.body;
    std::optional<ReceiverFault> fault;
    {
        const Lock lock(mutex_);
        if (const auto found = faults_.find(kind); found != faults_.end()) {
            fault = found->second;
            if (--found->second.times == 0) faults_.erase(found);
        }
    }
    Response response = text_response(200, "ok");
    if (fault) {
        response = text_response(fault->status, "broken on request");
        if (fault->retry_after_seconds > 0)
            response.headers.emplace_back("Retry-After", std::to_string(fault->retry_after_seconds));
    }
    message.answered = response.status;
    keep(std::move(message));
    return response;
}

void Inbox::receive(ReceivedMail mail) {
    Message message;
    message.kind = Message::Kind::Mail;
    message.where = fmt::format("{}", fmt::join(mail.to, ", "));
    message.body = std::move(mail.message);
    message.answered = 250;
    keep(std::move(message));
}

void Inbox::keep(Message message) {
    {
        const Lock lock(mutex_);
        message.id = ++last_id_;
        message.at = clock_.now();
        bytes_ += message.body.size();
        messages_.push_back(std::move(message));
        while (messages_.size() > messages_max || (bytes_ > bytes_max && messages_.size() > 1)) {
            bytes_ -= messages_.front().body.size();
            messages_.pop_front();
        }
    }
    announce();
}

void Inbox::clear() {
    {
        const Lock lock(mutex_);
        messages_.clear();
        faults_.clear();
        bytes_ = 0;
    }
    announce();
}

void Inbox::break_receiver(Message::Kind kind, ReceiverFault fault) {
    const Lock lock(mutex_);
    if (fault.times == 0) faults_.erase(kind);
    else faults_[kind] = fault;
}

std::vector<Message> Inbox::newest_first() const {
    const Lock lock(mutex_);
    return {messages_.rbegin(), messages_.rend()};
}

void Inbox::watch(std::shared_ptr<EventStream> stream) {
    const Lock lock(mutex_);
    std::erase_if(watchers_, [](const auto& one) { return !one->open(); });
    if (watchers_.size() < watchers_max) watchers_.push_back(std::move(stream));
}

void Inbox::announce() {
    const Lock lock(mutex_);
    std::erase_if(watchers_, [](const auto& one) { return !one->send("change", "{}"); });
}

std::string inbox_json(const std::vector<Message>& messages) {
    using Json = nlohmann::ordered_json;
    Json out = Json::array();
    for (const Message& message : messages) {
        Json one{{"id", message.id},
                 {"at", format_rfc3339(message.at)},
                 {"kind", to_string(message.kind)},
                 {"where", message.where},
                 {"answered", message.answered}};
        if (message.kind == Message::Kind::Mail) {
            const MailView mail = read_mail(message.body);
            one["mail"] = {{"subject", mail.subject}, {"from", mail.from}, {"to", mail.to},
                           {"date", mail.date}, {"text", mail.text}};
        } else {
            Json body = Json::parse(message.body, nullptr, false);
            one["json"] = body.is_discarded() ? Json(nullptr) : std::move(body);
            if (one["json"].is_null()) one["text"] = message.body;
        }
        out.push_back(std::move(one));
    }
    return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace vedette::simulator
