// Calls into a module in the loop thread, outside the callbacks of a session: timers, watches, posted calls,
// the end of a session. They are guarded like those of a session (worker/connection/live_connection.h): the
// hang watch sees them, a report of a crash names the service, and an exception ends only this call.
//
// Loop thread only, except for CheckLoopThread.
#ifndef PREFORKD_WORKER_MODULE_HOST_MODULE_CALL_H_
#define PREFORKD_WORKER_MODULE_HOST_MODULE_CALL_H_

#include <exception>
#include <optional>
#include <string_view>

#include "worker/api/module.h"
#include "worker/connection/callback_stamp.h"
#include "worker/module/host/module_state.h"

namespace preforkd::module {

// A function of the module failed: one line in the log, with at most one each second for each service. `in`:
// the function. `error`: what it did.
void ReportFault(pfd_service& service, std::string_view in, std::string_view error,
                 std::optional<ConnId> conn = std::nullopt);
// The scoreboard shows what runs instead of the last client's request.
void ShowCall(pfd_service& service, std::string_view what);
// True in the loop thread. Otherwise the log says, once for each service, that the module called `function`
// of the server elsewhere. Any thread.
bool CheckLoopThread(pfd_service& service, std::string_view function);

// Runs `function`, which calls the module's function `what`, inside a callback that is stamped. Never throws.
template <typename Function>
void GuardModule(pfd_service& service, std::string_view what, Function function) {
  try {
    function();
  } catch (const std::exception& exception) {
    ReportFault(service, what, exception.what());
  } catch (...) {
    ReportFault(service, what, "threw what is not a std::exception");
  }
}

// Runs `function`, which calls the module: a callback of the loop. `what`: "timer". Never throws. `function`
// may destroy anything but `service`.
template <typename Function>
void CallModule(pfd_service& service, std::string_view what, Function function) {
  const CallbackStamp stamp(service.env.row);
  if (!stamp.Nested()) ShowCall(service, what);
  GuardModule(service, what, function);
}

}  // namespace preforkd::module

#endif
