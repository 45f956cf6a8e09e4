#include "worker/proxy/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>

namespace preforkd {
namespace {

using Kind = ProxyHeader::Kind;

constexpr std::string_view kSignature1 = "PROXY ";
constexpr std::string_view kSignature2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kMaxLine = 107;  // maximum line of version 1, including its end of line
constexpr std::size_t kFixed = 16;  // fixed part of version 2: signature, version and command, family, length

ProxyHeader Broken(const char* error) {
  ProxyHeader header;
  header.kind = Kind::kBroken;
  header.error = error;
  return header;
}

ProxyHeader Complete(std::size_t size, std::optional<SocketAddress> client) {
  ProxyHeader header;
  header.kind = Kind::kComplete;
  header.size = size;
  header.client = client;
  return header;
}

// True if `bytes` are a prefix of `whole`, or begin with it.
bool CouldBe(std::string_view bytes, std::string_view whole) {
  return bytes.substr(0, whole.size()) == whole.substr(0, bytes.size());
}

template <typename T>
SocketAddress Pack(const T& typed, std::size_t size = sizeof(T)) {
  SocketAddress address;
  std::memcpy(&address.storage, &typed, size);
  address.length = static_cast<socklen_t>(size);
  return address;
}

SocketAddress Inet4(const void* address, std::uint16_t port) {
  sockaddr_in typed{};
  typed.sin_family = AF_INET;
  std::memcpy(&typed.sin_addr, address, sizeof(typed.sin_addr));
  typed.sin_port = htons(port);
  return Pack(typed);
}

SocketAddress Inet6(const void* address, std::uint16_t port) {
  sockaddr_in6 typed{};
  typed.sin6_family = AF_INET6;
  std::memcpy(&typed.sin6_addr, address, sizeof(typed.sin6_addr));
  typed.sin6_port = htons(port);
  return Pack(typed);
}

// ---- version 1: a line of text ----

// Removes the next word of `line`, and the space after it.
std::string_view TakeWord(std::string_view& line) {
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, space);
  line.remove_prefix(std::min(space + 1, line.size()));
  return word;
}

// Digits only, without a leading zero.
std::optional<std::uint16_t> Port(std::string_view word) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), port);
  if (error != std::errc() || end != word.data() + word.size() || (word.size() > 1 && word[0] == '0'))
    return std::nullopt;
  return port;
}

ProxyHeader ParseLine(std::string_view line, std::size_t size) {
  const std::string_view family = TakeWord(line);
  if (family == "UNKNOWN") return Complete(size, std::nullopt);
  if (family != "TCP4" && family != "TCP6") return Broken("neither TCP4, TCP6 nor UNKNOWN");
  const int af = family == "TCP4" ? AF_INET : AF_INET6;
  const std::string source(TakeWord(line));
  const std::string destination(TakeWord(line));
  const std::optional<std::uint16_t> source_port = Port(TakeWord(line));
  // The rest: another word makes it invalid.
  const std::optional<std::uint16_t> destination_port = Port(line);
  std::array<unsigned char, sizeof(in6_addr)> address{};
  std::array<unsigned char, sizeof(in6_addr)> unused{};
  if (::inet_pton(af, source.c_str(), address.data()) != 1 || source.find('\0') != std::string::npos) {
    return Broken("the source is not an address of its family");
  }
  if (::inet_pton(af, destination.c_str(), unused.data()) != 1 ||
      destination.find('\0') != std::string::npos) {
    return Broken("the destination is not an address of its family");
  }
  if (!source_port || !destination_port) return Broken("a port is missing, or not a number from 0 to 65535");
  return Complete(size,
                  af == AF_INET ? Inet4(address.data(), *source_port) : Inet6(address.data(), *source_port));
}

ProxyHeader ParseVersion1(std::string_view bytes) {
  const std::string_view head = bytes.substr(0, kMaxLine);
  const std::size_t end = head.find("\r\n");
  if (end == std::string_view::npos) {
    return head.size() == kMaxLine ? Broken("its line does not end") : ProxyHeader{};
  }
  return ParseLine(head.substr(kSignature1.size(), end - kSignature1.size()), end + 2);
}

// ---- version 2: binary, in network byte order ----

std::uint16_t Big16(const char* bytes) {
  return static_cast<std::uint16_t>((static_cast<unsigned char>(bytes[0]) << 8) |
                                    static_cast<unsigned char>(bytes[1]));
}

std::uint32_t Big32(const char* bytes) {
  return (static_cast<std::uint32_t>(Big16(bytes)) << 16) | Big16(bytes + 2);
}

// CRC-32C (RFC 3720, B.4), bit by bit: it runs once per connection over a few dozen bytes, and few proxies
// send it.
class Crc32c {
 public:
  void Add(std::string_view bytes) {
    for (const char byte : bytes) {
      state_ ^= static_cast<unsigned char>(byte);
      for (int bit = 0; bit < 8; ++bit) state_ = (state_ >> 1) ^ ((state_ & 1U) != 0 ? 0x82F63B78U : 0U);
    }
  }
  [[nodiscard]] std::uint32_t Value() const { return ~state_; }

 private:
  std::uint32_t state_ = ~0U;
};

// The checksum covers the whole header, with its own four bytes as zero.
bool ChecksumFits(std::string_view header, std::size_t at) {
  Crc32c crc;
  crc.Add(header.substr(0, at));
  crc.Add(std::string_view("\0\0\0\0", 4));
  crc.Add(header.substr(at + 4));
  return crc.Value() == Big32(header.data() + at);
}

// Checks the extensions after the addresses: type, length, value. Only the checksum is evaluated. nullptr:
// valid.
const char* CheckExtensions(std::string_view header, std::size_t at) {
  constexpr char kChecksumType = 0x03;
  while (at < header.size()) {
    if (header.size() - at < 3) return "an extension is cut short";
    const std::size_t size = Big16(header.data() + at + 1);
    const char type = header[at];
    at += 3;
    if (header.size() - at < size) return "an extension is longer than the header";
    if (type == kChecksumType && (size != 4 || !ChecksumFits(header, at))) return "the checksum is wrong";
    at += size;
  }
  return nullptr;
}

// Address family and transport in one byte, and the size of the addresses.
struct Family {
  unsigned char code;
  std::size_t addresses;  // size in bytes
};
constexpr Family kFamilies[] = {{0x00, 0},  {0x11, 12},  {0x12, 12}, {0x21, 36},
                                {0x22, 36}, {0x31, 216}, {0x32, 216}};

std::optional<SocketAddress> ClientOf(unsigned char family, const char* addresses) {
  switch (family) {
    case 0x11: return Inet4(addresses, Big16(addresses + 8));
    case 0x21: return Inet6(addresses, Big16(addresses + 32));
    case 0x31: {
      sockaddr_un typed{};
      typed.sun_family = AF_UNIX;
      std::memcpy(typed.sun_path, addresses, sizeof(typed.sun_path));
      return Pack(typed);
    }
    default: return std::nullopt;  // unknown to the proxy, or a datagram
  }
}

ProxyHeader ParseVersion2(std::string_view bytes) {
  if (bytes.size() < kFixed) return {};
  const auto version = static_cast<unsigned char>(bytes[12]);
  const auto code = static_cast<unsigned char>(bytes[13]);
  if (version >> 4 != 2) return Broken("its version is neither 1 nor 2");
  const unsigned command = version & 0x0FU;
  if (command > 1) return Broken("its command is neither LOCAL nor PROXY");
  const std::size_t size = kFixed + Big16(bytes.data() + 14);
  if (bytes.size() < size) return {};
  const std::string_view header = bytes.substr(0, size);
  if (command == 0) return Complete(size, std::nullopt);  // LOCAL: the other fields are skipped
  const auto* family = std::find_if(std::begin(kFamilies), std::end(kFamilies),
                                    [code](const Family& candidate) { return candidate.code == code; });
  if (family == std::end(kFamilies)) return Broken("its address family is unknown");
  if (size - kFixed < family->addresses) return Broken("it is too short for its addresses");
  // Without a known family, the start of the extensions is unknown.
  if (code != 0) {
    if (const char* error = CheckExtensions(header, kFixed + family->addresses)) return Broken(error);
  }
  return Complete(size, ClientOf(code, header.data() + kFixed));
}

}  // namespace

ProxyHeader ParseProxyHeader(std::string_view bytes) {
  if (CouldBe(bytes, kSignature2)) return ParseVersion2(bytes);
  if (!CouldBe(bytes, kSignature1)) return Broken("not a PROXY protocol header");
  return bytes.size() < kSignature1.size() ? ProxyHeader{} : ParseVersion1(bytes);
}

}  // namespace preforkd
