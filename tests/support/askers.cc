#include "tests/support/askers.h"

#include <fmt/core.h>

#include <optional>
#include <utility>

#include "tests/support/http_client.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {

Askers::Askers(std::string address, int count, int status, Request request)
    : address_(std::move(address)),
      status_(status),
      request_(std::move(request)),
      outcomes_(static_cast<std::size_t>(count)) {
  for (int i = 0; i < count; ++i) threads_.emplace_back([this, i] { Run(i); });
}

bool Askers::AwaitAnswers(std::uint64_t more) const {
  const std::uint64_t before = answered_;
  return WaitUntil(kTimeout, [&] { return answered_ >= before + more; });
}

Askers::Outcome Askers::Stop() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  Outcome sum;
  for (Outcome& each : outcomes_) {
    sum.cut += each.cut;
    for (const auto& [status, count] : each.others) sum.others[status] += count;
    sum.done.merge(each.done);
  }
  return sum;
}

void Askers::Run(int client) {
  Outcome& outcome = outcomes_[static_cast<std::size_t>(client)];
  std::optional<HttpClient> connection;
  for (int n = 0; !stop_; ++n) {
    if (!connection) {
      Result<TcpClient> fresh = TcpClient::Connect(address_);
      if (!fresh.Ok()) {
        ++outcome.others[0];
        return;
      }
      connection.emplace(std::move(fresh).Value());
    }
    const bool sent = connection->Connection().SendAll(request_(client, n));
    const auto response = sent ? connection->ReadResponse() : std::nullopt;
    if (!response) {
      ++outcome.cut;
      connection.reset();
    } else if (response->status != status_) {
      ++outcome.others[response->status];
      ++refused_;
    } else {
      outcome.done.insert(fmt::format("{}.{}", client, n));
      ++answered_;
    }
  }
}

}  // namespace preforkd::testing
