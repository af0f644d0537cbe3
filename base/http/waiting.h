#pragma once

#include <stop_token>

#include "base/http/client.h"

namespace vedette {

/// Sends on the loop's thread and waits here, on another one, for the outcome. Once `stop` is
/// requested it waits no longer and the outcome is Cancelled; the call itself ends by its deadline.
HttpOutcome send_and_wait(Loop& loop, HttpClient& client, HttpCall call, Milliseconds timeout,
                          const std::stop_token& stop);

}  // namespace vedette
