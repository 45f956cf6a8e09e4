#include "master/policy/balance.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace preforkd {
namespace {

// Finalizer of splitmix64: every input bit affects every output bit.
std::uint64_t Mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

// "A Fast, Minimal Memory, Consistent Hash Algorithm" (Lamping, Veach 2014). Spreads keys evenly over the
// buckets. With n + 1 buckets a key keeps its bucket of n, or moves to the new one.
std::uint32_t JumpHash(std::uint64_t key, std::uint32_t buckets) {
  std::uint64_t bucket = 0;
  for (std::uint64_t next = 0; next < buckets;) {
    bucket = next;
    key = key * 2862933555777941757ULL + 1;
    next =
        static_cast<std::uint64_t>(static_cast<double>(bucket + 1) *
                                   (static_cast<double>(1ULL << 31) / static_cast<double>((key >> 33) + 1)));
  }
  return static_cast<std::uint32_t>(bucket);
}

}  // namespace

bool HasRoom(const Candidate& candidate, const Bounds& bounds) {
  return !candidate.full && !candidate.stuck && candidate.load < bounds.max_load &&
         candidate.queued < bounds.max_queue;
}

bool IsLastResort(const Candidate& candidate) { return candidate.threaded && candidate.free_threads == 0; }

void CountAssigned(Candidate& candidate) {
  ++candidate.load;
  ++candidate.queued;
  if (candidate.free_threads > 0) --candidate.free_threads;
}

void Balancer::Offer(std::uint32_t slot, std::uint64_t load, bool last_resort) {
  if (slot >= leaves_) Grow(slot);
  Set(slot, std::min(load, kLastResort - 1) + (last_resort ? kLastResort : 0));
}

void Balancer::Withdraw(std::uint32_t slot) {
  if (slot < leaves_) Set(slot, kNone);
}

void Balancer::Grow(std::uint32_t slot) {
  const std::vector<std::uint64_t> old = std::move(least_);
  const std::uint32_t old_leaves = std::exchange(leaves_, std::bit_ceil(slot + 1));
  least_.assign(2 * std::size_t{leaves_}, kNone);
  for (std::uint32_t i = 0; i < old_leaves; ++i) Set(i, old[old_leaves + i]);
}

void Balancer::Set(std::uint32_t slot, std::uint64_t load) {
  std::size_t node = std::size_t{leaves_} + slot;
  least_[node] = load;
  for (node /= 2; node > 0; node /= 2) {
    const std::uint64_t least = std::min(least_[2 * node], least_[2 * node + 1]);
    if (least_[node] == least) return;  // nothing changes further up
    least_[node] = least;
  }
}

std::optional<std::uint32_t> Balancer::Choose(std::optional<std::uint64_t> client) const {
  if (leaves_ == 0 || least_[1] == kNone) return std::nullopt;
  switch (policy_) {
    case DispatchPolicy::kLeastConnections:
      return least_[1] < gathering_.depth ? Gathered() : NextInTurn(least_[1]);
    case DispatchPolicy::kRoundRobin:
      return NextInTurn(least_[1] < kLastResort ? kLastResort - 1 : kNone - 1);
    case DispatchPolicy::kClientHash: return client ? OfClient(*client) : NextInTurn(least_[1]);
  }
  return std::nullopt;
}

// Precondition: at least one slot has a load below gathering_.depth.
std::optional<std::uint32_t> Balancer::Gathered() const {
  std::optional<std::uint32_t> best;
  std::uint64_t least = gathering_.depth;
  std::uint32_t behind = 0;
  for (std::uint32_t i = 0; i < gathering_.slots; ++i) {
    const auto slot = FirstFrom(behind, kNone - 1);
    if (!slot) break;
    behind = *slot + 1;
    const std::uint64_t load = least_[std::size_t{leaves_} + *slot];
    // Among equal loads take the next slot in turn: the smallest distance behind the last one, modulo 2^32.
    if (load > least || (load == least && (!best || *slot - last_slot_ - 1 > *best - last_slot_ - 1)))
      continue;
    best = slot;
    least = load;
  }
  return best ? best : FirstFrom(behind, gathering_.depth - 1);
}

std::optional<std::uint32_t> Balancer::NextInTurn(std::uint64_t load) const {
  const auto behind = FirstFrom(std::uint64_t{last_slot_} + 1, load);
  return behind ? behind : FirstFrom(0, load);
}

std::optional<std::uint32_t> Balancer::FirstFrom(std::uint64_t from, std::uint64_t load) const {
  if (from >= leaves_) return std::nullopt;
  std::size_t node = std::size_t{leaves_} + from;
  // Walk up to a subtree that begins here or further right and holds a match.
  while (least_[node] > load) {
    while (node % 2 != 0) node /= 2;  // a right child: its right neighbour is below an ancestor
    if (node == 0) return std::nullopt;
    ++node;
  }
  // Walk down to the first match.
  while (node < leaves_) node = least_[2 * node] <= load ? 2 * node : 2 * node + 1;
  return static_cast<std::uint32_t>(node - leaves_);
}

std::uint32_t Balancer::Series(std::uint64_t client, std::uint32_t attempt, std::uint32_t slots) {
  return JumpHash(Mix(client ^ Mix(attempt + 1ULL)), slots);
}

std::uint32_t Balancer::Last() const {
  std::size_t node = 1;
  while (node < leaves_) node = least_[2 * node + 1] != kNone ? 2 * node + 1 : 2 * node;
  return static_cast<std::uint32_t>(node - leaves_);
}

std::optional<std::uint32_t> Balancer::OfClient(std::uint64_t client) const {
  const std::uint32_t slots = Last() + 1;
  std::uint32_t slot = 0;
  for (std::uint32_t attempt = 0; attempt < kTries; ++attempt) {
    slot = Series(client, attempt, slots);
    if (least_[std::size_t{leaves_} + slot] != kNone) return slot;
  }
  return FirstFrom(slot, kNone - 1);  // never empty: the highest slot of the series is offered
}

}  // namespace preforkd
