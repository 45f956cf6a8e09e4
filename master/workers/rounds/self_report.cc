#include "master/workers/rounds/self_report.h"

#include "common/process/limits.h"
#include "common/process/self_stat.h"

namespace preforkd {
namespace {

// Counting descriptors one by one costs about a microsecond each: only done below this number of clients.
constexpr std::uint64_t kFewClients = 1000;

}  // namespace

void SelfReport::Publish() {
  const SelfStat stat = ReadSelfStat();
  MasterUse& use = page_.use;
  Set(use.rss_bytes, stat.rss_bytes);
  Set(use.virtual_bytes, stat.virtual_bytes);
  Set(use.cpu_ns, stat.cpu_ns);
  Set(use.max_descriptors, DescriptorLimit());
  if (const auto open = AskOpenDescriptors()) return Set(use.descriptors, *open);
  const std::uint64_t clients = Get(page_.parked) + Get(page_.waiting);
  if (clients < kFewClients) {
    const std::uint64_t all = CountOpenDescriptors().value_or(0);
    other_descriptors_ = all > clients ? all - clients : 0;
  }
  Set(use.descriptors, other_descriptors_ + clients);
}

}  // namespace preforkd
