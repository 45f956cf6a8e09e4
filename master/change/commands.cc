#include "master/change/commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/config/config_loader.h"
#include "common/report/metrics.h"
#include "common/report/status_json.h"
#include "common/text/nearest.h"
#include "common/text/quote.h"

namespace preforkd {
namespace {

bool ChangesSomething(ControlCommand command) {
  return command != ControlCommand::kStatus && command != ControlCommand::kMetrics &&
         command != ControlCommand::kConfig;
}

ControlReply ReplyOf(ChangeAnswer answer) {
  switch (answer) {
    case ChangeAnswer::kReloadBegun: return {true, "the reload has begun", {}, {}};
    case ChangeAnswer::kReloadWaits:
      return {true, "the reload is queued: it starts after the change in progress", {}, {}};
    case ChangeAnswer::kUpgradeBegun:
      return {true, "the upgrade has begun; see the log for the outcome", {}, {}};
    case ChangeAnswer::kUpgradeWaits:
      return {true, "the upgrade is queued: it starts after the change in progress", {}, {}};
    case ChangeAnswer::kStopping: return Refusal("refused: the server is stopping");
    case ChangeAnswer::kUpgradeStopping: return Refusal("upgrade refused: the server is stopping");
    case ChangeAnswer::kNotServing: return Refusal("upgrade refused: the server is still starting");
  }
  return Refusal("?");
}

// The event and a field of the log line of a refusal.
log::Event EventOf(ChangeAnswer answer) {
  return answer == ChangeAnswer::kStopping ? log::kReloadRefused : log::kUpgradeRefused;
}

const char* CauseOf(ChangeAnswer answer) {
  return answer == ChangeAnswer::kNotServing ? "not_serving" : "stopping";
}

std::string ScaledText(const PoolSpec& pool, std::uint32_t workers) {
  const std::string where = pool.id == kMainPool ? "" : fmt::format("pool {}: ", Quoted(pool.config->name));
  return fmt::format("{}worker count set to {}", where, workers);
}

std::string UnknownPool(const std::string& name, const std::vector<PoolSpec>& pools) {
  std::vector<std::string> names;
  for (const PoolSpec& pool : pools) names.push_back(pool.config->name);
  return fmt::format("scale: there is no pool {}{}", Quoted(name), DidYouMean(name, names));
}

}  // namespace

// ---- signals ----

void Commands::OnSignal(int signo) {
  switch (signo) {
    case SIGHUP: return parts_.changes.Tell([&](Change& change) { change.AskReload(SignalAsker()); });
    case SIGUSR1: return ReopenLogs([](const Status&) {});  // ReopenLogs logs the outcome
    case SIGUSR2: return parts_.changes.Tell([&](Change& change) { change.AskUpgrade(SignalAsker()); });
    case SIGTERM:
    case SIGQUIT: return Stop();
    case SIGINT: return parts_.changes.Tell([](Change& change) { change.AskStopNow(Now()); });
    case SIGTTIN: return Nudge(1);
    case SIGTTOU: return Nudge(-1);
    default: return;
  }
}

// The sender of a signal gets no reply; the outcome is in the log.
Asker Commands::SignalAsker() {
  return {parts_.waiters.Add([](const ControlReply&) {}), false};
}

// ---- requests ----

void Commands::OnRequest(const ControlRequest& request, const ControlAnswer& answer) {
  if (ChangesSomething(request.command))
    log::Notice({log::kControlCommand, {{"command", ControlCommandName(request.command)}}},
                "control command: {}", ControlCommandName(request.command));
  const Scoreboard& scoreboard = parts_.context.scoreboard;
  const AllCertificateFacts* certificates = parts_.generations.Serving().certificates.facts.get();
  switch (request.command) {
    case ControlCommand::kStatus:
      return answer({true, {}, {}, StatusJson(scoreboard, std::nullopt, Now(), certificates)});
    case ControlCommand::kMetrics: return answer(TextReply(RenderMetrics(scoreboard, Now(), certificates)));
    case ControlCommand::kConfig: return answer(TextReply(PrintConfig(*parts_.generations.Serving().config)));
    case ControlCommand::kReload: {
      const Asker asker{parts_.waiters.Add(answer), request.wait};
      return parts_.changes.Tell([&](Change& change) { change.AskReload(asker); });
    }
    case ControlCommand::kUpgrade: {
      const Asker asker{parts_.waiters.Add(answer), request.wait};
      return parts_.changes.Tell([&](Change& change) { change.AskUpgrade(asker); });
    }
    case ControlCommand::kStop:
      answer({true, parts_.changes.State().Stopping() ? "stopping at once" : "stopping", {}, {}});
      return Stop();
    case ControlCommand::kScale: return answer(RequestScale(request));
    case ControlCommand::kRetire: return answer(RequestRetire(Slot{request.number}));
    case ControlCommand::kReopenLogs:
      return ReopenLogs([answer](const Status& status) {
        answer(status.Ok() ? ControlReply{true, "all processes write to the reopened logs", {}, {}}
                           : Refusal(status.Err().text));
      });
  }
}

ControlReply Commands::RequestScale(const ControlRequest& request) {
  if (parts_.changes.State().Stopping()) return Refusal("scale: the server is stopping");
  const std::string name = request.pool.empty() ? std::string(kMainPoolName) : request.pool;
  const std::vector<PoolSpec>& pools = parts_.generations.Serving().pools;
  const auto pool = std::find_if(pools.begin(), pools.end(),
                                 [&](const PoolSpec& each) { return each.config->name == name; });
  if (pool == pools.end()) return Refusal(UnknownPool(name, pools));
  const std::uint32_t max = MaxWorkers(pool->id);
  if (request.number < 1 || request.number > max) {
    return Refusal(fmt::format(
        "scale: 1 to {} workers{}", max,
        pools.size() < 2
            ? ""
            : fmt::format(" in pool {}: the limit for all pools together is {}", Quoted(name), kMaxWorkers)));
  }
  ControlReply reply{true, ScaledText(*pool, request.number), {}, {}};
  Scale(*pool, request.number);  // may invalidate `pool`
  return reply;
}

// The limit for all pools minus the workers of the other pools.
std::uint32_t Commands::MaxWorkers(PoolId pool) const {
  std::uint32_t others = 0;
  for (const PoolSpec& each : parts_.generations.Serving().pools) {
    if (each.id != pool) others += parts_.supervisor.Workers().Desired(each.id);
  }
  return kMaxWorkers - std::min(others, kMaxWorkers);
}

ControlReply Commands::RequestRetire(Slot slot) {
  const Status status = parts_.supervisor.Replace(slot);
  if (!status.Ok()) return Refusal("retire: " + status.Err().text);
  return {
      true, fmt::format("the worker in slot {} retires when its replacement is ready", Raw(slot)), {}, {}};
}

void Commands::Do(const Answer& action) {
  const ControlReply reply = ReplyOf(action.answer);
  if (!reply.ok)
    log::Error({EventOf(action.answer), {{"cause", CauseOf(action.answer)}}}, "{}", reply.message);
  parts_.waiters.Answer(action.waiters, reply);
}

void Commands::Do(const ReportWaiting& action) {
  if (action.upgrade) return log::Notice(log::kUpgradeWaits, "upgrade waits: a reload is in progress");
  switch (action.why) {
    case WaitReason::kUpgradeUnderWay:
      return log::Notice({log::kReloadWaits, {{"for", "upgrade"}}},
                         "reload waits: an upgrade is in progress");
    case WaitReason::kReloadUnderWay:
      return log::Notice({log::kReloadWaits, {{"for", "reload"}}},
                         "reload waits: another reload is in progress");
    case WaitReason::kWorkersFinish:
      return log::Notice({log::kReloadWaits, {{"for", "workers"}}},
                         "reload waits: workers of an earlier generation are still draining");
  }
}

// ---- shared by signals and requests ----

void Commands::Stop() {
  const Config& config = *parts_.generations.Serving().config;
  Change::StopTimes times{config.supervision.stop_delay, Duration(0)};
  for (const PoolConfig& pool : config.pools)
    times.drain = std::max(times.drain, pool.supervision.drain_timeout);
  parts_.changes.Tell([&](Change& change) { change.AskStop(times, Now()); });
}

void Commands::Scale(const PoolSpec& pool, std::uint32_t workers) {
  log::Notice({log::kScaled, {{"pool", pool.config->name}, {"workers", workers}}}, "{}",
              ScaledText(pool, workers));
  parts_.supervisor.Scale(pool.id, workers);
}

// Scales the first pool that serves: `main`, unless no service runs in it.
void Commands::Nudge(int by) {
  const std::vector<PoolSpec>& pools = parts_.generations.Serving().pools;
  const auto serves = std::find_if(pools.begin(), pools.end(), [](const PoolSpec& each) {
    return each.config->kind == PoolKind::kServices;
  });
  PF_CHECK(serves != pools.end(), "a checked configuration has no pool that serves");
  const PoolSpec& pool = *serves;
  const std::int64_t wanted = std::int64_t{parts_.supervisor.Workers().Desired(pool.id)} + by;
  Scale(pool,
        static_cast<std::uint32_t>(std::clamp<std::int64_t>(wanted, 1, std::max(MaxWorkers(pool.id), 1U))));
}

void Commands::ReopenLogs(LogReopening::Done done) {
  LogOutput& log = parts_.context.log;
  if (const Status status = log.Reopen(); !status.Ok()) {
    log::Error({log::kLogReopenFailed, {{"why", status.Err().text}}}, "log not reopened: {}",
               status.Err().text);
    return done(status);
  }
  parts_.supervisor.Logs().Reopen(log.Fds(), [done = std::move(done)](const Status& status) {
    if (status.Ok()) {
      log::Notice(log::kLogReopened, "log reopened by all processes");
    } else {
      log::Warning({log::kLogReopenFailed, {{"why", status.Err().text}}}, "log reopened, but {}",
                   status.Err().text);
    }
    done(status);
  });
}

}  // namespace preforkd
