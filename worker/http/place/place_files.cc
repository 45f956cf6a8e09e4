#include "worker/http/place/place_files.h"

#include <string>
#include <utility>

#include "worker/http/answer/error_page.h"
#include "worker/http/files/static_files.h"
#include "worker/http/place/file_choice.h"
#include "worker/http/place/place.h"

namespace preforkd::http {
namespace {

class PlaceFiles final : public RequestHandler {
 public:
  PlaceFiles(std::unique_ptr<StaticFiles> files, Elsewhere elsewhere)
      : files_(std::move(files)), elsewhere_(std::move(elsewhere)) {}

  [[nodiscard]] BodyUse UseOfBody(const HttpRequest&) const override { return BodyUse::kNone; }

  void Start(const HttpRequest& request, HttpResponse& response, Deferral& deferral) override {
    using Kind = FileChoice::Kind;
    if (!OnlyReading(request, response)) return;
    const Place& place = *request.place;
    const Time now = Now();
    FileChoice choice = ChooseFile(place, request.path, request.moved, files_->Finder(), url_, now);
    switch (choice.kind) {
      case Kind::kToRoot: return RedirectToFolder(request, response);
      case Kind::kHidden: return AnswerStatus(response, 404);
      case Kind::kFound: break;
      case Kind::kIndex:
        if (elsewhere_ != nullptr && elsewhere_(request, url_, response, deferral)) return;
        break;
      case Kind::kFallback:
        if (elsewhere_ != nullptr && elsewhere_(request, url_, response, deferral)) return;
        choice.found = files_->Finder().Find(std::string_view(url_).substr(place.prefix), now);
        return Send(request, url_, std::move(choice.found), response, now);
    }
    Send(request, request.path, std::move(choice.found), response, now);
  }

 private:
  void Send(const HttpRequest& request, std::string_view path, Finding found, HttpResponse& response,
            Time now) {
    const std::size_t prefix = request.place->prefix;
    if (prefix == 0 && path.data() == request.path.data())
      return files_->Send(request, std::move(found), response, now);
    HttpRequest below = request;
    below.mount = path.substr(0, prefix);
    below.path = path.substr(prefix);
    files_->Send(below, std::move(found), response, now);
  }

  std::unique_ptr<StaticFiles> files_;
  const Elsewhere elsewhere_;
  std::string url_;  // of the current request; kept to reuse its memory
};

}  // namespace

Result<std::unique_ptr<RequestHandler>> MakePlaceFiles(const FileRules& rules, Elsewhere elsewhere) {
  Result<std::unique_ptr<StaticFiles>> files = StaticFiles::Make(rules);
  if (!files.Ok()) return files.Err();
  return std::unique_ptr<RequestHandler>(
      std::make_unique<PlaceFiles>(std::move(files).Value(), std::move(elsewhere)));
}

}  // namespace preforkd::http
