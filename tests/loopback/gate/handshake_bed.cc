#include "tests/loopback/gate/handshake_bed.h"

#include <doctest/doctest.h>

#include <stdexcept>

namespace preforkd::testing {
Handshake::Step FeedAtOnce(Handshake& gate, std::string_view bytes) { return gate.Feed(bytes); }

tls::testing::Bytes BytesOf(std::string_view text) {
  const auto* const bytes = reinterpret_cast<const std::byte*>(text.data());
  return {bytes, bytes + text.size()};
}

Outcome Shake(Handshake& gate, TlsClient& client, const FeedGate& feed) {
  Outcome outcome;
  Handshake::Step step = Handshake::Step::kMore;
  for (int round = 0; round < 10; ++round) {
    try {
      if (!outcome.client_done) outcome.client_done = client.Handshake();
      // What comes behind the handshake: tickets, or an alert.
      if (outcome.client_done && step != Handshake::Step::kMore) {
        const std::string text = client.Read();
        CHECK(text.empty());
        break;
      }
    } catch (const std::runtime_error& error) {
      outcome.error = error.what();
    }
    const tls::testing::Bytes out = client.TakeOut();
    if (step == Handshake::Step::kMore && !out.empty()) step = feed(gate, TextOf(out));
    if (!outcome.error.empty()) break;
    client.Feed(BytesOf(gate.Output()));
    gate.Sent(gate.Output().size());
  }
  outcome.server_done = step == Handshake::Step::kDone;
  if (step == Handshake::Step::kFailed) {
    outcome.why = gate.Why();
    outcome.detail = gate.Detail();
  }
  return outcome;
}

Shaken ShakeHands(const GateSettings& settings, const ClientOptions& options, MakeClient make) {
  std::unique_ptr<TlsClient> client = make(options);
  Handshake gate(settings);
  const Outcome outcome = Shake(gate, *client);
  CAPTURE(outcome.why);
  CAPTURE(outcome.error);
  REQUIRE(outcome.server_done);
  REQUIRE(outcome.client_done);
  Result<TlsLuggage> session = gate.Take();
  REQUIRE(session.Ok());
  return {std::move(session).Value(), std::move(client)};
}

}  // namespace preforkd::testing
