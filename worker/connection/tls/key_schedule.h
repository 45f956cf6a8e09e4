// KeySchedule: the part of RFC 8446, 7 that a session needs after its handshake: HKDF-Expand-Label, traffic
// keys, and the next generation of a traffic secret. Also for the gate, which gets secrets from its library.
//
// It keeps nothing of a session. All functions throw std::runtime_error if libcrypto has no memory.
#ifndef PREFORKD_WORKER_CONNECTION_TLS_KEY_SCHEDULE_H_
#define PREFORKD_WORKER_CONNECTION_TLS_KEY_SCHEDULE_H_

#include <cstddef>
#include <span>
#include <string_view>

#include "common/base/result.h"
#include "common/tls/record_state.h"
#include "worker/connection/tls/openssl_handles.h"

namespace preforkd::tls {

class KeySchedule {
 public:
  // An error if libcrypto does not have the function.
  static Result<KeySchedule> Make(LibraryHandle library);

  // HKDF-Expand-Label(secret, label, "", size of `out`) with the suite's hash (RFC 8446, 7.1). `label` is
  // without its prefix "tls13 ", such as "key". Precondition: `secret` has SecretBytes(suite) bytes; `out`
  // has at least 1 byte and does not overlap it.
  void ExpandLabel(Suite suite, std::span<const std::byte> secret, std::string_view label,
                   std::span<std::byte> out) const;

  // Sets key and IV by the secret that is in `direction`, and its number to 0 (RFC 8446, 7.3).
  void DeriveKeys(Suite suite, DirectionState& direction) const;

  // The next generation: secret N becomes N + 1, then as DeriveKeys (RFC 8446, 7.2). The one before is
  // overwritten.
  void Update(Suite suite, DirectionState& direction) const;

 private:
  KeySchedule() = default;

  LibraryHandle library_;
  KdfHandle kdf_;
};

}  // namespace preforkd::tls

#endif
