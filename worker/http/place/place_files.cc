#include "worker/http/place/place_files.h"

#include <utility>

#include "worker/http/answer/error_page.h"
#include "worker/http/files/static_files.h"
#include "worker/http/place/place.h"

namespace preforkd::http {
namespace {

class PlaceFiles final : public HttpHandler {
 public:
  explicit PlaceFiles(std::unique_ptr<HttpHandler> files) : files_(std::move(files)) {}

  [[nodiscard]] BodyUse UseOfBody(const HttpRequest& request) const override {
    return files_->UseOfBody(request);
  }

  void Handle(const HttpRequest& request, HttpResponse& response) override {
    const Place& place = *request.place;
    if (!OnlyReading(request, response)) return;
    const std::string_view path = request.path.substr(place.prefix);
    if (path.empty()) return RedirectToFolder(request, response);  // the location itself, which is the root
    if (!place.hidden_files && IsHidden(path)) return AnswerStatus(response, 404);
    Send(request, path, response);
    if (response.Status() != 404 || place.fallback.empty()) return;
    response.Clear();
    fallback_.assign("/").append(place.fallback);
    Send(request, fallback_, response);
  }

 private:
  void Send(const HttpRequest& request, std::string_view path, HttpResponse& response) {
    if (path.data() == request.path.data()) return files_->Handle(request, response);
    HttpRequest below = request;
    if (path.data() != fallback_.data()) below.mount = request.path.substr(0, request.place->prefix);
    below.path = path;
    files_->Handle(below, response);
  }

  std::unique_ptr<HttpHandler> files_;
  std::string fallback_;  // of the current request; kept to reuse its memory
};

}  // namespace

Result<std::unique_ptr<RequestHandler>> MakePlaceFiles(const FileRules& rules) {
  Result<std::unique_ptr<HttpHandler>> files = MakeStaticFiles(rules);
  if (!files.Ok()) return files.Err();
  return std::unique_ptr<RequestHandler>(std::make_unique<PlaceFiles>(std::move(files).Value()));
}

bool IsHidden(std::string_view path) {
  constexpr std::string_view kWellKnown = "/.well-known/";  // RFC 8615
  if (path.starts_with(kWellKnown)) path.remove_prefix(kWellKnown.size() - 1);
  return path.find("/.") != std::string_view::npos;
}

}  // namespace preforkd::http
