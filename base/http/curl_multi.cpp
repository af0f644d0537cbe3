#include "base/http/curl_multi.h"

#include <utility>

#include "core/error.h"
#include "core/limits.h"

namespace vedette {

CurlMulti::CurlMulti(Loop& loop) : loop_(loop), multi_(curl_multi_init()) {
    check(multi_ != nullptr, "libcurl can be started");
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlMulti::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlMulti::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, long{limits::idle_client_connections_max});
    // HTTP/2 streams on one connection would share its fate; and one probe is one connection.
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, long{CURLPIPE_NOTHING});
}

CurlMulti::~CurlMulti() {
    *gone_ = true;
    loop_.cancel(timer_);
    for (CURL* easy : stock_) curl_easy_cleanup(easy);
    curl_multi_cleanup(multi_);
}

CURL* CurlMulti::take() {
    if (stock_.empty()) return curl_easy_init();
    CURL* easy = stock_.back();
    stock_.pop_back();
    return easy;
}

void CurlMulti::give_back(CURL* easy) {
    if (easy == nullptr) return;
    stop(easy);
    if (stock_.size() >= limits::probes_in_flight_per_loop) return curl_easy_cleanup(easy);
    curl_easy_reset(easy);
    stock_.push_back(easy);
}

bool CurlMulti::start(CURL* easy, CurlTransfer& transfer) {
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
    return curl_multi_add_handle(multi_, easy) == CURLM_OK;
}

void CurlMulti::stop(CURL* easy) {
    curl_multi_remove_handle(multi_, easy);  // harmless when it is not on it
}

int CurlMulti::on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) {
    auto& multi = *static_cast<CurlMulti*>(self);
    if (what == CURL_POLL_REMOVE) {
        multi.loop_.unwatch(fd);
        return 0;
    }
    const unsigned events =
        (what & CURL_POLL_IN ? Loop::readable : 0U) | (what & CURL_POLL_OUT ? Loop::writable : 0U);
    multi.loop_.watch(fd, events, [&multi, fd](unsigned ready) {
        multi.act(fd, (ready & Loop::readable ? CURL_CSELECT_IN : 0) |
                          (ready & Loop::writable ? CURL_CSELECT_OUT : 0));
    });
    return 0;
}

int CurlMulti::on_timer(CURLM*, long wait_ms, void* self) {
    auto& multi = *static_cast<CurlMulti*>(self);
    multi.loop_.cancel(std::exchange(multi.timer_, {}));
    if (wait_ms < 0) return 0;
    multi.timer_ = multi.loop_.after(Milliseconds(wait_ms), [&multi] {
        multi.timer_ = {};
        multi.act(CURL_SOCKET_TIMEOUT, 0);
    });
    return 0;
}

void CurlMulti::act(curl_socket_t fd, int events) {
    int running = 0;
    curl_multi_socket_action(multi_, fd, events, &running);
    tell_finished();
}

void CurlMulti::tell_finished() {
    const auto gone = gone_;
    int left = 0;
    while (!*gone) {
        const CURLMsg* message = curl_multi_info_read(multi_, &left);
        if (message == nullptr) return;
        if (message->msg != CURLMSG_DONE) continue;
        CURL* easy = message->easy_handle;
        const CURLcode code = message->data.result;  // the message goes with the handle
        char* given = nullptr;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &given);
        auto* transfer = reinterpret_cast<CurlTransfer*>(given);
        if (code != CURLE_OK || !transfer->keeps_connection())
            curl_multi_remove_handle(multi_, easy);
        transfer->finished(code);
    }
}

}  // namespace vedette
