#pragma once

#include <curl/curl.h>

#include <memory>
#include <vector>

#include "base/loop.h"

namespace vedette {

/// One transfer on a `CurlMulti`. Only .cpp files of this room include this header.
class CurlTransfer {
public:
    virtual ~CurlTransfer() = default;
    /// The transfer ended and is off the multi handle; its easy handle can still be asked. May
    /// start and stop transfers, and may destroy the `CurlMulti` itself.
    virtual void finished(CURLcode code) = 0;
    /// True: the handle stays on the multi handle with its open connection, for CONNECT_ONLY.
    virtual bool keeps_connection() const { return false; }
};

/// libcurl's multi handle on a loop, with a small stock of easy handles: making one anew costs more
/// than a loopback request. On the loop's thread only.
class CurlMulti {
public:
    explicit CurlMulti(Loop& loop);
    ~CurlMulti();
    CurlMulti(const CurlMulti&) = delete;
    CurlMulti& operator=(const CurlMulti&) = delete;

    /// An easy handle with default options; a null pointer when memory is short.
    CURL* take();
    /// Gives it back, running or not.
    void give_back(CURL* easy);
    /// Runs it until `transfer.finished`. False when libcurl refuses.
    bool start(CURL* easy, CurlTransfer& transfer);
    /// Takes it off; `finished` is not called.
    void stop(CURL* easy);

private:
    static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void* socket);
    static int on_timer(CURLM* multi, long wait_ms, void* self);
    void act(curl_socket_t fd, int events);
    /// Tells those that ended. Must be the last thing its caller does: `*this` may be gone after.
    void tell_finished();

    Loop& loop_;
    CURLM* multi_ = nullptr;
    Loop::TimerId timer_;
    std::vector<CURL*> stock_;
    std::shared_ptr<bool> gone_ = std::make_shared<bool>(false);
};

}  // namespace vedette
