#include "worker/http/http_service.h"

#include <utility>

#include "common/base/log.h"
#include "common/bounds/too_many_answer.h"
#include "worker/http/http_session.h"
#include "worker/http/place/places.h"

namespace preforkd {
namespace {

// Of a connection that had left HTTP, under an earlier configuration, for a protocol that is not served now.
class OrphanSession final : public Session {
 public:
  explicit OrphanSession(Connection& connection) : connection_(connection) {}

  void OnReady(Interest) override {
    if (const auto held_back = connection_.Env().client_lines.no_service.Allow(Now())) {
      log::Warning({log::kConnFailed, connection_.Id(), {{"cause", "protocol"}, {"suppressed", *held_back}}},
                   "closing: this service does not speak the protocol that the connection was switched to");
    }
    connection_.Lose(LossReason::kRefused);
  }
  void OnTimeout() override {}
  void OnRetire() override {}

 private:
  Connection& connection_;
};

class HttpService final : public Service {
 public:
  HttpService(const HttpSettings& settings, std::unique_ptr<RequestHandler> handler,
              std::unique_ptr<Service> next, std::unique_ptr<http::Places> places)
      : handler_(std::move(handler)),
        next_(std::move(next)),
        places_(std::move(places)),
        shared_(settings, *handler_, next_.get(), places_.get()) {}

  std::unique_ptr<Session> Open(Connection& connection, Luggage luggage) override {
    if (luggage.context.starts_with(kSwitchedMark)) {
      if (next_ == nullptr) return std::make_unique<OrphanSession>(connection);
      luggage.context.erase(0, 1);
      return next_->Open(connection, std::move(luggage));
    }
    return std::make_unique<http::HttpSession>(connection, shared_, std::move(luggage));
  }

  [[nodiscard]] std::string TooMany(Duration retry_after) const override {
    return TooManyAnswer(retry_after);
  }
  void OnRetire() override { handler_->OnRetire(); }
  bool OnExit() override {
    const bool ended = handler_->OnExit();
    return (places_ == nullptr || places_->OnExit()) && ended;
  }

 private:
  std::unique_ptr<RequestHandler> handler_;
  std::unique_ptr<Service> next_;
  std::unique_ptr<http::Places> places_;
  http::SessionShared shared_;
};

}  // namespace

std::unique_ptr<Service> MakeHttpService(const HttpSettings& settings,
                                         std::unique_ptr<RequestHandler> handler,
                                         std::unique_ptr<Service> next) {
  return std::make_unique<HttpService>(settings, std::move(handler), std::move(next), nullptr);
}

std::unique_ptr<Service> MakeHttpService(const ServiceConfig& config, std::unique_ptr<RequestHandler> handler,
                                         std::unique_ptr<Service> next) {
  return MakeHttpService(HttpSettings(config.settings), std::move(handler), std::move(next));
}

Result<std::unique_ptr<Service>> MakePlacedHttpService(const ServiceConfig& config, WorkerEnv& env,
                                                       std::unique_ptr<RequestHandler> handler,
                                                       std::unique_ptr<Service> next) {
  Result<std::unique_ptr<http::Places>> places = http::Places::Make(config, env, *handler);
  if (!places.Ok()) return places.Err();
  return std::unique_ptr<Service>(std::make_unique<HttpService>(
      HttpSettings(config.settings), std::move(handler), std::move(next), std::move(places).Value()));
}

}  // namespace preforkd
