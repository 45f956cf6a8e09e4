#include "worker/http/http_service.h"

#include <utility>

#include "worker/http/http_session.h"

namespace preforkd {
namespace {

class HttpService final : public Service {
 public:
  HttpService(const HttpSettings& settings, std::unique_ptr<RequestHandler> handler)
      : handler_(std::move(handler)), shared_(settings, *handler_) {}

  std::unique_ptr<Session> Open(Connection& connection, Luggage luggage) override {
    return std::make_unique<http::HttpSession>(connection, shared_, std::move(luggage));
  }

  void OnRetire() override { handler_->OnRetire(); }
  bool OnExit() override { return handler_->OnExit(); }

 private:
  std::unique_ptr<RequestHandler> handler_;
  http::SessionShared shared_;
};

}  // namespace

std::unique_ptr<Service> MakeHttpService(const HttpSettings& settings,
                                         std::unique_ptr<RequestHandler> handler) {
  return std::make_unique<HttpService>(settings, std::move(handler));
}

std::unique_ptr<Service> MakeHttpService(const ServiceConfig& config,
                                         std::unique_ptr<RequestHandler> handler) {
  return MakeHttpService(HttpSettings(config.settings), std::move(handler));
}

}  // namespace preforkd
