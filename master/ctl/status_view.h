// StatusView: the status document, parsed for preforkctl. Pure.
#ifndef PREFORKD_MASTER_CTL_STATUS_VIEW_H_
#define PREFORKD_MASTER_CTL_STATUS_VIEW_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace preforkd {

struct ListenerView {
  std::string address;
  std::string service;
  std::uint64_t accepted = 0;
  bool paused = false;
};

struct PoolView {
  std::string name;
  std::string kind;  // "services", "tls"
  std::string state;
  std::uint64_t workers_wanted = 0;
  std::uint64_t workers_max = 0;
  std::uint64_t ready = 0;
  std::uint64_t waiting = 0;
};

// The application threads of a worker.
struct ThreadsView {
  std::uint64_t busy = 0;
  std::uint64_t of = 0;       // 0: it has none
  std::uint64_t waiting = 0;  // requests
};

struct WorkerView {
  std::uint64_t slot = 0;
  std::string pool;
  std::uint64_t incarnation = 0;
  std::uint64_t generation = 0;
  std::uint64_t pid = 0;
  std::string state;
  std::uint64_t connections = 0;
  std::uint64_t queued = 0;
  ThreadsView threads;
  std::uint64_t taken = 0;
  std::uint64_t requests = 0;
  std::uint64_t rss_bytes = 0;
  double cpu_seconds = 0;
  double uptime_seconds = 0;
  std::string doing;
};

// Connections passed between master and workers.
struct TravelsView {
  std::uint64_t handed_over = 0;
  std::uint64_t handed_back = 0;
  std::uint64_t reclaimed = 0;  // included in `handed_over`
};

struct CertificateView {
  std::string chain;
  std::vector<std::string> names;
  std::string subject;
  std::string key;
  std::int64_t not_after = 0;    // seconds since the epoch
  std::uint64_t ends_first = 1;  // the position in the chain of the certificate that ends then
  std::string staple;            // path of its OCSP response; empty: none
  std::int64_t staple_ends = 0;  // like not_after; 0: it says that the certificate was revoked
};

// Handshakes of all gates.
struct TlsView {
  std::uint64_t handshakes = 0;
  std::uint64_t failed = 0;
  std::uint64_t resumed = 0;  // included in `handshakes`
};

struct StatusView {
  std::string version;
  std::string state;
  std::uint64_t pid = 0;
  double uptime_seconds = 0;
  std::uint64_t generation = 0;
  std::uint64_t accepted = 0;
  std::uint64_t in_progress = 0;
  std::uint64_t waiting = 0;
  std::uint64_t parked = 0;
  std::uint64_t finished = 0;
  std::uint64_t evicted = 0;  // included in `finished`
  std::uint64_t lost = 0;
  bool gathers = false;
  TravelsView travels;
  std::uint64_t restarts = 0;
  TlsView tls;
  std::vector<ListenerView> listeners;
  std::vector<PoolView> pools;
  std::vector<WorkerView> workers;

  // There is a pool besides main.
  [[nodiscard]] bool HasPools() const;
  // There is a pool of gates.
  [[nodiscard]] bool HasGates() const;
  // Of the worker's pool; empty if it is not configured any more.
  [[nodiscard]] std::string KindOf(const WorkerView& worker) const;
  // A worker has application threads.
  [[nodiscard]] bool HasThreads() const;
  // The workers, sorted by pool.
  [[nodiscard]] std::vector<const WorkerView*> ByPool() const;
};

// A server of another version may leave out a field, which is then 0 or empty. Error: not a JSON object.
Result<StatusView> ParseStatus(std::string_view json);
// The certificates of the document. Error: not a JSON object.
Result<std::vector<CertificateView>> ParseCertificates(std::string_view json);
// One list of the document, "workers" or "certificates", as one line of JSON.
std::string ListJson(std::string_view json, const char* list);

}  // namespace preforkd

#endif
