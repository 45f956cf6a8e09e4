#include "worker/connection/access_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <optional>
#include <span>
#include <utility>

#include "common/tls/fingerprint_text.h"

namespace preforkd {
namespace {

// Maximum sizes after escaping. Together with the other fields, a line stays below LineBuffer::kMaxLine.
constexpr std::size_t kMaxRequestLine = 2048;
constexpr std::size_t kMaxField = 700;
constexpr std::size_t kMaxUser = 64;
constexpr std::string_view kCut = "...";
// Of what follows the referer in a JSON line: two names, the byte count, the duration and the end.
constexpr std::size_t kJsonEnd = 128;

struct Moment {
  std::tm utc{};
  long microseconds = 0;
};

Moment MomentOf(WallTime time) {
  const auto since_epoch = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const std::time_t whole = seconds.count();
  Moment moment;
  ::gmtime_r(&whole, &moment.utc);
  moment.microseconds = std::chrono::duration_cast<std::chrono::microseconds>(since_epoch - seconds).count();
  return moment;
}

constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct RequestLine {
  std::string_view method;
  std::string_view target;
  std::string_view protocol;
};

// nullopt if the line is not a request line.
std::optional<RequestLine> Split(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  return RequestLine{line.substr(0, first), line.substr(first + 1, last - first - 1), line.substr(last + 1)};
}

std::string_view OrDash(std::string_view text) { return text.empty() ? "-" : text; }

}  // namespace

void AccessLine::Text::Put(std::string_view text) {
  const std::size_t size = std::min(text.size(), Room());
  std::memcpy(bytes_.data() + size_, text.data(), size);
  size_ += size;
}

void AccessLine::Text::PutNumber(std::uint64_t number) {
  const fmt::format_int digits(number);
  Put({digits.data(), digits.size()});
}

void AccessLine::Text::PutEscaped(std::string_view text, Escape escape, std::size_t max_size) {
  EscapeRoom room;
  while (!text.empty()) {
    const std::string_view piece = TakeEscaped(text, escape, room);
    if (piece.size() + (text.empty() ? 0 : kCut.size()) > max_size) {
      // Plain bytes can be cut anywhere; an escape sequence or a multi-byte character cannot.
      if (piece.size() > room.size()) Put(piece.substr(0, max_size - kCut.size()));
      return Put(kCut);
    }
    Put(piece);
    max_size -= piece.size();
  }
}

void AccessLine::Text::PutHost(const SocketAddress& address) {
  size_ += address.PrintHost(std::span(bytes_).subspan(size_));
}

template <typename... Args>
void AccessLine::Text::Print(fmt::format_string<Args...> format, Args&&... args) {
  const auto result = fmt::format_to_n(bytes_.data() + size_, Room(), format, std::forward<Args>(args)...);
  size_ += std::min<std::size_t>(result.size, Room());
}

AccessLine::Parts AccessLine::Begin(const AccessEntry& entry, WallTime now) {
  parts_.Clear();
  format_ == AccessFormat::kJson ? PutJsonHead(entry, now) : PutCombinedHead(entry, now);
  const std::size_t split = parts_.View().size();
  format_ == AccessFormat::kJson ? PutJsonTail(entry) : PutCombinedTail(entry);
  return {parts_.View().substr(0, split), parts_.View().substr(split)};
}

std::string_view AccessLine::End(const Parts& parts, std::uint64_t bytes, Duration duration) {
  const auto micros =
      std::chrono::duration_cast<std::chrono::microseconds>(std::max(duration, Duration(0))).count();
  line_.Clear();
  line_.Put(parts.head);
  line_.PutNumber(bytes);
  line_.Put(parts.tail);
  line_.Print("{}.{:06}", micros / 1'000'000, micros % 1'000'000);
  line_.Put(format_ == AccessFormat::kJson ? "}\n" : "\n");
  return line_.View();
}

// The "combined" format of nginx and Apache, followed by our own fields, which its parsers skip.
void AccessLine::PutCombinedHead(const AccessEntry& entry, WallTime now) {
  const std::tm utc = MomentOf(now).utc;
  parts_.PutHost(*entry.peer);
  parts_.Put(" - ");
  PutUser(entry.user);
  parts_.Print(" [{:02}/{}/{:04}:{:02}:{:02}:{:02} +0000] \"", utc.tm_mday,
               kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
               utc.tm_sec);
  parts_.PutEscaped(OrDash(entry.request_line), Escape::kQuoted, kMaxRequestLine);
  parts_.Print("\" {} ", entry.status);
}

// A blank in the name would shift the fields behind it.
void AccessLine::PutUser(std::string_view user) {
  user = OrDash(user.substr(0, kMaxUser));
  while (!user.empty()) {
    const std::string_view word = user.substr(0, user.find(' '));
    parts_.PutEscaped(word, Escape::kQuoted, kMaxUser);
    user.remove_prefix(word.size());
    if (user.empty()) break;
    parts_.Put("\\x20");
    user.remove_prefix(1);
  }
}

void AccessLine::PutCombinedTail(const AccessEntry& entry) {
  parts_.Put(" \"");
  parts_.PutEscaped(OrDash(entry.referer), Escape::kQuoted, kMaxField);
  parts_.Put("\" \"");
  parts_.PutEscaped(OrDash(entry.user_agent), Escape::kQuoted, kMaxField);
  parts_.Print("\" conn={} request={} slot={} inc={} journeys={} duration=", Raw(entry.conn), entry.request,
               Raw(entry.worker.slot), Raw(entry.worker.incarnation), entry.journeys);
}

void AccessLine::PutJsonHead(const AccessEntry& entry, WallTime now) {
  const Moment moment = MomentOf(now);
  const std::tm& utc = moment.utc;
  parts_.Print(
      "{{\"time\":\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z\",\"conn\":{},\"request\":{},\"slot\":{},"
      "\"incarnation\":{},\"journeys\":{},\"peer\":\"",
      utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
      moment.microseconds, Raw(entry.conn), entry.request, Raw(entry.worker.slot),
      Raw(entry.worker.incarnation), entry.journeys);
  parts_.PutHost(*entry.peer);
  if (!entry.user.empty()) {
    parts_.Put("\",\"user\":\"");
    parts_.PutEscaped(entry.user, Escape::kJson, kMaxUser);
  }
  PutJsonRequest(entry.request_line);
  parts_.Print("\",\"status\":{},\"bytes\":", entry.status);
}

void AccessLine::PutJsonRequest(std::string_view line) {
  const std::optional<RequestLine> request = Split(line);
  if (!request) {
    parts_.Put("\",\"refused\":\"");
    return parts_.PutEscaped(line, Escape::kJson, kMaxRequestLine);
  }
  parts_.Put("\",\"method\":\"");
  parts_.PutEscaped(request->method, Escape::kJson, kMaxField);
  parts_.Put("\",\"target\":\"");
  parts_.PutEscaped(request->target, Escape::kJson, kMaxRequestLine - kMaxField);
  parts_.Put("\",\"protocol\":\"");
  parts_.PutEscaped(request->protocol, Escape::kJson, kMaxField / 2);
}

// Only the facts that there are.
void AccessLine::PutJsonTls(const TlsFacts& tls) {
  parts_.Print(",\"tls_version\":\"{}\",\"tls_cipher\":\"{}\",\"tls_resumed\":{}", VersionName(tls.version),
               SuiteName(tls.suite), tls.resumed);
  const auto put = [this](const char* name, std::string_view text, std::size_t max_size) {
    if (text.empty()) return;
    parts_.Print(",\"{}\":\"", name);
    parts_.PutEscaped(text, Escape::kJson, max_size);
    parts_.Put("\"");
  };
  put("server_name", tls.server_name, kMaxServerName);
  put("client_subject", tls.client_subject, kMaxClientSubject);
  put("client_fingerprint", FingerprintText(tls.client_fingerprint).View(), 2 * kFingerprintBytes);
}

void AccessLine::PutJsonTail(const AccessEntry& entry) {
  if (entry.tls != nullptr) PutJsonTls(*entry.tls);
  // With the longest texts of everything else there is less room for what only the client says.
  const std::size_t room = std::min(kMaxField, (parts_.Room() - kJsonEnd) / 2);
  parts_.Put(",\"referer\":\"");
  parts_.PutEscaped(entry.referer, Escape::kJson, room);
  parts_.Put("\",\"user_agent\":\"");
  parts_.PutEscaped(entry.user_agent, Escape::kJson, room);
  parts_.Put("\",\"duration\":");
}

}  // namespace preforkd
