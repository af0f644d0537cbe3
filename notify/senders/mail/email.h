#pragma once

#include "notify/senders/sender.h"

namespace vedette::notify {

void send_email(const EmailSettings& settings, const Attempt& attempt, const Doors& doors,
                OutcomeDone done);

}  // namespace vedette::notify
