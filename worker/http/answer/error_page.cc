#include "worker/http/answer/error_page.h"

#include <fmt/format.h>

#include <cstddef>
#include <iterator>

#include "worker/http/syntax/http_status.h"

namespace preforkd {
namespace {

constexpr const char* kPage = R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{0} {1}</title>
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;margin:15vh auto;max-width:30rem;padding:0 1rem;text-align:center}}</style>
<h1>{0}</h1>
<p>{1}</p>
</html>
)";

}  // namespace

void AnswerStatus(HttpResponse& response, int status) {
  response.SetStatus(status);
  response.Body().clear();
  response.SetFile(UniqueFd(), 0, 0);
  response.MarkStatusPage();
  if (!http::MayHaveBody(status)) return;
  response.SetContentType("text/html; charset=utf-8");
  fmt::format_to(std::back_inserter(response.Body()), fmt::runtime(kPage), status,
                 http::ReasonPhrase(status));
}

void AnswerRedirect(HttpResponse& response, int status, std::string_view location) {
  // One of this size fits in the fields of a response.
  constexpr std::size_t kMaxLocation = 24 * 1024;
  if (location.size() > kMaxLocation) return AnswerStatus(response, 414);
  AnswerStatus(response, status);
  response.AddHeader("Location", location);
}

bool OnlyReading(const HttpRequest& request, HttpResponse& response) {
  if (request.method == HttpMethod::kGet || request.method == HttpMethod::kHead) return true;
  AnswerStatus(response, request.method == HttpMethod::kOptions ? 204 : 405);
  response.AddHeader("Allow", "GET, HEAD, OPTIONS");
  return false;
}

}  // namespace preforkd
