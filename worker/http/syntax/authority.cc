#include "worker/http/syntax/authority.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "worker/http/syntax/syntax.h"

namespace preforkd::http {
namespace {

constexpr auto kNone = std::string_view::npos;

// unreserved and sub-delims, without the comma.
constexpr ByteSet kNameBytes = MakeByteSet(
    [](char c) { return IsDigit(c) || IsAlpha(c) || std::string_view("-._~!$&'()*+;=").find(c) != kNone; });

// The bytes of an IPvFuture after the dot: unreserved, sub-delims and colons.
constexpr ByteSet kFutureBytes =
    MakeByteSet([](char c) { return kNameBytes[static_cast<unsigned char>(c)] || c == ',' || c == ':'; });

bool IsHex(char c) { return HexValue(c) >= 0; }

// IPv4 addresses are valid names, too.
bool IsName(std::string_view text) {
  if (text.empty()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (kNameBytes[static_cast<unsigned char>(text[i])]) continue;
    if (text[i] != '%' || text.size() - i < 3 || !IsHex(text[i + 1]) || !IsHex(text[i + 2])) return false;
    i += 2;
  }
  return true;
}

// "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )
bool IsFutureAddress(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == kNone || dot < 2 || ToLower(text.front()) != 'v') return false;
  const std::string_view version = text.substr(1, dot - 1);
  const std::string_view address = text.substr(dot + 1);
  return std::all_of(version.begin(), version.end(), IsHex) && !address.empty() &&
         AllIn(kFutureBytes, address);
}

// inet_pton accepts what RFC 3986 accepts: no zone, no leading zero in a decimal part.
bool IsIpv6Address(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (text.size() >= buffer.size() || text.find('\0') != kNone) return false;
  text.copy(buffer.data(), text.size());
  in6_addr address;
  return ::inet_pton(AF_INET6, buffer.data(), &address) == 1;
}

// The size of the host at the start of `text`; nullopt if there is none.
std::optional<std::size_t> HostSize(std::string_view text) {
  if (!text.starts_with('[')) {
    const std::size_t size = std::min(text.find(':'), text.size());
    return IsName(text.substr(0, size)) ? std::optional(size) : std::nullopt;
  }
  const std::size_t bracket = text.find(']');
  if (bracket == kNone) return std::nullopt;
  const std::string_view literal = text.substr(1, bracket - 1);
  if (!IsIpv6Address(literal) && !IsFutureAddress(literal)) return std::nullopt;
  return bracket + 1;
}

// The port, possibly empty; nullopt if `text` is not an authority.
std::optional<std::string_view> PortOf(std::string_view text) {
  const std::optional<std::size_t> host = HostSize(text);
  if (!host) return std::nullopt;
  text.remove_prefix(*host);
  if (text.empty()) return text;
  const std::string_view port = text.substr(1);
  if (text.front() != ':' || !std::all_of(port.begin(), port.end(), IsDigit)) return std::nullopt;
  return port;
}

}  // namespace

bool IsAuthority(std::string_view text) { return PortOf(text).has_value(); }

bool IsAuthorityWithPort(std::string_view text) {
  const std::optional<std::string_view> port = PortOf(text);
  return port && !port->empty();
}

}  // namespace preforkd::http
