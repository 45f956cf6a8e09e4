#include "master/workers/reports/exit_reports.h"

#include <csignal>

#include "common/base/log.h"
#include "master/workers/slots/slot_connections.h"

namespace preforkd {
namespace {

RestartReason ReasonOf(const WorkerProcess& worker, WorkerState was) {
  if (worker.Untrusted()) return RestartReason::kUntrusted;
  if (worker.Hung()) return RestartReason::kHang;
  if (was == WorkerState::kStarting) return RestartReason::kStart;
  if (worker.LossReasonAtExit() == LossReason::kDrain) return RestartReason::kDrain;
  if (worker.Exit().kind == ExitKind::kUnknown) return RestartReason::kUnknown;
  return worker.Exit().kind == ExitKind::kSignal ? RestartReason::kCrash : RestartReason::kExit;
}

}  // namespace

void ExitReports::Update(Time now) {
  NoteOomKills(now);
  for (const auto& slot : parts_.slots.All()) {
    if (slot->Running()) refused_calls_.Update(slot->Process()->Id(), slot->Row(), now);
  }
}

void ExitReports::Report(WorkerSlot& slot, WorkerState was) {
  const WorkerProcess& worker = *slot.Process();
  slot.RefreshTexts();
  refused_calls_.Finish(worker.Id(), slot.Row());
  ExitDiagnosis report = Examine(slot, was);
  const bool unasked = was != WorkerState::kRetiring || worker.Exit().kind != ExitKind::kClean;
  const std::string suspicion = unasked ? Suspicion(slot.Pool(), slot.Row()) : std::string();
  report.reclaimed = ReclaimUntaken(parts_, slot);
  report.lost = CloseAccount(parts_, slot, worker.LossReasonAtExit(), !worker.Untrusted());
  LogExit(report);
  if (!suspicion.empty()) {
    log::Warning(
        {log::kWorkerRepeats,
         slot.Process()->Id(),
         {{"doing", suspicion}, {"workers", PoisonWatch::kInARow}}},
        "{} was being served in {} or more workers that crashed in a row: this request may cause the crashes",
        suspicion, PoisonWatch::kInARow);
  }
  if (unasked && !parts_.fleet.Stopping())
    Add(parts_.Page().restarts[Raw(slot.Pool())][ReasonOf(worker, was)]);
}

ExitDiagnosis ExitReports::Examine(WorkerSlot& slot, WorkerState was) {
  const WorkerProcess& worker = *slot.Process();
  const WorkerRow& row = slot.Row();
  ExitDiagnosis report;
  report.id = worker.Id();
  report.pid = worker.Pid();
  report.exit = worker.Exit();
  report.pool = worker.PoolName();
  report.was = was;
  if (TakenForMemory(worker)) report.memory = Get(row.rss_bytes);
  report.uptime = Now() - worker.StartedAt();
  if (row.Serving()) report.conn = ConnId{Get(row.doing_conn)};
  report.doing = row.DescribeDoing(ToNanoseconds(Now()));
  // Not for a worker of another program: its addresses mean nothing here.
  if (slot.Mirror() == nullptr) report.frames = NameFrames(row);
  return report;
}

std::string ExitReports::Suspicion(PoolId pool, const WorkerRow& row) {
  std::string suspect;
  return poison_watches_[pool].OnExit(row, suspect) ? suspect : std::string();
}

void ExitReports::NoteOomKills(Time now) {
  if (const auto count = oom_counter_.Read()) oom_ledger_.Note(*count, now);
}

bool ExitReports::TakenForMemory(const WorkerProcess& worker) {
  const bool by_us = worker.Untrusted() || worker.LossReasonAtExit() != LossReason::kCrash;
  if (by_us || worker.Exit().kind != ExitKind::kSignal || worker.Exit().code != SIGKILL) return false;
  const Time now = Now();
  NoteOomKills(now);
  return oom_ledger_.Claim(now);
}

}  // namespace preforkd
