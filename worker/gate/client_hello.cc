#include "worker/gate/client_hello.h"

#include <algorithm>
#include <cstddef>

namespace preforkd {
namespace {

using Bytes = std::span<const unsigned char>;

constexpr std::size_t kVersionAndRandom = 2 + 32;

// Extensions: RFC 8449, 4; RFC 8446, 4.2
constexpr unsigned kRecordSizeLimit = 28;
constexpr unsigned kSessionTicket = 35;
constexpr unsigned kSupportedVersions = 43;

// Numbers of the wire, most significant byte first. Past the end it yields zeros and nothing.
class HelloReader {
 public:
  explicit HelloReader(Bytes bytes) : bytes_(bytes) {}

  [[nodiscard]] bool Empty() const { return bytes_.empty(); }

  Bytes Take(std::size_t size) {
    size = std::min(size, bytes_.size());
    const Bytes taken = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return taken;
  }
  unsigned Number(std::size_t size) {
    unsigned number = 0;
    for (const unsigned char byte : Take(size)) number = number << 8 | byte;
    return number;
  }
  // A vector with a length of so many bytes in front.
  Bytes Vector(std::size_t length_size) { return Take(Number(length_size)); }

 private:
  Bytes bytes_;
};

bool HasChaCha(unsigned suite) { return suite == 0x1303 || suite == 0xCCA8 || suite == 0xCCA9; }

// With AES-128-GCM or AES-256-GCM: TLS 1.3, ECDHE with ECDSA, with RSA.
bool HasAes(unsigned suite) {
  return suite == 0x1301 || suite == 0x1302 || suite == 0xC02B || suite == 0xC02C || suite == 0xC02F ||
         suite == 0xC030;
}

bool PrefersChaCha(HelloReader suites) {
  while (!suites.Empty()) {
    const unsigned suite = suites.Number(2);
    if (HasChaCha(suite)) return true;
    if (HasAes(suite)) return false;
  }
  return false;
}

bool HasTls13(HelloReader versions) {
  while (!versions.Empty()) {
    if (versions.Number(2) == 0x0304) return true;
  }
  return false;
}

}  // namespace

ClientHello ReadClientHello(std::span<const unsigned char> message) {
  HelloReader reader(message);
  (void)reader.Take(kVersionAndRandom);
  (void)reader.Vector(1);  // the session's name
  ClientHello hello;
  hello.prefers_chacha = PrefersChaCha(HelloReader(reader.Vector(2)));
  (void)reader.Vector(1);  // compression
  bool has_ticket = false;
  bool has_13 = false;
  HelloReader extensions(reader.Vector(2));
  while (!extensions.Empty()) {
    const unsigned type = extensions.Number(2);
    HelloReader extension(extensions.Vector(2));
    if (type == kRecordSizeLimit) hello.record_size_limit = static_cast<std::uint16_t>(extension.Number(2));
    if (type == kSessionTicket) has_ticket = !extension.Empty();
    if (type == kSupportedVersions) has_13 = HasTls13(HelloReader(extension.Vector(1)));
  }
  hello.offers_old_ticket = has_ticket && has_13;
  return hello;
}

}  // namespace preforkd
