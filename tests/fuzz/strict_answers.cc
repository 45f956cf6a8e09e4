#include "tests/fuzz/strict_answers.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include "common/base/check.h"

namespace preforkd::testing {
namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool IsNameByte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool IsValueByte(char c) { return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != '\x7f'); }

std::string_view TakeLine(std::string_view& bytes) {
  const std::size_t end = bytes.find("\r\n");
  PF_CHECK(end != std::string_view::npos, "a line has no end");
  const std::string_view line = bytes.substr(0, end);
  PF_CHECK(std::all_of(line.begin(), line.end(), IsValueByte), "a line has a control character");
  bytes.remove_prefix(end + 2);
  return line;
}

std::string_view TakeBytes(std::string_view& bytes, std::size_t size) {
  PF_CHECK(size <= bytes.size(), "a body is cut short");
  const std::string_view taken = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return taken;
}

std::uint64_t Number(std::string_view digits, int base) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  PF_CHECK(error == std::errc() && end == digits.data() + digits.size(), "a size is not a number");
  return number;
}

int TakeStatus(std::string_view& bytes) {
  const std::string_view line = TakeLine(bytes);
  PF_CHECK(line.size() >= 13 && line.starts_with("HTTP/1.1 ") && line[12] == ' ', "no status line");
  const std::uint64_t status = Number(line.substr(9, 3), 10);
  PF_CHECK(status >= 100 && status <= 599, "a status that HTTP does not have");
  return static_cast<int>(status);
}

void TakeFields(std::string_view& bytes, StrictAnswer& answer) {
  int dates = 0;
  int servers = 0;
  for (std::string_view line = TakeLine(bytes); !line.empty(); line = TakeLine(bytes)) {
    const std::size_t colon = line.find(": ");
    PF_CHECK(colon != std::string_view::npos && colon > 0, "a field without a colon, or without a name");
    const std::string_view name = line.substr(0, colon);
    PF_CHECK(std::all_of(name.begin(), name.end(), IsNameByte), "the name of a field is not a token");
    std::string lower = Lower(name);
    if (lower == "date") {
      PF_CHECK(line.size() == colon + 2 + 29 && line.ends_with(" GMT"), "not a date");
      ++dates;
      continue;
    }
    if (lower == "server") ++servers;
    answer.fields.emplace_back(std::move(lower), line.substr(colon + 2));
  }
  PF_CHECK(dates == 1, "not exactly one Date");
  PF_CHECK(servers <= 1, "two Server fields");
}

// The value of the only field of that name.
std::optional<std::string> Only(const StrictAnswer& answer, std::string_view name) {
  std::optional<std::string> only;
  for (const auto& [own, value] : answer.fields) {
    if (own != name) continue;
    PF_CHECK(!only, "a field of the framing stands there twice");
    only = value;
  }
  return only;
}

std::string TakeChunks(std::string_view& bytes) {
  std::string body;
  for (;;) {
    const std::uint64_t size = Number(TakeLine(bytes), 16);
    if (size == 0) break;
    body += TakeBytes(bytes, size);
    PF_CHECK(TakeLine(bytes).empty(), "a chunk is longer than its size");
  }
  PF_CHECK(TakeLine(bytes).empty(), "a trailer, which nobody has sent");
  return body;
}

enum class Body { kNone, kSent, kPerhaps };

void TakeBody(std::string_view& bytes, StrictAnswer& answer, Body body, bool ended) {
  const std::optional<std::string> length = Only(answer, "content-length");
  const std::optional<std::string> encoding = Only(answer, "transfer-encoding");
  PF_CHECK(!length || !encoding, "two framings");
  PF_CHECK(!encoding || *encoding == "chunked", "an encoding that nobody has asked for");
  if (answer.status < 200 || answer.status == 204 || answer.status == 304) {
    PF_CHECK(!length && !encoding, "a framing of no body");
    return;
  }
  const std::uint64_t size = length ? Number(*length, 10) : 0;
  if (body == Body::kNone || (body == Body::kPerhaps && bytes.empty())) return;
  if (length) {
    answer.body = TakeBytes(bytes, size);
  } else if (encoding) {
    answer.body = TakeChunks(bytes);
  } else {
    PF_CHECK(ended && answer.Closes(), "a body without an end");
    answer.to_end = true;
    answer.body = TakeBytes(bytes, bytes.size());
  }
}

}  // namespace

std::string StrictAnswer::Field(std::string_view name) const {
  for (const auto& [own, value] : fields) {
    if (own == name) return value;
  }
  return "";
}

bool StrictAnswer::Closes() const {
  const std::string options = Lower(Field("connection"));
  return options == "close" || options == "close, upgrade";
}

Received StrictAnswers(std::string_view bytes, const std::vector<bool>& to_head, bool more_to_head,
                       bool ended) {
  Received received;
  bool closed = false;
  while (!bytes.empty()) {
    PF_CHECK(!closed, "bytes behind the last answer");
    if (bytes.starts_with(kContinue)) {
      bytes.remove_prefix(kContinue.size());
      continue;
    }
    StrictAnswer answer;
    answer.status = TakeStatus(bytes);
    PF_CHECK(answer.status >= 200 || answer.status == 101, "an interim answer that nobody has asked for");
    TakeFields(bytes, answer);
    const std::size_t number = received.answers.size();
    Body body = more_to_head ? Body::kPerhaps : Body::kSent;
    if (number < to_head.size()) body = to_head[number] ? Body::kNone : Body::kSent;
    TakeBody(bytes, answer, body, ended);
    closed = answer.Closes();
    const bool switched = answer.status == 101;
    received.answers.push_back(std::move(answer));
    if (!switched) continue;
    received.switched = bytes;
    return received;
  }
  PF_CHECK(!closed || ended, "the connection stays open behind its last answer");
  return received;
}

}  // namespace preforkd::testing
