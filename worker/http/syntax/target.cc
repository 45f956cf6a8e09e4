#include "worker/http/syntax/target.h"

#include <algorithm>

#include "worker/http/syntax/syntax.h"

namespace preforkd::http {
namespace {

constexpr auto kNone = std::string_view::npos;

// False for an incomplete escape and for %00.
bool DecodePercent(std::string_view raw, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '%') {
      out.push_back(raw[i]);
      continue;
    }
    const int high = i + 1 < raw.size() ? HexValue(raw[i + 1]) : -1;
    const int low = i + 2 < raw.size() ? HexValue(raw[i + 2]) : -1;
    if (high < 0 || low < 0 || high + low == 0) return false;
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

// Resolves "." and ".." and merges slashes, in place: the result is never longer than the input. False if a
// ".." would leave the root.
bool Normalise(std::string& path) {
  std::size_t out = 1;  // after the leading '/'
  std::size_t in = 1;
  while (in < path.size()) {
    const std::size_t end = std::min(path.find('/', in), path.size());
    const std::string_view segment = std::string_view(path).substr(in, end - in);
    const bool slash_follows = end < path.size();
    if (segment == "..") {
      if (out == 1) return false;
      out = path.rfind('/', out - 2) + 1;
    } else if (!segment.empty() && segment != ".") {
      std::copy(segment.begin(), segment.end(), path.begin() + static_cast<std::ptrdiff_t>(out));
      out += segment.size();
      if (slash_follows) path[out++] = '/';
    }
    in = end + 1;
  }
  path.resize(out);
  return true;
}

// Removes the authority of "http://host/path" from `raw` and returns it; the rest may be empty.
std::string_view TakeAuthority(std::string_view& raw) {
  const std::size_t start = raw.find("//") + 2;
  const std::size_t end = std::min(raw.find_first_of("/?", start), raw.size());
  const std::string_view authority = raw.substr(start, end - start);
  raw.remove_prefix(end);
  return authority;
}

}  // namespace

std::optional<Target> ParseTarget(std::string_view raw, std::string& buffer) {
  Target target;
  if (raw == "*" || raw.empty()) {
    buffer.assign(raw);
    target.path = buffer;
    return target;
  }
  if (raw.front() != '/') target.host = TakeAuthority(raw);
  const std::size_t question = raw.find('?');
  if (question != kNone) target.query = raw.substr(question + 1);
  const std::string_view path = raw.substr(0, question);
  if (!DecodePercent(path.empty() ? "/" : path, buffer)) return std::nullopt;
  if (!Normalise(buffer)) return std::nullopt;
  target.path = buffer;
  return target;
}

void AppendEncodedPath(std::string_view path, std::string& out) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : path) {
    if (IsDigit(c) || IsAlpha(c) || std::string_view("/-._~").find(c) != kNone) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
  }
}

}  // namespace preforkd::http
