#include "worker/module/protocol/protocol_session.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "common/base/log.h"
#include "worker/module/host/module_call.h"
#include "worker/module/host/values.h"
#include "worker/module/protocol/pack_session.h"

namespace preforkd::module {
namespace {

// Maximum reads per callback, so that a client that sends without pause does not delay others.
constexpr int kReadsPerCallback = 16;

// How long a connection that ends waits for its client to take some of the last bytes.
constexpr Duration kLastBytes = std::chrono::seconds(60);

// Bytes per second of a client that goes on sending while its connection ends (LingeringClose).
constexpr std::uint64_t kMinRate = 1024;

// Replaces an expired time, because 0 would mean no limit.
constexpr Duration kSoon = std::chrono::milliseconds(1);

// Reports of a crash or a hang name this client. The text that the module has set for it stays.
void Show(Connection& connection, std::string_view service) {
  WorkerRow& row = connection.Env().row;
  if (Get(row.doing_conn) != Raw(connection.Id())) return connection.Doing(service);
  Set(row.doing_since_ns, Get(row.callback_since_ns));
}

// Set for a scope.
class Flag {
 public:
  explicit Flag(bool& flag) : flag_(flag), before_(std::exchange(flag, true)) {}
  Flag(const Flag&) = delete;
  Flag& operator=(const Flag&) = delete;
  ~Flag() { flag_ = before_; }

 private:
  bool& flag_;
  bool before_;
};

}  // namespace

ProtocolSession::ProtocolSession(Connection& connection, const ProtocolShared& shared, std::string unread)
    : connection_(connection),
      shared_(shared),
      unused_(std::move(unread)),
      unsent_(connection),
      times_(Now()) {}

ProtocolSession::~ProtocolSession() {
  over_ = true;
  if (session_ == nullptr) return;
  const CallbackStamp stamp(shared_.service.env.row);
  if (!stamp.Nested()) Show(connection_, shared_.service.config.name);
  GuardModule(shared_.service, "close", [this] { shared_.table.close(session_); });
}

void ProtocolSession::Open(std::string_view context) {
  const Flag inside(inside_);  // OnReady follows, and settles
  Show(connection_, shared_.service.config.name);
  session_ = shared_.table.open(shared_.state, &handle_, context.empty() ? kAbsent : ToStr(context));
  if (!Usable()) return;
  if (session_ != nullptr) {
    // It was taken over in a worker that leaves: nobody else tells it.
    retiring_ = connection_.Env().retiring;
    if (retiring_ && shared_.table.retire != nullptr && TravelRefusal() != nullptr) {
      shared_.table.retire(session_);
    }
    return;
  }
  if (!sent_) return connection_.Close("the module refused it");
  Finish();  // the client gets the reason
}

// ---- callbacks of the connection ----

template <typename Callback>
void ProtocolSession::Enter(Callback callback) {
  {
    const Flag inside(inside_);
    Show(connection_, shared_.service.config.name);
    callback();
  }
  Settle();
}

void ProtocolSession::OnReady(Interest) {
  if (linger_) return linger_->OnReadable();
  if (connection_.Closing()) return;
  Enter([this] { Serve(); });
}

void ProtocolSession::OnTimeout() {
  if (linger_) return connection_.Close();
  if (finishing_) return connection_.Close("the client did not take the last bytes");
  Enter([this] {
    if (!times_.TakeDue(Now())) return;
    if (shared_.table.timeout == nullptr) return connection_.Close();
    shared_.table.timeout(session_);
  });
}

void ProtocolSession::OnRetire() {
  retiring_ = true;
  if (linger_) return linger_->Hurry();
  Enter([this] {
    if (Usable() && shared_.table.retire != nullptr) shared_.table.retire(session_);
  });
}

Duration ProtocolSession::Lag(Time now) const {
  if (linger_) return linger_->Age(now);
  if (!unsent_.Waiting() && !times_.IdleRuns()) return Duration(0);  // it waits for the module
  return std::max<Duration>(now - times_.LastProgress(), Duration(0));
}

// No lingering close: that would keep the place.
void ProtocolSession::OnCrowded() {
  if (Reading() && connection_.HasInput()) return;  // it has just sent something
  connection_.Close("too slow while places were short");
}

// ---- reading and sending ----

void ProtocolSession::Serve() {
  const bool waited = unsent_.Waiting();
  if (waited && !Flush()) return;
  if (waited && Usable() && shared_.table.drained != nullptr) shared_.table.drained(session_);
  // The module may have left bytes unused because output waited.
  if ((waited || !begun_) && Reading() && !unused_.empty()) OfferUnused();
  if (!unsent_.Waiting()) begun_ = true;
  Read();
}

bool ProtocolSession::Flush() {
  const std::size_t before = unsent_.Size();
  if (!unsent_.Flush()) {
    connection_.Close();
    return false;
  }
  if (unsent_.Size() != before) times_.Progress(Now());
  return !unsent_.Waiting();
}

// One byte more than may stay unused: so what a module can take at once does not depend on how the bytes
// arrive.
void ProtocolSession::Read() {
  for (int i = 0; i < kReadsPerCallback && Reading(); ++i) {
    const std::span<char> room = std::span<char>(connection_.Env().in).first(kMaxUnused + 1 - unused_.size());
    const IoResult received = connection_.Receive(room);
    switch (received.kind) {
      case IoResult::Kind::kAgain: return;
      case IoResult::Kind::kEnd:
        ended_ = true;
        return shared_.table.ended == nullptr ? Finish() : shared_.table.ended(session_);
      case IoResult::Kind::kError: return connection_.Close();
      case IoResult::Kind::kDone: break;
    }
    times_.Progress(Now());
    Offer({room.data(), received.size});
    if (received.size < room.size()) return;  // that was all; if not, the watch says so
  }
}

// What came with the connection, behind an HTTP request, can be more than is offered at once.
void ProtocolSession::OfferUnused() {
  const std::string all = std::exchange(unused_, {});
  std::size_t from = 0;
  do {
    const std::size_t size = std::min(all.size() - from, kMaxUnused + 1 - unused_.size());
    Offer(std::string_view(all).substr(from, size));
    from += size;
  } while (from < all.size() && Reading());
  unused_.append(all, from);
}

void ProtocolSession::Offer(std::string_view received) {
  if (!unused_.empty()) {
    unused_.append(received);
    received = unused_;
  }
  const std::size_t used = shared_.table.bytes(session_, {received.data(), received.size()});
  if (used > received.size()) {
    ReportFault(shared_.service, "bytes", "it used more than it was given", connection_.Id());
    return connection_.Lose(LossReason::kException);
  }
  if (used == received.size()) return std::string().swap(unused_);  // an idle session holds no buffer
  if (unused_.empty()) {
    unused_.assign(received.substr(used));
  } else {
    unused_.erase(0, used);
    // A short rest must not hold the memory of a long one for as long as its client thinks.
    if (unused_.size() < unused_.capacity() / 4) unused_.shrink_to_fit();
  }
  if (unused_.size() <= kMaxUnused || !Usable()) return;
  if (const auto held_back = connection_.Env().client_lines.unused_input.Allow(Now())) {
    log::Info({log::kConnFailed,
               connection_.Id(),
               {{"cause", "unused_input"}, {"max", kMaxUnused}, {"suppressed", *held_back}}},
              "closing: the module uses nothing of more than {} bytes", kMaxUnused);
  }
  connection_.Close("too many unused bytes");
}

void ProtocolSession::Settle() {
  if (connection_.Closing()) return;
  if (finishing_ && !unsent_.Waiting()) return StartClosing();
  // The end of what the client sends is readable for good.
  const Interest read = ended_ ? Interest::kNone : Interest::kRead;
  connection_.Await(unsent_.Waiting() ? Interest::kWrite : read);
  SetTimer();
  if (retiring_ && Obstacle() == nullptr) connection_.Travel();
}

void ProtocolSession::StartClosing() {
  if (linger_) return;
  // Nothing can be unread.
  if (ended_) return connection_.Close("finished by the module");
  std::string().swap(unused_);
  linger_.emplace(connection_, kMinRate).Begin();
  if (retiring_) linger_->Hurry();
}

void ProtocolSession::SetTimer() {
  if (times_.Next() == SessionTimes::kNone) return connection_.CancelTimeout();
  const Duration left = std::max<Duration>(times_.Next() - Now(), Duration(0));
  if (Obstacle() == nullptr) {
    connection_.SetIdleTimeout(left);
  } else {
    connection_.SetTimeout(left);
  }
}

// ---- travelling ----

const char* ProtocolSession::Obstacle() const {
  if (shared_.table.pack == nullptr) return "connections of this protocol do not travel";
  if (session_ == nullptr || finishing_) return "the connection is being closed";
  if (ended_) return "the client has shut down its sending side";
  if (unsent_.Waiting()) return "output waits for the client";
  if (times_.DeadlineRuns()) return "a deadline runs";
  return nullptr;
}

const char* ProtocolSession::TravelRefusal() const {
  packed_.reset();
  if (const char* const obstacle = Obstacle()) return obstacle;
  return PackSession(shared_.table.pack, session_, connection_, unused_, shared_.mark, packed_);
}

Luggage ProtocolSession::Pack() const {
  Luggage luggage = std::move(packed_).value();
  packed_.reset();
  if (times_.IdleRuns()) luggage.idle_left = std::max<Duration>(times_.IdleUntil() - Now(), kSoon);
  return luggage;
}

// ---- what the module calls ----

std::string_view ProtocolSession::ClientText() const {
  if (client_.empty()) client_ = connection_.Peer().Text();
  return client_;
}

std::int64_t ProtocolSession::Send(std::string_view bytes) {
  if (!Usable()) return -EPIPE;
  sent_ = true;
  const bool waited = unsent_.Waiting();
  try {
    if (!unsent_.Send(bytes)) {
      connection_.Close();
      return -EPIPE;
    }
  } catch (const std::bad_alloc&) {
    ReportFault(shared_.service, "send", "no memory for what the client does not take", connection_.Id());
    connection_.Lose(LossReason::kException);
    return -EPIPE;
  }
  if (!waited && unsent_.Waiting()) times_.Expect(Now());
  Changed();
  return static_cast<std::int64_t>(unsent_.Size());
}

void ProtocolSession::Finish() {
  if (!Usable()) return;
  finishing_ = true;
  // The module's own times are over: it is not called any more.
  const Time now = Now();
  times_.SetDeadline(Duration(0), now);
  times_.SetIdle(kLastBytes, now);
  Changed();
}

void ProtocolSession::SetIdle(Duration idle) {
  if (!Usable()) return;
  times_.SetIdle(idle, Now());
  Changed();
}

void ProtocolSession::SetDeadline(Duration delay) {
  if (!Usable()) return;
  times_.SetDeadline(delay, Now());
  Changed();
}

}  // namespace preforkd::module
