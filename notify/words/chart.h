#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/time_zone.h"
#include "notify/message.h"

namespace vedette::notify {

/// A small PNG of what an alert's expression gave over time, with the threshold as a dashed line and
/// what is beyond it tinted. Nothing when there are fewer than two points to draw. Times are said in
/// `zone`; null is UTC.
std::optional<std::string> draw_chart(const History& history, const TimeZone* zone);

/// The history of the alert that a message is mostly about, when there is one.
const History* lead_history(const Message& message);

}  // namespace vedette::notify
