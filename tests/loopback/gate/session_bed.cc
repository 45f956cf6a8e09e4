#include "tests/loopback/gate/session_bed.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>

#include "common/event/timer.h"
#include "tests/loopback/gate/handshake_bed.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {

UniqueFd ConnectUnix(Parcel& parcel) {
  std::array<int, 2> fds{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) == 0);
  parcel.fd = UniqueFd(fds[0]);
  parcel.accepted_at = Now();
  return UniqueFd(fds[1]);
}

UniqueFd ConnectTcp(Parcel& parcel) {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(::bind(listener.Get(), raw, length) == 0);
  REQUIRE(::listen(listener.Get(), 1) == 0);
  REQUIRE(::getsockname(listener.Get(), raw, &length) == 0);
  UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(client.Get(), raw, length) == 0);
  parcel.peer.length = sizeof(parcel.peer.storage);
  parcel.fd = UniqueFd(
      ::accept4(listener.Get(), parcel.peer.Get(), &parcel.peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  REQUIRE(parcel.fd.Valid());
  REQUIRE(::fcntl(client.Get(), F_SETFL, O_NONBLOCK) == 0);
  parcel.accepted_at = Now();
  return client;
}

SessionBed::SessionBed()
    : loop_(std::move(EventLoop::Create()).Value()), scoreboard_(std::move(Scoreboard::Create()).Value()) {
  ::signal(SIGPIPE, SIG_IGN);
  const WorkerId id{Slot{3}, Incarnation{7}};
  WorkerRow& row = scoreboard_.Use(id.slot);
  env_.reset(new WorkerEnv{loop_, scoreboard_, row, id, Generation{1}, std::make_shared<Config>()});
}

SessionBed::~SessionBed() = default;

void SessionBed::Take(Service& service, Parcel parcel, Luggage luggage) {
  std::unique_ptr<SecureStream> secure;
  if (parcel.tls == TlsStage::kEstablished) {
    Result<std::unique_ptr<SecureStream>> made = SecureStream::Make(*env_, parcel.tls_state);
    REQUIRE(made.Ok());
    secure = std::move(made).Value();
    SecretBytes().swap(parcel.tls_state);
  }
  LiveConnection::Owner& owner = *this;
  live_.push_back(std::make_unique<LiveConnection>(*env_, owner, std::move(parcel)));
  LiveConnection& connection = *live_.back();
  connection.Client().Secure(std::move(secure));
  connection.Start(service, std::move(luggage));
}

std::uint64_t SessionBed::Activity() const {
  return Get(env_->row.bytes_in) + Get(env_->row.bytes_out) + Get(env_->row.callbacks);
}

void SessionBed::Turn() {
  // Two turns without a byte or a callback: nothing is ready any more.
  for (int quiet = 0; quiet < 2;) {
    const std::uint64_t before = Activity();
    Timer now(loop_, EventLoop::kPriorityControl, [] {});
    now.SetAfter(Duration(0));
    REQUIRE(loop_.RunOnce().Ok());
    quiet = Activity() == before ? quiet + 1 : 0;
  }
}

bool SessionBed::Until(const std::function<bool()>& condition) {
  return WaitUntil(kTimeout, [&] {
    Turn();
    return condition();
  });
}

void SessionBed::SendAway() {
  std::vector<LiveConnection*> all;
  for (const auto& connection : live_) all.push_back(connection.get());
  for (LiveConnection* const connection : all) OnConnectionIdle(*connection);
}

SessionBed::Journey SessionBed::LastJourney() {
  REQUIRE_FALSE(journeys_.empty());
  Journey journey = std::move(journeys_.back());
  journeys_.pop_back();
  return journey;
}

void SessionBed::OnConnectionIdle(LiveConnection& connection) {
  std::optional<Luggage> luggage = connection.Pack();
  if (!luggage) return;
  journeys_.push_back({connection.Client().TakeParcel(), std::move(*luggage)});
  std::erase_if(live_, [&connection](const auto& owned) { return owned.get() == &connection; });
}

void SessionBed::OnConnectionClosed(LiveConnection& connection) {
  loss_ = connection.Loss();
  why_ = connection.Client().Verdict().why;
  std::erase_if(live_, [&connection](const auto& owned) { return owned.get() == &connection; });
}

void SocketClient::Flush() {
  while (!unsent_.empty() && fd_.Valid()) {
    const ssize_t size = ::send(fd_.Get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (size <= 0) return;
    unsent_.erase(0, static_cast<std::size_t>(size));
  }
}

std::string SocketClient::Receive() {
  std::string all;
  std::array<char, 64 * 1024> buffer;
  while (fd_.Valid()) {
    const ssize_t size = ::recv(fd_.Get(), buffer.data(), buffer.size(), 0);
    if (size <= 0) {
      if (size == 0) ended_ = true;
      if (size < 0 && errno != EAGAIN) ended_ = reset_ = true;
      break;
    }
    all.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return all;
}

bool SocketClient::Pump() {
  tls_->Feed(BytesOf(Receive()));
  try {
    if (!done_ && !failed_) done_ = tls_->Handshake();
  } catch (const std::runtime_error&) {
    failed_ = true;
  }
  unsent_ += TextOf(tls_->TakeOut());
  Flush();
  return !ended_;
}

void SocketClient::SendRaw(std::string_view bytes) {
  unsent_ += bytes;
  Flush();
}

std::string SocketClient::ReadRaw() {
  Flush();
  return Receive();
}

}  // namespace preforkd::testing
