// Places: the table of the places of one service, and what answers in them: the access rules first, then what
// the place says, its files, or the service's own handler. Owned by the service.
//
// The index of a folder, and a fallback, are files with paths of their own. If another place is for that
// path, it takes over, as if the client had asked for the file by its path: what guards one URL of a file
// guards the others. That happens once for a request: the place that takes over sends that file, or 404.
// Where the service's own handler may take over, the body of a request for files is treated as that wants.
#ifndef PREFORKD_WORKER_HTTP_PLACE_PLACES_H_
#define PREFORKD_WORKER_HTTP_PLACE_PLACES_H_

#include <memory>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "worker/connection/worker_env.h"
#include "worker/http/access/access_guard.h"
#include "worker/http/answer/handler.h"
#include "worker/http/place/place_table.h"

namespace preforkd::http {

class Places {
 public:
  // `own`: of the service; it must outlive this. nullptr: the service has no places, or is as a whole one in
  // which its own handler answers as it is. Error: a root, a page or a file of passwords cannot be used.
  static Result<std::unique_ptr<Places>> Make(const ServiceConfig& config, WorkerEnv& env,
                                              RequestHandler& own);
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;
  ~Places() = default;

  [[nodiscard]] const Place& Find(std::string_view host, std::string_view path) const {
    return table_.Find(host, path);
  }
  // For what is no request.
  [[nodiscard]] const Place& Outermost() const { return table_.Outermost(); }

  // As in RequestHandler, for a request that has its place.
  [[nodiscard]] BodyUse UseOfBody(const HttpRequest& request) const;
  void Start(const HttpRequest& request, HttpResponse& response, Deferral& deferral);
  bool OnExit() { return guard_ == nullptr || guard_->OnExit(); }

 private:
  Places(PlaceTable table, RequestHandler& own);
  Status MakeHandlers();
  Status MakeGuard(WorkerEnv& env);
  [[nodiscard]] BodyUse UseIn(const Place& place, const HttpRequest& request) const;
  // The client may.
  void Answer(const HttpRequest& request, HttpResponse& response, Deferral& deferral);
  // See Elsewhere (place_files.h), and TakesOver.
  bool AnswerElsewhere(const HttpRequest& request, std::string_view path, HttpResponse& response,
                       Deferral& deferral);

  PlaceTable table_;
  RequestHandler& own_;
  const bool own_takes_over_;  // perhaps, from a place with files
  std::vector<std::unique_ptr<RequestHandler>> handlers_;
  const AccessGuard::Then answer_;
  std::unique_ptr<AccessGuard> guard_;  // nullptr: every client may use every place
};

}  // namespace preforkd::http

#endif
