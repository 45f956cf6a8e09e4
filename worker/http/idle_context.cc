#include "worker/http/idle_context.h"

#include <algorithm>
#include <cstring>

namespace preforkd::http {
namespace {

// Version 1 was only this byte.
constexpr char kVersion = 2;
constexpr std::size_t kTimeBytes = sizeof(std::int64_t);
constexpr std::size_t kSize = 1 + kTimeBytes + 1;
// With a request; an earlier program ignores what it does not know.
constexpr std::size_t kSizeWithRequest = kSize + kTimeBytes;

Time TimeAt(const char* bytes) {
  std::int64_t time = 0;
  std::memcpy(&time, bytes, kTimeBytes);
  // Times are never negative; an invented value must not overflow when the current time is subtracted.
  return FromNanoseconds(std::max<std::int64_t>(time, 0));
}

}  // namespace

std::string PackIdle(const IdleContext& context) {
  const std::int64_t until = ToNanoseconds(*context.until);
  std::string packed(kSize, kVersion);  // short enough to need no allocation
  std::memcpy(packed.data() + 1, &until, kTimeBytes);
  packed.back() = static_cast<char>(context.empty_lines);
  if (context.answer_by) {
    const std::int64_t by = ToNanoseconds(*context.answer_by);
    packed.append(reinterpret_cast<const char*>(&by), kTimeBytes);
  }
  return packed;
}

IdleContext UnpackIdle(std::string_view packed) {
  IdleContext context;
  if (packed.size() < kSize || packed.front() != kVersion) return context;
  context.until = TimeAt(packed.data() + 1);
  context.empty_lines = static_cast<std::uint8_t>(packed[1 + kTimeBytes]);
  if (packed.size() == kSizeWithRequest) context.answer_by = TimeAt(packed.data() + kSize);
  return context;
}

}  // namespace preforkd::http
