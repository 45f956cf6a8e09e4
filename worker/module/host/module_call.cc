#include "worker/module/host/module_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/base/log.h"

namespace preforkd::module {

void ReportFault(pfd_service& service, std::string_view in, std::string_view error,
                 std::optional<ConnId> conn) {
  const auto held_back = service.faults.Allow(Now());
  if (!held_back) return;
  const std::string_view name = service.config.name;
  if (conn) {
    log::Error({log::kModuleFault,
                *conn,
                {{"service", name}, {"in", in}, {"error", error}, {"suppressed", *held_back}}},
               "the module failed in {}: {}", in, error);
  } else {
    log::Error(
        {log::kModuleFault, {{"service", name}, {"in", in}, {"error", error}, {"suppressed", *held_back}}},
        "the module failed in {}: {}", in, error);
  }
}

void ShowCall(pfd_service& service, std::string_view what) {
  WorkerRow& row = service.env.row;
  std::array<char, SharedText::kCapacity> room;
  const auto text = fmt::format_to_n(room.data(), room.size(), "{} of {}", what, service.config.name);
  row.doing.Write({room.data(), std::min(text.size, room.size())});
  Set(row.doing_since_ns, Get(row.callback_since_ns));
  if (Get(row.doing_conn) == 0) return;
  row.doing_peer.Write({});
  Set(row.doing_conn, 0);
}

bool CheckLoopThread(pfd_service& service, std::string_view function) {
  if (service.calls.InLoopThread()) return true;
  if (service.misused.exchange(true)) return false;
  log::Error(
      {log::kModuleMisuse, {{"service", std::string_view(service.config.name)}, {"function", function}}},
      "the module called {} in a thread other than the loop's: no effect", function);
  return false;
}

}  // namespace preforkd::module
