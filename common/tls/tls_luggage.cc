#include "common/tls/tls_luggage.h"

#include <string_view>
#include <utility>

#include "common/base/check.h"
#include "common/wire/byte_io.h"

namespace preforkd {
namespace {

constexpr std::uint8_t kLayout = 1;
constexpr std::size_t kFixedBytes =
    3 * sizeof(std::uint8_t) + 5 * sizeof(std::uint16_t) + sizeof(std::uint32_t);

// More than is ever sealed at once.
constexpr std::uint32_t kMaxUnsentPlain = 1 << 20;

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

template <typename Buffer>
void Put(ByteWriter& writer, const Buffer& buffer) {
  PF_CHECK(buffer.size() <= UINT16_MAX, "a part of the luggage of a TLS session is too long");
  writer.Put(static_cast<std::uint16_t>(buffer.size()));
  writer.PutBytes(Bytes({buffer.data(), buffer.size()}));
}

std::string_view Get(ByteReader& reader, std::size_t max) {
  const auto size = reader.Get<std::uint16_t>();
  if (size > max) reader.Fail();
  return reader.GetBytes(size);
}

SecretBytes Copy(std::string_view bytes) { return {bytes.begin(), bytes.end()}; }

Error Malformed() { return Error{"malformed TLS luggage"}; }

}  // namespace

std::size_t EncodedBytes(const TlsLuggage& luggage) {
  const TlsFacts& facts = luggage.facts;
  return kFixedBytes + tls::PackedBytes(luggage.state.version, luggage.state.suite) +
         facts.server_name.size() + facts.client_subject.size() + facts.client_fingerprint.size() +
         luggage.unread.size() + luggage.unsent.size();
}

SecretBytes EncodeTls(const TlsLuggage& luggage) {
  SecretBytes bytes(EncodedBytes(luggage));
  const std::span<std::byte> out = std::as_writable_bytes(std::span(bytes));
  const std::size_t state = tls::PackedBytes(luggage.state.version, luggage.state.suite);
  ByteWriter head(out);
  head.Put(kLayout);
  head.Put(static_cast<std::uint8_t>(state));
  (void)tls::Pack(luggage.state, out.subspan(head.Written(), state));
  ByteWriter rest(out.subspan(head.Written() + state));
  rest.Put(static_cast<std::uint8_t>(luggage.facts.resumed ? 1 : 0));
  Put(rest, luggage.facts.server_name);
  Put(rest, luggage.facts.client_subject);
  Put(rest, luggage.facts.client_fingerprint);
  Put(rest, luggage.unread);
  Put(rest, luggage.unsent);
  rest.Put(luggage.unsent_plain);
  return bytes;
}

Result<TlsLuggage> DecodeTls(std::span<const char> bytes) {
  ByteReader reader(bytes);
  if (reader.Get<std::uint8_t>() != kLayout) return Malformed();
  const std::string_view packed = reader.GetBytes(reader.Get<std::uint8_t>());
  Result<tls::RecordState> state = tls::Unpack(Bytes(packed));
  if (!state.Ok()) return state.Err();
  TlsLuggage luggage{std::move(state).Value()};
  TlsFacts& facts = luggage.facts;
  facts.version = luggage.state.version;
  facts.suite = luggage.state.suite;
  const auto resumed = reader.Get<std::uint8_t>();
  facts.resumed = resumed != 0;
  facts.server_name = Get(reader, kMaxServerName);
  facts.client_subject = Get(reader, kMaxClientSubject);
  facts.client_fingerprint = Get(reader, kFingerprintBytes);
  luggage.unread = Copy(Get(reader, UINT16_MAX));
  luggage.unsent = Copy(Get(reader, UINT16_MAX));
  luggage.unsent_plain = reader.Get<std::uint32_t>();
  const bool fits =
      resumed <= 1 &&
      (facts.client_fingerprint.empty() || facts.client_fingerprint.size() == kFingerprintBytes) &&
      luggage.unsent_plain <= kMaxUnsentPlain;
  if (!reader.Done() || !fits) return Malformed();
  return luggage;
}

const char* VersionName(tls::Version version) {
  return version == tls::Version::kTls13 ? "TLSv1.3" : "TLSv1.2";
}

const char* SuiteName(tls::Suite suite) {
  switch (suite) {
    case tls::Suite::kAes128Gcm: return "AES-128-GCM";
    case tls::Suite::kAes256Gcm: return "AES-256-GCM";
    case tls::Suite::kChaCha20Poly1305: return "ChaCha20-Poly1305";
  }
  return "?";
}

}  // namespace preforkd
