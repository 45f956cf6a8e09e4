#include "master/upgrade/state/state_codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "common/scoreboard/worker_row.h"
#include "common/text/quote.h"
#include "common/wire/messages.h"

namespace preforkd {
namespace {

using nlohmann::json;

// One list of fields serves both directions: a Writer puts each field into an object, a Reader takes it from
// one.
class Writer {
 public:
  explicit Writer(json& object) : object_(object) { object_ = json::object(); }

  template <typename T>
  void operator()(const char* name, T& value) {
    object_[name] = Put(value);
  }

 private:
  template <typename T>
  static json Put(T& value);

  json& object_;
};

class Reader {
 public:
  explicit Reader(json object) : object_(std::move(object)) {
    if (!object_.is_object()) throw std::runtime_error("not a map");
  }

  template <typename T>
  void operator()(const char* name, T& value) {
    const auto found = object_.find(name);
    if (found == object_.end()) return;
    try {
      Get(*found, value);
    } catch (const std::exception& error) {
      throw std::runtime_error(fmt::format("{}: {}", name, error.what()));
    }
  }

 private:
  template <typename T>
  static void Get(const json& from, T& value);

  json object_;
};

// ---- fields ----

template <typename Visit>
void Fields(Visit&& visit, PassedSocket& socket) {
  visit("name", socket.name);
  visit("fd", socket.fd);
}

template <typename Visit>
void Fields(Visit&& visit, SocketFile& file) {
  visit("path", file.path);
  visit("device", file.device);
  visit("inode", file.inode);
}

template <typename Visit>
void Fields(Visit&& visit, SavedListener& listener) {
  visit("fd", listener.fd);
  visit("key", listener.key);
  visit("address", listener.address);
  visit("service", listener.service);
  visit("proxy_protocol", listener.proxy_protocol);
  visit("tls", listener.tls);
  visit("http", listener.http);
  visit("file", listener.file);
}

template <typename Visit>
void Fields(Visit&& visit, SavedListenerRow& row) {
  visit("address", row.address);
  visit("service", row.service);
  visit("accepted", row.accepted);
}

template <typename Visit>
void Fields(Visit&& visit, SavedCounter& counter) {
  visit("service", counter.service);
  visit("name", counter.name);
  visit("help", counter.help);
}

template <typename Visit>
void Fields(Visit&& visit, SavedControl& control) {
  visit("fd", control.fd);
  visit("path", control.path);
  visit("file", control.file);
  visit("waiters", control.waiters);
  visit("idle", control.idle);
}

template <typename Visit>
void Fields(Visit&& visit, SavedLog& log) {
  visit("fd", log.fd);
  visit("path", log.path);
  visit("sink", log.sink);
}

template <typename Visit>
void Fields(Visit&& visit, WorkerId& id) {
  visit("slot", id.slot);
  visit("incarnation", id.incarnation);
}

template <typename Visit>
void Fields(Visit&& visit, SavedRecord& record) {
  visit("slot", record.slot);
  visit("pool", record.pool);
  visit("incarnation", record.incarnation);
  visit("state", record.state);
  visit("wanted", record.wanted);
  visit("leaving", record.leaving);
  visit("extra", record.extra);
  visit("replaces", record.replaces);
  visit("ready_at", record.ready_at);
  visit("kill_at", record.kill_at);
}

template <typename Visit>
void Fields(Visit&& visit, SavedWorker& worker) {
  Fields(visit, worker.record);
  visit("pid", worker.pid);
  visit("pid_fd", worker.pid_fd);
  visit("master_end", worker.master_end);
  visit("worker_end", worker.worker_end);
  visit("shut", worker.shut);
  visit("wire_version", worker.wire_version);
  visit("board", worker.board);
  visit("started_at", worker.started_at);
}

template <typename Visit>
void Fields(Visit&& visit, SavedConnection& connection) {
  visit("fd", connection.fd);
  visit("heavy_fd", connection.heavy_fd);
  visit("parcel", connection.parcel);
  visit("secret_bytes", connection.secret_bytes);
  visit("waiting", connection.waiting);
  visit("idle_for", connection.idle_left);
}

template <typename Visit>
void Fields(Visit&& visit, UpgradeState& state) {
  visit("format", state.format);
  visit("version", state.version);
  visit("program", state.program);
  visit("wire_version", state.wire_version);
  visit("generation", state.generation);
  visit("last_generation", state.last_generation);
  visit("last_incarnation", state.last_incarnation);
  visit("last_conn", state.last_conn);
  visit("seal_key_0", state.seal_key_0);
  visit("seal_key_1", state.seal_key_1);
  visit("bounded", state.bounded);
  visit("service_ids", state.service_ids);
  visit("listener_ids", state.listener_ids);
  visit("pool_ids", state.pool_ids);
  visit("pool_workers", state.pool_workers);
  visit("config", state.config);
  visit("modules", state.modules);
  visit("module_files", state.module_files);
  visit("certificates", state.certificates);
  visit("detached", state.detached);
  visit("pid_path", state.pid_path);
  visit("pid_fd", state.pid_fd);
  visit("ticket_page", state.ticket_page);
  visit("secrets", state.secrets);
  visit("notify_socket", state.notify_socket);
  visit("watchdog", state.watchdog);
  visit("passed", state.passed);
  visit("server_log", state.server_log);
  visit("access_log", state.access_log);
  visit("listeners", state.listeners);
  visit("control", state.control);
  visit("listener_rows", state.listener_rows);
  visit("module_counters", state.module_counters);
  visit("board_layout", state.board_layout);
  visit("boards", state.boards);
  visit("workers_alive", state.workers_alive);
  visit("connections", state.connections);
}

// ---- kinds of values ----

template <typename T>
concept Record = requires(T& value, Writer& writer) {
  Fields(writer, value);
};
template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};
template <typename T>
struct IsMap : std::false_type {};
template <typename T>
struct IsMap<std::map<std::string, T>> : std::true_type {};
template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <typename T>
json Writer::Put(T& value) {
  if constexpr (Record<T>) {
    json object;
    Fields(Writer(object), value);
    return object;
  } else if constexpr (IsVector<T>::value) {
    json array = json::array();
    for (auto& element : value) array.push_back(Put(element));
    return array;
  } else if constexpr (IsMap<T>::value) {
    json object = json::object();
    for (auto& [name, element] : value) object[name] = Put(element);
    return object;
  } else if constexpr (IsOptional<T>::value) {
    return value ? Put(*value) : json();
  } else if constexpr (std::is_same_v<T, Time>) {
    return ToNanoseconds(value);
  } else if constexpr (std::is_same_v<T, Duration>) {
    return value.count();
  } else if constexpr (std::is_same_v<T, std::string>) {
    return json::binary({value.begin(), value.end()});  // may be any bytes, not only UTF-8
  } else if constexpr (std::is_enum_v<T>) {
    return Raw(value);
  } else {
    return value;
  }
}

template <typename Number>
Number GetNumber(const json& from) {
  static_assert(std::is_integral_v<Number> && !std::is_same_v<Number, bool>);
  if (!from.is_number_integer()) throw std::runtime_error("not a number");
  if (from.is_number_unsigned()) {
    const auto number = from.get<std::uint64_t>();
    if (std::in_range<Number>(number)) return static_cast<Number>(number);
  } else {
    const auto number = from.get<std::int64_t>();
    if (std::in_range<Number>(number)) return static_cast<Number>(number);
  }
  throw std::runtime_error("a number out of range");
}

template <typename T>
void Reader::Get(const json& from, T& value) {
  if constexpr (Record<T>) {
    Fields(Reader(from), value);
  } else if constexpr (IsVector<T>::value) {
    if (!from.is_array()) throw std::runtime_error("not a list");
    for (const json& element : from) Get(element, value.emplace_back());
  } else if constexpr (IsMap<T>::value) {
    if (!from.is_object()) throw std::runtime_error("not a map");
    for (const auto& [name, element] : from.items()) Get(element, value[name]);
  } else if constexpr (IsOptional<T>::value) {
    if (!from.is_null()) Get(from, value.emplace());
  } else if constexpr (std::is_same_v<T, Time>) {
    value = FromNanoseconds(GetNumber<std::int64_t>(from));
  } else if constexpr (std::is_same_v<T, Duration>) {
    value = Duration(GetNumber<Duration::rep>(from));
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!from.is_binary()) throw std::runtime_error("not a string of bytes");
    value.assign(from.get_binary().begin(), from.get_binary().end());
  } else if constexpr (std::is_enum_v<T>) {
    value = static_cast<T>(GetNumber<std::underlying_type_t<T>>(from));
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!from.is_boolean()) throw std::runtime_error("neither true nor false");
    value = from.get<bool>();
  } else {
    value = GetNumber<T>(from);
  }
}

// ---- consistency checks ----

Status Spoken(std::uint8_t version, const char* whose) {
  if (IsSpoken(WireVersion{version})) return {};
  return Error{fmt::format("{} speak wire version {}, and this program speaks {} to {}", whose, version,
                           static_cast<int>(kOldestWireVersion), static_cast<int>(kWireVersion))};
}

Status CheckWorker(const UpgradeState& state, const SavedWorker& worker) {
  if (worker.pid <= 0 || worker.pid_fd < 0 || worker.master_end < 0 || worker.worker_end < 0) {
    return Error{fmt::format("the record of the worker in slot {} is incomplete", Raw(worker.record.slot))};
  }
  if (worker.board >= state.boards.size()) {
    return Error{
        fmt::format("the worker in slot {} writes to an unknown scoreboard", Raw(worker.record.slot))};
  }
  const bool known = std::any_of(state.pool_ids.begin(), state.pool_ids.end(),
                                 [&](const auto& pool) { return pool.second == Raw(worker.record.pool); });
  if (!known)
    return Error{fmt::format("the worker in slot {} belongs to an unknown pool", Raw(worker.record.slot))};
  const WorkerState as = worker.record.state;
  if (as == WorkerState::kGone ||
      std::find(kAllWorkerStates.begin(), kAllWorkerStates.end(), as) == kAllWorkerStates.end()) {
    return Error{fmt::format("the worker in slot {} is in an unknown state", Raw(worker.record.slot))};
  }
  return Spoken(worker.wire_version, "workers");
}

// Their position is their number in the rows of workers: none may be missing or be there twice.
Status CheckCounters(const std::vector<SavedCounter>& counters) {
  if (counters.size() > kMaxModuleCounters) {
    return Error{fmt::format("the state has {} counters of modules, and this program has room for {}",
                             counters.size(), kMaxModuleCounters)};
  }
  std::set<std::pair<std::string, std::string>> seen;
  for (const SavedCounter& counter : counters) {
    if (!seen.emplace(counter.service, counter.name).second) {
      return Error{fmt::format("the state has counter {} of service {} twice", Quoted(counter.name),
                               Quoted(counter.service))};
    }
  }
  return {};
}

Status Check(const UpgradeState& state) {
  if (state.format != UpgradeState::kFormat) {
    return Error{fmt::format("the state has format {}, and this program reads {}", state.format,
                             UpgradeState::kFormat)};
  }
  if (state.board_layout != kBoardLayout) {
    return Error{fmt::format("the scoreboard has layout {}, and this program reads {}", state.board_layout,
                             kBoardLayout)};
  }
  if (const Status status = Spoken(state.wire_version, "its workers"); !status.Ok()) return status;
  if (state.pool_workers.empty()) return Error{"the state has no pool"};
  for (const auto& [name, workers] : state.pool_workers) {
    if (workers == 0) return Error{fmt::format("the state asks for 0 workers in pool {}", Quoted(name))};
    if (!state.pool_ids.contains(name)) return Error{fmt::format("pool {} has no number", Quoted(name))};
  }
  for (const SavedWorker& worker : state.workers_alive) {
    if (const Status status = CheckWorker(state, worker); !status.Ok()) return status;
  }
  if (const Status status = CheckCounters(state.module_counters); !status.Ok()) return status;
  std::vector<int> fds = state.Descriptors();
  std::sort(fds.begin(), fds.end());
  if (!fds.empty() && fds.front() < 0) return Error{"a descriptor number is negative"};
  const auto twice = std::adjacent_find(fds.begin(), fds.end());
  if (twice != fds.end()) return Error{fmt::format("descriptor {} is named twice", *twice)};
  return {};
}

}  // namespace

std::string EncodeState(const UpgradeState& state) {
  json object;
  Fields(Writer(object), const_cast<UpgradeState&>(state));  // a Writer does not change it
  std::string bytes;
  json::to_cbor(object, bytes);
  return bytes;
}

Result<UpgradeState> DecodeState(std::string_view bytes) {
  UpgradeState state;
  try {
    Fields(Reader(json::from_cbor(bytes)), state);
  } catch (const json::exception&) {
    return Error{"the state is damaged"};
  } catch (const std::exception& error) {
    return Error{fmt::format("the state is not understood: {}", error.what())};
  }
  if (const Status status = Check(state); !status.Ok()) return status.Err();
  return state;
}

}  // namespace preforkd
