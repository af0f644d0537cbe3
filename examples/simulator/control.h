#pragma once

#include <vector>

#include "core/http.h"
#include "core/time.h"
#include "examples/simulator/inbox.h"
#include "examples/simulator/services.h"

namespace vedette::simulator {

/// What the simulator answers on its own address. All of it for anybody on this machine, with no body
/// and no headers: it is meant for `curl -X POST`.
///
///     POST /break/{service}?how=refuse|error|slow|garbage&ms=3000     POST /mend/{service}
///     GET  /services                                                  as JSON
///     POST /slack/…  /hook/…                                          receivers
///     POST /fault/slack|hook?status=429&retry_after=2&times=3         receivers that refuse; times=0 ends it
///     GET  /inbox  /inbox.json                                        POST /inbox/clear
std::vector<Route> control_routes(Services& services, Inbox& inbox, const Clock& clock);

}  // namespace vedette::simulator
