#include "master/workers/slots/serving_generations.h"

#include <algorithm>

#include "common/base/check.h"

namespace preforkd {
namespace {

// True if `next` lacks a service that `last` has.
bool LacksAService(const GenerationSpec& next, const GenerationSpec& last) {
  return std::any_of(last.services.begin(), last.services.end(), [&](const auto& service) {
    return std::none_of(next.services.begin(), next.services.end(),
                        [&](const auto& other) { return other.first == service.first; });
  });
}

}  // namespace

void ServingGenerations::Begin(const GenerationSpec& generation) {
  Add(generation);
  in_service_ = generation.number;
}

void ServingGenerations::Promote(Generation generation) {
  service_gone_ = LacksAService(Of(generation), Of(in_service_));
  in_service_ = generation;
  specs_.erase(specs_.begin(), specs_.find(generation));
}

const GenerationSpec& ServingGenerations::Of(Generation generation) const {
  const auto found = specs_.find(generation);
  PF_CHECK(found != specs_.end(), "an unknown or ended generation");
  return found->second;
}

}  // namespace preforkd
