// The AEADs: published vectors, a tag that does not fit, and that nothing of a key stays in the process.
#include "worker/connection/tls/aead.h"

#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <functional>
#include <string>

#include "tests/unit/tls/record_bed.h"

namespace preforkd::tls::testing {
namespace {

struct Vector {
  const char* source;
  Suite suite;
  const char* key;
  const char* nonce;
  const char* additional;
  const char* plain;
  const char* sealed;  // and the tag
};

constexpr const char* kGcmPlain =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";

constexpr Vector kVectors[] = {
    {"McGrew and Viega, test case 4", Suite::kAes128Gcm, "feffe9928665731c6d6a8f9467308308",
     "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2", kGcmPlain,
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
     "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47"},
    {"McGrew and Viega, test case 16", Suite::kAes256Gcm,
     "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2", kGcmPlain,
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"},
    {"RFC 8439, 2.8.2", Suite::kChaCha20Poly1305,
     "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "070000004041424344454647",
     "50515253c0c1c2c3c4c5c6c7",
     "4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
     "73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
     "6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
     "637265656e20776f756c642062652069742e",
     "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
     "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
     "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
     "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691"},
};

Nonce NonceFrom(const char* hex) {
  Nonce nonce{};
  const Bytes bytes = FromHex(hex);
  std::copy(bytes.begin(), bytes.end(), nonce.begin());
  return nonce;
}

// In pieces of `step` bytes.
Bytes SealInPieces(const Vector& vector, std::size_t step) {
  Aead& aead = Crypto().aead;
  aead.SetSealingKey(vector.suite, FromHex(vector.key));
  aead.BeginSealing(NonceFrom(vector.nonce), FromHex(vector.additional));
  const Bytes plain = FromHex(vector.plain);
  Bytes sealed(plain.size() + kTagBytes);
  for (std::size_t i = 0; i < plain.size(); i += step)
    aead.Add(std::span(plain).subspan(i, std::min(step, plain.size() - i)), sealed.data() + i);
  aead.FinishSealing(std::span<std::byte, kTagBytes>(sealed.data() + plain.size(), kTagBytes));
  aead.Forget();
  return sealed;
}

bool OpenVector(const Vector& vector, Bytes& sealed) {
  Aead& aead = Crypto().aead;
  aead.SetOpeningKey(vector.suite, FromHex(vector.key));
  const bool fits = aead.Open(NonceFrom(vector.nonce), FromHex(vector.additional), sealed);
  aead.Forget();
  return fits;
}

// A sanitizer's shadow is larger, and holds no bytes of ours.
constexpr std::uint64_t kMostSearched = std::uint64_t{1} << 30;

// How often the secret is in the memory that this process can write to. The secret is given inverted, so that
// the search does not find what it looks for in its own arguments.
std::size_t CountInMemory(const Bytes& inverted) {
  std::ifstream maps("/proc/self/maps");
  std::ifstream memory("/proc/self/mem", std::ios::binary);
  std::size_t found = 0;
  std::string line;
  std::vector<char> page(1 << 20);
  while (std::getline(maps, line)) {
    if (line.find(" rw") == std::string::npos || line.find("[v") != std::string::npos) continue;
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx", &from, &to) != 2) continue;
    if (to - from > kMostSearched) continue;
    for (std::uint64_t at = from; at < to; at += page.size()) {
      const auto size = static_cast<std::streamsize>(std::min<std::uint64_t>(page.size(), to - at));
      memory.clear();
      if (!memory.seekg(static_cast<std::streamoff>(at)) || !memory.read(page.data(), size)) continue;
      const auto end = page.begin() + size;
      const auto same = [](char seen, std::byte wanted) { return static_cast<std::byte>(seen) == ~wanted; };
      for (auto place = page.begin();
           (place = std::search(place, end, inverted.begin(), inverted.end(), same)) != end; ++place)
        ++found;
      std::fill(page.begin(), end, '\0');  // what was read must not be found again
    }
  }
  return found;
}

Bytes Inverted(std::span<const std::byte> bytes) {
  Bytes inverted;
  for (const std::byte byte : bytes) inverted.push_back(~byte);
  return inverted;
}

}  // namespace

TEST_CASE("published vectors are sealed and opened") {
  for (const Vector& vector : kVectors) {
    INFO(vector.source);
    const Bytes sealed = FromHex(vector.sealed);
    for (const std::size_t step : {1000U, 1U, 7U, 16U, 33U})
      CHECK(ToHex(SealInPieces(vector, step)) == ToHex(sealed));
    Bytes opened = sealed;
    REQUIRE(OpenVector(vector, opened));
    opened.resize(opened.size() - kTagBytes);
    CHECK(ToHex(opened) == vector.plain);
  }
}

TEST_CASE("one wrong bit anywhere is found, and leaves no plaintext") {
  for (const Vector& vector : kVectors) {
    INFO(vector.source);
    const Bytes sealed = FromHex(vector.sealed);
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
      Bytes wrong = sealed;
      wrong[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
      CHECK_FALSE(OpenVector(vector, wrong));
      CHECK(wrong == Bytes(sealed.size()));
    }
  }
}

TEST_CASE("the search for a key in memory finds one") {
  Random random(11);
  const RecordState state = MakeEnds(kKinds[1], random).server;
  CHECK(CountInMemory(Inverted(state.read.key)) >= 1);
}

// All that the record layer does with a key: sealing, opening, a tag that does not fit, changing keys, a
// journey.
TEST_CASE("when a session has ended, its keys and secrets are nowhere in the process") {
  for (const Kind& kind : kKinds) {
    INFO(NameOf(kind));
    Bytes key;
    Bytes secret;
    Bytes next_secret;
    {
      Random random(12);
      Ends ends = MakeEnds(kind, random);
      key = Inverted(std::span(ends.server.read.key).first(KeyBytes(kind.suite)));
      secret = Inverted(std::span(ends.server.read.secret).first(SecretBytes(kind.suite)));
      CHECK(Open(ends.server, Seal(ends.client, "hello")).text == "hello");
      CHECK(Open(ends.client, Seal(ends.server, std::string(40'000, 'x'))).text.size() == 40'000);
      Bytes wrong = Seal(ends.client, "hello");
      wrong.back() ^= std::byte{1};
      CHECK(Open(ends.server, wrong).alert == Alert::kBadRecordMac);
      if (kind.version == Version::kTls13) {
        Crypto().schedule.Update(kind.suite, ends.server.read);
        Crypto().schedule.Update(kind.suite, ends.client.write);
        next_secret = Inverted(std::span(ends.server.read.secret).first(SecretBytes(kind.suite)));
      }
      Bytes luggage(kMaxPackedBytes);
      const std::size_t size = Pack(ends.server, luggage);
      CHECK(Unpack(std::span(luggage).first(size)).Ok());
      std::fill(luggage.begin(), luggage.end(), std::byte{0});
    }
    CHECK(CountInMemory(key) == 0);
    if (kind.version == Version::kTls12) continue;
    CHECK(CountInMemory(secret) == 0);
    CHECK(CountInMemory(next_secret) == 0);
  }
}

}  // namespace preforkd::tls::testing
