// The actors of a journey: clients that number their requests, and small workers that echo
// over a real channel.
#ifndef PREFORKD_TESTS_LOOPBACK_JOURNEY_ACTORS_H_
#define PREFORKD_TESTS_LOOPBACK_JOURNEY_ACTORS_H_

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "common/channel/channel_end.h"
#include "common/net/address.h"
#include "master/dispatch/slot_channel.h"
#include "worker/connection/heavy_luggage.h"

namespace preforkd::testing {

struct Pair {
  UniqueFd client;
  UniqueFd server;
};

class LocalListener {
 public:
  LocalListener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address_);
    REQUIRE(::bind(fd_.Get(), Raw(), size) == 0);
    REQUIRE(::listen(fd_.Get(), 64) == 0);
    REQUIRE(::getsockname(fd_.Get(), Raw(), &size) == 0);
  }

  Pair Connect() {
    Pair pair{UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), {}};
    REQUIRE(::connect(pair.client.Get(), Raw(), sizeof(address_)) == 0);
    pair.server = UniqueFd(::accept4(fd_.Get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    REQUIRE(pair.server.Valid());
    return pair;
  }

 private:
  sockaddr* Raw() { return reinterpret_cast<sockaddr*>(&address_); }
  UniqueFd fd_;
  sockaddr_in address_{};
};

// The constant facts of a connection: made from its number, and checked again after any
// number of journeys.
inline void SetFacts(Parcel& parcel, std::uint64_t number) {
  parcel.id = static_cast<ConnId>(number);
  parcel.listener = static_cast<ListenerId>(number % 7);
  parcel.service = static_cast<ServiceId>(number % 11);
  parcel.peer = ParseListenAddress(fmt::format("10.1.2.3:{}", 1 + number % 65'535)).Value().address;
  parcel.accepted_at = FromNanoseconds(static_cast<std::int64_t>(number) * 1'000'003);
  parcel.context = fmt::format("context of {}", number);
}

inline bool HasFacts(const Parcel& parcel) {
  Parcel expected;
  SetFacts(expected, Raw(parcel.id));
  return parcel.listener == expected.listener && parcel.service == expected.service &&
         parcel.peer == expected.peer && parcel.accepted_at == expected.accepted_at &&
         parcel.context == expected.context;
}

// Every third one is heavy when it is handed back.
inline bool IsHeavy(ConnId id) { return Raw(id) % 3 == 0; }
inline std::string HeavyText(ConnId id) { return fmt::format("luggage of {}", Raw(id)); }

// Sends its next number, and requires all numbers back in order.
class Client {
 public:
  explicit Client(UniqueFd fd) : fd_(std::move(fd)) {}

  void Ask() {
    const char number = static_cast<char>(sent_);
    REQUIRE(::send(fd_.Get(), &number, 1, MSG_NOSIGNAL) == 1);
    ++sent_;
  }
  void Read() {
    std::array<char, 256> bytes;
    const ssize_t size = ::recv(fd_.Get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    REQUIRE(size != 0);  // cut off
    for (ssize_t i = 0; i < size; ++i) {
      REQUIRE(bytes[static_cast<std::size_t>(i)] == static_cast<char>(answered_));
      ++answered_;
    }
  }
  [[nodiscard]] bool Satisfied() const { return answered_ == sent_; }
  [[nodiscard]] std::uint64_t Waiting() const { return sent_ - answered_; }
  // With unread answers the kernel sends RST, without them FIN.
  void Close() { fd_.Reset(); }

 private:
  UniqueFd fd_;
  std::uint64_t sent_ = 0;
  std::uint64_t answered_ = 0;
};

// One slot with one incarnation of a worker that echoes.
struct FakeWorker {
  FakeWorker(Ledger& ledger, const Scoreboard& board, std::uint64_t incarnation, Slot slot)
      : id{slot, static_cast<Incarnation>(incarnation)},
        row(board.Use(slot)),
        tally(row, board.Master().load_marks, slot),
        channel(SlotChannel::Create(ledger, row, kWireVersion).Value()) {
    ledger.WorkerBegins(row, id.incarnation, Generation{1}, kMainPool, Now());
  }

  void Take() {
    for (;;) {
      Reception<MasterToWorker> reception = ChannelEnd(channel.WorkerEnd(), kWireVersion).ReceiveFromMaster();
      if (reception.outcome == Heard::kNothing || reception.outcome == Heard::kEnd) return;
      REQUIRE(reception.outcome == Heard::kMessage);
      auto* hand_over = std::get_if<HandOver>(&*reception.message);
      if (hand_over == nullptr) continue;  // a nudge asks for a heartbeat, which this one does not write
      REQUIRE(HasFacts(hand_over->parcel));
      // Not one that was accepted only now.
      REQUIRE(hand_over->parcel.heavy.Valid() ==
              (IsHeavy(hand_over->parcel.id) && hand_over->parcel.requests > 0));
      if (hand_over->parcel.heavy.Valid())
        REQUIRE(LoadHeavy(hand_over->parcel.heavy.Get()).Value() == HeavyText(hand_over->parcel.id));
      hand_over->parcel.heavy.Reset();
      held.push_back(std::move(hand_over->parcel));
      ++held.back().journeys;
      tally.Taken();
    }
  }

  void Serve() {
    std::erase_if(held, [this](Parcel& parcel) { return !Echo(parcel); });
  }

  void HandBackAll() {
    std::string bytes;
    for (Parcel& parcel : held) {
      ++parcel.requests;  // the count must come back unchanged
      parcel.bytes_in += 2;
      parcel.bytes_out += 3;
      HandBack message;
      message.id = id;
      message.parcel = std::move(parcel);
      if (IsHeavy(message.parcel.id)) {
        message.wake_now = true;
        message.parcel.heavy = StoreHeavy(HeavyText(message.parcel.id)).Value();
      }
      REQUIRE(ChannelEnd(channel.WorkerEnd(), kWireVersion).Send(message, bytes).outcome ==
              SendOutcome::kSent);
      tally.Returned();
    }
    held.clear();
  }

  WorkerId id;
  WorkerRow& row;
  Tally tally;
  SlotChannel channel;
  std::vector<Parcel> held;

 private:
  // False if the client has closed.
  bool Echo(const Parcel& parcel) {
    std::array<char, 256> bytes;
    const ssize_t size = ::recv(parcel.fd.Get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) return true;
    if (size > 0 &&
        ::send(parcel.fd.Get(), bytes.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL) == size) {
      return true;
    }
    tally.Finished();
    return false;
  }
};

}  // namespace preforkd::testing

#endif
