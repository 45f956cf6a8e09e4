#include "master/modules/module_child.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/config/module_codec.h"
#include "common/text/quote.h"
#include "master/system/trial_probe.h"

namespace preforkd {
namespace {

// Of what it writes: a module may declare some hundred keys, and the process may be mad.
constexpr std::size_t kMaxOutput = 256 * 1024;

}  // namespace

Duration TimeToOpen(const ModuleWanted& wanted, Duration longest) {
  return std::min(longest, wanted.config->pools.front().supervision.start_timeout);
}

ModuleTask OpeningOf(const ModuleWanted& wanted, const WorkerEntry& describe) {
  return {describe, wanted.path, wanted.config};
}

Result<TrialChild> StartModule(const ModuleTask& task, const LogFds& logs) {
  const TrialInputs inputs{task.config, &task.config->pools.front(), nullptr, task.preloads};
  return TrialChild::Start(task.entry, inputs, kMaxOutput, logs);
}

Result<std::string> JudgeModule(const ModuleTask& task, const TrialEnd& end, Duration limit) {
  const auto wrong = [&](std::string_view what) {
    return Error{fmt::format("'{}' {}", Escaped(task.path), what)};
  };
  if (end.flooded)
    return wrong(fmt::format("wrote more than {} KiB while {}", kMaxOutput / 1024, task.doing));
  if (end.late) {
    return wrong(
        fmt::format("did not return within {:g} s when {}{}", Seconds(limit), task.doing, task.if_late));
  }
  const ExitReport& exit = end.exit;
  if (exit.kind == ExitKind::kSignal)
    return wrong(fmt::format("crashed with {} while {}", exit.Word(), task.doing));
  if (exit.kind == ExitKind::kStartFailure)
    return wrong("cannot be opened as a worker would: " + WhyNotReady(exit, end.startup));
  if (exit.kind == ExitKind::kFailure)
    return wrong(fmt::format("ended its process with {} while {}", exit.Text(), task.doing));
  if (end.said.empty()) return wrong(fmt::format("ended its process while {}", task.doing));
  return end.said;
}

Result<std::string> RunModule(const ModuleTask& task, Duration limit, const LogFds& logs) {
  Result<TrialChild> child = StartModule(task, logs);
  if (!child.Ok()) return child.Err();
  const Result<TrialEnd> end = AwaitTrial(std::move(child).Value(), limit);
  return end.Ok() ? JudgeModule(task, end.Value(), limit) : end.Err();
}

Result<ModuleDeclaration> DeclarationIn(const Result<std::string>& answer) {
  if (!answer.Ok()) return answer.Err();
  Result<ModuleDeclaration> module = DecodeModule(answer.Value());
  return module.Ok() ? std::move(module) : Error{Escaped(module.Err().text)};
}

}  // namespace preforkd
