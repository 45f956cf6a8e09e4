// WorkerEnv: what everything inside one worker shares. Owned by worker.cc; lives as long as the process.
#ifndef PREFORKD_WORKER_CONNECTION_WORKER_ENV_H_
#define PREFORKD_WORKER_CONNECTION_WORKER_ENV_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/base/ids.h"
#include "common/bounds/worker_bounds.h"
#include "common/config/config.h"
#include "common/event/event_loop.h"
#include "common/gate/certificate_facts.h"
#include "common/scoreboard/module_counters.h"
#include "common/scoreboard/scoreboard.h"
#include "common/structures/rate_limit.h"
#include "worker/connection/due_connections.h"
#include "worker/connection/parking/stays.h"
#include "worker/connection/tls_tools.h"

namespace preforkd {

class AccessLog;
namespace module {
class WorkerThreads;
}

// What a module has preloaded for the service. `module`: the mark of the file that has made it.
struct Preloaded {
  void* root = nullptr;
  std::uint64_t size = 0;
  std::string module;
};

// What the master has made for the modules of this worker, by the names of their services.
struct ModuleSupplies {
  std::map<std::string, CounterNumbers> counters{};
  // What is read in them is shared with other workers, what is written is not.
  std::map<std::string, Preloaded> preloads{};
  // The bytes that are shared with other workers, if all of them were read.
  std::uint64_t shared_bytes = 0;
};

// Limits of log lines that clients can cause at will: one line per kind and second, with the number of
// suppressed ones.
struct ClientLines {
  OncePerSecond bad_preface;
  OncePerSecond no_preface;
  OncePerSecond idle;
  OncePerSecond exception;
  OncePerSecond unwatchable;
  OncePerSecond no_service;
  OncePerSecond bad_tls_state;
  OncePerSecond no_descriptor;
  OncePerSecond no_luggage;
  OncePerSecond too_heavy;
  OncePerSecond unused_input;
};

// What is told to the master.
struct MasterCalls {
  // Asks it to replace this worker, which then retires. Repeated calls have no effect.
  std::function<void()> replace_me{};
  // An application thread may have become free: tells it if a connection waits there for one. Any thread.
  std::function<void()> thread_free{};
  // Asks it to read the notes about clients soon (WorkerBounds).
  std::function<void()> read_notes{};
};

struct WorkerEnv {
  EventLoop& loop;
  const Scoreboard& scoreboard;
  WorkerRow& row;  // this worker's
  WorkerId id;
  Generation generation{};
  std::shared_ptr<const Config> config;
  std::shared_ptr<const AllCertificateFacts> certificates{};  // see WorkerStart

  // By client address.
  WorkerBounds clients{scoreboard.Clients(), id.slot};

  // The master has told this worker to retire, or has ended.
  bool retiring = false;
  // No other worker would finish what a client has begun here: the server stops, or the new configuration
  // lacks a service of this worker's pool.
  [[nodiscard]] bool HasNoSuccessor() const {
    return scoreboard.Master().state.load(std::memory_order_relaxed) == MasterState::kStopping ||
           Get(row.no_successor) != 0;
  }

  ClientLines client_lines{};

  Stays stays{};  // how long idle connections stay

  AccessLog* access = nullptr;  // nullptr: there is no access log

  ModuleSupplies modules{};

  MasterCalls master{};

  // Of all blocking services; nullptr: there is none.
  std::shared_ptr<module::WorkerThreads> threads{};

  DueConnections due{loop};

  std::unique_ptr<TlsTools> tls{};  // see SecureStream::Make

  // The HTTP session that works on what it has received: code of a service may be on the stack, and the
  // buffers below hold what this session has not sent yet. Others must not send now. nullptr: none.
  const void* busy = nullptr;

  // Scratch buffers shared by all connections: valid only within one callback. So an idle connection holds no
  // buffer.
  std::array<char, 64 * 1024> in{};
  std::array<char, 64 * 1024> out{};
};

}  // namespace preforkd

#endif
