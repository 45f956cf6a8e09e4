#include "tests/support/load.h"

#include <fmt/core.h>

#include <cerrno>

#include "tests/support/http_client.h"

namespace preforkd::testing {
namespace {

constexpr Duration kAnswerTimeout = std::chrono::seconds(10);

void CountFailure(int why, LoadResult& result) {
  switch (why) {
    case 0: ++result.cut_short; break;
    case EAGAIN: ++result.timed_out; break;
    default: ++result.reset; break;
  }
}

void CountNotConnected(const Error& error, LoadResult& result) {
  if (++result.not_connected == 1) result.first_error = error.text;
}

}  // namespace

std::string LoadResult::Text() const {
  return fmt::format("ok {}, not connected {}, reset {}, cut short {}, timed out {}, wrong {}{}", ok,
                     not_connected, reset, cut_short, timed_out, wrong,
                     first_error.empty() ? "" : "; the first not connected: " + first_error);
}

Load::Load(LoadKind kind, std::string address, int threads)
    : kind_(kind), address_(std::move(address)), results_(static_cast<std::size_t>(threads)) {
  for (LoadResult& result : results_) threads_.emplace_back([this, &result] { Run(result); });
}

LoadResult Load::Stop() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  LoadResult sum;
  for (const LoadResult& one : results_) {
    sum.ok += one.ok;
    sum.not_connected += one.not_connected;
    sum.reset += one.reset;
    sum.cut_short += one.cut_short;
    sum.timed_out += one.timed_out;
    sum.wrong += one.wrong;
    if (sum.first_error.empty()) sum.first_error = one.first_error;
  }
  return sum;
}

void Load::Run(LoadResult& result) {
  while (!stop_) {
    const std::uint64_t before = result.ok;
    kind_ == LoadKind::kEcho ? EchoOnce(result) : HttpOnce(result);
    ok_ += result.ok - before;
  }
}

void Load::EchoOnce(LoadResult& result) {
  Result<TcpClient> client = TcpClient::Connect(address_, kAnswerTimeout);
  if (!client.Ok()) {
    CountNotConnected(client.Err(), result);
    return;
  }
  const std::string text = fmt::format("ping {}\n", result.ok);
  const std::optional<std::string> answer =
      client.Value().SendAll(text) ? client.Value().ReadExactly(text.size()) : std::nullopt;
  if (!answer) {
    CountFailure(client.Value().Why(), result);
  } else if (*answer != text) {
    ++result.wrong;
  } else {
    ++result.ok;
  }
}

void Load::HttpOnce(LoadResult& result) {
  Result<TcpClient> client = TcpClient::Connect(address_, kAnswerTimeout);
  if (!client.Ok()) {
    CountNotConnected(client.Err(), result);
    return;
  }
  HttpClient http(std::move(client).Value());
  const std::optional<HttpResponse> response = http.Get("/", "Connection: close\r\n");
  if (!response) {
    CountFailure(http.Connection().Why(), result);
  } else if (response->status != 200) {
    ++result.wrong;
  } else {
    ++result.ok;
  }
}

}  // namespace preforkd::testing
