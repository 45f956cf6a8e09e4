// UpgradeState: all that a master must know to go on where another program left off in the same process: what
// is open under which number, and what cannot be asked of the kernel. A plain value.
//
// Descriptors are numbers here, owned by nobody: the program that leaves has their owners until the exec, and
// the one that comes makes owners of them once it has decided to stay (Master::RunRestored).
#ifndef PREFORKD_MASTER_UPGRADE_STATE_UPGRADE_STATE_H_
#define PREFORKD_MASTER_UPGRADE_STATE_UPGRADE_STATE_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/net/socket_ops.h"
#include "common/scoreboard/board_header.h"

namespace preforkd {

// A socket that a service manager has passed at the start.
struct PassedSocket {
  std::string name;
  int fd = -1;

  bool operator==(const PassedSocket&) const = default;
};

struct SavedListener {
  int fd = -1;
  std::string key;      // its address as configured; of several sockets of one name, which (listener_set.h)
  std::string address;  // as configured
  std::string service;
  bool proxy_protocol = false;
  SocketFile file;

  bool operator==(const SavedListener&) const = default;
};

// What a listener that is or was there has counted.
struct SavedListenerRow {
  std::string address;  // as bound
  std::string service;
  std::uint64_t accepted = 0;

  bool operator==(const SavedListenerRow&) const = default;
};

struct SavedControl {
  int fd = -1;  // -1: there is none
  std::string path;
  SocketFile file;
  std::vector<int> waiters;  // clients that are to be told how the upgrade ended
  std::vector<int> idle;     // clients that have asked for nothing

  bool operator==(const SavedControl&) const = default;
};

// Where lines go: what a path that cannot be opened any more was opened as.
struct SavedLog {
  int fd = -1;            // -1: standard error, or none
  std::string path;       // as configured (LogOutput); empty: the program that leaves has not said
  std::uint8_t sink = 0;  // log::Sink

  bool operator==(const SavedLog&) const = default;
};

// A slot with a process: a worker of the program that leaves, or of one before it.
struct SavedWorker {  // of the generation in service: a change waits until no other is left
  Slot slot{};
  PoolId pool{};
  Incarnation incarnation{};
  std::string state;  // "starting", "ready", "retiring"
  bool wanted = false;
  bool leaving = false;
  bool extra = false;
  std::optional<WorkerId> replaces;
  pid_t pid = 0;
  int pid_fd = -1;
  int master_end = -1;  // of its channel
  int worker_end = -1;
  bool shut = false;  // the master's side is closed
  std::uint8_t wire_version = 0;
  std::uint64_t board = 0;  // which of the boards it writes to
  Time started_at{};
  Time ready_at{};
  std::optional<Time> kill_at;  // when timeout with it ends

  bool operator==(const SavedWorker&) const = default;
};

// A connection that the master holds.
struct SavedConnection {
  int fd = -1;
  std::string parcel;     // as a HandOver of it, in the wire version of the state, without its descriptor
  bool waiting = false;   // for a worker; else it is parked
  Duration idle_left{0};  // how much longer it may be; 0: for ever

  bool operator==(const SavedConnection&) const = default;
};

struct UpgradeState {
  // Bump when a reader of the one before would be misled; a key that is added is no reason: it is not read.
  static constexpr std::uint64_t kFormat = 2;

  std::uint64_t format = kFormat;
  std::string version;  // of the program that leaves
  std::string program;  // where its file lay, and where a successor is looked for
  std::uint8_t wire_version = 0;
  // Numbers that must not be given out twice.
  Generation generation{};  // in service
  Generation last_generation{};
  Incarnation last_incarnation{};
  ConnId last_conn{};
  // The key of the seals on connections (connection_seals.h), in two halves; 0 and 0: the program that leaves
  // has none.
  std::uint64_t seal_key_0 = 0;
  std::uint64_t seal_key_1 = 0;
  std::map<std::string, std::uint16_t> service_ids;
  std::map<std::string, std::uint16_t> listener_ids;
  std::map<std::string, std::uint8_t> pool_ids;
  std::map<std::string, std::uint32_t> pool_workers;  // that there should be in each pool in service

  std::string config;     // in service: as PrintConfig prints it
  bool detached = false;  // --daemonize
  std::string pid_path;   // empty: no pid file
  int pid_fd = -1;
  std::string notify_socket;
  std::optional<Duration> watchdog;
  std::vector<PassedSocket> passed;
  SavedLog server_log;
  SavedLog access_log;
  std::vector<SavedListener> listeners;
  SavedControl control;

  std::vector<SavedListenerRow> listener_rows;
  std::uint32_t board_layout = kBoardLayout;
  // Scoreboards: first that of the program that leaves, with all that has been counted; then older ones, to
  // which workers still write.
  std::vector<int> boards;
  std::vector<SavedWorker> workers_alive;
  std::vector<SavedConnection> connections;

  bool operator==(const UpgradeState&) const = default;

  // Every descriptor that is named.
  [[nodiscard]] std::vector<int> Descriptors() const;
};

}  // namespace preforkd

#endif
