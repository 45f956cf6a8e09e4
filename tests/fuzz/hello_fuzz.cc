// Fuzz target: what a client sends before a gate knows it. It must not crash the gate, which is the only
// process with private keys, must not be taken for a whole handshake, and must not be kept: what is not used
// is bounded.
//
// The first byte chooses the settings, the second in which pieces the rest arrives.
#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/loopback/gate/gate_settings.h"

namespace preforkd::testing {
namespace {

std::vector<GateSettings> AllSettings() {
  std::vector<GateSettings> all;
  TlsConfig config;
  all.push_back(MakeSettings(config));
  config.client_certificates = ClientCertificates::kRequired;
  all.push_back(MakeSettings(config, std::nullopt, TestAuthority().pem));
  config.min_version = TlsVersion::k13;
  config.client_certificates = ClientCertificates::kOff;
  TicketPage tickets = std::move(TicketPage::Create()).Value();
  tickets.Write(SecretBytes(kTicketKeyBytes, 'k'), 1);
  all.push_back(MakeSettings(config, std::move(tickets)));
  return all;
}

void Require(bool good, const char* what) {
  if (good) return;
  fmt::print(stderr, "{}\n", what);
  std::abort();
}

void Run(std::string_view input) {
  static const std::vector<GateSettings> all = AllSettings();
  if (input.size() < 2) return;
  Handshake gate(all[static_cast<unsigned char>(input[0]) % all.size()]);
  const std::size_t piece = std::size_t{1} << (static_cast<unsigned char>(input[1]) % 16);
  input.remove_prefix(2);
  Handshake::Step step = Handshake::Step::kMore;
  std::size_t said = 0;
  while (!input.empty() && step == Handshake::Step::kMore) {
    step = gate.Feed(input.substr(0, piece));
    input.remove_prefix(std::min(piece, input.size()));
    said += gate.Output().size();
    gate.Sent(gate.Output().size());
  }
  Require(step != Handshake::Step::kDone, "a handshake without a client");
  Require(step != Handshake::Step::kFailed || *gate.Why() != '\0', "it failed without a reason");
  Require(said < 64 * 1024, "it says too much");
}

}  // namespace
}  // namespace preforkd::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  preforkd::testing::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
