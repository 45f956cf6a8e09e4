// A JSON API: POST /price with the items of an order, answered with its total. What the client got wrong is a
// 400 with the reason; an exception of the JSON library would be a 500.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <preforkd/module.hpp>
#include <string>

namespace {

using nlohmann::json;

pfd::Response wrong(const std::string& why) { return pfd::json(json{{"error", why}}).status(400); }

pfd::Response price(const pfd::Request& request) {
  const json order = json::parse(request.body(), nullptr, false);
  if (order.is_discarded()) return wrong("the body is no JSON");
  if (!order.contains("items") || !order["items"].is_array()) return wrong("there are no items");
  std::uint64_t cents = 0;
  for (const json& item : order["items"]) {
    if (!item.contains("cents") || !item["cents"].is_number_unsigned()) return wrong("an item has no price");
    const json& count = item.contains("count") ? item["count"] : json(1u);
    if (!count.is_number_unsigned()) return wrong("a count is no number");
    cents += item["cents"].get<std::uint64_t>() * count.get<std::uint64_t>();
  }
  return pfd::json(json{{"total_cents", cents}, {"items", order["items"].size()}});
}

}  // namespace

PREFORKD_EVENT_MODULE("price", pfd::route{"POST", "/price", price});
