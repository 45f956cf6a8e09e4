#include "tests/micro/operations.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <utility>

#include "common/base/check.h"
#include "common/channel/channel_end.h"
#include "common/net/socket_ops.h"
#include "common/wire/codec.h"

namespace preforkd::testing {
namespace {

constexpr std::string_view kHead =
    "GET /assets/site.css?v=42 HTTP/1.1\r\n"
    "Host: www.example.org\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/css,*/*;q=0.1\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate\r\n"
    "Connection: keep-alive\r\n"
    "Referer: http://www.example.org/\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef\r\n\r\n";

Parcel MakeParcel(UniqueFd fd) {
  PF_CHECK(fd.Valid(), "no descriptor for a parcel");
  Parcel parcel;
  parcel.fd = std::move(fd);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  parcel.peer.length = sizeof(address);
  std::memcpy(parcel.peer.Get(), &address, sizeof(address));
  return parcel;
}

// The same parcel as the master holds it.
PackedParcel Accepted(Parcel& parcel) {
  ParcelHead facts;
  facts.id = Raw(parcel.id);
  return {std::move(parcel.fd), facts, parcel.peer};
}

}  // namespace

Slots::Slots(std::uint32_t count)
    : board_(Scoreboard::Create().Value()),
      loop_(EventLoop::Create().Value()),
      dispatcher_(loop_, board_, ledger_, {[] {}, [](PoolId) {}}) {
  DispatchConfig config;
  config.reclaim_after =
      std::chrono::seconds(10);  // no slot counts as stuck here, however busy the machine is
  config.gather = 0;             // in turn, so that every slot gets connections
  dispatcher_.Configure(config, {}, 0);
  for (std::uint32_t slot = 0; slot < count; ++slot) {
    channels_.push_back(std::make_unique<SlotChannel>(
        SlotChannel::Create(ledger_, board_.Use(Slot{slot}), kWireVersion).Value()));
    dispatcher_.AddSlot(kMainPool, Slot{slot}, *channels_.back());
  }
}

void Slots::Take(std::uint32_t slot, std::vector<Parcel>& into) {
  WorkerRow& row = board_.Row(Slot{slot});
  while (row.Queued() > 0) {
    Reception<MasterToWorker> reception =
        ChannelEnd(channels_[slot]->WorkerEnd(), kWireVersion).ReceiveFromMaster();
    PF_CHECK(reception.outcome == Heard::kMessage, "nothing to take");
    auto* const hand_over = std::get_if<HandOver>(&*reception.message);
    if (hand_over == nullptr) continue;  // a nudge, sent if this process got no CPU for a while
    Add(row.taken);
    into.push_back(std::move(hand_over->parcel));
  }
}

void Slots::Finish(std::uint32_t slot) {
  Add(board_.Row(Slot{slot}).finished);
  board_.Master().load_marks.Mark(Slot{slot});
}

HandOverAndTake::HandOverAndTake(std::size_t in_flight) {
  for (std::size_t i = 0; i < in_flight; ++i) {
    parcels_.push_back(MakeParcel(UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC))));
  }
}

void HandOverAndTake::Round() {
  const std::size_t count = parcels_.size();
  for (Parcel& parcel : parcels_) slots_.GetDispatcher().SubmitAccepted(Accepted(parcel));
  parcels_.clear();
  slots_.GetDispatcher().Flush();
  slots_.Take(0, parcels_);
  PF_CHECK(parcels_.size() == count, "something was not handed over");
  for (std::size_t i = 0; i < count; ++i) slots_.Finish(0);
}

Dispatch::Dispatch(std::uint32_t slots) : slots_(slots), next_(1 % slots) {
  parcel_.push_back(MakeParcel(UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC))));
}

void Dispatch::Round() {
  slots_.GetDispatcher().SubmitAccepted(Accepted(parcel_.front()));
  parcel_.clear();
  slots_.GetDispatcher().Flush();
  // All slots are empty, so they are chosen in turn.
  slots_.Take(next_, parcel_);
  slots_.Finish(next_);
  next_ = (next_ + 1) % slots_.Count();
  PF_CHECK(parcel_.size() == 1, "it was not handed over");
}

ParkAndWake::ParkAndWake() : parking_(slots_.Loop(), slots_.Book(), slots_.GetDispatcher()) {
  std::array<int, 2> ends{};
  PF_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0,
           "no socket pair");
  client_ = UniqueFd(ends[0]);
  cookie_ = SocketCookie(ends[1]);
  HandOver idle{MakeParcel(UniqueFd(ends[1]))};
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  idle.parcel.peer.length = sizeof(address);
  std::memcpy(idle.parcel.peer.Get(), &address, sizeof(address));
  idle.parcel.context.assign(10, 'c');  // idle_context.h
  Encode(idle, message_, kWireVersion);
  parcel_.push_back(std::move(idle.parcel));
  parking_.Configure(ParkingConfig{}, {});
}

void ParkAndWake::Round() {
  HandedBack message;
  message.idle_left_ns = 60'000'000'000;
  message.parcel = PackedParcel(std::move(parcel_.front().fd), message_);
  ParcelHead head = message.parcel.Head();
  head.seal = cookie_;  // as SlotChannel::Knows leaves it
  message.parcel.SetHead(head);
  slots_.Book().Restored(1);
  parcel_.clear();
  parking_.Arrive(std::move(message), false);
  PF_CHECK(::send(client_.Get(), "x", 1, MSG_NOSIGNAL) == 1, "the client cannot speak");
  // Handles the event, and the flush that it requests.
  while (slots_.GetDispatcher().Waiting() == 0 && parcel_.empty()) {
    PF_CHECK(slots_.Loop().RunOnce().Ok(), "the loop broke");
    slots_.Take(0, parcel_);
  }
  while (parcel_.empty()) {
    PF_CHECK(slots_.Loop().RunOnce().Ok(), "the loop broke");
    slots_.Take(0, parcel_);
  }
  slots_.Finish(0);
  char byte = 0;
  PF_CHECK(::recv(parcel_.front().fd.Get(), &byte, 1, 0) == 1, "what the client has said is gone");
}

ParseHead::ParseHead() : parser_({16 * 1024, 100}, 1024 * 1024) {}

void ParseHead::Round() {
  const http::HeadResult result = parser_.Parse(kHead);
  PF_CHECK(result.kind == http::HeadResult::Kind::kComplete && result.size == kHead.size(),
           "the head is not whole");
  PF_CHECK(parser_.Head().request.fields.size() == 8, "the head is not good");
}

Choice::Choice(DispatchPolicy policy, std::uint32_t slots, const Gathering& gathering)
    : balancer_(policy), loads_(slots, 10) {
  balancer_.Gather(gathering);
  for (std::uint32_t slot = 0; slot < slots; ++slot) balancer_.Offer(slot, loads_[slot]);
}

void Choice::Round() {
  ++step_;
  // At spread positions: any search would find neighbours quickly.
  const auto ends = static_cast<std::uint32_t>(step_ * 0x9e3779b97f4a7c15ULL >> 32) % loads_.size();
  if (loads_[ends] > 0) balancer_.Offer(static_cast<std::uint32_t>(ends), --loads_[ends]);
  const auto slot = balancer_.Choose(step_);
  PF_CHECK(slot.has_value(), "no slot was chosen");
  balancer_.Took(*slot);
  balancer_.Offer(*slot, ++loads_[*slot]);
}

}  // namespace preforkd::testing
