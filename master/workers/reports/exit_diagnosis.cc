#include "master/workers/reports/exit_diagnosis.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <fmt/core.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "common/base/log.h"

namespace preforkd {
namespace {

// The signal handler itself and the kernel's way into it.
constexpr std::size_t kHandlerFrames = 2;
// What is outside of it was called by the master, before the fork.
constexpr std::string_view kForkFrame = "preforkd::SpawnProcess";

std::string Demangle(const char* symbol) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(symbol, nullptr, nullptr, &status),
                                                    std::free);
  return status == 0 && name != nullptr ? std::string(name.get()) : std::string(symbol);
}

std::string NameOf(std::uint64_t address) {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<void*>(address), &info) == 0 || info.dli_fname == nullptr) {
    return fmt::format("{:#x}", address);
  }
  const std::uint64_t offset = address - reinterpret_cast<std::uint64_t>(info.dli_fbase);
  if (info.dli_sname == nullptr) return fmt::format("{}+{:#x}", info.dli_fname, offset);
  const std::uint64_t into = address - reinterpret_cast<std::uint64_t>(info.dli_saddr);
  // Without the parameters, which templates make longer than a screen.
  const std::string name = Demangle(info.dli_sname);
  return fmt::format("{}+{:#x} ({}+{:#x})", name.substr(0, name.find('(')), into, info.dli_fname, offset);
}

// "[::1]:80" -> "[::1]": every connection of a client has another port.
std::string WithoutPort(const std::string& address) { return address.substr(0, address.rfind(':')); }

std::string MemoryHint(const ExitDiagnosis& dead) {
  if (!dead.memory) return {};
  return fmt::format(
      ", by the OOM killer (its count for this control group has grown; at its last heartbeat the worker had "
      "{:.1f} MiB)",
      static_cast<double>(*dead.memory) / (1024.0 * 1024.0));
}

}  // namespace

std::vector<std::string> NameFrames(const CrashRecord& record) {
  std::vector<std::string> names;
  const std::size_t count = std::min<std::size_t>(Get(record.count), CrashRecord::kFrames);
  for (std::size_t i = kHandlerFrames; i < count; ++i) {
    names.push_back(NameOf(Get(record.frames[i])));
    if (names.back().starts_with(kForkFrame)) break;
  }
  return names;
}

void LogExit(const ExitDiagnosis& dead) {
  const double uptime = Seconds(dead.uptime);
  if (dead.was == WorkerState::kRetiring && dead.exit.kind == ExitKind::kClean) {
    log::Info({log::kWorkerRetired, dead.id, {{"worker_pid", dead.pid}, {"uptime", uptime}}},
              "worker has left after {:.1f} s", uptime);
    return;
  }
  const std::string text = fmt::format(
      "worker died while {}: {} after {:.1f} s; connections lost {}, reclaimed {}; it was doing: {}",
      Name(dead.was), dead.exit.Text() + MemoryHint(dead), uptime, dead.lost, dead.reclaimed, dead.doing);
  log::Error({log::kWorkerExited,
              dead.id,
              dead.conn,
              {{"worker_pid", dead.pid},
               {"state", Name(dead.was)},
               {"exit", dead.exit.Word()},
               {"pool", dead.pool},
               {"oom", dead.memory.has_value()},
               {"lost", dead.lost},
               {"reclaimed", dead.reclaimed},
               {"doing", dead.doing}}},
             "{}", text);
  for (std::size_t i = 0; i < dead.frames.size(); ++i) {
    log::Error({log::kWorkerBacktrace, dead.id, {{"worker_pid", dead.pid}, {"frame", i}}}, "backtrace #{} {}",
               i, dead.frames[i]);
  }
}

bool PoisonWatch::OnExit(const WorkerRow& row, std::string& suspect) {
  // Only what it was in the middle of counts.
  const std::string what = Get(row.callback_since_ns) != 0 ? row.doing.Read() : std::string();
  const std::string request =
      what.empty() ? std::string() : fmt::format("'{}' from {}", what, WithoutPort(row.DoingPeer().Text()));
  in_a_row_ = !request.empty() && request == last_ ? in_a_row_ + 1 : 1;
  last_ = request;
  suspect = request;
  return !request.empty() && in_a_row_ >= kInARow;
}

}  // namespace preforkd
