// Pages for the people who run the server: one that browsers keep, and its metrics for those who know a word.
// The server's own status page is made of the same parts.
#include <array>
#include <preforkd/module.hpp>
#include <string_view>

namespace {

pfd::setting::Text word{"word",
                        {.min = "8", .max = "100", .doc = "Who may see the metrics.", .required = true}};

constexpr std::string_view kTag = "\"1\"";
constexpr std::array kFields = {pfd::Field{"cache-control", "no-cache"}, pfd::Field{"etag", kTag}};

pfd::Response page(const pfd::Request& request) {
  const int condition = request.precondition(kTag);
  if (condition != 0) return pfd::Response::page(condition).constants(kFields);
  return pfd::Response::constant("text/html; charset=utf-8", "<h1>shop</h1>\n").constants(kFields);
}

pfd::Response metrics(const pfd::Request& request) {
  if (request.query("word") != *word) return pfd::Response::page(403);
  return pfd::text(request.service().report(pfd::Report::metrics));
}

pfd::Response ready(const pfd::Request& request) {
  const std::string why_not = request.service().report(pfd::Report::readiness);
  return why_not.empty() ? pfd::text("ready\n") : pfd::status(503, why_not);
}

}  // namespace

PREFORKD_EVENT_MODULE("admin", word, pfd::no_body, pfd::route{"GET", "/", page},
                      pfd::route{"GET", "/metrics", metrics}, pfd::route{"GET", "/ready", ready},
                      pfd::route{"*", "*", [](const pfd::Request&) { return pfd::Response::page(404); }});
