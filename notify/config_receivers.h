#pragma once

#include "core/config.h"
#include "notify/settings.h"

namespace vedette::notify {

/// What `global` gives receivers that do not say it themselves.
struct GlobalSettings {
    std::shared_ptr<const HttpSettings> http = std::make_shared<HttpSettings>();
    std::map<std::string, Secret, std::less<>> secrets;   ///< by key of `global`
    std::map<std::string, std::string, std::less<>> texts;
    bool smtp_force_implicit_tls = false;
    /// Receivers without texts of their own speak in Vedette's words; false of a file that was
    /// written for Alertmanager.
    bool own_words = true;
    std::string smtp_from;
    SmtpSettings smtp;
    Milliseconds resolve_timeout = 5min;
};

/// Of a Null node: the defaults. Keys of Prometheus's `global` and of receivers that are refused
/// anyway are let through.
GlobalSettings read_global_settings(const ConfigNode& node, Problems& problems);
/// Kinds of receivers that this version does not speak are refused by name.
Receiver read_receiver(const ConfigNode& node, const GlobalSettings& global, Problems& problems);

}  // namespace vedette::notify
