// A handshake of a gate with a real client, without a socket.
#ifndef PREFORKD_TESTS_LOOPBACK_GATE_HANDSHAKE_BED_H_
#define PREFORKD_TESTS_LOOPBACK_GATE_HANDSHAKE_BED_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/loopback/gate/gate_settings.h"
#include "tests/loopback/gate/test_certificates.h"
#include "tests/loopback/gate/tls_client.h"
#include "worker/gate/handshake.h"

namespace preforkd::testing {

// How a handshake ended, on both sides.
struct Outcome {
  bool server_done = false;
  bool client_done = false;
  std::string why;     // the gate's reason; empty: it has not failed
  std::string detail;  // the same for a person
  std::string error;   // what the client threw
};

// Gives the gate what a client has sent; it may feed the bytes in pieces, or more.
using FeedGate = std::function<Handshake::Step(Handshake& gate, std::string_view bytes)>;
Handshake::Step FeedAtOnce(Handshake& gate, std::string_view bytes);

// Runs until both are done, or one has failed. At the end the client has all that the gate has said.
Outcome Shake(Handshake& gate, TlsClient& client, const FeedGate& feed = FeedAtOnce);

// A handshake that must succeed: the session and the client. Fails the test otherwise.
struct Shaken {
  TlsLuggage session;
  std::unique_ptr<TlsClient> client;
};
Shaken ShakeHands(const GateSettings& settings, const ClientOptions& options,
                  MakeClient make = MakeOpensslClient);

inline std::string_view TextOf(const tls::testing::Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
tls::testing::Bytes BytesOf(std::string_view text);

}  // namespace preforkd::testing

#endif
