#include "worker/module/protocol/protocol_service.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "worker/module/protocol/protocol_session.h"

namespace preforkd::module {
namespace {

class ProtocolService final : public Service {
 public:
  explicit ProtocolService(const ProtocolShared& shared) : shared_(shared) {}

  std::unique_ptr<Session> Open(Connection& connection, Luggage luggage) override {
    auto session = std::make_unique<ProtocolSession>(connection, shared_, std::move(luggage.unread));
    session->Open(luggage.context);
    return session;
  }

 private:
  ProtocolShared shared_;
};

}  // namespace

Result<std::unique_ptr<Service>> MakeProtocolService(const pfd_protocol& protocol, void* state,
                                                     pfd_service& service, std::string_view mark) {
  ProtocolShared shared{{}, state, service, mark};
  std::memcpy(&shared.table, &protocol, std::min<std::size_t>(protocol.size, sizeof(shared.table)));
  const pfd_protocol& table = shared.table;
  if (table.open == nullptr || table.bytes == nullptr || table.close == nullptr) {
    return Error{"the table of the protocol lacks open, bytes or close"};
  }
  return std::unique_ptr<Service>(std::make_unique<ProtocolService>(shared));
}

}  // namespace preforkd::module
