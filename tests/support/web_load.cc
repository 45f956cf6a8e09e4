#include "tests/support/web_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace preforkd::testing {
namespace {

std::string WhyText(int why) { return why == 0 ? "end of file" : ::strerrordesc_np(why); }

}  // namespace

Duration WebLoadResult::Quantile(double share) const {
  if (answered.empty()) return Duration(0);
  const auto index = static_cast<std::size_t>(share * static_cast<double>(answered.size()));
  return answered[std::min(index, answered.size() - 1)];
}

std::string WebLoadResult::Text() const {
  const auto ms = [&](double share) { return Seconds(Quantile(share)) * 1e3; };
  std::string text = fmt::format(
      "{} requests answered in {:.1f} s ({:.0f}/s), p50 {:.1f} ms, p99 {:.1f} ms, worst {:.0f} ms",
      answered.size(), Seconds(length), static_cast<double>(answered.size()) / Seconds(length), ms(0.5),
      ms(0.99), ms(1));
  if (failed.empty()) text += "; 0 failed";
  for (const auto& [why, count] : failed) text += fmt::format("; {} failed: {}", count, why);
  return text;
}

WebLoad::WebLoad(WebLoadPlan plan)
    : plan_(std::move(plan)), clients_(static_cast<std::size_t>(plan_.clients)) {
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    threads_.emplace_back([this, i] { Run(clients_[i], i % 2 == 0); });
  }
}

WebLoadResult WebLoad::Stop() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  WebLoadResult sum;
  sum.length = Now() - start_;
  for (Client& client : clients_) {
    sum.answered.insert(sum.answered.end(), client.result.answered.begin(), client.result.answered.end());
    for (const auto& [why, count] : client.result.failed) sum.failed[why] += count;
  }
  clients_.clear();
  std::sort(sum.answered.begin(), sum.answered.end());
  return sum;
}

void WebLoad::Run(Client& client, bool keeps) {
  while (const std::optional<Time> due = TakeArrival()) {
    std::this_thread::sleep_until(*due);  // the schedule of the client, not a wait for the server
    if (const std::string why = AskOnce(client, keeps); !why.empty()) {
      ++client.result.failed[why];
    } else {
      client.result.answered.push_back(Now() - *due);
      ++answered_;
    }
  }
}

std::optional<Time> WebLoad::TakeArrival() {
  if (stop_) return std::nullopt;
  const std::lock_guard<std::mutex> lock(mutex_);
  std::exponential_distribution<double> gap(plan_.per_second);
  next_ += std::chrono::nanoseconds(static_cast<std::int64_t>(gap(random_) * 1e9));
  return next_;
}

std::string WebLoad::AskOnce(Client& client, bool keeps) const {
  std::optional<HttpClient> connection = std::move(client.kept);
  client.kept.reset();
  const char* kind = connection ? "on a kept connection" : "on a new connection";
  if (!connection) {
    Result<TcpClient> fresh = TcpClient::Connect(plan_.address);
    if (!fresh.Ok()) return "not connected: " + fresh.Err().text;
    connection.emplace(std::move(fresh).Value());
  }
  const std::optional<HttpResponse> response =
      connection->Get(plan_.target, keeps ? "" : "Connection: close\r\n");
  if (!response) return fmt::format("no whole answer {}: {}", kind, WhyText(connection->Connection().Why()));
  if (response->status != 200) return fmt::format("status {} {}", response->status, kind);
  if (response->body != plan_.body) return fmt::format("another answer {}", kind);
  const auto option = response->headers.find("connection");
  if (keeps && (option == response->headers.end() || option->second != "close"))
    client.kept = std::move(connection);
  return {};
}

}  // namespace preforkd::testing
