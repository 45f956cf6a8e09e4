#include "worker/http/responder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <exception>

#include "common/base/log.h"
#include "worker/http/answer/error_page.h"
#include "worker/http/answer/send_response.h"
#include "worker/http/syntax/http_status.h"
#include "worker/http/syntax/request_line.h"

namespace preforkd::http {

bool Responder::Serve(const HttpRequest& request, std::string_view head) {
  Announce(request);
  CallHandler(request);
  const bool keep = KeepsAlive(request);
  AccessEntry known;
  if (connection_.Env().access != nullptr) {
    known.referer = request.Field("referer").value_or("");
    known.user_agent = request.Field("user-agent").value_or("");
  }
  Send(head, known, {Date(), keep, request.minor_version}, request.method == HttpMethod::kHead);
  return keep;
}

// If ReadsBody throws, Handle is called; its exception is logged and answered.
bool Responder::HandlerReadsBody(const HttpRequest& request) const {
  try {
    return shared_.handler.ReadsBody(request);
  } catch (...) {
    return true;
  }
}

void Responder::CallHandler(const HttpRequest& request) {
  HttpResponse& response = shared_.response;
  response.Clear();
  const char* fault = nullptr;
  std::string thrown;
  try {
    shared_.handler.Handle(request, response);
    if (response.Malformed()) fault = "the handler's response is malformed";
  } catch (const std::exception& exception) {
    thrown = exception.what();
    fault = thrown.c_str();
  } catch (...) {
    fault = "the handler threw an exception that is not a std::exception";
  }
  if (fault == nullptr) return;
  if (const auto held_back = shared_.fault_log.Allow(Now())) {
    log::Error({log::kRequestFailed, connection_.Id(), {{"suppressed", *held_back}}}, "500 for {} {}: {}",
               request.method_name, request.target, fault);
  }
  response.Clear();
  AnswerStatus(response, 500);
}

bool Responder::KeepsAlive(const HttpRequest& request) const {
  const std::uint64_t max_requests = shared_.config.max_requests;
  const bool last_allowed = max_requests > 0 && connection_.Requests() + 1 >= max_requests;
  return request.keep_alive && !shared_.response.ClosesAfter() && !ServerStops() && !last_allowed;
}

void Responder::Send(std::string_view head, AccessEntry known, const HeadContext& context, bool head_only) {
  HttpResponse& response = shared_.response;
  connection_.CountRequest();
  known.status = response.Status();
  if (log::Enabled(log::Level::kDebug)) {
    constexpr std::size_t kShown = 200;
    const std::string_view line = head.substr(0, std::min(head.find_first_of("\r\n"), kShown));
    log::Debug({log::kRequestAnswered,
                connection_.Id(),
                {{"request", connection_.Requests()}, {"status", known.status}, {"line", line}}},
               "request {} answered with {}: {}", connection_.Requests(), known.status, line);
  }
  access_.Begin(head, known, head_only || !MayHaveBody(response.Status()) ? 0 : response.BodySize());
  const std::uint64_t begin = output_.End();
  access_.SetEnd(begin + SendResponse(output_, response, context, head_only));
  response.Clear();  // closes a file that was copied
}

void Responder::Refuse(int status, std::string_view head) {
  HttpResponse& response = shared_.response;
  response.Clear();
  AnswerStatus(response, status);
  const MethodSeen method = SeeMethod(head.substr(EmptyLineBytes(head)));
  if (method == MethodSeen::kUnknown) response.Body().clear();
  Send(head, {}, {Date(), false, 1}, method == MethodSeen::kHead);
}

Output::Progress Responder::Flush(bool last) {
  access_.BeforeSending();
  const Output::Progress progress = output_.Flush(last);
  access_.AfterSending(output_.Sent(), progress != Output::Progress::kBlocked);
  return progress;
}

std::uint64_t Responder::Delivered() const {
  const std::uint64_t sent = output_.Sent();
  return sent - std::min(sent, connection_.Unacknowledged());
}

void Responder::Announce(const HttpRequest& request) {
  std::array<char, SharedText::kCapacity> line;
  std::size_t size = 0;
  for (const std::string_view part : {request.method_name, std::string_view(" "), request.target}) {
    size += part.copy(line.data() + size, line.size() - size);
  }
  connection_.Doing({line.data(), size});
}

// A worker that only retires keeps the connection open, because another worker continues it.
bool Responder::ServerStops() const {
  const MasterPage& master = connection_.Env().scoreboard.Master();
  return master.state.load(std::memory_order_relaxed) == MasterState::kStopping;
}

std::string_view Responder::Date() { return shared_.date.At(std::time(nullptr)); }

}  // namespace preforkd::http
