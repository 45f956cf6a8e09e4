#include "master/change/generations.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/log.h"
#include "common/config/config_loader.h"
#include "common/process/limits.h"

namespace preforkd {
namespace {

// What workers = "auto" means on this machine now; the log says why.
std::uint32_t WorkersByCpus() {
  const CpuShare share = UsableCpus();
  const std::uint32_t workers = std::min(share.cpus, kMaxWorkers);
  log::Info("workers = \"auto\": {}, one for each usable CPU ({}{})", workers, share.found,
            workers < share.cpus ? fmt::format("; {} is the limit", kMaxWorkers) : "");
  return workers;
}

std::uint32_t WorkersOf(const Config& config) {
  return config.workers != 0 ? config.workers : WorkersByCpus();
}

}  // namespace

void Generations::Begin(std::shared_ptr<const Config> config) {
  const std::uint32_t workers = WorkersOf(*config);
  serving_ = Make(std::move(config), workers);
}

void Generations::Prepare(std::shared_ptr<const Config> config) {
  const std::uint32_t workers = WorkersOf(*config);
  coming_ = Make(std::move(config), workers);
}

void Generations::Promote() {
  serving_ = std::exchange(coming_, {});
}

std::string Generations::ServingText() const {
  return fmt::format("serving: generation {}, {} workers", Raw(serving_.number), serving_.workers);
}

Status Generations::HasNumbersFor(const Config& config) const {
  std::set<std::string> names;
  for (const ServiceConfig& service : config.services) names.insert(service.name);
  if (service_ids_.HasRoomFor(names)) return {};
  return Error{fmt::format("{} names of services have been in use since the start; for another one the server "
                           "must be restarted",
                           service_ids_.All().size())};
}

GenerationSpec Generations::Make(std::shared_ptr<const Config> config, std::uint32_t workers) {
  GenerationSpec generation;
  last_ = Next(last_);
  generation.number = last_;
  generation.workers = workers;
  for (const ServiceConfig& service : config->services) {
    generation.services.emplace_back(ServiceOf(service.name), &service);
  }
  generation.config = std::move(config);
  return generation;
}

void Generations::Save(UpgradeState& state) const {
  state.config = PrintConfig(*serving_.config);
  state.generation = serving_.number;
  state.last_generation = last_;
  for (const auto& [name, id] : service_ids_.All()) state.service_ids[name] = Raw(id);
}

void Generations::Restore(const UpgradeState& state, std::shared_ptr<const Config> config) {
  for (const auto& [name, id] : state.service_ids) service_ids_.Keep(name, ServiceId{id});
  serving_ = Make(std::move(config), state.workers);
  serving_.number = state.generation;
  last_ = state.last_generation;
}

}  // namespace preforkd
