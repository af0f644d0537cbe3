#include "exporter/http/event_stream.h"

#include <algorithm>
#include <utility>

namespace vedette::http {

bool LoopDoor::post(std::function<void()> work) {
    const Lock lock(mutex_);
    if (loop_ == nullptr) return false;
    loop_->post(std::move(work));
    return true;
}

void LoopDoor::close() {
    const Lock lock(mutex_);
    loop_ = nullptr;
}

std::string event_text(std::string_view event, std::string_view data) {
    std::string text;
    text.reserve(event.size() + data.size() + 24);
    if (!event.empty()) {
        text += "event: ";
        text += event.substr(0, event.find_first_of("\r\n"));
        text += '\n';
    }
    while (true) {
        const std::size_t end = data.find_first_of("\r\n");
        text += "data: ";
        text += data.substr(0, end);
        text += '\n';
        if (end == std::string_view::npos) break;
        const bool pair = data[end] == '\r' && end + 1 < data.size() && data[end + 1] == '\n';
        data.remove_prefix(end + (pair ? 2 : 1));
    }
    text += '\n';
    return text;
}

FrontEventStream::FrontEventStream(std::shared_ptr<LoopDoor> door, std::function<void()> wake,
                                   std::size_t backlog_bytes_max)
    : door_(std::move(door)), wake_(std::move(wake)), backlog_bytes_max_(backlog_bytes_max) {}

bool FrontEventStream::send(std::string_view event, std::string_view data) {
    const std::string text = event_text(event, data);
    bool wake = false;
    bool taken = true;
    {
        const Lock lock(mutex_);
        if (!open_) return false;
        if (backlog_ + text.size() > backlog_bytes_max_) {
            open_ = false;
            cut_ = true;
            wake = true;
            taken = false;
        } else {
            wake = pending_.empty();
            pending_ += text;
            backlog_ += text.size();
        }
    }
    if (wake) door_->post(wake_);
    return taken;
}

bool FrontEventStream::open() const {
    const Lock lock(mutex_);
    return open_;
}

std::string FrontEventStream::take() {
    const Lock lock(mutex_);
    return std::exchange(pending_, {});
}

void FrontEventStream::sent(std::size_t bytes) {
    const Lock lock(mutex_);
    backlog_ -= std::min(backlog_, bytes);
}

void FrontEventStream::close() {
    const Lock lock(mutex_);
    open_ = false;
    pending_ = {};
}

bool FrontEventStream::was_cut() const {
    const Lock lock(mutex_);
    return cut_;
}

}  // namespace vedette::http
