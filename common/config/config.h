// The configuration: plain values with their defaults and units. Immutable once loaded; a generation keeps
// the one it was started with. config_loader.h reads it; keys.h documents each key.
#ifndef PREFORKD_COMMON_CONFIG_CONFIG_H_
#define PREFORKD_COMMON_CONFIG_CONFIG_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/config/call_sets.h"
#include "common/config/module_declaration.h"
#include "common/config/setting.h"
#include "common/config/tls_config.h"
#include "common/net/address.h"

namespace preforkd {

using std::chrono::milliseconds;

// Limits of one configuration. Fixed, because each item is a row in shared memory or a number in a message
// (scoreboard.h, parcel.h).
// Of all pools, without extras; also the maximum for TTIN and scale.
inline constexpr std::uint32_t kMaxWorkers = 256;
inline constexpr std::size_t kMaxListeners = 1024;
inline constexpr std::size_t kMaxServices = 1024;
inline constexpr std::size_t kMaxPools = 64;

// The key of every service that speaks HTTP.
inline constexpr std::string_view kRequestRate = "request_rate";

enum class DispatchPolicy { kLeastConnections, kRoundRobin, kClientHash };
enum class Scheduling { kBatch, kNormal };
enum class AccessFormat { kCombined, kJson };
// How system calls are treated that no service of a worker has asked for.
enum class CallFilter { kOn, kLog, kOff };

// Privileges and limits of a worker, besides its user and group.
struct WorkerConfig {
  std::string chroot;     // a folder, the workers' root; empty: the master's root
  bool dumpable = false;  // may dump core, and may be debugged by its own user
  CallFilter seccomp = CallFilter::kOn;
  // Variables of the master's environment that a worker keeps. A name that ends in '*' stands for all
  // variables with that prefix.
  std::vector<std::string> environment = {"PATH", "LANG", "LC_*", "TZ", "TMPDIR", "HOME"};
  std::uint64_t max_files = 0;          // RLIMIT_NOFILE, 64 to 1,048,576; 0 = the master's limit
  std::uint64_t max_core = 0;           // RLIMIT_CORE, bytes; 0 = as inherited
  std::uint64_t max_address_space = 0;  // RLIMIT_AS, bytes; 0 = as inherited

  bool operator==(const WorkerConfig&) const = default;
};

struct DispatchConfig {
  DispatchPolicy policy = DispatchPolicy::kLeastConnections;
  std::uint32_t max_connections = 10000;      // open in one worker, 1 to 1,000,000
  std::uint32_t max_queue = 64;               // handed over and not yet taken, per slot, 1 to 256
  Duration reclaim_after = milliseconds(20);  // 0 = never, up to 1 h
  // Connections that a fast worker gets before another one is woken, 0 to 256; 0 = off.
  std::uint32_t gather = 8;

  bool operator==(const DispatchConfig&) const = default;
};

struct ParkingConfig {
  Duration after = milliseconds(250);  // 0 = only when retiring, up to 1 h
  std::uint32_t max = 100000;          // 0 to 10,000,000
  // Of a connection whose rhythm shows that it would gain by staying (parking_rhythm.h), up to 60 s.
  Duration max_after = std::chrono::seconds(1);

  bool operator==(const ParkingConfig&) const = default;
};

struct SupervisionConfig {
  Duration start_timeout = std::chrono::seconds(10);
  Duration hang_timeout = std::chrono::seconds(30);
  Duration backoff_min = milliseconds(100);
  Duration backoff_max = std::chrono::seconds(30);
  Duration stop_delay{0};  // time between "not ready" and closing the listeners, up to 24 h
  Duration drain_timeout = std::chrono::seconds(30);
  std::uint64_t max_requests = 0;  // 0 = no recycling
  std::uint64_t max_memory = 0;    // bytes; 0 = no recycling
  Duration max_lifetime{0};        // 0 = no recycling

  bool operator==(const SupervisionConfig&) const = default;
};

// What one client address may have or do; 0 = as much as it likes. Unix sockets have no bounds.
struct LimitsConfig {
  std::uint32_t connections = 0;      // at once, up to 1,000,000
  std::uint32_t connection_rate = 0;  // new ones a second, up to 100,000
  std::uint32_t handshake_rate = 0;   // of TLS, a second, up to 100,000
  std::vector<std::string> exempt;    // networks that have no bounds

  bool operator==(const LimitsConfig&) const = default;
};

struct LogConfig {
  log::Level level = log::Level::kInfo;
  log::Format format = log::Format::kText;
  std::string file = "stderr";  // "stderr", "syslog", "syslog:FACILITY", or a path
  std::string syslog_socket = "/dev/log";
  std::string access = "off";  // "off", "stderr", or a path
  AccessFormat access_format = AccessFormat::kCombined;

  bool operator==(const LogConfig&) const = default;
};

struct ListenConfig {
  ListenAddress address;
  std::string service;
  int backlog = 4096;                // 1 to 65535; the kernel caps it at net.core.somaxconn
  std::optional<bool> defer_accept;  // TCP_DEFER_ACCEPT; unset: on if the client of the service speaks first
  bool proxy_protocol = false;
  bool tls = false;  // the client begins with a handshake, behind the PROXY header if there is one
  // The file of a Unix socket.
  std::optional<std::uint32_t> mode;  // 0 to 0777; unset: 0666, whatever the umask
  std::string user;                   // its owner; empty: the master's user
  std::string group;                  // empty: the master's, or the folder's (setgid)

  bool operator==(const ListenConfig&) const = default;
};

struct ServiceConfig {
  std::string name;
  std::string type;  // the name of a ServiceDeclaration
  std::string pool = "main";

  CallSets system_calls;              // besides those that its type and its module ask for
  Settings settings;                  // those that its type and its module declare
  WrittenAt written;                  // of those that were set
  std::vector<SettingsTable> tables;  // in file order
  // A listener may wait for the client's first bytes (TCP_DEFER_ACCEPT).
  bool client_speaks_first = false;
  // It answers with HTTP.
  [[nodiscard]] bool SpeaksHttp() const {
    return settings.Find(kRequestRate) != nullptr && (!module || module->kind != ModuleKind::kProtocol);
  }
  // Of a service of type "module": what its file declared when the configuration was read.
  std::optional<ModuleDeclaration> module;

  // Those that its module declares.
  [[nodiscard]] std::span<const ModuleCounter> Counters() const {
    return module ? std::span<const ModuleCounter>(module->counters) : std::span<const ModuleCounter>();
  }

  bool operator==(const ServiceConfig&) const = default;
};

// The workers that serve some of the services: their number, identity and limits.
struct PoolSettings {
  std::uint32_t workers = 0;      // 0 = auto: one per usable CPU; 1 to 256
  std::uint32_t workers_max = 0;  // 0 = auto: four times workers; at most 512
  std::string user;
  std::string group;
  WorkerConfig worker;
  SupervisionConfig supervision;  // stop_delay: the server's, the same in all pools

  bool operator==(const PoolSettings&) const = default;
};

enum class PoolKind {
  kServices,
  kTls,  // gates: they make the handshakes of all listeners with `tls`, and serve nothing
};

struct PoolConfig : PoolSettings {
  std::string name = "main";
  PoolKind kind = PoolKind::kServices;

  bool operator==(const PoolConfig&) const = default;
};

inline constexpr std::string_view kMainPoolName = "main";

// The PoolSettings part is the main pool's, even if no service is in that pool.
struct Config : PoolSettings {
  std::string control = "/run/preforkd/control.sock";
  std::string pid_file;
  Scheduling scheduling = Scheduling::kBatch;
  DispatchConfig dispatch;
  ParkingConfig parking;
  LimitsConfig limits;
  LogConfig log;
  TlsConfig tls;
  // Those that have services, and the gates: main first, then in file order.
  std::vector<PoolConfig> pools = {PoolConfig{}};
  std::vector<ListenConfig> listen;
  std::vector<ServiceConfig> services;  // in file order; names are unique

  // nullptr if there is none of that name.
  [[nodiscard]] const ServiceConfig* FindService(std::string_view name) const {
    for (const ServiceConfig& service : services) {
      if (service.name == name) return &service;
    }
    return nullptr;
  }
  [[nodiscard]] const PoolConfig* FindPool(std::string_view name) const {
    for (const PoolConfig& pool : pools) {
      if (pool.name == name) return &pool;
    }
    return nullptr;
  }
  // The pool that makes TLS handshakes; nullptr: no listener needs one.
  [[nodiscard]] const PoolConfig* Gates() const {
    for (const PoolConfig& pool : pools) {
      if (pool.kind == PoolKind::kTls) return &pool;
    }
    return nullptr;
  }
  // Precondition: `service` belongs to this configuration, and the configuration was checked.
  [[nodiscard]] const PoolConfig& PoolOf(const ServiceConfig& service) const {
    const PoolConfig* pool = FindPool(service.pool);
    PF_CHECK(pool != nullptr, "a service of an unknown pool passed the check");
    return *pool;
  }

  bool operator==(const Config&) const = default;
};

}  // namespace preforkd

#endif
