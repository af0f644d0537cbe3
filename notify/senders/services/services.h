#pragma once

#include "notify/senders/service.h"

/// The rows of the table, each in a file of its own.
namespace vedette::notify {

extern const Service alertmanager_service, discord_service, incidentio_service, mattermost_service,
    msteams_service, msteamsv2_service, opsgenie_service, pagerduty_service, rocketchat_service,
    slack_service, telegram_service, twilio_service, victorops_service, webex_service, webhook_service;

}  // namespace vedette::notify
