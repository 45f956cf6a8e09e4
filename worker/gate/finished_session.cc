#include "worker/gate/finished_session.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <new>
#include <optional>

#include "worker/gate/gnutls_handles.h"

namespace preforkd {
namespace {

// GnuTLS leaves a lower record_size_limit out of its answer, and the client knows that it is not kept.
constexpr std::size_t kLeastSizeLimit = 512;

std::optional<tls::Suite> SuiteOf(gnutls_cipher_algorithm_t cipher) {
  switch (cipher) {
    case GNUTLS_CIPHER_AES_128_GCM: return tls::Suite::kAes128Gcm;
    case GNUTLS_CIPHER_AES_256_GCM: return tls::Suite::kAes256Gcm;
    case GNUTLS_CIPHER_CHACHA20_POLY1305: return tls::Suite::kChaCha20Poly1305;
    default: return std::nullopt;
  }
}

std::uint16_t MaxFragment(gnutls_session_t session, std::size_t size_limit, tls::Version version) {
  // 2^14, or what was agreed on as max_fragment_length (RFC 6066, 4).
  std::size_t most = std::min<std::size_t>(gnutls_record_get_max_size(session), tls::kMaxFragment);
  // GnuTLS keeps to this one too, and does not tell it.
  if (size_limit >= kLeastSizeLimit) {
    const std::size_t type = version == tls::Version::kTls13 ? 1 : 0;
    most = std::min(most, size_limit - type);
  }
  return static_cast<std::uint16_t>(most);
}

Status ReadDirection(gnutls_session_t session, const TrafficSecrets& secrets, bool read,
                     tls::RecordState& state) {
  tls::DirectionState& direction = read ? state.read : state.write;
  gnutls_datum_t iv{};  // borrowed from the session, as is the key
  gnutls_datum_t key{};
  std::array<unsigned char, 8> sequence{};
  const int result = gnutls_record_get_state(session, read ? 1 : 0, nullptr, &iv, &key, sequence.data());
  if (result < 0) return GnutlsError("gnutls_record_get_state", result);
  const std::size_t iv_bytes =
      tls::HasExplicitNonce(state.version, state.suite) ? tls::kSaltBytes : tls::kIvBytes;
  if (key.size != tls::KeyBytes(state.suite) || iv.size < iv_bytes)
    return Error{fmt::format("a key of {} bytes and an IV of {}", key.size, iv.size)};
  std::memcpy(direction.key.data(), key.data, key.size);
  std::memcpy(direction.iv.data(), iv.data, iv_bytes);
  for (const unsigned char byte : sequence) direction.sequence = direction.sequence << 8 | byte;
  // GnuTLS used the number of the record as its explicit nonce so far: go on, so that none comes twice.
  if (!read && iv_bytes == tls::kSaltBytes)
    std::memcpy(direction.iv.data() + tls::kSaltBytes, sequence.data(), sequence.size());
  if (state.version == tls::Version::kTls12) return {};
  const SecretBytes& secret = read ? secrets.client : secrets.server;
  if (secret.size() != tls::SecretBytes(state.suite))
    return Error{fmt::format("a traffic secret of {} bytes", secret.size())};
  std::memcpy(direction.secret.data(), secret.data(), secret.size());
  return {};
}

void ReadClient(gnutls_session_t session, TlsFacts& facts) {
  unsigned count = 0;
  const gnutls_datum_t* const peers = gnutls_certificate_get_peers(session, &count);
  if (peers == nullptr || count == 0) return;
  gnutls_x509_crt_t raw = nullptr;
  if (gnutls_x509_crt_init(&raw) < 0) throw std::bad_alloc();
  const CertificateHandle certificate(raw);
  if (gnutls_x509_crt_import(raw, peers, GNUTLS_X509_FMT_DER) < 0) return;  // it was verified: it parses
  gnutls_datum_t subject{};
  if (gnutls_x509_crt_get_dn3(raw, &subject, 0) >= 0) {
    facts.client_subject.assign(reinterpret_cast<const char*>(subject.data),
                                std::min<std::size_t>(subject.size, kMaxClientSubject));
    gnutls_free(subject.data);
  }
  std::array<char, kFingerprintBytes> hash{};
  std::size_t size = hash.size();
  if (gnutls_x509_crt_get_fingerprint(raw, GNUTLS_DIG_SHA256, hash.data(), &size) >= 0)
    facts.client_fingerprint.assign(hash.data(), size);
}

}  // namespace

Result<tls::RecordState> RecordStateOf(gnutls_session_t session, std::size_t size_limit,
                                       const TrafficSecrets& secrets) {
  tls::RecordState state;
  const std::optional<tls::Suite> suite = SuiteOf(gnutls_cipher_get(session));
  if (!suite) return Error{"a cipher that the record layer does not have"};
  state.suite = *suite;
  state.version =
      gnutls_protocol_get_version(session) == GNUTLS_TLS1_3 ? tls::Version::kTls13 : tls::Version::kTls12;
  state.max_fragment = MaxFragment(session, size_limit, state.version);
  for (const bool read : {true, false}) {
    if (const Status status = ReadDirection(session, secrets, read, state); !status.Ok()) return status.Err();
  }
  if (!tls::IsUsable(state)) return Error{"a session that the record layer cannot go on with"};
  return state;
}

TlsFacts FactsOf(gnutls_session_t session, const tls::RecordState& state) {
  TlsFacts facts;
  facts.version = state.version;
  facts.suite = state.suite;
  facts.resumed = gnutls_session_is_resumed(session) != 0;
  facts.server_name = ServerNameOf(session);
  ReadClient(session, facts);
  return facts;
}

std::string ServerNameOf(gnutls_session_t session) {
  std::array<char, kMaxServerName + 1> name{};
  std::size_t size = name.size();
  unsigned type = 0;
  if (gnutls_server_name_get(session, name.data(), &size, &type, 0) < 0 || type != GNUTLS_NAME_DNS) return {};
  return {name.data(), std::min(size, kMaxServerName)};
}

}  // namespace preforkd
