#include "worker/http/authority.h"

#include <algorithm>
#include <cstddef>

#include "worker/http/syntax.h"

namespace preforkd::http {
namespace {

constexpr auto kNone = std::string_view::npos;

// uri-host and port: a name, an IPv4 address, or an IPv6 address in brackets.
constexpr ByteSet kHostBytes = MakeByteSet([](char c) {
  return IsDigit(c) || IsAlpha(c) || std::string_view("-._~%!$&'()*+;=:[]").find(c) != kNone;
});

}  // namespace

bool IsAuthority(std::string_view text) {
  return !text.empty() && text.front() != ':' && AllIn(kHostBytes, text);
}

bool IsAuthorityWithPort(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == kNone || !IsAuthority(text)) return false;
  const std::string_view port = text.substr(colon + 1);
  return !port.empty() && std::all_of(port.begin(), port.end(), IsDigit);
}

}  // namespace preforkd::http
