// MasterBounds: the master's part of the bounds by client address. It counts connections from accept to their
// end, in all processes, and is the only one that does (ConnectionBook). What happens in a worker it reads in
// that worker's notes, every millisecond in which it accepts and before it refuses anybody; but at most once
// for each accept.
#ifndef PREFORKD_COMMON_BOUNDS_MASTER_BOUNDS_H_
#define PREFORKD_COMMON_BOUNDS_MASTER_BOUNDS_H_

#include <functional>
#include <optional>
#include <utility>

#include "common/bounds/client_bounds.h"

namespace preforkd {

class MasterBounds : public ClientBounds {
 public:
  explicit MasterBounds(const ClientTables& tables) : ClientBounds(tables) {}
  // Called for a worker that has noted ends of many connections that it does not have. It changes no bounds.
  void OnForgedNotes(std::function<void(Slot)> callback) { on_forged_ = std::move(callback); }

  // A client has connected, with a TLS handshake to come or not. nullopt: it is served, and its connection
  // counts until Ends. `id`: from NumberAfter.
  std::optional<Refusal> Connects(ConnId id, const SocketAddress& peer, bool handshake, Time now);
  // The same through a proxy: its worker will ask when it knows the client.
  void ConnectsHidden(ConnId id, Time now);
  // A number for the next connection, `last` being that of the one before: the next one that can be counted,
  // as long as that is soon found.
  ConnId NumberAfter(ConnId last);

  // The master has the connection now, or gives it to a slot. `peer`: the client; it is called only if
  // needed. One that is still hidden has no client: its peer is a proxy, for which it must not count.
  template <typename Peer>
  void Holds(ConnId id, Peer peer) {
    if (Counts() && !Book().Has(id)) Recount(id, peer());
  }
  // The same for one through a proxy whose worker does not know the client yet.
  void HoldsHidden(ConnId id);
  void Gives(ConnId id, Slot slot) {
    if (Book().InUse()) Book().GiveTo(id, slot);
  }
  void TakesBack(ConnId id);
  // Also if connections are not counted any more: they were when this one began.
  void Ends(ConnId id) {
    if (Book().InUse()) Book().End(id);
  }
  // The slot had it, and it was lost on its way back.
  void EndsAt(Slot slot, ConnId id) {
    if (Book().InUse() && Book().Has(id)) (void)Book().EndAt(slot, ConnectionBook::PlaceOf(id));
  }
  void EndsAllOf(Slot slot);
  // The worker of the slot may have noted much about its clients.
  void ClientsNoted(Slot slot);
  // Reads the notes of all workers.
  void Hear();

 private:
  [[nodiscard]] ConnectionBook& Book() const { return tables_.book.connections; }
  // Before anything is counted for the first time.
  void BeginCounting();
  // Hears if it has not for this accept.
  void HearOnce();
  void HearAt(Time now);
  void HearClientsOf(Slot slot);
  void Recount(ConnId id, const SocketAddress& peer);

  std::function<void(Slot)> on_forged_;
  Time heard_at_{};
  bool heard_ = false;  // for the accept under way
};

}  // namespace preforkd

#endif
