#include "worker/http/place/host_name.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "worker/http/syntax/syntax.h"

namespace preforkd::http {
namespace {

using AddressText = std::array<char, INET6_ADDRSTRLEN>;

// `literal`: without brackets. Empty if it is no IPv6 address.
std::string_view Shortest(std::string_view literal, AddressText& buffer) {
  AddressText text{};
  if (literal.size() >= text.size()) return {};
  literal.copy(text.data(), literal.size());
  in6_addr address;
  if (::inet_pton(AF_INET6, text.data(), &address) != 1) return {};
  return ::inet_ntop(AF_INET6, &address, buffer.data(), INET6_ADDRSTRLEN) != nullptr ? buffer.data() : "";
}

// With its brackets, without what is behind them.
std::string_view Literal(std::string_view authority) { return authority.substr(0, authority.find(']') + 1); }

std::string_view Name(std::string_view authority) {
  authority = authority.substr(0, authority.find(':'));
  if (authority.ends_with('.')) authority.remove_suffix(1);
  return authority;
}

}  // namespace

HostName::HostName(std::string_view authority) {
  const bool literal = authority.starts_with('[');
  const std::string_view host = literal ? Literal(authority) : Name(authority);
  if (host.size() > bytes_.size()) return;
  std::transform(host.begin(), host.end(), bytes_.begin(), ToLower);
  size_ = host.size();
  if (!literal || size_ < 2) return;
  AddressText buffer;
  const std::string_view shortest = Shortest(host.substr(1, host.size() - 2), buffer);
  if (shortest.empty()) return;
  size_ = shortest.copy(bytes_.data() + 1, bytes_.size() - 2) + 1;
  bytes_[size_++] = ']';
}

}  // namespace preforkd::http
