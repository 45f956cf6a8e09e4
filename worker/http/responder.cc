#include "worker/http/responder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "common/base/log.h"
#include "worker/http/answer/error_page.h"
#include "worker/http/answer/handler_call.h"
#include "worker/http/answer/https_redirect.h"
#include "worker/http/answer/send_response.h"
#include "worker/http/syntax/http_status.h"
#include "worker/http/syntax/request_line.h"

namespace preforkd::http {

namespace {

// Makes the exchange of one request, if the handler asks for it.
class DeferralOf final : public Deferral {
 public:
  DeferralOf(std::string_view head, const HttpRequest& request) : head_(head), request_(request) {}

  std::shared_ptr<Exchange> Take() override {
    if (exchange_ == nullptr) exchange_ = std::make_shared<Exchange>(head_, request_);
    return exchange_;
  }
  [[nodiscard]] std::shared_ptr<Exchange> Taken() { return std::move(exchange_); }

 private:
  std::string_view head_;
  const HttpRequest& request_;
  std::shared_ptr<Exchange> exchange_;
};

// The service is to be used over TLS, and this connection is plain.
bool Redirects(const Connection& connection, const HttpSettings& settings) {
  return settings.redirect_to_https != 0 && connection.Tls() == nullptr;
}

// A client must not believe it on a plain connection, so it is not sent there (RFC 6797 section 7.2).
std::string_view HstsOf(const Connection& connection, const SessionShared& shared) {
  return connection.Tls() == nullptr ? std::string_view() : std::string_view(shared.hsts);
}

// How long the client has to wait with this request, if it has sent too many.
std::optional<Duration> WaitOf(Connection& connection, std::uint32_t request_rate) {
  const auto service = static_cast<std::uint16_t>(connection.Facts().service);
  const auto refusal = connection.Env().clients.Requests(connection.Peer(), service, request_rate, Now());
  if (!refusal) return std::nullopt;
  refusal->Log(connection.Id());
  return refusal->retry_after;
}

// A worker that only retires keeps the connection open, because another worker continues it.
bool ServerStops(Connection& connection) {
  const MasterPage& master = connection.Env().scoreboard.Master();
  return master.state.load(std::memory_order_relaxed) == MasterState::kStopping;
}

// What the access log needs of the request; empty without one.
AccessEntry KnownOf(Connection& connection, const HttpRequest& request) {
  AccessEntry known;
  if (connection.Env().access == nullptr) return known;
  known.referer = request.Field("referer").value_or("");
  known.user_agent = request.Field("user-agent").value_or("");
  known.user = request.user;
  return known;
}

// A piece of a streamed body; not empty.
void AppendPiece(Output& output, BodyFraming framing, std::string_view piece) {
  if (framing == BodyFraming::kChunked) {
    std::array<char, 2 * sizeof(std::size_t) + 2> size;
    const auto end = fmt::format_to_n(size.data(), size.size(), "{:x}\r\n", piece.size());
    output.Append({size.data(), end.size});
  }
  output.Append(piece);
  if (framing == BodyFraming::kChunked) output.Append("\r\n");
}

}  // namespace

void Responder::Sign(HttpRequest& request) {
  request.peer = &connection_.Peer();
  request.connection = Raw(connection_.Id());
  request.tls = connection_.Tls();
  bounded_.reset();
  if (shared_.config.request_rate > 0 && !request.answer_by)
    bounded_ = WaitOf(connection_, shared_.config.request_rate);
  if (shared_.places != nullptr) placing_.Enter(*shared_.places, request);
}

Responder::~Responder() {
  access_.AfterSending(output_.Sent(), true);
  if (exchange_ != nullptr) exchange_->Detach();
}

void Responder::Continue() {
  // Within an answer it would be taken for a part of it.
  if (!owes_continue_ || streaming_) return;
  owes_continue_ = false;
  output_.Append("HTTP/1.1 100 Continue\r\n\r\n");
}

Served Responder::Serve(const HttpRequest& request, std::string_view head) {
  Announce(request);
  DeferralOf deferral(head, request);
  CallHandler(request, deferral);
  exchange_ = deferral.Taken();
  if (exchange_ != nullptr) return Served::kLater;
  return Respond(request, head, shared_.response);
}

Served Responder::Respond(const HttpRequest& request, std::string_view head, HttpResponse& response) {
  placing_.Follow(request);
  placing_.UsePages(response);
  shared_.compression.Apply(placing_.Compress(shared_.config.compress), placing_.Rules(), request, response);
  const bool keep = KeepsAlive(request, response);
  const bool switches = response.Switches();
  if (switches) next_ = std::make_unique<std::string>(response.TakeContext());
  Send(response, head, KnownOf(connection_, request), {Date(), keep, request.minor_version},
       request.method == HttpMethod::kHead);
  if (switches) return Served::kSwitched;
  return keep ? Served::kAnswered : Served::kLast;
}

// ---- a request that was deferred ----

void Responder::RefuseDeferred(int status) {
  const std::shared_ptr<Exchange> exchange = std::move(exchange_);
  exchange->Detach();
  compressor_.reset();
  if (!std::exchange(streaming_, false)) Refuse(status, exchange->Kept().HeadBytes());
}

Served Responder::Complete(HttpResponse& response) {
  const std::shared_ptr<Exchange> exchange = std::move(exchange_);
  return Respond(exchange->Request(), exchange->Kept().HeadBytes(), response);
}

void Responder::BeginStream(HttpResponse& head) {
  const HttpRequest& request = exchange_->Request();
  placing_.Follow(request);
  framing_ = request.minor_version == 0 ? BodyFraming::kToEnd : BodyFraming::kChunked;
  bodiless_ = request.method == HttpMethod::kHead || !MayHaveBody(head.Status());
  keep_ = KeepsAlive(request, head) && (framing_ == BodyFraming::kChunked || bodiless_);
  streaming_ = true;
  compressor_ = shared_.compression.Begin(placing_.Compress(shared_.config.compress), placing_.Rules(),
                                          request, head, bodiless_);
  Record(head, exchange_->Kept().HeadBytes(), KnownOf(connection_, request), 0);
  const HeadContext context{
      Date(), keep_, request.minor_version, framing_, HstsOf(connection_, shared_), placing_.Rules()};
  output_.Commit(WriteHead(head, context, output_.Room(kMaxResponseHead)));
  access_.Grow(0, output_.End());
}

void Responder::Stream(std::string_view piece) {
  if (compressor_ != nullptr && !piece.empty())
    piece = shared_.compression.Piece(*compressor_, piece, Compressor::Step::kFlush);
  // A chunk of size 0 would end the body.
  if (bodiless_ || piece.empty()) return;
  AppendPiece(output_, framing_, piece);
  access_.Grow(piece.size(), output_.End());
}

Served Responder::EndStream() {
  if (const std::unique_ptr<Compressor> compressor = std::move(compressor_)) {
    const std::string_view rest = shared_.compression.Piece(*compressor, {}, Compressor::Step::kFinish);
    AppendPiece(output_, framing_, rest);
    access_.Grow(rest.size(), output_.End());
  }
  if (framing_ == BodyFraming::kChunked && !bodiless_) output_.Append("0\r\n\r\n");
  access_.SetEnd(output_.End());
  streaming_ = false;
  Abandon();
  return keep_ ? Served::kAnswered : Served::kLast;
}

// If UseOfBody throws, the handler is called with the whole body; its exception is logged and answered.
BodyUse Responder::HandlerUseOfBody(const HttpRequest& request) const {
  if (bounded_ || Redirects(connection_, shared_.config)) return BodyUse::kNone;
  try {
    return shared_.places != nullptr ? shared_.places->UseOfBody(request)
                                     : shared_.handler.UseOfBody(request);
  } catch (...) {
    return BodyUse::kWhole;
  }
}

void Responder::CallHandler(const HttpRequest& request, Deferral& deferral) {
  HttpResponse& response = shared_.response;
  response.Clear();
  if (bounded_) {
    AnswerStatus(response, 429);
    response.AddHeader("Retry-After",
                       fmt::format_int(std::chrono::ceil<std::chrono::seconds>(*bounded_).count()).str());
    return;
  }
  if (Redirects(connection_, shared_.config))
    return AnswerHttpsRedirect(request, shared_.config.redirect_to_https, response);
  const auto start = [&] {
    shared_.places != nullptr ? shared_.places->Start(request, response, deferral)
                              : shared_.handler.Start(request, response, deferral);
  };
  (void)http::CallHandler(start, request, shared_.fault_log, response);
}

bool Responder::KeepsAlive(const HttpRequest& request, const HttpResponse& response) const {
  const std::uint64_t max_requests = shared_.config.max_requests;
  const bool last_allowed = max_requests > 0 && connection_.Requests() + 1 >= max_requests;
  return request.keep_alive && !response.ClosesAfter() && !ServerStops(connection_) && !last_allowed &&
         !owes_continue_;
}

void Responder::Send(HttpResponse& response, std::string_view head, AccessEntry known, HeadContext context,
                     bool head_only) {
  context.hsts = HstsOf(connection_, shared_);
  context.rules = placing_.Rules();
  Record(response, head, known, head_only || !MayHaveBody(response.Status()) ? 0 : response.BodySize());
  const std::uint64_t begin = output_.End();
  access_.SetEnd(begin + SendResponse(output_, response, context, head_only));
  response.Clear();  // closes a file that was copied
  placing_.Leave();
}

void Responder::Record(const HttpResponse& response, std::string_view head, AccessEntry known,
                       std::uint64_t body_size) {
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
  access_.Begin(head, known, body_size);
}

void Responder::Refuse(int status, std::string_view head) {
  HttpResponse& response = shared_.response;
  response.Clear();
  AnswerStatus(response, status);
  if (shared_.places != nullptr) placing_.EnterAny(*shared_.places);
  placing_.UsePages(response);
  const MethodSeen method = SeeMethod(head.substr(EmptyLineBytes(head)));
  if (method == MethodSeen::kUnknown) response.Body().clear();
  Send(response, head, {}, {Date(), false, 1}, method == MethodSeen::kHead);
}

Output::Progress Responder::Flush(bool last) {
  access_.BeforeSending();
  const Output::Progress progress = output_.Flush(last);
  const bool more =
      progress == Output::Progress::kBlocked || (progress == Output::Progress::kDrained && streaming_);
  access_.AfterSending(output_.Sent(), !more);
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

std::string_view Responder::Date() { return shared_.date.At(std::time(nullptr)); }

}  // namespace preforkd::http
