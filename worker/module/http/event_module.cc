#include "worker/module/http/event_module.h"

namespace preforkd::module {

void EventModule::Start(const HttpRequest& request, HttpResponse& response, Deferral& deferral) {
  pfd_request& own = Fresh();
  own.BeginInline(request, response, deferral);
  CallHandle(own, 0);
  if (own.Kept()) Watch(own);
  own.EndInline();
}

void EventModule::OnTimedOut(pfd_request& request) {
  OnFault(request.Facts().Request(), "504: it was not answered in time");
}

}  // namespace preforkd::module
