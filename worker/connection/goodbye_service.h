// GoodbyeService: ends a connection in order, without asking the service that it was of: a TLS session whose
// idle time was over while it was parked (TlsStage::kGoodbyeDue).
#ifndef PREFORKD_WORKER_CONNECTION_GOODBYE_SERVICE_H_
#define PREFORKD_WORKER_CONNECTION_GOODBYE_SERVICE_H_

#include <memory>

#include "worker/connection/connection.h"
#include "worker/connection/service.h"

namespace preforkd {

class GoodbyeService final : public Service {
 public:
  std::unique_ptr<Session> Open(Connection& connection, Luggage luggage) override {
    (void)luggage;
    return std::make_unique<Goodbye>(connection);
  }

 private:
  class Goodbye final : public Session {
   public:
    explicit Goodbye(Connection& connection) : connection_(connection) {}
    void OnReady(Interest ready) override {
      (void)ready;
      connection_.Close("idle timeout");
    }
    void OnTimeout() override {}
    void OnRetire() override {}

   private:
    Connection& connection_;
  };
};

}  // namespace preforkd

#endif
