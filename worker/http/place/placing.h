// Placing: the place of the request that one connection is reading or answering, and what its answer has from
// it. Owned by the responder.
#ifndef PREFORKD_WORKER_HTTP_PLACE_PLACING_H_
#define PREFORKD_WORKER_HTTP_PLACE_PLACING_H_

#include "worker/http/answer/answer_rules.h"
#include "worker/http/answer/response.h"
#include "worker/http/place/places.h"
#include "worker/http/syntax/request.h"

namespace preforkd::http {

class Placing {
 public:
  // Says in the request where it is.
  void Enter(const Places& places, HttpRequest& request) {
    place_ = &places.Find(request.host, request.path);
    request.place = place_;
  }
  // For what could not be read as a request, if nothing has been entered.
  void EnterAny(const Places& places) {
    if (place_ == nullptr) place_ = &places.Outermost();
  }
  // The request may have been taken over by another place.
  void Follow(const HttpRequest& request) { place_ = request.place; }
  // The answer is in the output.
  void Leave() { place_ = nullptr; }

  // nullptr: none.
  [[nodiscard]] const AnswerRules* Rules() const {
    return place_ == nullptr ? nullptr : place_->answer.get();
  }
  // `own`: of the service.
  [[nodiscard]] const CompressRules& Compress(const CompressRules& own) const {
    return place_ == nullptr ? own : *place_->compress;
  }
  // An error has the page of its place.
  void UsePages(HttpResponse& response) const {
    if (place_ != nullptr && place_->pages != nullptr) place_->pages->Use(response);
  }

 private:
  const Place* place_ = nullptr;  // nullptr: none, or the service has no places
};

}  // namespace preforkd::http

#endif
