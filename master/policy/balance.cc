#include "master/policy/balance.h"

namespace preforkd {
namespace {

bool HasRoom(const Candidate& candidate, const Bounds& bounds) {
  return !candidate.full && !candidate.stuck && candidate.load < bounds.max_load && candidate.queued < bounds.max_queue;
}

// splitmix64's finisher: every input bit moves every output bit.
std::uint64_t Mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

// How far behind the last picked slot this one stands, going round: the smallest is next in turn.
std::uint32_t Distance(std::uint32_t slot, std::uint32_t last) { return slot - last - 1; }

}  // namespace

std::optional<std::size_t> Balancer::Choose(std::span<const Candidate> table, const Bounds& bounds,
                                            std::uint64_t client) {
  std::optional<std::size_t> chosen;
  switch (policy_) {
    case DispatchPolicy::kLeastConnections: chosen = LeastLoaded(table, bounds); break;
    case DispatchPolicy::kRoundRobin: chosen = NextInTurn(table, bounds); break;
    case DispatchPolicy::kClientHash: chosen = ByClient(table, bounds, client); break;
  }
  if (chosen) last_slot_ = table[*chosen].slot;
  return chosen;
}

std::optional<std::size_t> Balancer::ShortestQueue(std::span<const Candidate> table, const Bounds& bounds) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table[i].full || table[i].queued >= bounds.max_queue) continue;
    if (!best || table[i].queued < table[*best].queued) best = i;
  }
  return best;
}

std::optional<std::size_t> Balancer::LeastLoaded(std::span<const Candidate> table, const Bounds& bounds) const {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (!HasRoom(table[i], bounds)) continue;
    if (!best || table[i].load < table[*best].load ||
        (table[i].load == table[*best].load &&
         Distance(table[i].slot, last_slot_) < Distance(table[*best].slot, last_slot_))) {
      best = i;
    }
  }
  return best;
}

std::optional<std::size_t> Balancer::NextInTurn(std::span<const Candidate> table, const Bounds& bounds) const {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (!HasRoom(table[i], bounds)) continue;
    if (!best || Distance(table[i].slot, last_slot_) < Distance(table[*best].slot, last_slot_)) best = i;
  }
  return best;
}

std::optional<std::size_t> Balancer::ByClient(std::span<const Candidate> table, const Bounds& bounds,
                                              std::uint64_t client) {
  std::optional<std::size_t> best;
  std::uint64_t best_weight = 0;
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (!HasRoom(table[i], bounds)) continue;
    const std::uint64_t weight = Mix(client ^ Mix(table[i].slot + 1));
    if (!best || weight > best_weight) {
      best = i;
      best_weight = weight;
    }
  }
  return best;
}

}  // namespace preforkd
