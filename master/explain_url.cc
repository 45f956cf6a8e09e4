#include "master/explain_url.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "common/net/address.h"
#include "common/text/quote.h"

namespace preforkd {
namespace {

Error NotAUrl(std::string_view text) {
  return Error{
      fmt::format("{} is not a URL; write one such as http://www.example.org/path, encoded as a client sends "
                  "it",
                  Quoted(text))};
}

// The port at the end of `authority`, which is cut off. False: it is not one.
bool TakePort(std::string_view& authority, std::uint16_t& port) {
  const std::size_t from = authority.starts_with('[') ? authority.find(']') : 0;
  const std::size_t colon = authority.find(':', from);
  if (colon == std::string_view::npos) return true;
  const std::string_view digits = authority.substr(colon + 1);
  authority = authority.substr(0, colon);
  if (digits.empty()) return true;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return read.ec == std::errc() && read.ptr == digits.data() + digits.size() && port != 0;
}

bool IsSent(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

std::string HostOf(const SocketAddress& address) {
  std::array<char, 64> text;
  return {text.data(), address.PrintHost(text)};
}

bool MayReach(const ListenConfig& listener, const Url& url, std::uint16_t port) {
  const ListenAddress& address = listener.address;
  if (listener.tls != url.tls) return false;
  if (address.kind != ListenAddress::Kind::kTcp) return url.port == 0;
  if (port != 0 && address.address.Port() != port) return false;
  const Result<ListenAddress> named = ParseListenAddress(fmt::format("{}:1", url.host));
  if (!named.Ok() || named.Value().dual_stack) return true;  // a name: it may lead to any address
  const std::string own = HostOf(address.address);
  return own == "::" || own == "0.0.0.0" || own == HostOf(named.Value().address);
}

std::string ListenerText(const ListenConfig& listener) {
  return fmt::format("{}{}", Escaped(listener.address.text), listener.tls ? ", with TLS" : "");
}

void PrintNone(const Config& config, const Url& url) {
  fmt::print("{}\nno listener is for it\n", url.text);
  for (const ListenConfig& listener : config.listen)
    fmt::print("  {}: service {}\n", ListenerText(listener), listener.service);
}

}  // namespace

Result<Url> ParseUrl(std::string_view text) {
  Url url;
  url.text = text;
  std::string_view rest = text.substr(0, text.find('#'));
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!rest.starts_with(scheme)) continue;
    url.tls = scheme == "https://";
    rest.remove_prefix(scheme.size());
    break;
  }
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view host = rest.substr(0, end);
  url.authority = host;
  url.target = rest.substr(end);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  const bool schemed = text.starts_with("http");
  if (!schemed || rest.size() == text.size() || !IsSent(rest) || !TakePort(host, url.port) || host.empty())
    return NotAUrl(text);
  url.host = host;
  return url;
}

std::vector<const ListenConfig*> ListenersFor(const Config& config, const Url& url) {
  std::vector<const ListenConfig*> found;
  const auto collect = [&](std::uint16_t port) {
    for (const ListenConfig& listener : config.listen) {
      if (MayReach(listener, url, port)) found.push_back(&listener);
    }
  };
  constexpr std::uint16_t kHttp = 80;
  constexpr std::uint16_t kHttps = 443;
  const std::uint16_t usual = url.tls ? kHttps : kHttp;
  collect(url.port != 0 ? url.port : usual);
  if (found.empty() && url.port == 0) collect(0);
  return found;
}

ExitCode ExplainUrl(const Config& config, const Url& url, const Program& program) {
  const std::vector<const ListenConfig*> listeners = ListenersFor(config, url);
  if (listeners.empty()) return PrintNone(config, url), ExitCode::kUnavailable;
  fmt::print("{}\n", url.text);
  for (const ServiceConfig& service : config.services) {
    const auto serves = [&](const ListenConfig* listener) { return listener->service == service.name; };
    if (std::none_of(listeners.begin(), listeners.end(), serves)) continue;
    for (const ListenConfig* listener : listeners) {
      if (serves(listener)) fmt::print("{:<10} {}\n", "listener", ListenerText(*listener));
    }
    fmt::print("{:<10} {}, of type {}\n", "service", service.name, service.type);
    if (!program.explain) continue;  // a program whose services have no places
    const Result<std::string> place = program.explain(service, {url.tls, url.authority, url.target});
    if (!place.Ok()) return fmt::print(stderr, "{}\n", place.Err().text), ExitCode::kUsage;
    fmt::print("{}", place.Value());
  }
  return ExitCode::kStopped;
}

}  // namespace preforkd
