// A TLS library as the peer of our record layer, in one process and without sockets: the library makes a
// handshake with itself, then the state of one of its ends is taken out, and our record layer goes on in its
// place.
#ifndef PREFORKD_TESTS_LOOPBACK_TLS_LIBRARY_PEER_H_
#define PREFORKD_TESTS_LOOPBACK_TLS_LIBRARY_PEER_H_

#include <memory>
#include <string>
#include <string_view>

#include "tests/unit/tls/record_bed.h"

namespace preforkd::tls::testing {

// The end that the library keeps. Functions throw std::runtime_error if the library reports an error.
class LibraryPeer {
 public:
  virtual ~LibraryPeer() = default;

  // True when its handshake is over.
  virtual bool Handshake() = 0;

  // Records from us, in any pieces.
  virtual void Feed(const Bytes& records) = 0;
  // The records that the library has made since the last call.
  virtual Bytes TakeOut() = 0;

  virtual void Write(std::string_view text) = 0;
  // All the text that has arrived.
  virtual std::string Read() = 0;
  // TLS 1.3: sends a KeyUpdate; `ask`: which we must answer.
  virtual void UpdateKeys(bool ask) = 0;
  // TLS 1.2, a client: sends a ClientHello, and at each call goes on with that handshake. True when it was
  // refused.
  virtual bool Renegotiate() = 0;
  virtual void Close() = 0;
  // True if our close_notify has arrived, as Read() has found.
  [[nodiscard]] virtual bool SawClose() const = 0;
};

// A handshake that is over: the library's end, and the state of the other, which the library has no longer.
struct Takeover {
  std::unique_ptr<LibraryPeer> peer;
  RecordState state;
};

// Which end we take over. As a server we go on behind the tickets that the library has sent; a client of ours
// gets none, for our reader is a server's.
enum class Role { kServer, kClient };

Takeover TakeOverFromOpenssl(const Kind& kind, Role role);
Takeover TakeOverFromGnutls(const Kind& kind, Role role);

// Talks with the peer: texts of all sizes both ways, journeys, key updates from both sides (TLS 1.3),
// close_notify both ways. Fails the test that calls it. `our_updates`: about so many key updates of our own.
void Converse(Takeover takeover, Random& random, int our_updates);

}  // namespace preforkd::tls::testing

#endif
