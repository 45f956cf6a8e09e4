#include "master/change/generations.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/log.h"
#include "common/config/config_loader.h"
#include "common/config/module_codec.h"
#include "common/gate/certificate_answer.h"
#include "common/process/limits.h"

namespace preforkd {
namespace {

// Resolves workers = "auto" for this machine and logs how.
std::uint32_t WorkersByCpus() {
  const CpuShare share = UsableCpus();
  const std::uint32_t workers = std::min(share.cpus, kMaxWorkers);
  log::Info({log::kWorkersAuto, {{"workers", workers}, {"affinity", share.affinity}, {"quota", share.quota}}},
            "workers = \"auto\": {}, one for each usable CPU ({}{})", workers, share.found,
            workers < share.cpus ? fmt::format("; {} is the limit", kMaxWorkers) : "");
  return workers;
}

template <typename Id>
Status RoomFor(const NameNumbers<Id>& numbers, const std::set<std::string>& names, const char* what) {
  if (numbers.HasRoomFor(names)) return {};
  return Error{
      fmt::format("{} different names of {} have been used since the start, which is the limit; restart the "
                  "server to use another one",
                  numbers.All().size(), what)};
}

}  // namespace

void Generations::Begin(ServedConfig served, Preloads preloads) {
  serving_ = Make(std::move(served.config), std::move(served.certificates));
  serving_.preloads = std::move(preloads);
  certificate_watch_.Watch(serving_.certificates.facts);
}

void Generations::Prepare(std::shared_ptr<const Config> config, CheckedCertificates certificates) {
  coming_ = Make(std::move(config), std::move(certificates));
}

void Generations::Promote() {
  serving_ = std::exchange(coming_, {});
  certificate_watch_.Watch(serving_.certificates.facts);
}

std::string Generations::ServingText() const {
  const std::string pools =
      serving_.pools.size() > 1 ? fmt::format(" in {} pools", serving_.pools.size()) : "";
  return fmt::format("serving: generation {}, {} workers{}", Raw(serving_.number), serving_.Workers(), pools);
}

Status Generations::HasNumbersFor(const Config& config) const {
  std::set<std::string> services;
  std::set<std::string> pools;
  for (const ServiceConfig& service : config.services) services.insert(service.name);
  for (const PoolConfig& pool : config.pools) pools.insert(pool.name);
  Status status = RoomFor(service_ids_, services, "services");
  if (status.Ok()) status = RoomFor(pool_ids_, pools, "pools");
  if (status.Ok()) status = counters_.HasRoomFor(config);
  return status;
}

GenerationSpec Generations::Make(std::shared_ptr<const Config> config, CheckedCertificates certificates) {
  GenerationSpec generation;
  last_ = Next(last_);
  generation.number = last_;
  std::uint32_t by_cpus = 0;
  for (const PoolConfig& pool : config->pools) {
    if (pool.workers == 0 && by_cpus == 0) by_cpus = WorkersByCpus();
    const PoolId id = pool_ids_.Of(pool.name);
    scoreboard_.UsePool(id).name.Write(pool.name);
    generation.pools.push_back({id, &pool, pool.workers != 0 ? pool.workers : by_cpus});
  }
  for (const ServiceConfig& service : config->services) {
    const ServiceId id = ServiceOf(service.name);
    generation.services.emplace_back(id, &service);
    if (!service.Counters().empty()) generation.counters[id] = counters_.NumbersOf(service);
  }
  if (config->Gates() != nullptr) {
    generation.certificates = std::move(certificates);
    generation.ticket_page = tickets_.Page();
  }
  generation.config = std::move(config);
  return generation;
}

void Generations::Save(UpgradeState& state) const {
  state.config = PrintConfig(*serving_.config);
  for (const ServiceConfig& service : serving_.config->services) {
    if (!service.module) continue;
    const std::string& path = service.settings.Text(kModulePath);
    state.modules[path] = EncodeModule(*service.module);
    if (service.module->file.Held()) state.module_files[path] = service.module->file.Fd();
  }
  if (serving_.certificates.facts != nullptr)
    state.certificates = EncodeCertificates({*serving_.certificates.facts, {}});
  state.generation = serving_.number;
  state.last_generation = last_;
  for (const auto& [name, id] : service_ids_.All()) state.service_ids[name] = Raw(id);
  for (const auto& [name, id] : pool_ids_.All()) state.pool_ids[name] = Raw(id);
  counters_.Save(state);
  state.ticket_page = tickets_.Fd();
}

void Generations::Restore(const UpgradeState& state, std::shared_ptr<const Config> config) {
  for (const auto& [name, id] : state.service_ids) service_ids_.Keep(name, ServiceId{id});
  for (const auto& [name, id] : state.pool_ids) {
    pool_ids_.Keep(name, PoolId{id});
    scoreboard_.UsePool(PoolId{id}).name.Write(name);  // also of a removed pool: it has restarts
  }
  counters_.Restore(state);
  tickets_.Restore(UniqueFd(state.ticket_page));
  CheckedCertificates certificates;
  if (config->Gates() != nullptr) {
    const Result<CertificateAnswer> known = DecodeCertificates(state.certificates);
    certificates.files = std::make_shared<const KeyFiles>(config->tls);
    certificates.facts =
        std::make_shared<const AllCertificateFacts>(known.Ok() ? known.Value().facts : AllCertificateFacts());
  }
  serving_ = Make(std::move(config), std::move(certificates));
  for (PoolSpec& pool : serving_.pools) {
    const auto workers = state.pool_workers.find(pool.config->name);
    if (workers != state.pool_workers.end()) pool.workers = workers->second;
  }
  serving_.number = state.generation;
  last_ = state.last_generation;
}

}  // namespace preforkd
