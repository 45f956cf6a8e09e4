// HandshakeCounters: the TLS handshakes of gates, by how they ended. In the row of a gate; the master adds up
// those that have ended.
#ifndef PREFORKD_COMMON_SCOREBOARD_HANDSHAKE_COUNTERS_H_
#define PREFORKD_COMMON_SCOREBOARD_HANDSHAKE_COUNTERS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/scoreboard/counters.h"

namespace preforkd {

// In shared memory that the next program (upgrade) reads: append new values, never change one.
enum class HandshakeEnd : std::uint8_t {
  kTls12,  // done, in this version
  kTls13,
  kClientLeft,  // before the end
  kTimeout,     // tls.handshake_timeout
  kNotTls,      // the client speaks something else, such as HTTP
  kNoVersion,   // no version that both sides allow
  kNoCipher,    // no suite, or no certificate for one
  kNoCurve,
  kAlpn,               // the client wants another protocol than http/1.1
  kAlert,              // the client has refused, for example our certificate
  kClientCertificate,  // it sent none where one is required, or one that we do not trust
  kProtocol,           // it broke the protocol
  kCrowded,            // the gate had no place left
  kOther,
};
inline constexpr std::size_t kHandshakeEnds = 14;

// Labels of preforkd_tls_handshakes_total. "ok" in both versions; else why it failed: "timeout".
const char* HandshakeResultName(HandshakeEnd end);
// "TLSv1.3"; empty for one that failed, because not all that fail have agreed on a version.
const char* HandshakeVersionName(HandshakeEnd end);
// Of a handshake that failed, by its word in the log (worker/gate/handshake.h). kOther for an unknown one.
HandshakeEnd HandshakeEndOf(std::string_view word);

struct HandshakeCounters {
  CounterPer<HandshakeEnd, kHandshakeEnds> ended;
  Counter resumed{0};  // of those that were done: with a session ticket, so without certificates

  // For the master: adds what another one has counted.
  void AddUp(const HandshakeCounters& other);
  void Clear();
  [[nodiscard]] std::uint64_t Done() const {
    return Get(ended[HandshakeEnd::kTls12]) + Get(ended[HandshakeEnd::kTls13]);
  }
  [[nodiscard]] std::uint64_t Failed() const { return Difference(ended.Sum(), Done()); }
};

}  // namespace preforkd

#endif
