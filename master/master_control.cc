// The master's answers to the operator's commands (preforkctl). Each is answered once: at once, or when what it
// asked for has been done or refused.
#include <fmt/format.h>

#include "common/base/log.h"
#include "common/report/metrics.h"
#include "common/report/status_json.h"
#include "master/master.h"

namespace preforkd {
namespace {

bool ChangesSomething(ControlCommand command) {
  return command != ControlCommand::kStatus && command != ControlCommand::kMetrics && command != ControlCommand::kConfig;
}

// What is wrong with the file is known before a change has begun; for the rest nobody waits.
std::optional<ControlReply> KnownAtOnce(const std::function<void(ControlAnswer)>& change) {
  auto known = std::make_shared<std::optional<ControlReply>>();
  change([known](const ControlReply& reply) { *known = reply; });
  return *known;
}

}  // namespace

Status Master::PrepareControl(const Config& config) {
  coming_control_.reset();
  if (config.control.empty() || (control_ != nullptr && control_->Path() == config.control)) return {};
  Result<std::unique_ptr<ControlSocket>> socket =
      ControlSocket::Open(loop_, config.control, [this](const ControlRequest& request, const ControlAnswer& answer) {
        OnControl(request, answer);
      });
  if (socket.Ok()) {
    coming_control_ = std::move(socket).Value();
    RefuseWorkersAt(*coming_control_);
    return {};
  }
  // Somebody has asked for this one; the default is what a first try without root runs into.
  if (config.control != Config{}.control) return Error{"control: " + socket.Err().text, socket.Err().errnum};
  log::Warning("no control socket: {}; preforkctl needs one, --control PATH says where", socket.Err().text);
  return {};
}

void Master::RefuseWorkersAt(ControlSocket& control) {
  control.RefuseSessions([this](int leader) { return supervisor_.IsWorker(leader); });
}

void Master::CommitControl(const Config& config) {
  if (coming_control_ != nullptr || config.control.empty()) control_ = std::move(coming_control_);
  if (control_ != nullptr && control_->Path() != config.control) control_.reset();
}

void Master::OnControl(const ControlRequest& request, const ControlAnswer& answer) {
  if (ChangesSomething(request.command)) log::Notice("control: {}", ControlCommandName(request.command));
  switch (request.command) {
    case ControlCommand::kStatus: return answer({true, {}, {}, StatusJson(scoreboard_, std::nullopt, Now())});
    case ControlCommand::kMetrics: return answer(TextReply(RenderMetrics(scoreboard_, Now())));
    case ControlCommand::kConfig: return answer(TextReply(PrintConfig(*serving_.config)));
    case ControlCommand::kReload: return ControlReload(request.wait, answer);
    case ControlCommand::kUpgrade: return ControlUpgrade(request.wait, answer);
    case ControlCommand::kStop:
      answer({true, stopping_ ? "stopping at once" : "stopping", {}, {}});
      return stopping_ ? StopNow() : StopGracefully();  // as the signals do
    case ControlCommand::kScale: return answer(ControlScale(request.number));
    case ControlCommand::kRetire: return answer(ControlRetire(Slot{request.number}));
    case ControlCommand::kReopenLogs:
      return ReopenLogs([answer](const Status& status) {
        answer(status.Ok() ? ControlReply{true, "all processes write to the reopened logs", {}, {}}
                           : Refusal(status.Err().text));
      });
  }
}

void Master::ControlReload(bool wait, const ControlAnswer& answer) {
  if (wait) return Reload(answer);
  if (const auto known = KnownAtOnce([this](ControlAnswer done) { Reload(std::move(done)); })) return answer(*known);
  answer({true, reload_again_ ? "the reload waits for the one before it" : "the reload has begun", {}, {}});
}

void Master::ControlUpgrade(bool wait, const ControlAnswer& answer) {
  if (wait) return Upgrade(answer);
  if (const auto known = KnownAtOnce([this](ControlAnswer done) { Upgrade(std::move(done)); })) return answer(*known);
  answer({true, upgrade_again_ ? "the upgrade waits for what is under way" : "the upgrade has begun; the log says how it ends",
          {}, {}});
}

ControlReply Master::ControlScale(std::uint32_t workers) {
  if (stopping_) return Refusal("the server is stopping");
  if (workers < 1 || workers > kMaxWorkers) return Refusal(fmt::format("scale: 1 to {} workers", kMaxWorkers));
  Scale(workers);
  return {true, fmt::format("{} workers are wanted from now on", workers), {}, {}};
}

ControlReply Master::ControlRetire(Slot slot) {
  if (const Status status = supervisor_.Replace(slot); !status.Ok()) return Refusal("retire: " + status.Err().text);
  return {true, fmt::format("the worker in slot {} retires when its replacement is ready", Raw(slot)), {}, {}};
}

void Master::AnswerReload(const ControlReply& reply) {
  for (const ControlAnswer& answer : std::exchange(reload_waiters_, {})) answer(reply);
  if (!stopping_) return;
  for (const ControlAnswer& answer : std::exchange(next_reload_waiters_, {})) answer(reply);
}

}  // namespace preforkd
