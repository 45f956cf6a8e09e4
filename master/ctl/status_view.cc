#include "master/ctl/status_view.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace preforkd {
namespace {

using Json = nlohmann::ordered_json;

void Read(const Json& object, const char* key, std::uint64_t& out) {
  const auto value = object.find(key);
  if (value != object.end() && value->is_number_unsigned()) out = value->get<std::uint64_t>();
}

void Read(const Json& object, const char* key, double& out) {
  const auto value = object.find(key);
  if (value != object.end() && value->is_number()) out = value->get<double>();
}

void Read(const Json& object, const char* key, bool& out) {
  const auto value = object.find(key);
  if (value != object.end() && value->is_boolean()) out = value->get<bool>();
}

// A worker's `doing` text quotes its client: remove anything that could control the terminal.
std::string Harmless(std::string text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (byte < 0x20 || byte == 0x7F) text[i] = '?';
    if (c1) text.replace(i, 2, "?");
  }
  return text;
}

void Read(const Json& object, const char* key, std::string& out) {
  const auto value = object.find(key);
  if (value != object.end() && value->is_string()) out = Harmless(value->get<std::string>());
}

ListenerView Listener(const Json& object) {
  ListenerView listener;
  Read(object, "address", listener.address);
  Read(object, "service", listener.service);
  Read(object, "accepted", listener.accepted);
  Read(object, "paused", listener.paused);
  return listener;
}

PoolView Pool(const Json& object) {
  PoolView pool;
  Read(object, "name", pool.name);
  Read(object, "kind", pool.kind);
  Read(object, "state", pool.state);
  Read(object, "workers_wanted", pool.workers_wanted);
  Read(object, "workers_max", pool.workers_max);
  Read(object, "ready", pool.ready);
  Read(object, "waiting", pool.waiting);
  return pool;
}

WorkerView Worker(const Json& object) {
  WorkerView worker;
  Read(object, "slot", worker.slot);
  Read(object, "pool", worker.pool);
  Read(object, "incarnation", worker.incarnation);
  Read(object, "generation", worker.generation);
  Read(object, "pid", worker.pid);
  Read(object, "state", worker.state);
  Read(object, "connections", worker.connections);
  Read(object, "queued", worker.queued);
  if (const auto threads = object.find("threads"); threads != object.end() && threads->is_object()) {
    Read(*threads, "busy", worker.threads.busy);
    Read(*threads, "of", worker.threads.of);
    Read(*threads, "waiting", worker.threads.waiting);
  }
  Read(object, "taken", worker.taken);
  Read(object, "requests", worker.requests);
  Read(object, "rss_bytes", worker.rss_bytes);
  Read(object, "cpu_seconds", worker.cpu_seconds);
  Read(object, "uptime_seconds", worker.uptime_seconds);
  Read(object, "doing", worker.doing);
  return worker;
}

void Read(const Json& object, const char* key, std::int64_t& out) {
  const auto value = object.find(key);
  if (value != object.end() && value->is_number_integer()) out = value->get<std::int64_t>();
}

CertificateView Certificate(const Json& object) {
  CertificateView certificate;
  Read(object, "chain", certificate.chain);
  Read(object, "subject", certificate.subject);
  Read(object, "key", certificate.key);
  Read(object, "not_after", certificate.not_after);
  Read(object, "ends_first", certificate.ends_first);
  Read(object, "staple", certificate.staple);
  Read(object, "staple_ends", certificate.staple_ends);
  if (const auto names = object.find("names"); names != object.end() && names->is_array()) {
    for (const Json& name : *names) {
      if (name.is_string()) certificate.names.push_back(Harmless(name.get<std::string>()));
    }
  }
  return certificate;
}

// The objects in the array `key`; empty if there is no such array.
std::vector<Json> Objects(const Json& document, const char* key) {
  std::vector<Json> objects;
  const auto array = document.find(key);
  if (array == document.end() || !array->is_array()) return objects;
  for (const Json& element : *array) {
    if (element.is_object()) objects.push_back(element);
  }
  return objects;
}

Json Parse(std::string_view json) { return Json::parse(json, nullptr, /*allow_exceptions=*/false); }

}  // namespace

bool StatusView::HasPools() const {
  const auto is_other = [](const std::string& name) { return !name.empty() && name != "main"; };
  return std::any_of(pools.begin(), pools.end(), [&](const PoolView& pool) { return is_other(pool.name); }) ||
         std::any_of(workers.begin(), workers.end(),
                     [&](const WorkerView& worker) { return is_other(worker.pool); });
}

bool StatusView::HasGates() const {
  return std::any_of(pools.begin(), pools.end(), [](const PoolView& pool) { return pool.kind == "tls"; });
}

std::string StatusView::KindOf(const WorkerView& worker) const {
  const auto found = std::find_if(pools.begin(), pools.end(),
                                  [&](const PoolView& pool) { return pool.name == worker.pool; });
  return found == pools.end() ? std::string() : found->kind;
}

bool StatusView::HasThreads() const {
  return std::any_of(workers.begin(), workers.end(),
                     [](const WorkerView& worker) { return worker.threads.of > 0; });
}

std::vector<const WorkerView*> StatusView::ByPool() const {
  // Workers of a pool that is no longer configured come last.
  const auto place = [this](const WorkerView* worker) {
    return std::find_if(pools.begin(), pools.end(),
                        [&](const PoolView& pool) { return pool.name == worker->pool; });
  };
  std::vector<const WorkerView*> sorted;
  for (const WorkerView& worker : workers) sorted.push_back(&worker);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const WorkerView* a, const WorkerView* b) { return place(a) < place(b); });
  return sorted;
}

Result<StatusView> ParseStatus(std::string_view json) {
  const Json document = Parse(json);
  if (!document.is_object()) return Error{"invalid status document from the server"};
  StatusView view;
  Read(document, "version", view.version);
  Read(document, "state", view.state);
  Read(document, "pid", view.pid);
  Read(document, "uptime_seconds", view.uptime_seconds);
  Read(document, "generation", view.generation);
  Read(document, "accepted", view.accepted);
  Read(document, "in_progress", view.in_progress);
  Read(document, "waiting", view.waiting);
  Read(document, "parked", view.parked);
  Read(document, "finished", view.finished);
  Read(document, "evicted", view.evicted);
  Read(document, "lost", view.lost);
  Read(document, "reclaimed", view.travels.reclaimed);
  Read(document, "gathers", view.gathers);
  Read(document, "handed_over", view.travels.handed_over);
  Read(document, "handed_back", view.travels.handed_back);
  Read(document, "restarts", view.restarts);
  if (const auto tls = document.find("tls"); tls != document.end() && tls->is_object()) {
    Read(*tls, "handshakes", view.tls.handshakes);
    Read(*tls, "failed", view.tls.failed);
    Read(*tls, "resumed", view.tls.resumed);
  }
  for (const Json& object : Objects(document, "listeners")) view.listeners.push_back(Listener(object));
  for (const Json& object : Objects(document, "pools")) view.pools.push_back(Pool(object));
  for (const Json& object : Objects(document, "workers")) view.workers.push_back(Worker(object));
  return view;
}

Result<std::vector<CertificateView>> ParseCertificates(std::string_view json) {
  const Json document = Parse(json);
  if (!document.is_object()) return Error{"invalid status document from the server"};
  std::vector<CertificateView> certificates;
  for (const Json& object : Objects(document, "certificates")) certificates.push_back(Certificate(object));
  return certificates;
}

std::string ListJson(std::string_view json, const char* list) {
  const Json document = Parse(json);
  const auto found = document.is_object() ? document.find(list) : document.end();
  return found != document.end() ? found->dump(-1, ' ', false, Json::error_handler_t::replace) : "[]";
}

}  // namespace preforkd
