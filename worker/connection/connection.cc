#include "worker/connection/connection.h"

#include <utility>

#include "common/base/log.h"
#include "worker/connection/beginning.h"
#include "worker/connection/parking/parking_rhythm.h"

namespace preforkd {

Connection::Connection(WorkerEnv& env, Host& host, Parcel parcel)
    : ClientStream(env, std::move(parcel), [this](Interest ready) { OnSocketReady(ready); }),
      host_(host),
      timer_(env.loop, [this] { OnTimer(); }) {}

void Connection::OnTimer() {
  if (timer_.Passed() != SessionTimer::Deadline::kParking) return host_.OnTimeout();
  newcomer_.GoesBack(Env().stays.newcomers);
  host_.OnIdle();
}

void Connection::OnSocketReady(Interest ready) {
  if (!secure_) return host_.OnReady(ready);
  if (Has(ready, Interest::kWrite) && secure_->HasUnsent() &&
      secure_->Flush(socket_) == IoResult::Kind::kAgain)
    ready = Without(ready, Interest::kWrite);
  // The session did not ask for what only its records wait for.
  if (!Has(awaited_, Interest::kWrite)) {
    ready = Without(ready, Interest::kWrite);
    Await(awaited_);
  }
  if (ready != Interest::kNone) host_.OnReady(ready);
}

IoResult Connection::Receive(std::span<char> into) {
  const IoResult result = ClientStream::Receive(into);
  if (result.Done() && newcomer_.IsWatched()) {
    // The clock has been read at the beginning of the callback.
    const auto begin_ns = static_cast<std::int64_t>(Get(Env().row.callback_since_ns));
    newcomer_.Speaks(begin_ns != 0 ? FromNanoseconds(begin_ns) : Now(), Env().stays.newcomers);
  }
  return result;
}

void Connection::Await(Interest interest) {
  if (verdict_.closing) return;
  awaited_ = interest;
  if (secure_) {
    verdict_.readable = Has(interest, Interest::kRead) && secure_->HasInput();
    if (verdict_.readable) host_.DecideLater();
    if (secure_->HasUnsent()) interest = interest | Interest::kWrite;
  }
  const Status status = socket_.Await(interest);
  if (status.Ok()) return;
  // ENOSPC or ENOMEM: without a watch this client cannot be served.
  if (const auto held_back = Env().client_lines.unwatchable.Allow(Now())) {
    log::Error({log::kConnFailed, socket_.Facts().id, {{"cause", "watch"}, {"suppressed", *held_back}}},
               "closing: the socket cannot be watched: {}", status.Err().text);
  }
  Lose(LossReason::kRefused);
}

void Connection::SetTimeout(Duration delay) {
  if (verdict_.closing) return;
  newcomer_.EndsIdleTime();
  timer_.SetAfter(delay);
}

void Connection::CancelTimeout() {
  newcomer_.EndsIdleTime();
  timer_.Cancel();
}

void Connection::SetIdleTimeout(Duration delay) {
  if (verdict_.closing) return;
  const ParkingConfig& parking = Env().config->parking;
  // A master that does not park would send the connection back at once, again and again.
  if (parking.max == 0 || parking.after == Duration(0) || delay <= parking.after) return SetTimeout(delay);
  const Time now = Now();
  const Duration wanted = Stay(parking);
  const Duration stay = wanted < delay ? wanted : parking.after;
  newcomer_.BeginsIdleTime(stay > parking.after, SessionTimer::ParkingTime(now, parking.after));
  timer_.SetAfter(stay, delay, now);
}

Duration Connection::Stay(const ParkingConfig& parking) {
  Parcel& facts = socket_.Facts();
  const bool may_stay = Env().stays.MayStay(ReadingOf(Env().row));
  // Not its bytes: those of a handshake or a PROXY header come before it asks for anything.
  if (facts.stay == Duration(0) && facts.requests > 0 && may_stay) {
    const std::optional<Duration> first = Env().stays.newcomers.LongStay(parking);
    if (first) newcomer_.MayStayLong();
    facts.stay = first.value_or(kShortestStay);
  }
  return StayOf(parking, facts.stay, may_stay);
}

void Connection::CountRequest() {
  ++socket_.Facts().requests;
  Add(Env().row.requests);
}

void Connection::Doing(std::string_view what) {
  WorkerRow& row = Env().row;
  row.doing.Write(what);
  Set(row.doing_since_ns, Get(row.callback_since_ns));
  if (Get(row.doing_conn) == Raw(socket_.Facts().id)) return;
  row.doing_peer.Write(
      {reinterpret_cast<const char*>(&socket_.Facts().peer.storage), socket_.Facts().peer.length});
  Set(row.doing_conn, Raw(socket_.Facts().id));
}

void Connection::Lose(LossReason reason) {
  verdict_.loss = reason;
  Close(LossReasonName(reason));
}

void Connection::Close(const char* why) {
  if (why != nullptr) verdict_.why = why;
  if (secure_ && !verdict_.closing && !verdict_.loss) secure_->SayGoodbye(socket_);
  verdict_.closing = true;
  socket_.StopWaiting();
  timer_.Cancel();
  host_.DecideLater();
}

void Connection::SetTlsState(SecretBytes state) {
  socket_.Facts().tls = TlsStage::kEstablished;
  socket_.Facts().tls_state = std::move(state);
}

void Connection::Travel() {
  verdict_.travel = true;
  verdict_.heavy_at = SessionVerdict::kNever;
  host_.DecideLater();
}

void Connection::WakeSoon() {
  verdict_.wake = true;
  host_.DecideLater();
}

void Connection::SwitchService(Service& service, Luggage luggage) {
  socket_.Facts().proxy_header_due = false;
  verdict_.next = std::make_unique<Beginning>(Beginning{service, std::move(luggage)});
  host_.DecideLater();
}

Parcel Connection::TakeParcel() {
  timer_.Cancel();
  Parcel parcel = socket_.Take();
  if (secure_) parcel.tls_state = secure_->Pack();
  return parcel;
}

}  // namespace preforkd
