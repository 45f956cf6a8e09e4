// The configuration: plain values with their defaults and units. Immutable once loaded; a generation keeps
// the one it was started with. How it is read is config_loader.h, which key means what is keys.h.
#ifndef PREFORKD_COMMON_CONFIG_CONFIG_H_
#define PREFORKD_COMMON_CONFIG_CONFIG_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/config/call_sets.h"
#include "common/config/setting.h"
#include "common/net/address.h"

namespace preforkd {

using std::chrono::milliseconds;

// Of one configuration. Fixed, because each is a row in shared memory or a number in a message (scoreboard.h,
// parcel.h).
inline constexpr std::uint32_t kMaxWorkers =
    256;  // of all pools, without extras; the most that TTIN and scale go up to
inline constexpr std::size_t kMaxListeners = 1024;
inline constexpr std::size_t kMaxServices = 1024;
inline constexpr std::size_t kMaxPools = 64;

enum class DispatchPolicy { kLeastConnections, kRoundRobin, kClientHash };
enum class Scheduling { kBatch, kNormal };
enum class AccessFormat { kCombined, kJson };
// What happens to a system call that no service of a worker has asked for.
enum class CallFilter { kOn, kLog, kOff };

// What a worker is, besides its user and group.
struct WorkerConfig {
  std::string chroot;     // a folder, the workers' root; empty: the server's own
  bool dumpable = false;  // may leave a core, and be debugged by its own user
  CallFilter seccomp = CallFilter::kOn;
  // Variables of the master's environment that a worker keeps; one that ends in '*' stands for all that begin
  // so.
  std::vector<std::string> environment = {"PATH", "LANG", "LC_*", "TZ", "TMPDIR", "HOME"};
  std::uint64_t max_files = 0;          // RLIMIT_NOFILE; 0 = the master's, else 64 to 1,048,576
  std::uint64_t max_core = 0;           // RLIMIT_CORE, bytes; 0 = as inherited
  std::uint64_t max_address_space = 0;  // RLIMIT_AS, bytes; 0 = as inherited

  bool operator==(const WorkerConfig&) const = default;
};

struct DispatchConfig {
  DispatchPolicy policy = DispatchPolicy::kLeastConnections;
  std::uint32_t max_connections = 10000;      // live in one worker, 1 to 1,000,000
  std::uint32_t max_queue = 64;               // handed over and not yet taken, per slot, 1 to 256
  Duration reclaim_after = milliseconds(20);  // 0 = never, up to 1 h
  std::uint32_t gather = 8;  // connections of a brisk worker before another one is woken, 0 to 256; 0 = none

  bool operator==(const DispatchConfig&) const = default;
};

struct ParkingConfig {
  Duration after = milliseconds(250);  // 0 = only when retiring, up to 1 h
  std::uint32_t max = 100000;          // 0 to 10,000,000

  bool operator==(const ParkingConfig&) const = default;
};

struct SupervisionConfig {
  Duration start_timeout = std::chrono::seconds(10);
  Duration hang_timeout = std::chrono::seconds(30);
  Duration backoff_min = milliseconds(100);
  Duration backoff_max = std::chrono::seconds(30);
  Duration stop_delay{0};  // between "not ready" and the end of accepting, up to 24 h
  Duration drain_timeout = std::chrono::seconds(30);
  std::uint64_t max_requests = 0;  // 0 = no recycling
  std::uint64_t max_memory = 0;    // bytes; 0 = no recycling
  Duration max_lifetime{0};        // 0 = no recycling

  bool operator==(const SupervisionConfig&) const = default;
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
  std::optional<bool> defer_accept;  // TCP_DEFER_ACCEPT; unset: on where the service's client speaks first
  bool proxy_protocol = false;
  // Of the file of a Unix socket.
  std::optional<std::uint32_t> mode;  // 0 to 0777; unset: 0666, whatever the umask
  std::string user;                   // its owner; empty: whoever the master is
  std::string group;                  // empty: the master's, or the folder's

  bool operator==(const ListenConfig&) const = default;
};

struct ServiceConfig {
  std::string name;
  std::string type;  // a ServiceDeclaration's
  std::string pool = "main";

  CallSets system_calls;  // besides those that its type asks for
  Settings settings;      // those that its type declares

  bool operator==(const ServiceConfig&) const = default;
};

// The workers that serve some of the services: how many, as who, within which limits.
struct PoolSettings {
  std::uint32_t workers = 0;      // 0 = auto: one per usable CPU; 1 to 256
  std::uint32_t workers_max = 0;  // 0 = auto: four times workers; at most 512
  std::string user;
  std::string group;
  WorkerConfig worker;
  SupervisionConfig supervision;  // stop_delay is the server's, and the same for all

  bool operator==(const PoolSettings&) const = default;
};

enum class PoolKind { kServices, kTls };

struct PoolConfig : PoolSettings {
  std::string name = "main";
  PoolKind kind = PoolKind::kServices;

  bool operator==(const PoolConfig&) const = default;
};

inline constexpr std::string_view kMainPoolName = "main";

// What it has of PoolSettings is the main pool's, whether a service is in that or not.
struct Config : PoolSettings {
  std::string control = "/run/preforkd/control.sock";
  std::string pid_file;
  Scheduling scheduling = Scheduling::kBatch;
  DispatchConfig dispatch;
  ParkingConfig parking;
  LogConfig log;
  std::vector<PoolConfig> pools = {PoolConfig{}};  // those with services: main first, then in file order
  std::vector<ListenConfig> listen;
  std::vector<ServiceConfig> services;  // in file order; names are unique

  // nullptr when there is none of that name.
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
  // Precondition: `service` is of this configuration, which has been checked.
  [[nodiscard]] const PoolConfig& PoolOf(const ServiceConfig& service) const {
    const PoolConfig* pool = FindPool(service.pool);
    PF_CHECK(pool != nullptr, "a service of an unknown pool passed the check");
    return *pool;
  }

  bool operator==(const Config&) const = default;
};

}  // namespace preforkd

#endif
