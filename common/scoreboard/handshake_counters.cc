#include "common/scoreboard/handshake_counters.h"

namespace preforkd {

const char* HandshakeResultName(HandshakeEnd end) {
  switch (end) {
    case HandshakeEnd::kTls12:
    case HandshakeEnd::kTls13: return "ok";
    case HandshakeEnd::kClientLeft: return "client_left";
    case HandshakeEnd::kTimeout: return "timeout";
    case HandshakeEnd::kNotTls: return "not_tls";
    case HandshakeEnd::kNoVersion: return "version";
    case HandshakeEnd::kNoCipher: return "no_cipher";
    case HandshakeEnd::kNoCurve: return "no_curve";
    case HandshakeEnd::kAlpn: return "alpn";
    case HandshakeEnd::kAlert: return "alert";
    case HandshakeEnd::kClientCertificate: return "client_certificate";
    case HandshakeEnd::kProtocol: return "protocol";
    case HandshakeEnd::kCrowded: return "crowded";
    case HandshakeEnd::kOther: return "other";
  }
  return "unknown";  // a row is shared memory: no value may stop a reader
}

const char* HandshakeVersionName(HandshakeEnd end) {
  if (end == HandshakeEnd::kTls12) return "TLSv1.2";
  return end == HandshakeEnd::kTls13 ? "TLSv1.3" : "";
}

HandshakeEnd HandshakeEndOf(std::string_view word) {
  for (std::size_t i = 0; i < kHandshakeEnds; ++i) {
    const auto end = static_cast<HandshakeEnd>(i);
    if (end > HandshakeEnd::kTls13 && word == HandshakeResultName(end)) return end;
  }
  return HandshakeEnd::kOther;
}

void HandshakeCounters::AddUp(const HandshakeCounters& other) {
  for (std::size_t i = 0; i < kHandshakeEnds; ++i) {
    const auto end = static_cast<HandshakeEnd>(i);
    Add(ended[end], Get(other.ended[end]));
  }
  Add(resumed, Get(other.resumed));
}

void HandshakeCounters::Clear() {
  for (std::size_t i = 0; i < kHandshakeEnds; ++i) Set(ended[static_cast<HandshakeEnd>(i)], 0);
  Set(resumed, 0);
}

}  // namespace preforkd
