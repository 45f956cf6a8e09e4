// WorkerEnv: what everything inside one worker shares. Owned by worker.cc, alive for the whole process.
#ifndef PREFORKD_WORKER_CONNECTION_WORKER_ENV_H_
#define PREFORKD_WORKER_CONNECTION_WORKER_ENV_H_

#include <array>
#include <memory>
#include <string>

#include "common/base/ids.h"
#include "common/config/config.h"
#include "common/event/event_loop.h"
#include "common/scoreboard/scoreboard.h"
#include "common/structures/rate_limit.h"
#include "worker/connection/due_connections.h"

namespace preforkd {

class AccessLog;

// Lines that clients can cause as often as they like: of each kind one a second, which says how many more
// there were.
struct ClientLines {
  OncePerSecond bad_preface;
  OncePerSecond no_preface;
  OncePerSecond idle;
  OncePerSecond exception;
  OncePerSecond unwatchable;
  OncePerSecond no_service;
  OncePerSecond no_descriptor;
  OncePerSecond too_heavy;
};

struct WorkerEnv {
  EventLoop& loop;
  const Scoreboard& scoreboard;
  WorkerRow& row;  // this worker's
  WorkerId id;
  Generation generation{};
  std::shared_ptr<const Config> config;

  // True from the moment the master (or its death) has told this worker to leave.
  bool retiring = false;

  ClientLines client_lines{};

  AccessLog* access = nullptr;  // none: there is no access log

  DueConnections due{loop};

  // Scratch buffers that every connection uses in turn: valid within one callback, never kept. That is why
  // an idle connection holds no buffer.
  std::array<char, 64 * 1024> in{};
  std::array<char, 64 * 1024> out{};
};

}  // namespace preforkd

#endif
