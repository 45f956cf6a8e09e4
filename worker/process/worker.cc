#include "worker/process/worker.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/process/limits.h"
#include "common/process/self_stat.h"
#include "worker/process/call_filter.h"
#include "worker/process/child_setup.h"
#include "worker/process/crash_report.h"
#include "worker/proxy/proxy_preface.h"

namespace preforkd {
namespace {

// Parcels taken in one turn of the loop, so that clients who are being served get theirs.
constexpr std::size_t kTakesPerTurn = 32;
// How long to take nothing when no descriptor is free.
constexpr Duration kNoRoomPause = std::chrono::milliseconds(50);

[[noreturn]] void ExitWorker(WorkerExit code) {
  // Not exit(3): the handlers and buffers of this process are copies of the master's.
  ::_exit(static_cast<int>(code));
}

WorkerExit RunChild(WorkerStart start, const ServiceTypes& types) {
  Result<ChildDescriptors> descriptors = SetUpChild(start);
  if (!descriptors.Ok()) {
    log::Error("cannot start: {}", descriptors.Err().text);
    return WorkerExit::kStartFailed;
  }
  if (const Status status = InstallCrashReport(start.scoreboard->Row(start.id.slot).crash); !status.Ok()) {
    log::Warning("a crash will leave no backtrace: {}", status.Err().text);
  }
  Result<EventLoop> loop = EventLoop::Create();
  if (!loop.Ok()) {
    log::Error("cannot start: {}", loop.Err().text);
    return WorkerExit::kStartFailed;
  }
  Worker worker(loop.Value(), std::move(start), std::move(descriptors).Value());
  return worker.Run(types);
}

}  // namespace

WorkerEntry MakeWorkerEntry(ServiceTypes types) {
  return [types = std::move(types)](WorkerStart start) {
    WorkerExit code = WorkerExit::kException;
    try {
      code = RunChild(std::move(start), types);
    } catch (const std::exception& exception) {
      log::Error("leaving: {}", exception.what());
    }
    ExitWorker(code);
  };
}

Worker::Worker(EventLoop& loop, WorkerStart start, ChildDescriptors descriptors)
    : start_(std::move(start)),
      log_file_(std::move(descriptors.log)),
      statm_(std::move(descriptors.statm)),
      env_(new WorkerEnv{.loop = loop,
                         .scoreboard = *start_.scoreboard,
                         .row = start_.scoreboard->Row(start_.id.slot),
                         .id = start_.id,
                         .generation = start_.generation,
                         .config = start_.config}),
      tally_(env_->row, start_.scoreboard->Master().load_marks, start_.id.slot),
      master_(loop, std::move(descriptors.channel), [this] { OnChannel(); }),
      heartbeat_(loop, EventLoop::kPriorityControl, [this] { Beat(); }),
      drain_deadline_(loop, EventLoop::kPriorityControl, [this] {
        log::Warning("drain_timeout is over: {} connections are closed unfinished", connections_.Size());
        connections_.ForEach([](LiveConnection& connection) { connection.End(LossReason::kDrain); });
        leaving_ = true;
        env_->loop.Stop();
      }),
      take_again_(loop, EventLoop::kPriorityControl, [this] { TakeAgain(); }),
      make_room_(loop, EventLoop::kPriorityControl, [this] { MakeRoom(); }) {
  StartAccessLog(std::move(descriptors.access));
  master_.OnDrained([this] { LeaveIfDone(); });
  master_.OnDropped([this] {
    tally_.NotReturned();
    CountUnreturned();
  });
}

// The master may have one that our configuration does not want, or not yet the one that it wants.
void Worker::StartAccessLog(UniqueFd file) {
  const LogConfig& config = env_->config->log;
  if (config.access == "off") return;
  access_.emplace(env_->loop, env_->id, config.access_format, start_.scoreboard->Lines(env_->id.slot),
                  start_.scoreboard->Master().access_lines_dropped);
  if (file.Valid()) access_->SetOutput(std::move(file));
  env_->access = &*access_;
}

WorkerExit Worker::Run(const ServiceTypes& types) {
  Status status = MakeServices(types);
  if (status.Ok()) {
    Result<std::unique_ptr<SignalWatch>> signals =
        SignalWatch::Create(env_->loop, {SIGTERM}, [this](int signo, int) { OnSignal(signo); });
    if (signals.Ok()) {
      signals_ = std::move(signals).Value();
    } else {
      status = signals.Err();
    }
  }
  if (status.Ok()) status = master_.SetListening(true);
  // No system call from now on that no service needs.
  if (status.Ok()) status = InstallCallFilter(start_.pool->worker.seccomp, calls_, env_->row.refused);
  if (!status.Ok()) {
    log::Error("cannot start: {}", status.Err().text);
    return WorkerExit::kStartFailed;
  }
  Beat();
  Ready ready{env_->id};
  if (!master_.Send(ready)) return WorkerExit::kStartFailed;  // the master has died meanwhile
  status = env_->loop.Run();
  if (status.Ok()) return exit_;
  log::Alert("the event loop broke: {}", status.Err().text);
  return WorkerExit::kLoopFailed;
}

Status Worker::MakeServices(const ServiceTypes& types) {
  for (const auto& [id, config] : start_.services) {
    const auto type = types.find(config->type);
    if (type == types.end()) return Error{fmt::format("service {}: no type '{}'", config->name, config->type), 0};
    Result<std::unique_ptr<Service>> service = type->second.factory(*config, *env_);
    if (!service.Ok()) return Error{fmt::format("service {}: {}", config->name, service.Err().text), 0};
    services_[id] = std::move(service).Value();
    calls_.Add(type->second.system_calls);
    calls_.Add(config->system_calls);
  }
  return {};
}

void Worker::OnSignal(int signo) {
  if (signo != SIGTERM || env_->retiring) return;
  // When the master has died this is its death signal, the send fails, and end of file says the same.
  ReplaceMe message{env_->id};
  if (master_.Send(message)) log::Notice("SIGTERM: asked the master for a replacement");
}

// ---- the channel ----

void Worker::OnChannel() {
  const std::uint64_t limit = DescriptorLimit();  // asked once a turn
  TakeSome(limit);
  WatchCrowd(limit);
}

void Worker::TakeSome(std::uint64_t descriptor_limit) {
  // Near the limit the table is asked for each take.
  const bool plenty = kOwnDescriptors + kDescriptorsPerConnection * (connections_.Size() + kTakesPerTurn) <
                      descriptor_limit;
  for (std::size_t i = 0; i < kTakesPerTurn && !env_->retiring && !leaving_; ++i) {
    if (!plenty && !MakeSureOfRoom()) return;
    if (!TakeOne()) return;
    // Nothing more that the master has counted: what there may be all the same, the loop will say.
    if (env_->row.Queued() == 0) return;
  }
}

bool Worker::MakeSureOfRoom() {
  if (HasDescriptorRoom(kOwnDescriptors + kDescriptorsPerConnection * connections_.Size(),
                        kDescriptorsPerConnection)) {
    return true;
  }
  if (const auto held_back = log_limit_.Allow(Now())) {
    log::Warning("no descriptor is free ({} connections, limit {}): taking nothing for now ({} more such lines held back)",
                 connections_.Size(), DescriptorLimit(), *held_back);
  }
  // Told to retire behind a queue that cannot be taken: what can travel makes room, and goes.
  if (master_.MasterHasShutDown()) {
    connections_.ForEach([this](LiveConnection& connection) { HandBackIdle(connection, ReturnReason::kRetiring); });
  }
  PauseTaking();
  return false;
}

void Worker::PauseTaking() {
  take_again_.SetAfter(kNoRoomPause);
  if (const Status status = master_.SetListening(false); !status.Ok()) log::Error("{}", status.Err().text);
}

void Worker::TakeAgain() {
  if (env_->retiring) return;
  const Status status = master_.SetListening(true);
  if (status.Ok()) return;
  log::Error("{}", status.Err().text);
  take_again_.SetAfter(kNoRoomPause);  // deaf is not an option
}

bool Worker::TakeOne() {
  Reception<MasterToWorker> reception = master_.Receive();
  switch (reception.outcome) {
    case Heard::kMessage: break;
    case Heard::kNothing: return false;
    case Heard::kEnd: Retire(); return false;
    case Heard::kNonsense:
      log::Alert("the channel brought what no master sends: {}", reception.why);
      Abort(WorkerExit::kBadMaster);
      return false;
    case Heard::kNoDescriptor: LoseUntaken(); return false;
    case Heard::kError:  // nothing was taken; not again at once, or the loop would spin
      if (const auto held_back = log_limit_.Allow(Now())) {
        log::Error("recvmsg, trying again: {} ({} more such lines held back)", ErrnoText(reception.errnum), *held_back);
      }
      PauseTaking();
      return false;
  }
  if (auto* hand_over = std::get_if<HandOver>(&*reception.message)) {
    Serve(std::move(hand_over->parcel));
  } else if (auto* reopen = std::get_if<ReopenLog>(&*reception.message)) {
    ReopenLogFile(std::move(*reopen));
  } else {
    StampHeartbeat();  // a nudge
  }
  return true;
}

// The kernel has closed the client's descriptor: taken, and lost.
void Worker::LoseUntaken() {
  if (const auto held_back = env_->client_lines.no_descriptor.Allow(Now())) {
    log::Alert("the channel brought a broken packet: no descriptor was free ({} more such lines held back)", *held_back);
  }
  tally_.Taken();
  tally_.Lost(LossReason::kRefused);
}

void Worker::Serve(Parcel parcel) {
  tally_.Taken();
  if (parcel.journeys == 0) env_->row.dispatch_wait.Observe(Now() - parcel.accepted_at);
  ++parcel.journeys;
  parcel.reclaims = 0;  // it has arrived
  log::Debug(parcel.id, "taken: journey {}", parcel.journeys);
  const auto service = services_.find(parcel.service);
  if (service == services_.end()) {
    // A connection of a service that the new configuration does not have any more.
    if (const auto held_back = env_->client_lines.no_service.Allow(Now())) {
      log::Info(parcel.id, "closing: its service does not exist any more ({} more such lines held back)", *held_back);
    }
    tally_.Lost(LossReason::kRefused);
    return;
  }
  Luggage luggage;
  luggage.unread = std::move(parcel.unread);
  luggage.context = std::move(parcel.context);
  parcel.unread.clear();
  parcel.context.clear();
  ProxyPreface preface(*service->second);
  Service& first = parcel.proxy_header_due ? static_cast<Service&>(preface) : *service->second;
  LiveConnection::Owner& owner = *this;
  LiveConnection& connection = connections_.Add(std::make_unique<LiveConnection>(*env_, owner, std::move(parcel)));
  connection.Start(first, std::move(luggage));
}

void Worker::ReopenLogFile(ReopenLog message) {
  if (message.incarnation != env_->id.incarnation) return;  // meant for our predecessor in this slot
  if (message.kind == LogKind::kAccess) {
    if (access_) access_->SetOutput(std::move(message.fd));
    return;
  }
  log::SetOutput(message.fd.Get(), message.sink);
  log_file_ = std::move(message.fd);
  LogReopened answer{env_->id, message.round};
  (void)master_.Send(answer);  // a master that is gone waits for nothing
}

// ---- heartbeat ----

void Worker::StampHeartbeat() {
  Set(env_->row.heartbeat_ns, static_cast<std::uint64_t>(ToNanoseconds(Now())));
}

void Worker::Beat() {
  StampHeartbeat();
  const SelfStat stat = ReadSelfStat(statm_.Get());
  Set(env_->row.rss_bytes, stat.rss_bytes);
  Set(env_->row.cpu_ns, stat.cpu_ns);
  heap_.Look(connections_.Size(), connections_.TakeMost(), Now());
  heartbeat_.SetAfter(kHeartbeatInterval);
  if (!env_->retiring) ShedSurplus();
}

// Connections beyond a quarter over its share that this worker keeps before it hands any back for evenness.
std::uint64_t Worker::SurplusSlack() const {
  constexpr std::uint64_t kByTurn = 8;
  constexpr std::uint64_t kByLoad = 2;  // what was gathered is spread when that is over
  const DispatchConfig& dispatch = env_->config->dispatch;
  if (dispatch.policy != DispatchPolicy::kLeastConnections) return kByTurn;
  // On purpose, so no surplus.
  if (env_->scoreboard.Master().gathers.load(std::memory_order_relaxed)) return std::max(kByTurn, std::uint64_t{dispatch.gather});
  return kByLoad;
}

// A worker that has just joined has nothing, and connections that are never idle would never come to it.
void Worker::ShedSurplus() {
  if (env_->config->dispatch.policy == DispatchPolicy::kClientHash) return;  // they would all come back
  std::uint64_t all = 0;
  std::uint64_t workers = 0;
  for (std::uint32_t slot = 0; slot < env_->scoreboard.SlotsUsed(); ++slot) {
    const WorkerRow& row = env_->scoreboard.Row(Slot{slot});
    if (row.state.load(std::memory_order_relaxed) != SlotState::kReady) continue;
    all += row.InProgress();
    ++workers;
  }
  if (workers == 0) return;
  const std::uint64_t share = all / workers;
  if (connections_.Size() <= share + share / 4 + SurplusSlack()) return;
  std::uint64_t surplus = connections_.Size() - share;
  connections_.ForEach([&](LiveConnection& connection) {
    if (surplus > 0 && HandBackIdle(connection, ReturnReason::kOverShare)) --surplus;
  });
}

}  // namespace preforkd
