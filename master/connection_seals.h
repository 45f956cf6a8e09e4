// ConnectionSeals: how the master knows a connection again that a worker hands back: by the kernel's own name of the
// socket, and by what was settled about it when it was accepted. Nothing is kept for a connection: a seal travels with
// it, which only the master can make.
//
// So a worker can hand back what it was given, with the listener and the service that it came with, and nothing else: no
// socket of its own, and no other client's.
#ifndef PREFORKD_MASTER_CONNECTION_SEALS_H_
#define PREFORKD_MASTER_CONNECTION_SEALS_H_

#include "common/base/siphash.h"
#include "common/wire/parcel.h"

namespace preforkd {

class ConnectionSeals {
 public:
  // With a new key.
  ConnectionSeals();
  // With that of the program before this one.
  explicit ConnectionSeals(const SipKey& key) : key_(key) {}

  // For one that has just been accepted.
  void Seal(Parcel& parcel) const;
  // It is one of ours, by its descriptor, number, listener, service and time of accept. The peer is not asked: after its
  // reset the connection is a client's all the same, and behind a proxy the worker knows better who it is.
  [[nodiscard]] bool Fits(const Parcel& parcel) const;
  // In a worker: what it knew it could seal.
  void Forget();

  [[nodiscard]] const SipKey& Key() const { return key_; }

 private:
  [[nodiscard]] std::uint64_t SealOf(const Parcel& parcel) const;

  SipKey key_{};
};

}  // namespace preforkd

#endif
