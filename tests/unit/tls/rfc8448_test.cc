// RFC 8448, 3: the traffic keys and the records behind the handshake of "Simple 1-RTT Handshake". The RFC has
// no trace with a KeyUpdate.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/tls/record_bed.h"

namespace preforkd::tls::testing {
namespace {

constexpr const char* kClientSecret = "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5";
constexpr const char* kServerSecret = "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643";
constexpr const char* kServerTicket =
    "17030300de3a6b8f90414a97d6959c3487680de5134a2b240e6cffac116e95d41d6af8f6b580dcf3d11d63c758db289a"
    "015940252f55713e061dc13e078891a38efbcf5753ad8ef170ad3c7353d16d9da773b9ca7f2b9fa1b6c0d4a3d03f75e0"
    "9c30ba1e62972ac46f75f7b981be63439b2999ce13064615139891d5e4c5b406f16e3fc181a77ca475840025db2f0a77"
    "f81b5ab05b94c01346755f69232c86519d86cbeeac87aac347d143f9605d64f650db4d023e70e952ca49fe5137121c74"
    "bc2697687e248746d6df353005f3bce18696129c8153556b3b6c6779b37bf15985684f";
constexpr const char* kClientData =
    "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b"
    "62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4";
constexpr const char* kServerData =
    "17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb501a59a8"
    "fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d";
constexpr const char* kClientAlert = "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3";
constexpr const char* kServerAlert = "1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9";

void SetSecret(DirectionState& direction, const char* hex) {
  const Bytes secret = FromHex(hex);
  std::copy(secret.begin(), secret.end(), direction.secret.begin());
  Crypto().schedule.DeriveKeys(Suite::kAes128Gcm, direction);
}

RecordState ServerOfTrace() {
  RecordState state;
  SetSecret(state.read, kClientSecret);
  SetSecret(state.write, kServerSecret);
  return state;
}

std::string TraceText() {
  std::string text;
  for (char byte = 0; byte < 50; ++byte) text += byte;
  return text;
}

}  // namespace

TEST_CASE("the traffic keys of the trace") {
  const RecordState state = ServerOfTrace();
  CHECK(ToHex(std::span(state.write.key).first(16)) == "9f02283b6c9c07efc26bb9f2ac92e356");
  CHECK(ToHex(state.write.iv) == "cf782b88dd83549aadf1e984");
  CHECK(ToHex(std::span(state.read.key).first(16)) == "17422dda596ed5d9acd890e3c63f5051");
  CHECK(ToHex(state.read.iv) == "5b78923dee08579033e523d9");
}

TEST_CASE("the server reads what the trace's client sends") {
  RecordState state = ServerOfTrace();
  CHECK(Open(state, FromHex(kClientData)).text == TraceText());
  CHECK(Open(state, FromHex(kClientAlert)).outcome == Opened::Outcome::kClosed);
}

TEST_CASE("the server sends what the trace's server sends, to the byte") {
  RecordState state = ServerOfTrace();
  state.write.sequence = 1;  // its ticket had 0
  CHECK(ToHex(Seal(state, TraceText())) == kServerData);
  CHECK(ToHex(SealAlert(state, Alert::kCloseNotify)) == kServerAlert);
}

TEST_CASE("a ticket has the number 0 of the same keys; it is no message for a server") {
  RecordState client = ServerOfTrace();
  std::swap(client.read, client.write);
  CHECK(Open(client, FromHex(kServerTicket)).alert == Alert::kUnexpectedMessage);
  CHECK(client.read.sequence == 1);
  CHECK(Open(client, FromHex(kServerData)).text == TraceText());
}

// No RFC has a vector for these: computed with Python's hmac by the definition in RFC 8446, 7.1.
TEST_CASE("the next generation of a secret, with both hashes") {
  DirectionState sha256;
  SetSecret(sha256, kClientSecret);
  Crypto().schedule.Update(Suite::kAes128Gcm, sha256);
  CHECK(ToHex(std::span(sha256.secret).first(32)) ==
        "fcdfcc72725aaee48bf64e4fd8b749cdbdbab39d90da0b26e2245ca6ea167207");
  CHECK(ToHex(std::span(sha256.key).first(16)) == "3879d82f5f14056e623f2ce5bfc66fce");
  CHECK(ToHex(sha256.iv) == "5dfb2c5938c3379b6cc5d1f2");
  CHECK(sha256.sequence == 0);
  DirectionState sha384;
  for (std::size_t i = 0; i < 48; ++i) sha384.secret[i] = static_cast<std::byte>(i);
  sha384.sequence = 77;
  Crypto().schedule.Update(Suite::kAes256Gcm, sha384);
  CHECK(ToHex(sha384.secret) ==
        "401331b63e9d59f202e8f041042d9516f4cd7fa2e2ee14631d3b49fc340d7af37fc2c0c9f252d8036f81ec5b85cbe5db");
  CHECK(ToHex(sha384.key) == "eb354f3b48924ed78de34dd8aa6a6a0a51d857ddad1454d5cfa7b69f60712911");
  CHECK(ToHex(sha384.iv) == "8478ffbe4f2e5450789775b3");
  CHECK(sha384.sequence == 0);
}

}  // namespace preforkd::tls::testing
