// The master's upgrade in place: it is looked at by a child what the new program makes of all this, then this process
// becomes the new program, which goes on where the old one was. Up to the exec any failure leaves everything as it is;
// from there to the first thing that cannot be undone the new program can still become the old one again (way_back.h).
#include <fmt/format.h>

#include <utility>

#include "common/base/log.h"
#include "common/process/limits.h"
#include "common/scoreboard/named_counters.h"
#include "common/wire/codec.h"
#include "master/connection_seals.h"
#include "master/master.h"
#include "master/upgrade/replace.h"
#include "master/upgrade/state_codec.h"
#include "master/upgrade/state_file.h"
#include "master/upgrade/way_back.h"

namespace preforkd {
namespace {

// How long to wait, once the new program is content, for a moment that can be described.
constexpr Duration kComposure = std::chrono::seconds(10);

template <typename Id>
std::map<std::string, std::uint16_t> Numbers(const std::map<std::string, Id>& ids) {
  std::map<std::string, std::uint16_t> numbers;
  for (const auto& [name, id] : ids) numbers[name] = Raw(id);
  return numbers;
}

}  // namespace

// ---- the old program ----

void Master::Upgrade(ControlAnswer done) {
  if (stopping_) return done(Refusal("upgrade: the server is stopping"));
  if (!can_serve_) return done(Refusal("upgrade: the server does not serve yet"));
  if (preflight_ != nullptr || replacing_) return reload_waiters_.push_back(std::move(done));
  if (!MayChange()) {
    if (!std::exchange(upgrade_again_, true)) log::Notice("upgrade waits: a reload is under way");
    return next_reload_waiters_.push_back(std::move(done));
  }
  if (const std::optional<ControlReply> refusal = BeginUpgrade()) return done(*refusal);
  reload_waiters_.push_back(std::move(done));
}

std::optional<ControlReply> Master::BeginUpgrade() {
  manager_.Reloading(fmt::format("upgrading: generation {} serves", Raw(serving_.number)));
  const Result<UpgradeState> state = Describe();
  if (!state.Ok()) return RefuseUpgrade(state.Err().text);
  Result<UniqueFd> file = WriteStateFile(EncodeState(state.Value()));
  if (!file.Ok()) return RefuseUpgrade(file.Err().text);
  Result<std::unique_ptr<Preflight>> preflight = Preflight::Start(
      loop_, path_, words_, std::move(file).Value(), [this](const Result<std::string>& verdict) { OnPreflight(verdict); });
  if (!preflight.Ok()) return RefuseUpgrade(preflight.Err().text);
  preflight_ = std::move(preflight).Value();
  log::Notice("upgrade: {} is asked whether it would do", path_);
  return std::nullopt;
}

ControlReply Master::RefuseUpgrade(const std::string& why) {
  Add(page_.upgrades[UpgradeResult::kRefused]);
  const std::string what =
      fmt::format("upgrade refused: {}; version {} serves on", why, program_.version);
  log::Error("{}", what);
  manager_.ReloadEnded(fmt::format("upgrade refused: {}; {}", why, ServingText()));
  return Refusal(what);
}

void Master::GiveUpUpgrade(const std::string& why) {
  replacing_ = false;
  AnswerReload(RefuseUpgrade(why));
  OnSettled();  // what had to wait for this
}

void Master::OnPreflight(const Result<std::string>& verdict) {
  preflight_.reset();
  if (!verdict.Ok()) return GiveUpUpgrade(verdict.Err().text);
  replacing_ = true;
  coming_version_ = verdict.Value();
  replace_by_ = Now() + kComposure;
  Replace();
}

void Master::Replace() {
  if (!supervisor_.MayReload() || !supervisor_.Compose()) {
    if (Now() < replace_by_) return;  // OnSettled comes back here
    return GiveUpUpgrade("there was no quiet moment to describe the workers in");
  }
  dispatcher_.Flush();
  const Result<UpgradeState> state = Describe();
  if (!state.Ok()) return GiveUpUpgrade(state.Err().text);
  log::Notice("upgrade: version {} makes room for {}", program_.version, coming_version_);
  GiveUpUpgrade(ReplaceProgram(path_, words_, state.Value()).text);
}

Result<UpgradeState> Master::Describe() {
  if (scoreboard_.Fd() < 0) return Error{"the scoreboard could not be made so that it can be passed on (RLIMIT_FSIZE)"};
  UpgradeState state;
  state.version = program_.version;
  state.program = path_;
  state.wire_version = static_cast<std::uint8_t>(kWireVersion);
  state.config = PrintConfig(*serving_.config);
  state.generation = serving_.number;
  state.last_generation = last_generation_;
  state.last_conn = last_conn_;
  state.seal_key_0 = SealKey()[0];
  state.seal_key_1 = SealKey()[1];
  state.service_ids = Numbers(service_ids_);
  state.listener_ids = Numbers(listeners_.Ids());
  state.pid_path = pid_file_.Path();
  state.pid_fd = pid_file_.Fd();
  state.notify_socket = environment_.notify_socket;
  state.watchdog = environment_.watchdog;
  for (const InheritedSocket& socket : environment_.sockets) state.passed.push_back({socket.name, socket.fd.Get()});
  state.server_log = log_.BequeathServer();
  state.access_log = log_.BequeathAccess();
  state.listeners = listeners_.Bequeath();
  if (control_ != nullptr) {
    state.control = {control_->Fd(), control_->Path(), control_->File(), control_->Waiters(), control_->IdleClients()};
  }
  VisitTotals(page_, [&](const std::string& name, const Counter& counter) { state.totals[name] = Get(counter); });
  for (const ListenerRow& row : page_.listeners) {
    const std::string address = row.address.Read();
    if (!address.empty()) state.listener_rows.push_back({address, row.service.Read(), Get(row.accepted)});
  }
  supervisor_.Bequeath(state);
  DescribeConnections(state);
  return state;
}

void Master::DescribeConnections(UpgradeState& state) const {
  parking_.ForEach([&](int fd, std::span<const char> parcel, Duration idle_left) {
    state.connections.push_back({fd, {parcel.begin(), parcel.end()}, false, idle_left});
  });
  const Ring<PackedParcel>& waiting = dispatcher_.WaitingParcels();
  for (std::size_t i = 0; i < waiting.Size(); ++i) {
    const std::span<const char> message = waiting[i].Message();
    state.connections.push_back({waiting[i].fd.Get(), {message.begin(), message.end()}, true, Duration(0)});
  }
}

// ---- the new program ----

ExitCode Master::Continue(std::shared_ptr<const Config> serving, std::shared_ptr<const Config> coming,
                          const UpgradeState& state, const std::optional<std::string>& returned) {
  on_serving_ = [] {};
  can_serve_ = true;
  last_conn_ = state.last_conn;
  for (const auto& [name, id] : state.service_ids) service_ids_[name] = ServiceId{id};
  for (const auto& [address, id] : state.listener_ids) listeners_.KeepId(address, ListenerId{id});
  serving_ = MakeGeneration(std::move(serving));
  last_generation_ = state.last_generation;
  serving_.number = state.generation;
  serving_.workers = state.workers;
  Status status = CanBePassedOn();
  if (status.Ok()) status = WatchSignals();
  if (status.Ok()) status = Inherit(state);
  if (status.Ok() && !returned) status = listeners_.Prepare(*coming);
  if (status.Ok() && !returned) status = PrepareControl(*coming);
  if (!status.Ok()) {
    // Files of sockets that only this program has made.
    listeners_.Abandon();
    coming_control_.reset();
    WayBack::Take(status.Err().text);
  }
  WayBack::Close();
  if (const Status closed = SetCloseOnExec(state.Descriptors(), true); !closed.Ok()) {
    log::Error("a descriptor that was inherited stays open when another program is run: {}", closed.Err().text);
  }
  EndHold();
  if (coming->scheduling == Scheduling::kBatch) {
    if (const Status batch = UseBatchScheduling(); !batch.Ok()) log::Warning("{}", batch.Err().text);
  }
  log::Notice("upgrade: version {} has taken over from version {}: {} workers, {} connections held", program_.version,
              state.version, state.workers_alive.size(), state.connections.size());
  KeepMemoryToItself(serving_.config->worker.dumpable);
  SayWhatIsMissing(*serving_.config);
  manager_.Resume();
  supervisor_.GoOn();
  if (returned) {
    StayReturned(*returned);
  } else {
    replaced_ = state.version;
    coming_ = MakeGeneration(std::move(coming));
    log::Notice("upgrade: generation {} is starting with {} workers", Raw(coming_.number), coming_.workers);
    SetState(MasterState::kReloading);
    supervisor_.Reload(coming_);
  }
  UpdateAccepting();
  return Loop();
}

void Master::StayReturned(const std::string& reason) {
  Add(page_.upgrades[UpgradeResult::kReturned]);
  const std::string what = fmt::format("upgrade refused: {}; version {} is back and serves on", reason, program_.version);
  log::Error("{}", what);
  SetState(MasterState::kServing);
  manager_.ReloadEnded(fmt::format("upgrade refused: {}; {}", reason, ServingText()));
  AnswerReload(Refusal(what));
  supervisor_.Scale(serving_.workers);  // those that died meanwhile
}

// Without a descriptor the scoreboard could not be left to the next program, and every upgrade would be refused.
Status Master::CanBePassedOn() const {
  if (scoreboard_.Fd() >= 0 || !WayBack::MayBeChoosy()) return {};
  return Error{"there is no memory for a scoreboard that can be passed on"};
}

Status Master::Inherit(const UpgradeState& state) {
  RestoreTotals(state);
  InheritSealKey({state.seal_key_0, state.seal_key_1});
  pid_file_ = PidFile::Inherit(state.pid_path, UniqueFd(state.pid_fd));
  Lead(serving_);
  for (const InheritedListener& listener : state.listeners) {
    const auto service = state.service_ids.find(listener.service);
    if (service == state.service_ids.end()) return Error{"a listener of an unknown service"};
    if (Status status = listeners_.Inherit(listener, ServiceId{service->second}); !status.Ok()) return status;
  }
  if (Status status = InheritControl(state.control); !status.Ok()) return status;
  if (Status status = supervisor_.Inherit(serving_, state); !status.Ok()) return status;
  parking_.Configure(serving_.config->parking, {});  // of services that are no more: closed when the old generation is
  return InheritConnections(state);
}

void Master::RestoreTotals(const UpgradeState& state) {
  VisitTotals(page_, [&](const std::string& name, Counter& counter) {
    if (const auto found = state.totals.find(name); found != state.totals.end()) Set(counter, found->second);
  });
  std::size_t next = 0;
  for (const InheritedListenerRow& old : state.listener_rows) {
    if (next == page_.listeners.size()) break;  // a program that had more of them
    ListenerRow& row = page_.listeners[next++];
    row.address.Write(old.address);
    row.service.Write(old.service);
    Set(row.accepted, old.accepted);
  }
}

Status Master::InheritControl(const InheritedControl& control) {
  if (control.fd < 0) return {};
  auto socket = ControlSocket::Inherit(
      loop_, UniqueFd(control.fd), control.path, control.file,
      [this](const ControlRequest& request, const ControlAnswer& answer) { OnControl(request, answer); });
  if (!socket.Ok()) return socket.Err();
  control_ = std::move(socket).Value();
  RefuseWorkersAt(*control_);
  for (const int fd : control.waiters) reload_waiters_.push_back(control_->InheritWaiter(UniqueFd(fd)));
  for (const int fd : control.idle) control_->InheritIdle(UniqueFd(fd));
  return {};
}

Status Master::InheritConnections(const UpgradeState& state) {
  for (const InheritedConnection& connection : state.connections) {
    Result<Untaken> message = DecodeUntaken(connection.parcel, UniqueFd(connection.fd), WireVersion{state.wire_version});
    auto* const held = message.Ok() ? std::get_if<PackedParcel>(&message.Value()) : nullptr;
    if (held == nullptr) return Error{"a connection that cannot be read"};
    ledger_.Resumed(1);
    if (connection.waiting) {
      dispatcher_.Submit(std::move(*held));
    } else {
      parking_.Inherit(std::move(*held), connection.idle_for);
    }
  }
  return {};
}

}  // namespace preforkd
