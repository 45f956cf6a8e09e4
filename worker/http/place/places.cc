#include "worker/http/place/places.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "worker/http/place/place_answer.h"
#include "worker/http/place/place_files.h"
#include "worker/http/place/place_settings.h"

namespace preforkd::http {
namespace {

// Nothing that would make an answer another one than that of the handler alone.
bool SaysNothing(const Place& place) {
  return place.kind == PlaceKind::kOwn && place.answer->Empty() && place.pages == nullptr &&
         place.access == nullptr;
}

Status ReadPages(const Settings& settings, Place& place) {
  Result<ErrorPages> pages = ErrorPages::Make(settings);
  if (!pages.Ok()) return pages.Err();
  place.pages.reset();
  if (!pages.Value().Empty()) place.pages = std::make_shared<const ErrorPages>(std::move(pages).Value());
  return {};
}

Status ReadAccess(const Settings& settings, PasswordFiles& files, Place& place) {
  Result<AccessRules> access = AccessRules::Make(settings, files);
  if (!access.Ok()) return access.Err();
  place.access.reset();
  if (!access.Value().ForAll()) place.access = std::make_shared<const AccessRules>(std::move(access).Value());
  return {};
}

bool HasOwn(const std::vector<Place>& places) {
  return std::any_of(places.begin(), places.end(),
                     [](const Place& place) { return place.kind == PlaceKind::kOwn; });
}

// For a handler that answers later: what it takes is the request of the place that has taken over.
class MovedDeferral final : public Deferral {
 public:
  MovedDeferral(Deferral& inner, const HttpRequest& moved) : inner_(inner), moved_(moved) {}
  std::shared_ptr<Exchange> Take() override {
    std::shared_ptr<Exchange> exchange = inner_.Take();
    exchange->Kept().Move(moved_);
    return exchange;
  }

 private:
  Deferral& inner_;
  const HttpRequest& moved_;
};

}  // namespace

Result<std::unique_ptr<Places>> Places::Make(const ServiceConfig& config, WorkerEnv& env,
                                             RequestHandler& own) {
  if (!DeclaresPlaces(config.settings)) return std::unique_ptr<Places>();
  PasswordFiles files;
  const auto complete = [&files](const Settings& settings, const PlaceTable::SetsAny& sets, Place& place) {
    Status status = sets(ErrorPageSettingTable()) ? ReadPages(settings, place) : Status();
    if (status.Ok() && sets(AccessSettingTable())) status = ReadAccess(settings, files, place);
    return status;
  };
  PlaceTable table(config.settings, config.tables, complete);
  if (!table.Problem().Ok()) return table.Problem().Err();
  if (config.tables.empty() && SaysNothing(table.Outermost())) return std::unique_ptr<Places>();
  std::unique_ptr<Places> places(new Places(std::move(table), own));
  if (const Status status = places->MakeHandlers(); !status.Ok()) return status.Err();
  if (const Status status = places->MakeGuard(env); !status.Ok()) return status.Err();
  return places;
}

Places::Places(PlaceTable table, RequestHandler& own)
    : table_(std::move(table)),
      own_(own),
      own_takes_over_(table_.HasLocations() && HasOwn(table_.Places())),
      answer_([this](const HttpRequest& request, HttpResponse& response, Deferral& deferral) {
        Answer(request, response, deferral);
      }) {}

Status Places::MakeHandlers() {
  Elsewhere elsewhere;
  if (table_.HasLocations()) {
    elsewhere = [this](const HttpRequest& request, std::string_view path, HttpResponse& response,
                       Deferral& deferral) { return AnswerElsewhere(request, path, response, deferral); };
  }
  std::map<const FileRules*, RequestHandler*> made;
  for (Place& place : table_.Places()) {
    if (place.kind != PlaceKind::kFiles) continue;
    RequestHandler*& handler = made[place.files.get()];
    if (handler == nullptr) {
      Result<std::unique_ptr<RequestHandler>> files = MakePlaceFiles(*place.files, elsewhere);
      if (!files.Ok()) return files.Err();
      handler = handlers_.emplace_back(std::move(files).Value()).get();
    }
    place.handler = handler;
  }
  return {};
}

Status Places::MakeGuard(WorkerEnv& env) {
  const std::vector<Place>& places = table_.Places();
  const auto limited = [](const Place& place) { return place.access != nullptr; };
  if (std::none_of(places.begin(), places.end(), limited)) return {};
  const bool passwords = std::any_of(places.begin(), places.end(), [](const Place& place) {
    return place.access != nullptr && place.access->passwords != nullptr;
  });
  Result<std::unique_ptr<AccessGuard>> guard = AccessGuard::Make(env, passwords);
  if (!guard.Ok()) return guard.Err();
  guard_ = std::move(guard).Value();
  return {};
}

BodyUse Places::UseOfBody(const HttpRequest& request) const {
  const Place& place = *request.place;
  const BodyUse use = UseIn(place, request);
  return place.access == nullptr ? use : guard_->UseOfBody(*place.access, request, use);
}

// Which path a request for files means is not known yet.
BodyUse Places::UseIn(const Place& place, const HttpRequest& request) const {
  const bool reads = request.method == HttpMethod::kGet || request.method == HttpMethod::kHead;
  const bool may_move = own_takes_over_ && place.kind == PlaceKind::kFiles && reads && !request.moved;
  return place.kind == PlaceKind::kOwn || may_move ? own_.UseOfBody(request) : BodyUse::kNone;
}

void Places::Start(const HttpRequest& request, HttpResponse& response, Deferral& deferral) {
  const Place& place = *request.place;
  if (place.access != nullptr) {
    const BodyUse use = request.body_follows ? UseIn(place, request) : BodyUse::kNone;
    if (!guard_->Admit(*place.access, request, use, response, deferral, answer_)) return;
  }
  Answer(request, response, deferral);
}

void Places::Answer(const HttpRequest& request, HttpResponse& response, Deferral& deferral) {
  const Place& place = *request.place;
  if (place.kind == PlaceKind::kOwn) return own_.Start(request, response, deferral);
  if (place.handler == nullptr) return AnswerInPlace(request, response);
  place.handler->Start(request, response, deferral);
}

bool Places::AnswerElsewhere(const HttpRequest& request, std::string_view path, HttpResponse& response,
                             Deferral& deferral) {
  const Place* const place = TakesOver(table_, request, path);
  if (place == nullptr) return false;
  const std::string copy(path);  // the other place may use that memory
  HttpRequest moved = request;
  moved.path = copy;
  moved.mount = {};
  moved.place = place;
  moved.moved = true;
  request.place = place;  // its fields and its error pages are for the answer
  MovedDeferral later(deferral, moved);
  Start(moved, response, later);
  request.user = moved.user;
  return true;
}

}  // namespace preforkd::http
