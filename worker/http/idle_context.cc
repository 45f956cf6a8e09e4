#include "worker/http/idle_context.h"

#include <algorithm>
#include <cstring>

namespace preforkd::http {
namespace {

// Version 1 was only this byte.
constexpr char kVersion = 2;
constexpr std::size_t kTimeBytes = sizeof(std::int64_t);
constexpr std::size_t kSize = 1 + kTimeBytes + 1;

}  // namespace

std::string PackIdle(const IdleContext& context) {
  const std::int64_t until = ToNanoseconds(*context.until);
  std::string packed(kSize, kVersion);  // short enough to need no allocation
  std::memcpy(packed.data() + 1, &until, kTimeBytes);
  packed.back() = static_cast<char>(context.empty_lines);
  return packed;
}

IdleContext UnpackIdle(std::string_view packed) {
  IdleContext context;
  if (packed.size() < kSize || packed.front() != kVersion) return context;
  std::int64_t until = 0;
  std::memcpy(&until, packed.data() + 1, kTimeBytes);
  // Times are never negative; an invented value must not overflow when the current time is subtracted.
  context.until = FromNanoseconds(std::max<std::int64_t>(until, 0));
  context.empty_lines = static_cast<std::uint8_t>(packed[1 + kTimeBytes]);
  return context;
}

}  // namespace preforkd::http
