// TlsLuggage: an established TLS session while it travels: Parcel::tls_state, in values. A gate makes the
// first one, then each worker that has the connection.
#ifndef PREFORKD_COMMON_TLS_TLS_LUGGAGE_H_
#define PREFORKD_COMMON_TLS_TLS_LUGGAGE_H_

#include <cstdint>
#include <span>

#include "common/base/result.h"
#include "common/base/secret_bytes.h"
#include "common/tls/record_state.h"
#include "common/tls/tls_facts.h"

namespace preforkd {

struct TlsLuggage {
  tls::RecordState state;
  TlsFacts facts{};
  SecretBytes unread{};  // of a record that has not arrived whole, as received
  SecretBytes unsent{};  // records that the socket has not taken
  // Bytes of the session's that were sealed and not reported to it as sent: it will offer them again. Their
  // records are in `unsent`, or have been sent since.
  std::uint32_t unsent_plain = 0;
};

// Bytes of the encoding. With a session that is idle: at most 17 + 206 + the server name.
[[nodiscard]] std::size_t EncodedBytes(const TlsLuggage& luggage);
// Precondition: IsUsable(luggage.state); the strings and buffers are within their limits, below 2^16.
[[nodiscard]] SecretBytes EncodeTls(const TlsLuggage& luggage);
// Error: not what EncodeTls makes. `bytes` are the caller's to wipe.
Result<TlsLuggage> DecodeTls(std::span<const char> bytes);

}  // namespace preforkd

#endif
