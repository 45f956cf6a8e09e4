// UpgradeState: all that a master needs to resume where another program stopped in the same process: open
// descriptors by number, and everything that cannot be asked of the kernel. A plain value.
//
// Descriptors are unowned numbers here. The old program owns them until the exec. The new program takes
// ownership once it has decided to stay (Master::RunRestored).
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
#include "master/policy/fleet/worker_table.h"

namespace preforkd {

// A socket that the service manager passed at the start.
struct PassedSocket {
  std::string name;
  int fd = -1;

  bool operator==(const PassedSocket&) const = default;
};

struct SavedListener {
  int fd = -1;
  std::string key;      // the configured address; several sockets of one name are told apart (listener_set.h)
  std::string address;  // as configured
  std::string service;
  bool proxy_protocol = false;
  bool tls = false;
  bool http = false;
  SocketFile file;

  bool operator==(const SavedListener&) const = default;
};

// Counters of one listener, current or past.
struct SavedListenerRow {
  std::string address;  // as bound
  std::string service;
  std::uint64_t accepted = 0;

  bool operator==(const SavedListenerRow&) const = default;
};

// The names of a counter of a module. Its count is in the totals of the scoreboard.
struct SavedCounter {
  std::string service;
  std::string name;
  std::string help;

  bool operator==(const SavedCounter&) const = default;
};

struct SavedControl {
  int fd = -1;  // -1: no control socket
  std::string path;
  SocketFile file;
  std::vector<int> waiters;  // client connections that wait for the outcome of the upgrade
  std::vector<int> idle;     // client connections without a request

  bool operator==(const SavedControl&) const = default;
};

// The destination of a log. `path` says what `fd` was opened as, even if it cannot be opened again.
struct SavedLog {
  int fd = -1;            // -1: standard error, or no log
  std::string path;       // as configured (LogOutput); empty: the old program did not save it
  std::uint8_t sink = 0;  // log::Sink

  bool operator==(const SavedLog&) const = default;
};

// A slot with a running worker, forked by the old program or by one before it. Its generation is the one in
// service: a change waits until no other is left.
struct SavedWorker {
  SavedRecord record;
  pid_t pid = 0;
  int pid_fd = -1;
  int master_end = -1;  // of its channel
  int worker_end = -1;
  bool shut = false;  // the master has shut down its side: the worker was told to retire
  std::uint8_t wire_version = 0;
  std::uint64_t board = 0;  // index into UpgradeState::boards of the scoreboard it writes to
  Time started_at{};

  bool operator==(const SavedWorker&) const = default;
};

// A client connection that the master holds.
struct SavedConnection {
  int fd = -1;
  std::string parcel;  // an encoded HandOver in the state's wire version, without the descriptors
  // 0, or the length of that HandOver, which then lies in `secrets`, behind those of the connections before.
  std::uint64_t secret_bytes = 0;
  bool waiting = false;   // true: waits for a worker; false: parked
  Duration idle_left{0};  // how much longer it may stay parked; 0: no limit
  int heavy_fd = -1;      // Parcel::heavy; -1: it has none

  bool operator==(const SavedConnection&) const = default;
};

struct UpgradeState {
  // Increase only if a reader of the previous format would be misled. A new key is no reason: old readers
  // skip it.
  static constexpr std::uint64_t kFormat = 2;

  std::uint64_t format = kFormat;
  std::string version;  // of the old program
  std::string program;  // path of its file, at which the next upgrade looks for a program
  std::uint8_t wire_version = 0;
  // Numbers that must not be given out again.
  Generation generation{};  // in service
  Generation last_generation{};
  Incarnation last_incarnation{};
  ConnId last_conn{};
  // The key of the seals on connections (connection_seals.h), in two halves; 0 and 0: the old program has
  // none.
  std::uint64_t seal_key_0 = 0;
  std::uint64_t seal_key_1 = 0;
  std::vector<std::uint64_t> bounded;  // ClientRates::met
  std::map<std::string, std::uint16_t> service_ids;
  std::map<std::string, std::uint16_t> listener_ids;
  std::map<std::string, std::uint8_t> pool_ids;
  std::map<std::string, std::uint32_t> pool_workers;  // desired workers of each pool in service

  std::string config;  // in service, as printed by PrintConfig
  // The modules in service, by path, as EncodeModule writes them: their files may have been replaced since.
  std::map<std::string, std::string> modules;
  std::map<std::string, int> module_files;  // those files, likewise
  std::string certificates;  // what is known of those in service, as EncodeCertificates writes it
  bool detached = false;     // --daemonize
  std::string pid_path;      // empty: no pid file
  int pid_fd = -1;
  std::string notify_socket;
  std::optional<Duration> watchdog;
  std::vector<PassedSocket> passed;
  SavedLog server_log;
  SavedLog access_log;
  std::vector<SavedListener> listeners;
  SavedControl control;

  std::vector<SavedListenerRow> listener_rows;
  std::vector<SavedCounter> module_counters;  // in the order of their numbers, without gaps
  std::uint32_t board_layout = kBoardLayout;
  // Scoreboards: first that of the old program, with all totals; then older ones that workers still write to.
  std::vector<int> boards;
  std::vector<SavedWorker> workers_alive;
  std::vector<SavedConnection> connections;
  int ticket_page = -1;  // a TicketPage; -1: there is none yet
  int secrets = -1;      // a SecretFile; -1: none of the connections has keys

  bool operator==(const UpgradeState&) const = default;

  // All descriptors named in the state.
  [[nodiscard]] std::vector<int> Descriptors() const;
};

}  // namespace preforkd

#endif
