#include "master/upgrade/trial.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <string_view>

#include "common/base/exit_code.h"
#include "common/base/sys_error.h"
#include "common/channel/channel_end.h"
#include "common/channel/fd_message.h"
#include "common/net/socket_ops.h"
#include "common/process/authority.h"
#include "common/text/quote.h"
#include "master/accept/listen_access.h"
#include "master/system/spawn.h"
#include "master/system/trial_process.h"

namespace preforkd {
namespace {

Status TryBinding(const ListenConfig& listen) {
  const Result<SocketAccess> access = AccessOf(listen);
  if (!access.Ok()) return access.Err();
  const Result<UniqueFd> socket = BindSocket(listen.address, access.Value());
  if (!socket.Ok()) return socket.Err();
  RemoveSocketFile(FileOf(listen.address));
  return {};
}

Status WasPassed(const ListenConfig& listen, const UpgradeState& state) {
  const bool passed = std::any_of(state.passed.begin(), state.passed.end(), [&](const PassedSocket& socket) {
    return socket.name == listen.address.name;
  });
  if (passed) return {};
  return Error{
      fmt::format("{}: the service manager passed no socket of that name at startup", listen.address.text)};
}

// Waits until the worker sends a packet on `channel` or exits. Success: the packet is Ready. Error: what it
// did, as a predicate.
Status AwaitReady(const SpawnedProcess& worker, int channel, Time deadline) {
  std::array<pollfd, 2> both = {pollfd{channel, POLLIN, 0}, pollfd{worker.pidfd.Get(), POLLIN, 0}};
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Now()).count();
    if (left <= 0) return Error{"timed out before it was ready"};
    if (::poll(both.data(), both.size(), static_cast<int>(left)) < 0) {
      if (errno == EINTR) continue;
      return SysError("poll");
    }
    const Reception<WorkerToMaster> reception = ChannelEnd(channel, kWireVersion).ReceiveFromWorker();
    if (reception.outcome == Heard::kMessage && std::holds_alternative<Ready>(*reception.message)) return {};
    if (reception.outcome == Heard::kMessage || reception.outcome == Heard::kNonsense) {
      return Error{"sent an unexpected message"};
    }
    if ((both[1].revents & POLLIN) != 0) return Error{"exited before it was ready"};
  }
}

}  // namespace

Status TryConnections(const UpgradeState& state) {
  for (const SavedConnection& connection : state.connections) {
    // Stand-ins for the client's descriptors, which this process does not have.
    UniqueFd stand_in(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
    UniqueFd heavy;
    if (connection.heavy_fd >= 0) heavy = UniqueFd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
    if (!stand_in.Valid() || heavy.Valid() != (connection.heavy_fd >= 0)) return SysError("fcntl");
    const Result<Untaken> message = DecodeUntaken(connection.parcel, std::move(stand_in),
                                                  WireVersion{state.wire_version}, std::move(heavy));
    if (!message.Ok()) return Error{"cannot decode a saved connection: " + message.Err().text};
  }
  return {};
}

Status TryListeners(const Config& config, const UpgradeState& state) {
  if (state.listeners.size() > kMaxListeners) {
    return Error{fmt::format("{} listening sockets are more than the limit of {}", state.listeners.size(),
                             kMaxListeners)};
  }
  for (const ListenConfig& listen : config.listen) {
    const auto there = std::find_if(state.listeners.begin(), state.listeners.end(),
                                    [&](const SavedListener& old) { return old.key == listen.address.text; });
    if (there != state.listeners.end()) {
      const Result<SocketAccess> access = AccessOf(listen);
      if (!access.Ok()) return access.Err();
      if (Status status = MaySetAccess(there->file, access.Value(), OwnAuthority().change_owner);
          !status.Ok())
        return status;
      continue;
    }
    const bool passed = listen.address.kind == ListenAddress::Kind::kSystemd;
    if (Status status = passed ? WasPassed(listen, state) : TryBinding(listen); !status.Ok()) return status;
  }
  return {};
}

namespace {

// The service that `startup` is about (WorkerRow::startup); empty: none.
std::string_view ServiceIn(std::string_view startup) {
  constexpr std::string_view kInside = "while it started service ";
  constexpr std::string_view kFailed = "service ";
  if (startup.starts_with(kInside)) return startup.substr(kInside.size());
  if (!startup.starts_with(kFailed)) return {};
  startup.remove_prefix(kFailed.size());
  return startup.substr(0, startup.find(':'));
}

struct Failure {
  std::string service;  // that it started; empty: none
  std::string text;
};

// nullopt: the worker became ready.
Result<std::optional<Failure>> TryPool(const std::shared_ptr<const Config>& config, const PoolConfig& pool,
                                       const Preloads& preloads, const WorkerEntry& worker) {
  Result<Scoreboard> board = Scoreboard::Create();
  if (!board.Ok()) return board.Err();
  Result<SocketPair> channel = MakeChannelPair();
  if (!channel.Ok()) return channel.Err();
  const bool gates = pool.kind == PoolKind::kTls;
  const Result<SpawnedProcess> process = SpawnTrial(
      worker, board.Value(), channel.Value().second.Get(),
      {config, &pool, gates ? std::make_shared<const KeyFiles>(config->tls) : nullptr, preloads}, LogFds());
  if (!process.Ok()) return process.Err();
  const Duration timeout = std::min<Duration>(pool.supervision.start_timeout, kTrialTimeout);
  const Status ready = AwaitReady(process.Value(), channel.Value().first.Get(), Now() + timeout);
  const siginfo_t info = KillAndAwait(process.Value().pidfd.Get());
  if (ready.Ok()) return std::optional<Failure>();
  const ExitReport end = ReportOf(info.si_code, info.si_status);
  const std::string startup = board.Value().Row(kTrialSlot).startup.Read();
  const bool killed = end.kind == ExitKind::kSignal && end.code == SIGKILL;  // by us
  const std::string why = killed ? Escaped(startup) : ": " + WhyNotReady(end, startup);
  return std::optional(
      Failure{std::string(ServiceIn(startup)),
              fmt::format("a worker {}{}{}", ready.Err().text, killed && !why.empty() ? " " : "", why)});
}

}  // namespace

Status TryWorkers(const ConfigOutcome& outcome, const Preloads& preloads, const WorkerEntry& worker) {
  const std::vector<PoolConfig>& pools = outcome.config->pools;
  for (const PoolConfig& pool : pools) {
    const std::string in_pool = pools.size() == 1 ? std::string() : fmt::format("pool {}: ", pool.name);
    const Result<std::optional<Failure>> tried = TryPool(outcome.config, pool, preloads, worker);
    if (!tried.Ok()) return Error{in_pool + tried.Err().text};
    if (!tried.Value()) continue;
    const auto place = outcome.module_places.find(tried.Value()->service);
    const std::string at = place != outcome.module_places.end() ? place->second + ": " : std::string();
    return Error{at + in_pool + tried.Value()->text};
  }
  return {};
}

}  // namespace preforkd
