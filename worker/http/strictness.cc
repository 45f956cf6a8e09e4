#include "worker/http/strictness.h"

#include <algorithm>
#include <array>
#include <utility>

#include "worker/http/syntax.h"

namespace preforkd::http {
namespace {

constexpr std::string_view::size_type kNone = std::string_view::npos;

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

// Longer than any method: 501 without waiting for its end.
constexpr std::size_t kMaxMethod = 32;

// A target holds no space, no control byte, no fragment, and nothing outside ASCII. Other bytes that the URI
// grammar forbids (`{`, `|`, `^` ...) are left alone: browsers send them, and they mean the same to
// everybody.
constexpr ByteSet kTargetBytes = MakeByteSet([](char c) { return c > 0x20 && c < 0x7f && c != '#'; });

// uri-host and port: a name, an IPv4 address, or an IPv6 address in brackets.
constexpr ByteSet kHostBytes = MakeByteSet([](char c) {
  return IsDigit(c) || IsAlpha(c) || std::string_view("-._~%!$&'()*+;=:[]").find(c) != kNone;
});

bool IsAuthority(std::string_view text) {
  return !text.empty() && text.front() != ':' && AllIn(kHostBytes, text);
}

// `so_far` is the start of a request line, of which the end may not have arrived.
Refusal CheckMethod(std::string_view so_far) {
  const std::size_t space = so_far.find(' ');
  const std::string_view whole = so_far.substr(0, std::min(space, so_far.find('\r')));
  // What lies behind the limit must not matter: it may not have arrived.
  const std::string_view method = whole.substr(0, kMaxMethod + 1);
  if (!AllIn(kTokenBytes, method)) return 400;
  if (method.size() > kMaxMethod) return 501;
  if (space == kNone || space > method.size()) return kAccepted;  // not whole yet; or a line without a space
  if (method.empty()) return 400;
  // The preface of HTTP/2 is a method of its own, to be refused by its version.
  return MethodOf(method) || method == "PRI" ? kAccepted : 501;
}

bool IsAbsolute(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!EqualsNoCase(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    return IsAuthority(target.substr(0, target.find_first_of("/?")));
  }
  return false;
}

bool IsHostAndPort(std::string_view target) {
  const std::size_t colon = target.rfind(':');
  if (colon == kNone || !IsAuthority(target)) return false;
  const std::string_view port = target.substr(colon + 1);
  return !port.empty() && std::all_of(port.begin(), port.end(), IsDigit);
}

// Which of the four forms is allowed is a matter of the method (RFC 9112 section 3.2).
bool IsTarget(std::string_view target, std::string_view method) {
  if (target.empty() || !AllIn(kTargetBytes, target)) return false;
  if (method == "CONNECT") return IsHostAndPort(target);
  if (target == "*") return method == "OPTIONS" || method == "PRI";
  return target.front() == '/' || IsAbsolute(target);
}

Refusal CheckVersion(std::string_view version) {
  constexpr std::string_view kName = "HTTP/";
  const bool well_formed = version.size() == 8 && version.substr(0, 5) == kName && IsDigit(version[5]) &&
                           version[6] == '.' && IsDigit(version[7]);
  if (!well_formed) return 400;
  return version[5] == '1' && (version[7] == '0' || version[7] == '1') ? kAccepted : 505;
}

// method SP request-target SP HTTP-version, and not one byte more.
Refusal CheckRequestLine(std::string_view line) {
  const std::size_t first = line.find(' ');
  if (first == kNone) return 400;
  const std::size_t second = line.find(' ', first + 1);
  if (second == kNone) return 400;  // HTTP/0.9
  if (!IsTarget(line.substr(first + 1, second - first - 1), line.substr(0, first))) return 400;
  return CheckVersion(line.substr(second + 1));
}

// One line with its CR and without its LF: no bare CR, no bare LF, no NUL.
bool IsProperLine(std::string_view line) {
  return !line.empty() && line.find('\r') == line.size() - 1 && line.find('\0') == kNone;
}

// The start of a line that is not whole.
bool IsProperTail(std::string_view tail) {
  const std::size_t cr = tail.find('\r');
  return (cr == kNone || cr == tail.size() - 1) && tail.find('\0') == kNone;
}

// `line` has lost its line end. `number` 0 is the request line.
Refusal CheckLine(std::string_view line, std::size_t number, const HeadLimits& limits) {
  if (number == 0) return CheckRequestLine(line);
  // A continuation line (obs-fold), or whitespace in front of the first field.
  if (line.front() == ' ' || line.front() == '\t') return 400;
  return number > limits.max_fields ? 431 : kAccepted;
}

HeadScan Refuse(Refusal refusal) {
  return {HeadScan::Kind::kRefused, 0, refusal};
}

struct FieldCounts {
  int host = 0;
  int content_length = 0;
  int transfer_encoding = 0;
};

Refusal CheckField(const HttpField& field, FieldCounts& counts) {
  // llhttp takes a space in a name, and with it "Name : value".
  if (!IsToken(field.name) || !IsFieldValue(field.value)) return 400;
  if (EqualsNoCase(field.name, "host")) {
    ++counts.host;
    return IsAuthority(field.value) ? kAccepted : 400;
  }
  if (EqualsNoCase(field.name, "content-length")) ++counts.content_length;
  if (EqualsNoCase(field.name, "transfer-encoding")) ++counts.transfer_encoding;
  return kAccepted;
}

}  // namespace

std::size_t EmptyLineBytes(std::string_view bytes) {
  std::size_t size = 0;
  while (bytes.substr(size, 2) == "\r\n") size += 2;
  return size;
}

HeadScan ScanHead(std::string_view bytes, const HeadLimits& limits) {
  // Nothing behind the limit is looked at, so that the outcome is the same however much has arrived.
  const std::string_view view = bytes.substr(0, limits.max_bytes);
  if (const Refusal refusal = CheckMethod(view); refusal != kAccepted) return Refuse(refusal);
  std::size_t start = 0;
  std::size_t number = 0;
  for (std::size_t lf = view.find('\n'); lf != kNone; lf = view.find('\n', start)) {
    std::string_view line = view.substr(start, lf - start);
    if (!IsProperLine(line)) return Refuse(400);
    line.remove_suffix(1);
    start = lf + 1;
    if (number > 0 && line.empty()) return {HeadScan::Kind::kComplete, start, kAccepted};
    if (const Refusal refusal = CheckLine(line, number, limits); refusal != kAccepted) return Refuse(refusal);
    ++number;
  }
  if (!IsProperTail(view.substr(start))) return Refuse(400);
  if (view.size() == limits.max_bytes) return Refuse(number == 0 ? 414 : 431);
  return {};
}

bool WorthScanning(std::string_view before, std::string_view added) {
  // Only a control byte ends a line or spoils one; a CR at the end of `before` is judged by what follows it.
  const bool has_control = std::any_of(
      added.begin(), added.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; });
  return has_control || before.empty() || before.back() == '\r';
}

std::optional<HttpMethod> MethodOf(std::string_view token) {
  for (const auto& [name, method] : kMethods) {
    if (name == token) return method;
  }
  return std::nullopt;
}

Refusal CheckFields(std::span<const HttpField> fields, int minor_version) {
  FieldCounts counts;
  for (const HttpField& field : fields) {
    if (const Refusal refusal = CheckField(field, counts); refusal != kAccepted) return refusal;
  }
  if (counts.host > 1 || (counts.host == 0 && minor_version >= 1)) return 400;
  // Two lengths, even equal ones, and a length beside an encoding are how requests are smuggled.
  if (counts.content_length + counts.transfer_encoding > 1) return 400;
  return kAccepted;
}

}  // namespace preforkd::http
