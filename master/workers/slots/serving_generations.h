// ServingGenerations: the configurations that workers are started with: of the generation in service, and of
// the one that is starting beside it.
#ifndef PREFORKD_MASTER_WORKERS_SLOTS_SERVING_GENERATIONS_H_
#define PREFORKD_MASTER_WORKERS_SLOTS_SERVING_GENERATIONS_H_

#include <map>

#include "common/base/ids.h"
#include "master/workers/slots/generation.h"

namespace preforkd {

class ServingGenerations {
 public:
  // The first one, in service from now on.
  void Begin(const GenerationSpec& generation);
  // One that is to follow.
  void Add(const GenerationSpec& generation) { specs_[generation.number] = generation; }
  // Is in service from now on; those before it are over. Precondition: it was added.
  void Promote(Generation generation);
  // Will not serve.
  void Abandon(Generation generation) { specs_.erase(generation); }

  // Precondition: it was added, and is not over.
  [[nodiscard]] const GenerationSpec& Of(Generation generation) const;
  // Those that are not over, oldest first.
  [[nodiscard]] const std::map<Generation, GenerationSpec>& All() const { return specs_; }
  [[nodiscard]] Generation InService() const { return in_service_; }
  [[nodiscard]] const GenerationSpec& Serving() const { return Of(in_service_); }
  // The generation in service lacks a service of the one before.
  [[nodiscard]] bool ServiceGone() const { return service_gone_; }

 private:
  std::map<Generation, GenerationSpec> specs_;
  Generation in_service_{};
  bool service_gone_ = false;
};

}  // namespace preforkd

#endif
