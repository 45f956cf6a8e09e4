// Both ends of a TLS session in one process: two states with each other's keys, records that no honest peer
// sends, and what any test of the record layer needs beside.
#ifndef PREFORKD_TESTS_UNIT_TLS_RECORD_BED_H_
#define PREFORKD_TESTS_UNIT_TLS_RECORD_BED_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/tls/record_state.h"
#include "worker/connection/tls/record_reader.h"
#include "worker/connection/tls/record_writer.h"

namespace preforkd::tls::testing {

using Bytes = std::vector<std::byte>;
using Random = std::mt19937_64;

struct Kind {
  Version version;
  Suite suite;
};
inline constexpr std::array<Kind, 6> kKinds{{{Version::kTls13, Suite::kAes128Gcm},
                                             {Version::kTls13, Suite::kAes256Gcm},
                                             {Version::kTls13, Suite::kChaCha20Poly1305},
                                             {Version::kTls12, Suite::kAes128Gcm},
                                             {Version::kTls12, Suite::kAes256Gcm},
                                             {Version::kTls12, Suite::kChaCha20Poly1305}}};
std::string NameOf(const Kind& kind);

// One for the process. Throws if libcrypto cannot be used.
RecordCrypto& Crypto();

Bytes FromHex(std::string_view hex);
std::string ToHex(std::span<const std::byte> bytes);
Bytes FromText(std::string_view text);
std::string ToText(std::span<const std::byte> bytes);
inline Bytes& operator+=(Bytes& bytes, const Bytes& more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
  return bytes;
}
inline Bytes operator+(Bytes left, const Bytes& right) { return left += right; }

std::size_t Pick(Random& random, std::size_t below);

struct Ends {
  RecordState server;
  RecordState client;
};
// Random keys; 1.2: the explicit nonces begin anywhere.
Ends MakeEnds(const Kind& kind, Random& random);

Bytes Packed(const RecordState& state);
// To another worker and back. The state that is given is gone.
RecordState Travelled(RecordState state);

// How a record differs from those that RecordWriter seals.
struct Oddity {
  std::size_t padding = 0;             // 1.3: zeros behind the content type
  ContentType outer = ContentType{0};  // 0: the right one
};
// A record with any content, sealed with the number and key of `state`.
Bytes SealRaw(RecordState& state, ContentType type, const Bytes& content, const Oddity& oddity = {});

Bytes Seal(RecordState& state, std::string_view text, RecordLimits limits = {});
Bytes SealAlert(RecordState& state, Alert alert);
Bytes SealOwed(RecordState& state);

// What a reader made of the bytes. `text` is copied.
struct Read {
  Opened::Outcome outcome{};
  std::string text;
  Alert alert{};
  std::size_t consumed = 0;
  std::size_t awaited = 0;
};
Read Open(RecordState& state, Bytes records);

// The number of records of which the bytes consist. Throws if they are no whole records.
std::size_t CountRecords(std::span<const std::byte> records);

}  // namespace preforkd::tls::testing

#endif
