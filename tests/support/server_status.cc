#include "tests/support/server_status.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/support/http_client.h"

namespace preforkd::testing {

std::string ServerStatus::Text() const {
  return fmt::format(
      "accepted {} (first listener {}), in progress {}, parked {}, finished {} (evicted {}), lost {}, "
      "reclaimed {}, handed over {}, "
      "handed back {}, restarts {}",
      accepted, accepted_at_first, in_progress, parked, finished, evicted, lost, reclaimed, handed_over,
      handed_back, restarts);
}

std::optional<ServerStatus> TryAskStatus(const std::string& address) {
  Result<TcpClient> connection = TcpClient::Connect(address);
  if (!connection.Ok()) return std::nullopt;
  HttpClient client(std::move(connection).Value());
  const std::optional<HttpResponse> response = client.Get("/status.json", "Connection: close\r\n");
  if (!response || response->status != 200) return std::nullopt;
  const nlohmann::json json = nlohmann::json::parse(response->body);
  ServerStatus status;
  status.accepted = json.at("accepted");
  status.accepted_at_first = json.at("listeners").at(0).at("accepted");
  status.in_progress = json.at("in_progress");
  status.parked = json.at("parked");
  status.finished = json.at("finished");
  status.evicted = json.at("evicted");
  status.lost = json.at("lost");
  status.reclaimed = json.at("reclaimed");
  status.gathers = json.at("gathers");
  status.handed_over = json.at("handed_over");
  status.handed_back = json.at("handed_back");
  status.restarts = json.at("restarts");
  for (const nlohmann::json& worker : json.at("workers")) {
    if (worker.at("pid") != 0) status.generations.insert(worker.at("generation").get<std::uint64_t>());
  }
  return status;
}

ServerStatus AskStatus(const std::string& address) {
  const std::optional<ServerStatus> status = TryAskStatus(address);
  if (!status) throw std::runtime_error("no status.json from " + address);
  return *status;
}

}  // namespace preforkd::testing
