#include "worker/connection/connection.h"

#include <exception>
#include <functional>
#include <utility>

#include "common/base/log.h"
#include "worker/connection/service.h"

namespace preforkd {
namespace {

// The time that a callback takes, in the scoreboard: what the hang watch looks at, and how busy the worker is. One inside
// another is part of it.
class CallbackStamp {
 public:
  explicit CallbackStamp(WorkerRow& row) : row_(row), inside_(Running(row)), begin_(Now()) {
    if (!inside_) Set(row_.callback_since_ns, static_cast<std::uint64_t>(ToNanoseconds(begin_)));
  }
  CallbackStamp(const CallbackStamp&) = delete;
  CallbackStamp& operator=(const CallbackStamp&) = delete;
  ~CallbackStamp() {
    if (inside_) return;
    Set(row_.callback_since_ns, 0);
    Add(row_.callbacks);
    Add(row_.busy_ns, static_cast<std::uint64_t>(ToNanoseconds(Now()) - ToNanoseconds(begin_)));
  }

  // Some session of this worker is on the stack.
  static bool Running(const WorkerRow& row) { return Get(row.callback_since_ns) != 0; }

 private:
  WorkerRow& row_;
  bool inside_;
  Time begin_;
};

}  // namespace

// What BeginAnew was told.
struct Beginning {
  Service& service;
  Luggage luggage;
};

Connection::Connection(WorkerEnv& env, Owner& owner, Parcel parcel)
    : env_(env),
      owner_(owner),
      parcel_(std::move(parcel)),
      watch_(env.loop, parcel_.fd.Get(), EventLoop::kPriorityClient,
             [this](Interest ready) { Run([this, ready] { session_->OnReady(ready); }); }),
      timer_(env.loop, EventLoop::kPriorityClient, [this] { OnTimer(); }) {}

Connection::~Connection() {
  in_callback_ = true;  // what its session asks for in its destructor is too late
  session_.reset();
  if (due_) env_.due.Remove(*this);
}

void Connection::Await(Interest interest) {
  if (closing_) return;
  const Status status = watch_.Want(interest);
  if (status.Ok()) return;
  // ENOSPC or ENOMEM: this client cannot be waited for, so it is the one that must go.
  if (const auto held_back = env_.client_lines.unwatchable.Allow(Now())) {
    log::Error(parcel_.id, "closing: cannot wait for the client: {} ({} more such lines held back)", status.Err().text,
               *held_back);
  }
  Lose(LossReason::kRefused);
}

void Connection::SetTimeout(Duration delay) {
  if (closing_) return;
  session_deadline_.reset();
  timer_.SetAfter(delay);
}

void Connection::CancelTimeout() {
  session_deadline_.reset();
  timer_.Cancel();
}

void Connection::SetIdleTimeout(Duration delay) {
  if (closing_) return;
  const ParkingConfig& parking = env_.config->parking;
  // A master that parks nothing would send it back at once, again and again.
  if (parking.max == 0 || parking.after == Duration(0) || delay <= parking.after) return SetTimeout(delay);
  const Time now = Now();
  session_deadline_ = now + delay;
  timer_.SetAt(now + parking.after, now);
}

void Connection::OnTimer() {
  if (!session_deadline_) {
    return Run([this] {
      const char* const before = std::exchange(why_, "its time was over");
      session_->OnTimeout();
      if (!closing_) why_ = before;
    });
  }
  // Idle for parking.after: if it stays all the same, the session's own deadline is what is left.
  timer_.SetAt(*std::exchange(session_deadline_, std::nullopt));
  owner_.OnConnectionIdle(*this);  // may destroy this: last statement
}

void Connection::CountRequest() {
  ++parcel_.requests;
  Add(env_.row.requests);
}

void Connection::Doing(std::string_view what) {
  WorkerRow& row = env_.row;
  row.doing.Write(what);
  Set(row.doing_since_ns, Get(row.callback_since_ns));
  if (Get(row.doing_conn) == Raw(parcel_.id)) return;
  row.doing_peer.Write({reinterpret_cast<const char*>(&parcel_.peer.storage), parcel_.peer.length});
  Set(row.doing_conn, Raw(parcel_.id));
}

void Connection::Lose(LossReason reason) {
  loss_ = reason;
  Close(LossReasonName(reason));
}

void Connection::LoseToException(std::string_view what) {
  if (const auto held_back = env_.client_lines.exception.Allow(Now())) {
    log::Error(parcel_.id, "closing: the service threw: {} ({} more such lines held back)", what, *held_back);
  }
  Lose(LossReason::kException);
}

void Connection::LogEnd() const {
  if (!log::Enabled(log::Level::kDebug)) return;
  log::Debug(parcel_.id, "closed: {}; requests {}, bytes in {}, out {}, journeys {}, after {:.3f} s", why_,
             parcel_.requests, parcel_.bytes_in, parcel_.bytes_out, parcel_.journeys,
             Seconds(Now() - parcel_.accepted_at));
}

void Connection::Close(const char* why) {
  if (why != nullptr) why_ = why;
  closing_ = true;
  watch_.Stop();
  timer_.Cancel();
  SettleLater();
}

void Connection::Travel() {
  travel_ = true;
  heavy_at_ = kNever;
  SettleLater();
}

void Connection::SettleLater() {
  if (in_callback_ || std::exchange(due_, true)) return;
  env_.due.Add(*this);
}

void Connection::End(LossReason reason) {
  if (!closing_) Lose(reason);
  owner_.OnConnectionClosed(*this);  // destroys this: last statement
}

void Connection::Start(Service& service, Luggage luggage) {
  Run([&] { Open(service, std::move(luggage)); });
}

void Connection::Open(Service& service, Luggage luggage) {
  session_ = service.Open(*this, std::move(luggage));
  session_->OnReady(Interest::kRead);
}

void Connection::BeginAnew(Service& service, Luggage luggage) {
  parcel_.proxy_header_due = false;
  anew_ = std::make_unique<Beginning>(Beginning{service, std::move(luggage)});
  SettleLater();
}

void Connection::Retire() {
  Run([this] { session_->OnRetire(); });
}

void Connection::GiveWay() {
  Run([this] { session_->OnCrowded(); });
}

Duration Connection::Lag(Time now) {
  Duration lag{0};
  if (closing_) return lag;
  Guard([&] { lag = session_->Lag(now); });
  if (closing_) SettleLater();
  return lag;
}

std::optional<Luggage> Connection::Pack() {
  const std::uint64_t moved = parcel_.bytes_in + parcel_.bytes_out;
  if (closing_ || heavy_at_ == moved) return std::nullopt;
  std::optional<Luggage> luggage;
  Guard([&] {
    if (session_->TravelRefusal() == nullptr) luggage = session_->Pack();
  });
  if (closing_) {
    SettleLater();
    return std::nullopt;
  }
  const std::size_t size = luggage ? luggage->unread.size() + luggage->context.size() : 0;
  if (size <= kMaxLuggageBytes) return luggage;
  heavy_at_ = moved;
  if (const auto held_back = env_.client_lines.too_heavy.Allow(Now())) {
    log::Warning(parcel_.id, "stays in this worker: its session packed {} bytes, and at most {} may travel ({} more such "
                             "lines held back)",
                 size, kMaxLuggageBytes, *held_back);
  }
  return std::nullopt;
}

Parcel Connection::TakeParcel() {
  watch_.Stop();
  timer_.Cancel();
  return std::move(parcel_);
}

template <typename Callback>
void Connection::Guard(Callback callback) {
  const CallbackStamp stamp(env_.row);
  const bool outer = std::exchange(in_callback_, true);
  try {
    callback();
  } catch (const std::exception& exception) {
    LoseToException(exception.what());
  } catch (...) {
    LoseToException("something that is no std::exception");
  }
  in_callback_ = outer;
}

template <typename Callback>
void Connection::Run(Callback callback) {
  if (in_callback_) return Guard(callback);  // inside one of its own, which does the rest
  const bool inside = CallbackStamp::Running(env_.row);
  if (!closing_) {
    Guard([&] {
      callback();
      if (anew_ == nullptr || closing_) return;
      const std::unique_ptr<Beginning> anew = std::move(anew_);
      Open(anew->service, std::move(anew->luggage));
    });
  }
  // Inside a callback of another session nothing is destroyed: who called that may be going through all connections.
  if (inside && (closing_ || travel_)) return SettleLater();
  if (closing_) return owner_.OnConnectionClosed(*this);  // destroys this
  if (std::exchange(travel_, false)) owner_.OnConnectionIdle(*this);  // may destroy this: last statement
}

void Connection::Call(const std::function<void()>& callback) { Run(std::cref(callback)); }

void Connection::Settle() {
  due_ = false;
  Run([] {});
}

}  // namespace preforkd
