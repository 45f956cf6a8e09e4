#include "common/bounds/worker_bounds.h"

#include <algorithm>
#include <array>

namespace preforkd {

std::optional<ClientBounds::Refusal> WorkerBounds::Connects(ConnId id, const SocketAddress& client,
                                                            bool handshake, Time now) {
  return ClientBounds::Connects(client, handshake, now, [&](std::uint64_t hash, std::uint32_t limit) {
    if (ConnectionsOf(hash) >= limit) return false;
    (void)Notes().NoteClient(id, hash);
    return true;
  });
}

std::uint32_t WorkerBounds::ConnectionsOf(std::uint64_t hash) const {
  // The master may read notes meanwhile. The book is read first: what it counts then is no note any more, so
  // nothing is added up twice. What it has counted since may be missing: it is looked at again.
  constexpr int kLooks = 3;
  std::uint32_t counted = Book().Of(hash);
  for (int look = 1;; ++look) {
    const std::uint32_t noted = NotedOf(hash);
    const std::uint32_t now_counted = Book().Of(hash);
    if (now_counted == counted || look == kLooks) return noted + std::min(counted, now_counted);
    counted = now_counted;
  }
}

std::uint32_t WorkerBounds::NotedOf(std::uint64_t hash) const {
  std::uint32_t noted = 0;
  std::uint32_t number = 0;
  for (const ClientNotes& notes : tables_.UsedNotes()) {
    const Slot slot{number++};
    // What the master would believe, each once.
    std::array<ConnId, ClientNotes::kClients> seen;
    std::size_t count = 0;
    notes.ForEachClient([&](ConnId id, std::uint64_t other) {
      if (other != hash || count == seen.size() || !Book().IsHiddenAt(slot, id)) return;
      if (std::find(seen.begin(), seen.begin() + count, id) == seen.begin() + count) seen[count++] = id;
    });
    noted += static_cast<std::uint32_t>(count);
  }
  return noted;
}

}  // namespace preforkd
