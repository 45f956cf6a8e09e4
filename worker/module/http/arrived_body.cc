#include "worker/module/http/arrived_body.h"

#include <cerrno>
#include <utility>

namespace preforkd::module {
namespace {

// While more waits to be read, the client is held back.
constexpr std::size_t kEnough = 64 * 1024;

}  // namespace

bool ArrivedBody::Arrive(std::string_view piece, bool last) {
  const std::lock_guard lock(mutex_);
  bytes_.append(piece);
  complete_ = last;
  held_ = !last && bytes_.size() > kEnough;
  arrived_.notify_all();
  return held_;
}

bool ArrivedBody::Complete() {
  const std::lock_guard lock(mutex_);
  return complete_;
}

void ArrivedBody::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  arrived_.notify_all();
}

std::int64_t ArrivedBody::Read(std::span<char> into, bool wait, bool& read_on) {
  std::unique_lock lock(mutex_);
  if (wait) arrived_.wait(lock, [this] { return !bytes_.empty() || complete_ || stopped_; });
  if (bytes_.empty()) return complete_ ? 0 : stopped_ ? -EPIPE : -EAGAIN;
  const std::size_t size = bytes_.copy(into.data(), into.size());
  bytes_.erase(0, size);
  if (bytes_.empty()) read_on = std::exchange(held_, false);
  return static_cast<std::int64_t>(size);
}

void ArrivedBody::Reset() {
  bytes_.clear();
  complete_ = false;
  stopped_ = false;
  held_ = false;
}

}  // namespace preforkd::module
