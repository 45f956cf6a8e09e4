// WorkerBounds: a worker's part of the bounds by client address. It asks for clients that it knows and the
// master does not, those behind a proxy, and notes for the master what becomes of the connections that it has
// (ClientNotes).
//
// Error: workers that ask at the same moment for connections of one client may let in one more each. A
// connection that has ended in a worker may still count until the master accepts the next one through a
// proxy, or the next one at all a millisecond later. If more clients are noted than there is room for,
// because the master does not read, their connections do not count.
#ifndef PREFORKD_COMMON_BOUNDS_WORKER_BOUNDS_H_
#define PREFORKD_COMMON_BOUNDS_WORKER_BOUNDS_H_

#include <optional>

#include "common/bounds/client_bounds.h"

namespace preforkd {

class WorkerBounds : public ClientBounds {
 public:
  WorkerBounds(const ClientTables& tables, Slot slot) : ClientBounds(tables), slot_(slot) {}

  // The client of a connection behind a proxy is known now. nullopt: it is served, and counted.
  std::optional<Refusal> Connects(ConnId id, const SocketAddress& client, bool handshake, Time now);
  // So much is noted that the master should read it soon.
  [[nodiscard]] bool MasterShouldHear() const { return Book().InUse() && Notes().ManyClients(); }
  // The connection has ended here.
  void Ends(ConnId id) {
    if (Book().InUse() && Book().Has(id)) Notes().NoteEnd(ConnectionBook::PlaceOf(id));
  }

 private:
  [[nodiscard]] const ConnectionBook& Book() const { return tables_.book.connections; }
  [[nodiscard]] ClientNotes& Notes() const { return tables_.notes[Raw(slot_)]; }
  // Those that are counted, and those that workers have noted. While the master reads notes it may be too
  // low, never too high.
  [[nodiscard]] std::uint32_t ConnectionsOf(std::uint64_t hash) const;
  [[nodiscard]] std::uint32_t NotedOf(std::uint64_t hash) const;

  Slot slot_;
};

}  // namespace preforkd

#endif
