#include "tests/support/status_page.h"

#include <fmt/core.h>

#include <cstdlib>

#include "tests/support/http_client.h"

namespace preforkd::testing {
namespace {

// The first one of that name: the totals come before the listeners and workers, which have some names too.
std::uint64_t Number(const std::string& json, const std::string& name) {
  const std::string key = fmt::format("\"{}\":", name);
  const std::size_t place = json.find(key);
  return place == std::string::npos ? 0 : std::strtoull(json.c_str() + place + key.size(), nullptr, 10);
}

}  // namespace

std::string StatusPage::Text() const {
  return fmt::format("accepted {}, in progress {}, parked {}, finished {}, lost {}, reclaimed {}, restarts {}", accepted,
                     in_progress, parked, finished, lost, reclaimed, restarts);
}

std::optional<StatusPage> StatusPage::Read(const std::string& address) {
  Result<TcpClient> connection = TcpClient::Connect(address);
  if (!connection.Ok()) return std::nullopt;
  HttpClient client(std::move(connection).Value());
  const std::optional<HttpResponse> response = client.Get("/status.json", "Connection: close\r\n");
  if (!response || response->status != 200) return std::nullopt;
  StatusPage page;
  page.accepted = Number(response->body, "accepted");
  page.in_progress = Number(response->body, "in_progress");
  page.parked = Number(response->body, "parked");
  page.finished = Number(response->body, "finished");
  page.lost = Number(response->body, "lost");
  page.reclaimed = Number(response->body, "reclaimed");
  page.restarts = Number(response->body, "restarts");
  return page;
}

}  // namespace preforkd::testing
