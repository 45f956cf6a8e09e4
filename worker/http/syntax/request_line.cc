#include "worker/http/syntax/request_line.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "worker/http/syntax/authority.h"
#include "worker/http/syntax/syntax.h"

namespace preforkd::http {
namespace {

constexpr auto kNone = std::string_view::npos;

constexpr std::array<std::pair<std::string_view, HttpMethod>, 9> kMethods = {{
    {"GET", HttpMethod::kGet},
    {"HEAD", HttpMethod::kHead},
    {"POST", HttpMethod::kPost},
    {"PUT", HttpMethod::kPut},
    {"DELETE", HttpMethod::kDelete},
    {"OPTIONS", HttpMethod::kOptions},
    {"TRACE", HttpMethod::kTrace},
    {"PATCH", HttpMethod::kPatch},
    {"CONNECT", HttpMethod::kConnect},
}};

// The method in the HTTP/2 preface, which is refused because of its version.
constexpr std::string_view kPrefaceMethod = "PRI";

// Longer than any method: 501 without waiting for its end.
constexpr std::size_t kMaxMethod = 32;

// A target contains no space, control byte, fragment or non-ASCII byte. Other bytes that the URI grammar
// forbids (`{`, `|`, `^` ...) are accepted: browsers send them, and every implementation reads them alike.
constexpr ByteSet kTargetBytes = MakeByteSet([](char c) { return c > 0x20 && c < 0x7f && c != '#'; });

bool IsAbsolute(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!EqualsNoCase(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    return IsAuthority(target.substr(0, target.find_first_of("/?")));
  }
  return false;
}

// The method determines which of the four forms is allowed (RFC 9112 section 3.2).
bool IsTarget(std::string_view target, std::string_view method) {
  if (target.empty() || !AllIn(kTargetBytes, target)) return false;
  if (method == "CONNECT") return IsAuthorityWithPort(target);
  if (target == "*") return method == "OPTIONS" || method == kPrefaceMethod;
  return target.front() == '/' || IsAbsolute(target);
}

// HTTP-name "/" DIGIT "." DIGIT
Refusal ParseVersion(std::string_view version, int& minor) {
  const bool well_formed = version.size() == 8 && version.substr(0, 5) == "HTTP/" && IsDigit(version[5]) &&
                           version[6] == '.' && IsDigit(version[7]);
  if (!well_formed) return 400;
  minor = version[7] == '0' ? 0 : 1;
  return version[5] == '1' ? kAccepted : 505;
}

}  // namespace

Refusal CheckMethod(std::string_view so_far) {
  const std::size_t space = so_far.find(' ');
  const std::string_view whole = so_far.substr(0, std::min(space, so_far.find('\r')));
  // Bytes beyond the limit must not matter, because they may not have arrived.
  const std::string_view method = whole.substr(0, kMaxMethod + 1);
  if (!AllIn(kTokenBytes, method)) return 400;
  if (method.size() > kMaxMethod) return 501;
  if (space == kNone || space > method.size()) return kAccepted;  // incomplete, or a line without a space
  if (method.empty()) return 400;
  return MethodOf(method) || method == kPrefaceMethod ? kAccepted : 501;
}

Refusal ParseRequestLine(std::string_view line, RequestLine& parsed) {
  const std::size_t first = line.find(' ');
  if (first == kNone) return 400;
  const std::size_t second = line.find(' ', first + 1);
  if (second == kNone) return 400;  // HTTP/0.9
  parsed.method_name = line.substr(0, first);
  parsed.target = line.substr(first + 1, second - first - 1);
  // CheckMethod stops at a CR, which may have been the end of the line; this one was not.
  if (!IsToken(parsed.method_name)) return 400;
  if (!IsTarget(parsed.target, parsed.method_name)) return 400;
  const Refusal refusal = ParseVersion(line.substr(second + 1), parsed.minor_version);
  if (refusal != kAccepted) return refusal;
  const std::optional<HttpMethod> method = MethodOf(parsed.method_name);
  if (!method) return 501;
  parsed.method = *method;
  return kAccepted;
}

std::optional<HttpMethod> MethodOf(std::string_view token) {
  for (const auto& [name, method] : kMethods) {
    if (name == token) return method;
  }
  return std::nullopt;
}

MethodSeen SeeMethod(std::string_view so_far) {
  constexpr std::string_view kHead = "HEAD";
  const auto* const end = std::find_if_not(so_far.begin(), so_far.end(),
                                           [](char c) { return kTokenBytes[static_cast<unsigned char>(c)]; });
  const std::string_view token = so_far.substr(0, static_cast<std::size_t>(end - so_far.begin()));
  if (token == kHead) return MethodSeen::kHead;
  const bool goes_on = token.size() == so_far.size();
  return goes_on && kHead.starts_with(token) ? MethodSeen::kUnknown : MethodSeen::kOther;
}

}  // namespace preforkd::http
