#include "worker/module/host/host_report.h"

#include <cerrno>
#include <exception>
#include <string>

#include "common/base/clock.h"
#include "common/report/metrics.h"
#include "common/report/readiness.h"
#include "common/report/status_json.h"
#include "worker/module/host/module_state.h"
#include "worker/module/host/values.h"

namespace preforkd::module {
namespace {

std::string ReportOf(const WorkerEnv& env, std::uint32_t what) {
  switch (what) {
    case PFD_REPORT_STATUS: return StatusJson(env.scoreboard, env.id.slot, Now());
    case PFD_REPORT_METRICS: return RenderMetrics(env.scoreboard, Now(), env.certificates.get());
    default: return WhyNotReady(env.scoreboard);
  }
}

}  // namespace

int HostReport(pfd_service* service, std::uint32_t what, void (*take)(void*, pfd_str), void* argument) {
  if (what > PFD_REPORT_READINESS || take == nullptr) return -EINVAL;
  try {
    const std::string text = ReportOf(service->env, what);
    take(argument, ToStr(text));
    return 0;
  } catch (const std::exception&) {
    return -ENOMEM;  // nothing else is thrown here, and it must not go through a module
  }
}

}  // namespace preforkd::module
