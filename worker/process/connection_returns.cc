#include "worker/process/connection_returns.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "common/base/log.h"
#include "worker/connection/heavy_luggage.h"
#include "worker/connection/service.h"

namespace preforkd {
namespace {

// A request that may wait in the master for a thread travels in a file if it is longer: thousands may, and
// they must not fill the memory of the one process that has to stay.
constexpr std::size_t kMaxWaitingBytes = 8 * 1024;

const char* InWords(ReturnReason reason) {
  switch (reason) {
    case ReturnReason::kIdle: return "it is idle";
    case ReturnReason::kRetiring: return "this worker is retiring";
    case ReturnReason::kOverShare: return "other workers have fewer";
    case ReturnReason::kBusy: return "no thread is free for its request";
    case ReturnReason::kSecured: return "its TLS handshake is done";
  }
  return "?";
}

// Number of connections above 5/4 of its share that this worker keeps before it returns any to balance the
// load.
std::uint64_t Slack(const WorkerEnv& env) {
  constexpr std::uint64_t kByTurn = 8;
  constexpr std::uint64_t kByLoad = 2;  // gathered connections are spread when gathering ends
  const DispatchConfig& dispatch = env.config->dispatch;
  if (dispatch.policy != DispatchPolicy::kLeastConnections) return kByTurn;
  // Gathering makes the load uneven on purpose.
  const PoolRow* const pool = env.scoreboard.PoolOf(env.row);
  if (pool != nullptr && pool->gathers.load(std::memory_order_relaxed))
    return std::max(kByTurn, std::uint64_t{dispatch.gather});
  return kByLoad;
}

// What a gate sends back has nothing to wait for, but a handshake that is done.
bool IsSecured(const Connection& client) {
  return client.Facts().tls == TlsStage::kEstablished && client.Tls() == nullptr;
}

}  // namespace

ConnectionReturns::ConnectionReturns(WorkerEnv& env, MasterLink& master, ConnectionTable& connections,
                                     Tally& tally)
    : env_(env), master_(master), connections_(connections), tally_(tally) {
  master_.OnDropped([this](ConnId id) {
    env_.clients.Ends(id);
    tally_.NotReturned();
    CountUnreturned();
  });
}

bool ConnectionReturns::Return(LiveConnection& connection, ReturnReason reason) {
  // If no other worker would get it, a client that has sent data is answered here.
  const bool last = env_.HasNoSuccessor();
  if (last && connection.Client().HasInput()) return false;
  std::optional<Luggage> luggage = connection.Pack();
  if (!luggage) return false;
  // No other worker would do the remaining work.
  if (luggage->wake && (last || master_.MasterGone())) return false;
  UniqueFd heavy;
  const bool burdens = luggage->unbegun && luggage->unread.size() > kMaxWaitingBytes;
  if (burdens || !luggage->FitsMessage()) {
    Result<UniqueFd> file = StoreHeavy(luggage->unread);
    if (!file.Ok() && !luggage->FitsMessage()) {
      connection.LogStays(*luggage, file.Err().text);
      return false;
    }
    if (file.Ok()) {
      heavy = std::move(file).Value();
      luggage->unread.clear();
    }
  }
  HandBack message;
  message.id = env_.id;
  message.reason = reason == ReturnReason::kIdle && luggage->unbegun ? ReturnReason::kBusy : reason;
  if (IsSecured(connection.Client())) message.reason = ReturnReason::kSecured;
  message.wake_now = luggage->wake;
  message.idle_left_ns = luggage->idle_left.count();
  message.parcel = connection.Client().TakeParcel();
  message.parcel.unread = std::move(luggage->unread);
  message.parcel.heavy = std::move(heavy);
  message.parcel.context = std::move(luggage->context);
  const ConnId id = message.parcel.id;
  log::Debug({log::kConnReturned, message.parcel.id, {{"cause", ReturnReasonName(message.reason)}}},
             "handed back: {}", InWords(message.reason));
  if (master_.Send(message)) {
    tally_.Returned();
  } else {
    env_.clients.Ends(id);
    CountUnreturned();
  }
  connections_.Remove(connection);
  return true;
}

void ConnectionReturns::ReturnSurplus() {
  // Each connection would come back to this worker.
  if (env_.config->dispatch.policy == DispatchPolicy::kClientHash) return;
  std::uint64_t all = 0;
  std::uint64_t workers = 0;
  for (std::uint32_t slot = 0; slot < env_.scoreboard.SlotsUsed(); ++slot) {
    const WorkerRow& row = env_.scoreboard.Row(Slot{slot});
    if (row.state.load(std::memory_order_relaxed) != SlotState::kReady || Get(row.pool) != Get(env_.row.pool))
      continue;
    all += row.InProgress();
    ++workers;
  }
  if (workers == 0) return;
  const std::uint64_t share = all / workers;
  if (connections_.Size() <= share + share / 4 + Slack(env_)) return;
  std::uint64_t surplus = connections_.Size() - share;
  connections_.ForEach([this, &surplus](LiveConnection& connection) {
    if (surplus > 0 && Return(connection, ReturnReason::kOverShare)) --surplus;
  });
}

void ConnectionReturns::CountUnreturned() {
  if (master_.MasterGone()) {
    tally_.Finished();  // it was idle, and the server has ended
  } else {
    tally_.Lost(LossReason::kRefused);
  }
}

}  // namespace preforkd
