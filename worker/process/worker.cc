#include "worker/process/worker.h"

#include <unistd.h>

#include <csignal>
#include <exception>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/process/bound_rules.h"
#include "common/process/limits.h"
#include "common/scoreboard/thread_gauge.h"
#include "worker/connection/goodbye_service.h"
#include "worker/connection/heavy_luggage.h"
#include "worker/connection/parking/parking_rhythm.h"
#include "worker/process/call_filter.h"
#include "worker/process/child_setup.h"
#include "worker/process/crash_report.h"
#include "worker/proxy/proxy_preface.h"

namespace preforkd {
namespace {

[[noreturn]] void ExitWorker(WorkerExit code) {
  // Not exit(3): exit handlers and stdio buffers of this process are copies of the master's.
  ::_exit(static_cast<int>(code));
}

// In the log, and for the master: it tells those who wait for this worker's generation.
WorkerExit CannotStart(const Error& error, WorkerRow& row) {
  log::Error({log::kStartFailed, {{"errno", ErrnoName(error.errnum)}, {"why", error.text}}},
             "cannot start: {}", error.text);
  row.startup.Write(error.text);
  return WorkerExit::kStartFailed;
}

// The areas of other pools' services stay what they are: addresses without memory.
Status MapPreloads(const WorkerStart& start) {
  for (const auto& [id, service] : start.services) {
    const auto area = start.preloads.find(service->name);
    if (area == start.preloads.end()) continue;
    if (Status status = area->second->MapToUse(); !status.Ok()) return status;
  }
  return {};
}

// It was parked at the end of its stay, and its client has spoken since.
void LearnRhythm(const WorkerEnv& env, Parcel& parcel) {
  if (parcel.parked_at == Time{}) return;
  const ParkingConfig& parking = env.config->parking;
  // As the worker that it comes from has let it stay: that is one like this. It may have stayed for a little
  // longer (session_timer.h).
  const Duration stayed = StayOf(parking, parcel.stay, env.stays.MayStay(ReadingOf(env.row)));
  parcel.stay = LearnStay(parking, parcel.stay, stayed + (Now() - parcel.parked_at));
  parcel.parked_at = Time{};
}

WorkerExit RunChild(WorkerStart start, const ServiceTypes& types) {
  WorkerRow& row = start.scoreboard->Row(start.id.slot);
  std::optional<GateInputs> gate;
  if (start.pool->kind == PoolKind::kTls) {
    Result<GateInputs> inputs = GateInputs::Read(start);
    if (!inputs.Ok()) return CannotStart(inputs.Err(), row);
    gate.emplace(std::move(inputs).Value());
  }
  // Their descriptors are closed by SetUpChild, and max_address_space is in force after it.
  if (const Status status = MapPreloads(start); !status.Ok()) return CannotStart(status.Err(), row);
  Result<ChildDescriptors> descriptors = SetUpChild(start);
  if (!descriptors.Ok()) return CannotStart(descriptors.Err(), row);
  if (const Status status = InstallCrashReport(row.crash, row.frame_names); !status.Ok()) {
    log::Warning({log::kWorkerUnprotected, {{"protection", "backtrace"}}},
                 "a crash will not be reported with a backtrace: {}", status.Err().text);
  }
  Result<EventLoop> loop = EventLoop::Create();
  if (!loop.Ok()) return CannotStart(loop.Err(), row);
  Worker worker(loop.Value(), std::move(start), std::move(descriptors).Value(), std::move(gate));
  return worker.Run(types);
}

}  // namespace

WorkerEntry MakeWorkerEntry(ServiceTypes types) {
  return [types = std::move(types)](WorkerStart start) {
    WorkerExit code = WorkerExit::kException;
    try {
      code = RunChild(std::move(start), types);
    } catch (const std::exception& exception) {
      log::Error(log::kWorkerLeaves, "the worker exits: {}", exception.what());
    }
    ExitWorker(code);
  };
}

Worker::Worker(EventLoop& loop, WorkerStart start, ChildDescriptors descriptors,
               std::optional<GateInputs> gate)
    : start_(std::move(start)),
      log_file_(std::move(descriptors.log)),
      env_(new WorkerEnv{.loop = loop,
                         .scoreboard = *start_.scoreboard,
                         .row = start_.scoreboard->Row(start_.id.slot),
                         .id = start_.id,
                         .generation = start_.generation,
                         .config = start_.config,
                         .certificates = start_.certificates}),
      tally_(env_->row, start_.scoreboard->Master().load_marks, start_.id.slot),
      master_(loop, std::move(descriptors.channel), [this] { OnChannel(); }),
      gate_inputs_(std::move(gate)),
      returns_(*env_, master_, connections_, tally_),
      retirement_(*env_, master_, connections_, returns_),
      crowd_(*env_, connections_, returns_),
      intake_(*env_, master_, connections_, returns_, *this),
      heartbeat_(*env_, std::move(descriptors.statm), connections_, [this] {
        if (!env_->retiring) returns_.ReturnSurplus();
      }) {
  env_->clients.Configure(BoundRulesOf(env_->config->limits));
  StartAccessLog(std::move(descriptors.access));
  for (const auto& [id, config] : start_.services) {
    if (const auto numbers = start_.counters.find(id); numbers != start_.counters.end())
      env_->modules.counters[config->name] = numbers->second;
    if (const auto area = start_.preloads.find(config->name); area != start_.preloads.end()) {
      env_->modules.preloads[config->name] = {area->second->Root(), area->second->Size(),
                                              area->second->Module()};
      env_->modules.shared_bytes += area->second->Size();
    }
  }
  env_->master.replace_me = [this] { AskReplacement("an application thread is blocked"); };
  env_->master.thread_free = [this] { TellFreeThread(); };
  env_->master.read_notes = [this] { master_.TrySend({env_->id}); };
}

// The master's access log may be one that our configuration does not use, or not yet the one it names.
void Worker::StartAccessLog(UniqueFd file) {
  const LogConfig& config = env_->config->log;
  if (config.access == "off") return;
  access_.emplace(env_->loop, env_->id, config.access_format, start_.scoreboard->Lines(env_->id.slot),
                  start_.scoreboard->Master().access_lines_dropped);
  if (file.Valid()) access_->SetOutput(std::move(file));
  env_->access = &*access_;
}

WorkerExit Worker::Run(const ServiceTypes& types) {
  Status status = gate_inputs_ ? MakeGate() : MakeServices(types);
  if (status.Ok()) {
    Result<std::unique_ptr<SignalWatch>> signals =
        SignalWatch::Create(env_->loop, {SIGTERM}, [this](int signo, int) { OnSignal(signo); });
    if (signals.Ok()) {
      signals_ = std::move(signals).Value();
    } else {
      status = signals.Err();
    }
  }
  if (status.Ok()) status = master_.SetReading(true);
  // libcrypto reads its configuration file.
  if (status.Ok() && gate_ == nullptr && env_->config->Gates() != nullptr)
    status = SecureStream::Prepare(*env_);
  // From now on, only system calls that the services need.
  if (status.Ok()) {
    const CallBase base = gate_ != nullptr ? CallBase::kGate : CallBase::kWorker;
    status = InstallCallFilter(start_.pool->worker.seccomp, base, calls_, env_->row.refused);
  }
  if (!status.Ok()) return CannotStart(status.Err(), env_->row);
  env_->row.startup.Write("");
  heartbeat_.Beat();
  Ready ready{env_->id};
  if (!master_.Send(ready)) return WorkerExit::kStartFailed;  // the master has ended meanwhile
  status = env_->loop.Run();
  bool quiet = true;
  for (const auto& [id, service] : services_) quiet = service->OnExit() && quiet;
  // A thread that still runs uses what the destructors would free.
  if (!quiet) ExitWorker(status.Ok() ? retirement_.Exit() : WorkerExit::kLoopFailed);
  if (status.Ok()) return retirement_.Exit();
  log::Alert(log::kLoopFailed, "the event loop failed: {}", status.Err().text);
  return WorkerExit::kLoopFailed;
}

Status Worker::MakeServices(const ServiceTypes& types) {
  for (const auto& [id, config] : start_.services) {
    const auto type = types.find(config->type);
    if (type == types.end())
      return Error{fmt::format("service {}: unknown type '{}'", config->name, config->type), 0};
    env_->row.startup.Write(fmt::format("while it started service {}", config->name));
    Result<std::unique_ptr<Service>> service = type->second.factory(*config, *env_);
    if (!service.Ok()) return Error{fmt::format("service {}: {}", config->name, service.Err().text), 0};
    services_[id] = std::move(service).Value();
    calls_.Add(type->second.system_calls);
    calls_.Add(config->system_calls);
    if (config->module) calls_.Add(config->module->system_calls);
  }
  return {};
}

Status Worker::MakeGate() {
  env_->row.startup.Write("while it read the certificates");
  Result<std::unique_ptr<Service>> gate = GateService::Make(env_->config->tls, *std::move(gate_inputs_));
  gate_inputs_.reset();
  if (!gate.Ok()) return gate.Err();
  gate_ = std::move(gate).Value();
  return {};
}

Service* Worker::ServiceFor(const Parcel& parcel) {
  if (parcel.tls == TlsStage::kHandshakeDue) return gate_.get();
  const auto service = services_.find(parcel.service);
  return service != services_.end() ? service->second.get() : nullptr;
}

void Worker::OnSignal(int signo) {
  // If the master has ended, this is its PR_SET_PDEATHSIG signal: the send fails, and end of file follows.
  if (signo == SIGTERM) AskReplacement("SIGTERM");
}

void Worker::AskReplacement(const char* why) {
  if (env_->retiring || std::exchange(asked_replacement_, true)) return;
  ReplaceMe message{env_->id};
  if (master_.Send(message))
    log::Notice({log::kWorkerAsksReplacement, {{"why", why}}}, "asking the master for a replacement: {}",
                why);
}

// By the thread itself: the loop need not be woken first. If the channel is full, the master has messages of
// this worker to read, and looks after them.
void Worker::TellFreeThread() {
  const PoolRow* const pool = env_->scoreboard.PoolOf(env_->row);
  if (pool == nullptr || Get(pool->thread_queue) == 0 || FreeThreads(env_->row) == 0) return;
  master_.TrySend({env_->id});
}

// ---- the channel ----

void Worker::OnChannel() {
  if (retirement_.Over()) return;
  const std::uint64_t limit = DescriptorLimit();  // read once per turn
  intake_.TakeSome(limit);
  if (!retirement_.Over()) crowd_.Watch(limit);
}

void Worker::OnEnd() {
  for (const auto& [id, service] : services_) service->OnRetire();
  retirement_.Begin(start_.pool->supervision.drain_timeout);
}

void Worker::OnNonsense(const std::string& why) {
  log::Alert(log::kChannelBroken, "received an invalid message from the master: {}", why);
  crowd_.Stop();
  retirement_.Abort(WorkerExit::kBadMaster);
}

void Worker::OnNudge() { heartbeat_.Stamp(); }

void Worker::OnLostDescriptor(std::optional<ConnId> id) {
  if (const auto held_back = env_->client_lines.no_descriptor.Allow(Now())) {
    log::Alert({log::kChannelBroken, {{"suppressed", *held_back}}},
               "a connection was lost on receipt: no file descriptor was free");
  }
  tally_.Taken();
  if (id) env_->clients.Ends(*id);
  tally_.Lost(LossReason::kRefused);
}

void Worker::OnParcel(Parcel parcel) {
  tally_.Taken();
  if (parcel.journeys == 0) env_->row.dispatch_wait.Observe(Now() - parcel.accepted_at);
  ++parcel.journeys;
  parcel.reclaims = 0;  // it was taken at last
  LearnRhythm(*env_, parcel);
  log::Debug({log::kConnTaken, parcel.id, {{"journey", parcel.journeys}}}, "taken");
  Service* const service = ServiceFor(parcel);
  if (service == nullptr) {
    // The new configuration has no service with this number.
    if (const auto held_back = env_->client_lines.no_service.Allow(Now())) {
      log::Info({log::kConnFailed, parcel.id, {{"cause", "no_service"}, {"suppressed", *held_back}}},
                "closing: its service no longer exists");
    }
    return Lose(parcel.id);
  }
  std::unique_ptr<SecureStream> secure;
  const bool goodbye = parcel.tls == TlsStage::kGoodbyeDue;
  if (HasSession(parcel.tls)) {
    parcel.tls = TlsStage::kEstablished;
    Result<std::unique_ptr<SecureStream>> made = SecureStream::Make(*env_, parcel.tls_state);
    SecretBytes().swap(parcel.tls_state);
    if (!made.Ok()) return LoseUnusable(parcel.id, made.Err());
    secure = std::move(made).Value();
  }
  Luggage luggage;
  luggage.unread = std::move(parcel.unread);
  luggage.context = std::move(parcel.context);
  parcel.unread.clear();
  parcel.context.clear();
  if (parcel.heavy.Valid() && !LoadUnread(parcel, luggage)) return Lose(parcel.id);
  ProxyPreface preface(*service);
  GoodbyeService over;
  Service* first = parcel.proxy_header_due ? &preface : service;
  if (goodbye) first = &over;
  LiveConnection::Owner& owner = *this;
  LiveConnection& connection =
      connections_.Add(std::make_unique<LiveConnection>(*env_, owner, std::move(parcel)));
  connection.Client().Secure(std::move(secure));
  connection.Start(*first, std::move(luggage));
  // The master counted a thread for it. If it brought no request, another connection can have that thread.
  if (Get(env_->row.threads) == 0) return;
  start_.scoreboard->Master().load_marks.Mark(env_->id.slot);
  TellFreeThread();
}

bool Worker::LoadUnread(Parcel& parcel, Luggage& luggage) {
  Result<std::string> unread = LoadHeavy(parcel.heavy.Get());
  parcel.heavy.Reset();
  if (unread.Ok()) {
    luggage.unread = std::move(unread).Value();
    return true;
  }
  if (const auto held_back = env_->client_lines.no_luggage.Allow(Now())) {
    log::Error({log::kConnFailed, parcel.id, {{"cause", "luggage"}, {"suppressed", *held_back}}},
               "closing: what another worker had read from it is not there: {}", unread.Err().text);
  }
  return false;
}

void Worker::LoseUnusable(ConnId id, const Error& error) {
  if (const auto held_back = env_->client_lines.bad_tls_state.Allow(Now())) {
    log::Error({log::kConnFailed, id, {{"cause", "tls_state"}, {"suppressed", *held_back}}},
               "closing: its TLS session cannot go on: {}", error.text);
  }
  Lose(id);
}

void Worker::Lose(ConnId id) {
  env_->clients.Ends(id);
  tally_.Lost(LossReason::kRefused);
}

void Worker::OnReopenLog(ReopenLog message) {
  if (message.incarnation != env_->id.incarnation) return;  // meant for the previous worker in this slot
  if (message.kind == LogKind::kAccess) {
    if (access_) access_->SetOutput(std::move(message.fd));
    return;
  }
  log::SetOutput(message.fd.Get(), message.sink);
  log_file_ = std::move(message.fd);
  LogReopened answer{env_->id, message.round};
  (void)master_.Send(answer);  // if the master has ended, it needs no answer
}

void Worker::OnConnectionClosed(LiveConnection& connection) {
  connection.LogEnd();
  env_->clients.Ends(connection.Client().Id());
  if (const auto reason = connection.Loss()) {
    tally_.Lost(*reason);
  } else {
    tally_.Finished();
  }
  connections_.Remove(connection);
  retirement_.LeaveIfDone();
}

void Worker::OnConnectionIdle(LiveConnection& connection) {
  const ReturnReason reason = env_->retiring ? ReturnReason::kRetiring : ReturnReason::kIdle;
  if (returns_.Return(connection, reason)) retirement_.LeaveIfDone();
}

}  // namespace preforkd
