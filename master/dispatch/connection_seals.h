// Seals: how the master knows a connection again that a worker hands back: by the kernel's own names of its
// socket and of the channel, and by what was settled when it was accepted. Nothing is kept for a connection:
// a seal travels with it, which only the master can make.
//
// So a worker can hand back what it was given, with the listener and the service that it came with, and
// nothing else: no socket of its own, and no other worker's client.
//
// One key for the process, and for the programs that follow one another in it.
#ifndef PREFORKD_MASTER_DISPATCH_CONNECTION_SEALS_H_
#define PREFORKD_MASTER_DISPATCH_CONNECTION_SEALS_H_

#include <cstdint>

#include "common/structures/siphash.h"
#include "common/wire/packed_parcel.h"

namespace preforkd {

// For a parcel whose descriptor is `fd` on the channel that the kernel calls `channel` (SocketCookie): over
// the socket, number, listener, service and time of accept. Not over the peer: behind a proxy the worker
// knows better who that is.
std::uint64_t SealOf(const ParcelHead& parcel, int fd, std::uint64_t channel);

// The key, drawn now if that has not happened yet.
SipKey SealKey();
// That of the program before this one. All zero: it had none, and one is drawn.
void RestoreSealKey(const SipKey& key);
// In a child: what it knew it could seal.
void ForgetSealKey();

}  // namespace preforkd

#endif
