#include "worker/http/lingering_close.h"

#include <algorithm>

namespace preforkd::http {
namespace {

constexpr Duration kIdle = std::chrono::seconds(2);
constexpr Duration kTotal = std::chrono::seconds(30);
constexpr std::uint64_t kMaxBytes = 4 * 1024 * 1024;

}  // namespace

void LingeringClose::Begin() {
  const Time now = Now();
  deadline_ = now + kTotal;
  connection_.HalfClose();
  AwaitMore(now);
}

void LingeringClose::OnReadable() {
  const IoResult result = connection_.Receive(connection_.Env().in);
  discarded_ += result.size;
  const Time now = Now();
  const bool ended = result.kind == IoResult::Kind::kEnd || result.kind == IoResult::Kind::kError;
  if (ended || discarded_ > kMaxBytes || now >= deadline_) return connection_.Close();
  AwaitMore(now);
}

void LingeringClose::AwaitMore(Time now) {
  connection_.SetTimeout(std::min(kIdle, std::chrono::duration_cast<Duration>(deadline_ - now)));
  connection_.Await(Interest::kRead);
}

}  // namespace preforkd::http
