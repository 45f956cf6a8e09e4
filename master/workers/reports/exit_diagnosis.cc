#include "master/workers/reports/exit_diagnosis.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <fmt/core.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>
#include <memory>
#include <string_view>
#include <system_error>

#include "common/base/log.h"
#include "common/text/quote.h"

namespace preforkd {
namespace {

// The signal handler and the kernel's signal frame.
constexpr std::size_t kHandlerFrames = 2;
// Frames outside of this one belong to the master, from before the fork.
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
  // Parameters are cut off: with templates they are longer than a screen.
  const std::string name = Demangle(info.dli_sname);
  return fmt::format("{}+{:#x} ({}+{:#x})", name.substr(0, name.find('(')), into, info.dli_fname, offset);
}

// The lines of FrameNames, by frame. A worker that was broken into may have written anything.
std::map<std::size_t, std::string> NamedByWorker(std::string_view lines) {
  std::map<std::size_t, std::string> names;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    std::size_t frame = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), frame);
    const auto digits = static_cast<std::size_t>(end - line.data());
    if (error == std::errc() && digits < line.size()) names[frame] = Escaped(line.substr(digits + 1));
  }
  return names;
}

// "[::1]:80" -> "[::1]": each connection of a client has another port.
std::string WithoutPort(const std::string& address) { return address.substr(0, address.rfind(':')); }

std::string MemoryHint(const ExitDiagnosis& diagnosis) {
  if (!diagnosis.memory) return {};
  return fmt::format(
      ", by the OOM killer (its count for this control group has increased; at its last heartbeat the worker "
      "used {:.1f} MiB)",
      static_cast<double>(*diagnosis.memory) / (1024.0 * 1024.0));
}

}  // namespace

std::vector<std::string> NameFrames(const WorkerRow& row) {
  std::vector<std::string> names;
  const std::size_t count = std::min<std::size_t>(Get(row.crash.count), CrashRecord::kFrames);
  const std::map<std::size_t, std::string> own = NamedByWorker(row.frame_names.Read());
  for (std::size_t i = kHandlerFrames; i < count; ++i) {
    const auto named = own.find(i);
    names.push_back(named != own.end() ? named->second : NameOf(Get(row.crash.frames[i])));
    if (names.back().starts_with(kForkFrame)) break;
  }
  return names;
}

void LogExit(const ExitDiagnosis& diagnosis) {
  const double uptime = Seconds(diagnosis.uptime);
  if (diagnosis.was == WorkerState::kRetiring && diagnosis.exit.kind == ExitKind::kClean) {
    log::Info({log::kWorkerRetired, diagnosis.id, {{"worker_pid", diagnosis.pid}, {"uptime", uptime}}},
              "worker retired after {:.1f} s", uptime);
    return;
  }
  const std::string text = fmt::format(
      "worker exited while {}: {} after {:.1f} s; connections lost {}, reclaimed {}; it was doing: {}",
      Name(diagnosis.was), diagnosis.exit.Text() + MemoryHint(diagnosis), uptime, diagnosis.lost,
      diagnosis.reclaimed, diagnosis.doing);
  log::Error({log::kWorkerExited,
              diagnosis.id,
              diagnosis.conn,
              {{"worker_pid", diagnosis.pid},
               {"state", Name(diagnosis.was)},
               {"exit", diagnosis.exit.Word()},
               {"pool", diagnosis.pool},
               {"oom", diagnosis.memory.has_value()},
               {"lost", diagnosis.lost},
               {"reclaimed", diagnosis.reclaimed},
               {"doing", diagnosis.doing}}},
             "{}", text);
  for (std::size_t i = 0; i < diagnosis.frames.size(); ++i) {
    log::Error({log::kWorkerBacktrace,
                diagnosis.id,
                {{"worker_pid", diagnosis.pid}, {"frame", i}, {"symbol", diagnosis.frames[i]}}},
               "backtrace #{} {}", i, diagnosis.frames[i]);
  }
}

bool PoisonWatch::OnExit(const WorkerRow& row, std::string& suspect) {
  // Only a request that was being processed counts.
  const std::string what = row.Serving() ? row.doing.Read() : std::string();
  const std::string request =
      what.empty() ? std::string() : fmt::format("'{}' from {}", what, WithoutPort(row.DoingPeer().Text()));
  in_a_row_ = !request.empty() && request == last_ ? in_a_row_ + 1 : 1;
  last_ = request;
  suspect = request;
  return !request.empty() && in_a_row_ >= kInARow;
}

}  // namespace preforkd
