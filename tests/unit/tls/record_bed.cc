#include "tests/unit/tls/record_bed.h"

#include <stdexcept>
#include <utility>

namespace preforkd::tls::testing {
namespace {

Result<RecordCrypto> Made() {
  Result<RecordCrypto> crypto = RecordCrypto::Make();
  if (!crypto.Ok()) throw std::runtime_error(crypto.Err().text);
  return crypto;
}

void Fill(std::span<std::byte> bytes, Random& random) {
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
}

// What one side writes, the other reads.
void ShareDirection(const Kind& kind, Random& random, DirectionState& writes, DirectionState& reads) {
  Fill(std::span(writes.key).first(KeyBytes(kind.suite)), random);
  Fill(writes.iv, random);
  if (kind.version == Version::kTls13) Fill(std::span(writes.secret).first(SecretBytes(kind.suite)), random);
  writes.sequence = random() % 1000;
  reads.key = writes.key;
  reads.iv = writes.iv;
  reads.secret = writes.secret;
  reads.sequence = writes.sequence;
  if (HasExplicitNonce(kind.version, kind.suite))
    for (std::size_t i = kSaltBytes; i < kIvBytes; ++i) reads.iv[i] = std::byte{0};
}

}  // namespace

std::string NameOf(const Kind& kind) {
  constexpr std::array<const char*, 4> kSuiteNames{"", "AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305"};
  return std::string(kind.version == Version::kTls13 ? "1.3 " : "1.2 ") +
         kSuiteNames[static_cast<std::size_t>(kind.suite)];
}

RecordCrypto& Crypto() {
  static Result<RecordCrypto> crypto = Made();
  return crypto.Value();
}

Bytes FromHex(std::string_view hex) {
  Bytes bytes;
  std::string digits;
  for (const char digit : hex) {
    if (digit == ' ' || digit == '\n') continue;
    digits += digit;
    if (digits.size() < 2) continue;
    bytes.push_back(static_cast<std::byte>(std::stoul(digits, nullptr, 16)));
    digits.clear();
  }
  if (!digits.empty()) throw std::runtime_error("half a byte");
  return bytes;
}

std::string ToHex(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const std::byte byte : bytes) {
    hex += kDigits[std::to_integer<std::size_t>(byte >> 4)];
    hex += kDigits[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return hex;
}

Bytes FromText(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string ToText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::size_t Pick(Random& random, std::size_t below) { return static_cast<std::size_t>(random() % below); }

Ends MakeEnds(const Kind& kind, Random& random) {
  Ends ends;
  for (RecordState* state : {&ends.server, &ends.client}) {
    state->version = kind.version;
    state->suite = kind.suite;
  }
  ShareDirection(kind, random, ends.server.write, ends.client.read);
  ShareDirection(kind, random, ends.client.write, ends.server.read);
  return ends;
}

Bytes Packed(const RecordState& state) {
  Bytes bytes(kMaxPackedBytes);
  bytes.resize(Pack(state, bytes));
  return bytes;
}

RecordState Travelled(RecordState state) {
  const Bytes bytes = Packed(state);
  Result<RecordState> arrived = Unpack(bytes);
  if (!arrived.Ok()) throw std::runtime_error(arrived.Err().text);
  return std::move(arrived).Value();
}

Bytes SealRaw(RecordState& state, ContentType type, const Bytes& content, const Oddity& oddity) {
  const bool is_13 = state.version == Version::kTls13;
  Bytes text = content;
  if (is_13) {
    text.push_back(static_cast<std::byte>(type));
    text.resize(text.size() + oddity.padding);
  }
  Bytes explicit_nonce;
  if (HasExplicitNonce(state.version, state.suite)) {
    explicit_nonce.assign(state.write.iv.begin() + kSaltBytes, state.write.iv.end());
    std::byte& last = state.write.iv.back();  // enough for a test: no two in a row are the same
    last = static_cast<std::byte>(std::to_integer<unsigned>(last) + 1);
  }
  RecordHeader header{is_13 ? ContentType::kApplicationData : type, kWireVersion12,
                      explicit_nonce.size() + text.size() + kTagBytes};
  if (oddity.outer != ContentType{0}) header.type = oddity.outer;
  const AdditionalData additional(state, state.write.sequence, header, text.size());
  Aead& aead = Crypto().aead;
  aead.SetSealingKey(state.suite, std::span(state.write.key).first(KeyBytes(state.suite)));
  aead.BeginSealing(MakeNonce(state, state.write, explicit_nonce), additional.Bytes());
  if (!text.empty()) aead.Add(text, text.data());
  std::array<std::byte, kTagBytes> tag{};
  aead.FinishSealing(tag);
  aead.Forget();
  ++state.write.sequence;
  Bytes record(kHeaderBytes);
  WriteHeader(header, record.data());
  record += explicit_nonce;
  record += text;
  record.insert(record.end(), tag.begin(), tag.end());
  return record;
}

Bytes Seal(RecordState& state, std::string_view text, RecordLimits limits) {
  Bytes out(text.size() + (text.size() / kMaxFragment + 1) * 2 * kMaxOverhead + kMinSealBuffer);
  const RecordWriter::Piece piece = std::as_bytes(std::span(text));
  const Sealed sealed = RecordWriter(state, Crypto(), limits).Seal({&piece, 1}, out);
  if (sealed.taken != text.size()) throw std::runtime_error("not all was sealed");
  out.resize(sealed.written);
  return out;
}

Bytes SealAlert(RecordState& state, Alert alert) {
  Bytes out(kMaxOwedBytes);
  out.resize(RecordWriter(state, Crypto()).SealAlert(alert, out));
  return out;
}

Bytes SealOwed(RecordState& state) {
  Bytes out(kMaxOwedBytes);
  out.resize(RecordWriter(state, Crypto()).SealOwed(out));
  return out;
}

Read Open(RecordState& state, Bytes records) {
  const Opened opened = RecordReader(state, Crypto()).Open(records);
  return {opened.outcome, ToText(opened.plaintext), opened.alert, opened.consumed, opened.awaited};
}

std::size_t CountRecords(std::span<const std::byte> records) {
  std::size_t count = 0;
  for (; !records.empty(); ++count) {
    if (records.size() < kHeaderBytes) throw std::runtime_error("a part of a record");
    const std::size_t size = kHeaderBytes + ParseHeader(records).length;
    if (records.size() < size) throw std::runtime_error("a part of a record");
    records = records.subspan(size);
  }
  return count;
}

}  // namespace preforkd::tls::testing
