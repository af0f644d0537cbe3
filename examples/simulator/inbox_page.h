#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "examples/simulator/inbox.h"
#include "examples/simulator/services.h"

namespace vedette::simulator {

/// The whole page; works without scripts, is live with them.
std::string inbox_page(const std::vector<ServiceState>& services, const std::vector<Message>& messages,
                       Timestamp now);

/// What changes of it: the services and the messages, newest first.
std::string inbox_body(const std::vector<ServiceState>& services, const std::vector<Message>& messages,
                       Timestamp now);

/// One message as its reader would see it. Whatever it contains is text, never markup of ours.
std::string message_html(const Message& message, Timestamp now);

/// Fetches the body anew when the server says that something changed.
std::string_view inbox_script();

/// For the page's answers: nothing is loaded from elsewhere, no script but ours runs.
std::string_view inbox_security_policy();

}  // namespace vedette::simulator
