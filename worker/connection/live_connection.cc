#include "worker/connection/live_connection.h"

#include <exception>
#include <functional>
#include <utility>

#include "common/base/log.h"
#include "worker/connection/beginning.h"
#include "worker/connection/callback_stamp.h"
#include "worker/connection/service.h"

namespace preforkd {

LiveConnection::LiveConnection(WorkerEnv& env, Owner& owner, Parcel parcel)
    : owner_(owner), connection_(env, *this, std::move(parcel)) {}

LiveConnection::~LiveConnection() {
  in_callback_ = true;  // decisions made in the session's destructor are ignored
  session_.reset();
  if (due_) connection_.Env().due.Remove(*this);
}

void LiveConnection::OnReady(Interest ready) {
  Run([this, ready] { session_->OnReady(ready); });
}

void LiveConnection::OnTimeout() {
  Run([this] {
    const char* const before = std::exchange(connection_.Verdict().why, "timeout");
    session_->OnTimeout();
    if (!Closing()) connection_.Verdict().why = before;
  });
}

void LiveConnection::OnIdle() { owner_.OnConnectionIdle(*this); }

void LiveConnection::LoseToException(std::string_view what) {
  if (const auto held_back = connection_.Env().client_lines.exception.Allow(Now())) {
    log::Error({log::kConnFailed,
                connection_.Id(),
                {{"cause", "exception"}, {"error", what}, {"suppressed", *held_back}}},
               "closing: the service threw an exception: {}", what);
  }
  connection_.Lose(LossReason::kException);
}

void LiveConnection::LogEnd() {
  if (!log::Enabled(log::Level::kDebug)) return;
  const Parcel& facts = connection_.Facts();
  log::Debug({log::kConnClosed,
              facts.id,
              {{"why", connection_.Verdict().why},
               {"requests", facts.requests},
               {"bytes_in", facts.bytes_in},
               {"bytes_out", facts.bytes_out},
               {"journeys", facts.journeys},
               {"seconds", Seconds(Now() - facts.accepted_at)}}},
             "closed: {}", connection_.Verdict().why);
}

void LiveConnection::DecideLater() {
  if (in_callback_ || std::exchange(due_, true)) return;
  connection_.Env().due.Add(*this);
}

void LiveConnection::End(LossReason reason) {
  if (!Closing()) connection_.Lose(reason);
  owner_.OnConnectionClosed(*this);  // destroys this: keep it the last statement
}

void LiveConnection::Start(Service& service, Luggage luggage) {
  Run([&] { Open(service, std::move(luggage)); });
}

void LiveConnection::Open(Service& service, Luggage luggage) {
  session_ = service.Open(connection_, std::move(luggage));
  session_->OnReady(Interest::kRead);
}

void LiveConnection::Retire() {
  Run([this] { session_->OnRetire(); });
}

void LiveConnection::GiveWay() {
  Run([this] { session_->OnCrowded(); });
}

Duration LiveConnection::Lag(Time now) {
  Duration lag{0};
  if (Closing()) return lag;
  Guard([&] { lag = session_->Lag(now); });
  if (Closing()) DecideLater();
  return lag;
}

std::optional<Luggage> LiveConnection::Pack() {
  const std::uint64_t moved = connection_.Facts().bytes_in + connection_.Facts().bytes_out;
  if (Closing() || connection_.Verdict().heavy_at == moved || !connection_.MayLeave()) return std::nullopt;
  std::optional<Luggage> luggage;
  Guard([&] {
    if (session_->TravelRefusal() == nullptr) luggage = session_->Pack();
  });
  if (Closing()) {
    DecideLater();
    return std::nullopt;
  }
  if (!luggage || luggage->FitsMessage() || luggage->FitsFile()) return luggage;
  connection_.Verdict().heavy_at = moved;
  LogStays(*luggage, "that is too much");
  return std::nullopt;
}

void LiveConnection::LogStays(const Luggage& luggage, std::string_view why) {
  const auto held_back = connection_.Env().client_lines.too_heavy.Allow(Now());
  if (!held_back) return;
  const std::size_t size = luggage.unread.size() + luggage.context.size();
  const std::size_t max = luggage.wake ? kMaxHeavyBytes : kMaxLuggageBytes;
  log::Warning(
      {log::kConnStays, connection_.Id(), {{"bytes", size}, {"max", max}, {"suppressed", *held_back}}},
      "the connection stays in this worker: its session packed {} bytes, the maximum is {}: {}", size, max,
      why);
}

template <typename Callback>
void LiveConnection::Guard(Callback callback) {
  const CallbackStamp stamp(connection_.Env().row);
  const bool outer = std::exchange(in_callback_, true);
  try {
    callback();
  } catch (const std::exception& exception) {
    LoseToException(exception.what());
  } catch (...) {
    LoseToException("not a std::exception");
  }
  in_callback_ = outer;
}

template <typename Callback>
void LiveConnection::Run(Callback callback) {
  if (in_callback_) return Guard(callback);  // nested in a callback of its own, whose Run does the rest
  const bool inside = CallbackStamp::Running(connection_.Env().row);
  SessionVerdict& verdict = connection_.Verdict();
  if (!verdict.closing) {
    Guard([&] {
      callback();
      // Not inside a callback of another session: the next one would read into the buffer that it works on.
      if (verdict.next == nullptr || verdict.closing || inside) return;
      const std::unique_ptr<Beginning> next = std::move(verdict.next);
      Open(next->service, std::move(next->luggage));
    });
  }
  if ((verdict.wake || verdict.readable) && !verdict.closing) DecideLater();
  // Destroy nothing inside a callback of another session: its caller may be iterating over all connections.
  if (inside && (verdict.closing || verdict.travel || verdict.next != nullptr)) return DecideLater();
  if (verdict.closing) return owner_.OnConnectionClosed(*this);  // destroys this
  if (std::exchange(verdict.travel, false))
    owner_.OnConnectionIdle(*this);  // may destroy this: keep it the last statement
}

void LiveConnection::Call(const std::function<void()>& callback) { Run(std::cref(callback)); }

void LiveConnection::ApplyVerdict() {
  due_ = false;
  Run([this] {
    SessionVerdict& verdict = connection_.Verdict();
    if (std::exchange(verdict.wake, false)) session_->OnReady(Interest::kNone);
    if (verdict.closing || verdict.travel || verdict.next != nullptr) return;
    if (std::exchange(verdict.readable, false)) session_->OnReady(Interest::kRead);
  });
}

}  // namespace preforkd
