#include "worker/process/crowding.h"

#include <algorithm>

namespace preforkd {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::uint64_t kOwnDescriptors = 24;

constexpr Duration kShortest = milliseconds(250);
constexpr Duration kLongest = std::chrono::seconds(10);
constexpr Duration kMinInterval = milliseconds(10);
constexpr Duration kCheckPerConnection = microseconds(5);

}  // namespace

std::uint64_t DescriptorsFor(std::uint64_t connections) {
  return kOwnDescriptors + kDescriptorsPerConnection * connections;
}

std::uint64_t PlacesFor(std::uint64_t descriptor_limit) {
  return (descriptor_limit - std::min(descriptor_limit, kOwnDescriptors)) / kDescriptorsPerConnection;
}

std::uint64_t PlacesOf(const Config& config, std::uint64_t descriptor_limit) {
  return std::min<std::uint64_t>(config.dispatch.max_connections, PlacesFor(descriptor_limit));
}

std::optional<Duration> TimeoutOf(const Crowd& crowd) {
  if (crowd.connections >= crowd.max && crowd.others_wait) return kShortest;
  const std::uint64_t begins = crowd.max - crowd.max / 4;
  const std::uint64_t dense = crowd.max - crowd.max / 8;
  // Strictly more than the threshold, so that a worker with one place is not crowded by its only client.
  if (crowd.connections <= begins) return std::nullopt;
  if (crowd.connections >= dense) return kShortest;
  const auto left = static_cast<Duration::rep>(dense - crowd.connections);
  return kShortest + (kLongest - kShortest) * left / static_cast<Duration::rep>(dense - begins);
}

Duration NextCheckAfter(std::uint64_t connections) {
  return std::max<Duration>(kMinInterval, kCheckPerConnection * static_cast<Duration::rep>(connections));
}

}  // namespace preforkd
