// ServingGenerations: the configurations that workers are started with: that of the generation in service,
// and that of the one starting beside it.
#ifndef PREFORKD_MASTER_WORKERS_SLOTS_SERVING_GENERATIONS_H_
#define PREFORKD_MASTER_WORKERS_SLOTS_SERVING_GENERATIONS_H_

#include <map>
#include <set>

#include "common/base/ids.h"
#include "master/workers/slots/generation.h"

namespace preforkd {

class ServingGenerations {
 public:
  // Adds the first generation, in service from now on.
  void Begin(const GenerationSpec& generation);
  // Adds the next generation.
  void Add(const GenerationSpec& generation) { specs_[generation.number] = generation; }
  // `generation` enters service; earlier ones are removed. Precondition: it was added.
  void Promote(Generation generation);
  // Removes a generation that will not serve.
  void Abandon(Generation generation) { specs_.erase(generation); }

  // Precondition: it was added and not removed.
  [[nodiscard]] const GenerationSpec& Of(Generation generation) const;
  // The generations that were not removed, oldest first.
  [[nodiscard]] const std::map<Generation, GenerationSpec>& All() const { return specs_; }
  [[nodiscard]] Generation InService() const { return in_service_; }
  [[nodiscard]] const GenerationSpec& Serving() const { return Of(in_service_); }
  // True for workers of `pool` of an earlier generation if the one in service lacks a service of theirs:
  // nobody else can serve what they were sent.
  [[nodiscard]] bool IsMissed(PoolId pool, Generation generation) const {
    return generation != in_service_ && missed_.contains(pool);
  }

 private:
  std::map<Generation, GenerationSpec> specs_;
  Generation in_service_{};
  std::set<PoolId> missed_;  // of the generation before
};

}  // namespace preforkd

#endif
