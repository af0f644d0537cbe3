#include "app/commands/commands.h"

namespace vedette::app {

std::string_view version() {
    return VEDETTE_VERSION;
}

std::string_view prometheus_version() {
    return "3.5.3";
}

}  // namespace vedette::app
