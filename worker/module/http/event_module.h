// EventModule: HTTP requests of a module whose handler runs in the loop thread and must not block.
//
// An answer that is given inside the handler goes straight to the session, and costs no allocation. Loop
// thread only.
#ifndef PREFORKD_WORKER_MODULE_HTTP_EVENT_MODULE_H_
#define PREFORKD_WORKER_MODULE_HTTP_EVENT_MODULE_H_

#include "worker/module/http/http_module.h"

namespace preforkd::module {

class EventModule final : public HttpModule {
 public:
  using HttpModule::HttpModule;

  void Start(const HttpRequest& request, HttpResponse& response, Deferral& deferral) override;
  void OnRetire() override { states_.Retire(0); }
  bool OnExit() override {
    states_.End(0);
    return true;
  }

 private:
  void Handle(pfd_request& request, std::size_t thread) override { CallHandle(request, thread); }
  void OnTimedOut(pfd_request& request) override;
};

}  // namespace preforkd::module

#endif
