#include "master/change/saved_state.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/wire/codec.h"
#include "common/wire/packed_parcel.h"
#include "master/dispatch/connection_seals.h"

namespace preforkd {
namespace {

// Saves the message of one connection.
class MessageSaver {
 public:
  // See SaveState.
  explicit MessageSaver(SecretFile* secrets) : secrets_(secrets) {}

  void Save(std::span<const char> message, SavedConnection& connection) {
    const ParcelHead head = HeadOf(message);
    if (head.tls_bytes == 0 || secrets_ == nullptr) {
      connection.parcel.assign(message.begin(), message.end() - head.tls_bytes);
      connection.parcel.resize(message.size());
      return;
    }
    connection.secret_bytes = message.size();
    if (status_.Ok()) status_ = secrets_->Append(message);
  }
  [[nodiscard]] const Status& Outcome() const { return status_; }

 private:
  SecretFile* secrets_;
  Status status_;
};

Status SaveConnections(const MasterParts& parts, SecretFile* secrets, UpgradeState& state) {
  MessageSaver saver(secrets);
  const auto add = [&](int fd, std::span<const char> message) -> SavedConnection& {
    SavedConnection& connection = state.connections.emplace_back();
    connection.fd = fd;
    saver.Save(message, connection);
    return connection;
  };
  parts.parking.ForEach([&](int fd, std::span<const char> message, Duration idle_left) {
    add(fd, message).idle_left = idle_left;
  });
  parts.dispatcher.ForEachWaiting([&](const PackedParcel& parcel) {
    SavedConnection& connection = add(parcel.fd.Get(), parcel.Message());
    connection.waiting = true;
    connection.heavy_fd = parcel.heavy.Get();
  });
  if (secrets == nullptr || !saver.Outcome().Ok()) return saver.Outcome();
  state.secrets = secrets->Fd();
  return secrets->Seal();
}

void SaveListenerRows(const Scoreboard& scoreboard, UpgradeState& state) {
  for (const ListenerRow& row : scoreboard.Listeners()) {
    const std::string address = row.address.Read();
    if (!address.empty()) state.listener_rows.push_back({address, row.service.Read(), Get(row.accepted)});
  }
}

void SaveEnvironment(const ServiceEnvironment& environment, UpgradeState& state) {
  state.notify_socket = environment.notify_socket;
  state.watchdog = environment.watchdog;
  for (const ActivationSocket& socket : environment.sockets)
    state.passed.push_back({socket.name, socket.fd.Get()});
}

void RestoreListenerRows(const Scoreboard& scoreboard, const UpgradeState& state) {
  std::size_t left_out = 0;
  for (const SavedListenerRow& old : state.listener_rows) {
    ListenerRow* const row = scoreboard.AddListener();
    if (row == nullptr) {
      ++left_out;
      continue;
    }
    row->address.Write(old.address);
    row->service.Write(old.service);
    Set(row->accepted, old.accepted);
  }
  if (left_out == 0) return;
  log::Warning({log::kUpgradeStateLost, {{"listeners", left_out}}},
               "upgrade: the counters of {} of {} listeners start at 0: version {} had more listeners",
               left_out, state.listener_rows.size(), state.version);
}

Status RestoreListeners(const MasterParts& parts, const UpgradeState& state) {
  for (const auto& [address, id] : state.listener_ids) parts.listeners.KeepId(address, ListenerId{id});
  for (const SavedListener& listener : state.listeners) {
    const auto service = state.service_ids.find(listener.service);
    if (service == state.service_ids.end()) return Error{"a saved listener belongs to an unknown service"};
    if (Status status = parts.listeners.Restore(listener, ServiceId{service->second}); !status.Ok())
      return status;
  }
  return {};
}

Status RestoreConnections(const MasterParts& parts, const UpgradeState& state) {
  const UniqueFd file(state.secrets);  // closed when the way back is (HoldOpen)
  SecretReader secrets(file.Get());
  for (const SavedConnection& connection : state.connections) {
    std::span<const char> bytes = connection.parcel;
    Result<ParcelBytes> secret = ParcelBytes();
    if (connection.secret_bytes > 0) {
      secret = secrets.Next(connection.secret_bytes);
      if (!secret.Ok()) return secret.Err();
      bytes = secret.Value().Bytes();
    }
    Result<Untaken> message = DecodeUntaken(bytes, UniqueFd(connection.fd), WireVersion{state.wire_version},
                                            UniqueFd(connection.heavy_fd));
    auto* const held = message.Ok() ? std::get_if<PackedParcel>(&message.Value()) : nullptr;
    if (held == nullptr) return Error{"cannot decode a saved connection"};
    held->Unseal();  // an earlier program keeps its last seal there
    parts.ledger.Restored(1);
    if (connection.waiting) {
      parts.dispatcher.Submit(std::move(*held));
    } else {
      parts.parking.Restore(std::move(*held), connection.idle_left);
    }
  }
  return {};
}

}  // namespace

Result<UpgradeState> SaveState(const MasterParts& parts, const std::string& path, SecretFile* secrets) {
  const MasterContext& context = parts.context;
  if (context.scoreboard.Fd() < 0) {
    return Error{"the scoreboard cannot be passed to another program: it is not in a memfd (RLIMIT_FSIZE)"};
  }
  UpgradeState state;
  state.version = context.program.version;
  state.program = path;
  state.wire_version = static_cast<std::uint8_t>(kWireVersion);
  state.last_conn = parts.listeners.LastConnection();
  state.seal_key_0 = SealKey()[0];
  state.seal_key_1 = SealKey()[1];
  for (const auto& met : context.scoreboard.Clients().rates.met) state.bounded.push_back(met.load());
  state.pid_path = parts.pid_files.Held().Path();
  state.pid_fd = parts.pid_files.Held().Fd();
  parts.generations.Save(state);
  SaveEnvironment(context.environment, state);
  for (const auto& [address, id] : parts.listeners.Ids()) state.listener_ids[address] = Raw(id);
  state.server_log = context.log.SaveServer();
  state.access_log = context.log.SaveAccess();
  state.listeners = parts.listeners.Save();
  parts.control.Save(state);
  SaveListenerRows(context.scoreboard, state);
  parts.supervisor.Save(state);
  if (const Status status = SaveConnections(parts, secrets, state); !status.Ok()) return status.Err();
  return state;
}

Result<std::vector<WaiterId>> RestoreState(const MasterParts& parts, ConfigApplier& applier,
                                           const UpgradeState& state) {
  RestoreListenerRows(parts.context.scoreboard, state);
  RestoreSealKey({state.seal_key_0, state.seal_key_1});
  ClientRates& clients = parts.context.scoreboard.Clients().rates;
  for (std::size_t i = 0; i < std::min(state.bounded.size(), kBounds); ++i)
    clients.met[i].fetch_add(state.bounded[i], std::memory_order_relaxed);
  parts.listeners.KeepLastConnection(state.last_conn);
  parts.pid_files.Held() = PidFile::Restore(state.pid_path, UniqueFd(state.pid_fd));
  const GenerationSpec& serving = parts.generations.Serving();
  applier.ApplyNumbers(serving);
  applier.ApplyRoutes(serving);
  if (const Status status = RestoreListeners(parts, state); !status.Ok()) return status.Err();
  Result<std::vector<ControlAnswer>> answers = parts.control.Restore(state.control);
  if (!answers.Ok()) return answers.Err();
  std::vector<WaiterId> waiters;
  for (ControlAnswer& answer : answers.Value()) waiters.push_back(parts.waiters.Add(std::move(answer)));
  if (const Status status = parts.supervisor.Restore(serving, state); !status.Ok()) return status.Err();
  // Without services: connections of removed services are closed when the old generation has ended.
  parts.parking.Configure(serving.config->parking, {});
  if (const Status status = RestoreConnections(parts, state); !status.Ok()) return status.Err();
  return waiters;
}

}  // namespace preforkd
