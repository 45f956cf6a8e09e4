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
  std::uint32_t noted = 0;
  std::uint32_t number = 0;
  for (const ClientNotes& notes : tables_.UsedNotes()) {
    const Slot slot{number++};
    // What the master would believe, each once. When it has read them they are in the book: read after this.
    std::array<ConnId, ClientNotes::kClients> seen;
    std::size_t count = 0;
    notes.ForEachClient([&](ConnId id, std::uint64_t other) {
      if (other != hash || count == seen.size() || !Book().IsHiddenAt(slot, id)) return;
      if (std::find(seen.begin(), seen.begin() + count, id) == seen.begin() + count) seen[count++] = id;
    });
    noted += static_cast<std::uint32_t>(count);
  }
  return noted + Book().Of(hash);
}

}  // namespace preforkd
