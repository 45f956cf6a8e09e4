// Connection seals: how the master recognises a connection that a worker hands back. A seal is computed from
// the kernel's identifiers of the client socket and the channel, and from facts fixed at accept. Only the
// master can compute it. It travels with the parcel, so the master stores nothing per connection.
//
// So a worker can hand back only what it was given, with the same listener and service: no socket of its own
// and no client of another worker. A plain connection stays plain.
//
// There is one key per process. It is kept across upgrades.
#ifndef PREFORKD_MASTER_DISPATCH_CONNECTION_SEALS_H_
#define PREFORKD_MASTER_DISPATCH_CONNECTION_SEALS_H_

#include <cstdint>

#include "common/structures/siphash.h"
#include "common/wire/packed_parcel.h"

namespace preforkd {

// The seal of a parcel whose SocketCookie is `socket` on the channel whose SocketCookie is `channel`. It
// covers the socket, the connection's number, listener, service, TLS stage and accept time. It does not cover
// the peer: behind a proxy, the worker knows the peer better.
std::uint64_t SealOf(const ParcelHead& parcel, std::uint64_t socket, std::uint64_t channel);

// The key; drawn at the first call.
SipKey SealKey();
// Restores the key of the previous program. All zero: there was none, and a new one is drawn.
void RestoreSealKey(const SipKey& key);
// For a child process: a child that kept the key could make seals.
void ForgetSealKey();

}  // namespace preforkd

#endif
