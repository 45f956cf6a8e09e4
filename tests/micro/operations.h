// Operations: the steps of a connection's life that are measured one by one, over the real code and real
// sockets, with both ends in one process. Each object is made ready once; Round() does the same again and
// leaves the world as it was.
//
// What they cost is measured by micro.cc; that they do what they say is tested by operations_test.cc.
#ifndef PREFORKD_TESTS_MICRO_OPERATIONS_H_
#define PREFORKD_TESTS_MICRO_OPERATIONS_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "common/event/event_loop.h"
#include "common/scoreboard/scoreboard.h"
#include "common/wire/messages.h"
#include "master/dispatch/pool_dispatchers.h"
#include "master/parking/parking.h"
#include "master/policy/balance.h"
#include "worker/http/syntax/head_parser.h"

namespace preforkd::micro {

// A master's dispatcher, and slots with somebody who takes and finishes what he is given.
class Slots {
 public:
  explicit Slots(std::uint32_t count);

  [[nodiscard]] PoolDispatchers& GetDispatcher() { return dispatcher_; }
  [[nodiscard]] EventLoop& Loop() { return loop_; }
  [[nodiscard]] Ledger& Book() { return ledger_; }
  [[nodiscard]] std::uint32_t Count() const { return static_cast<std::uint32_t>(channels_.size()); }
  // What lies in the slot's channel, taken as a worker does it: as long as its row says that something is
  // there.
  void Take(std::uint32_t slot, std::vector<Parcel>& into);
  // The connection has ended there, or has gone back.
  void Finish(std::uint32_t slot);

 private:
  Scoreboard board_;
  EventLoop loop_;
  Ledger ledger_{board_.Master()};
  std::vector<std::unique_ptr<SlotChannel>> channels_;
  PoolDispatchers dispatcher_;
};

// `in_flight` connections are submitted, handed over in one flush, and taken, one after the other. 1 slot.
class HandOverAndTake {
 public:
  explicit HandOverAndTake(std::size_t in_flight);
  void Round();
  [[nodiscard]] std::size_t InFlight() const { return parcels_.size(); }

 private:
  Slots slots_{1};
  std::vector<Parcel> parcels_;
};

// One connection is accepted for one of `slots`, taken, and ends: what choosing among many costs beside the
// rest.
class Dispatch {
 public:
  explicit Dispatch(std::uint32_t slots);
  void Round();

 private:
  Slots slots_;
  std::uint32_t next_;  // whose turn it is
  std::vector<Parcel> parcel_;
};

// An idle connection goes to the master, which watches it; its client speaks, and the worker has it again.
// The client's own write, and the read that empties the socket, are part of the round: 2 system calls.
class ParkAndWake {
 public:
  ParkAndWake();
  void Round();

 private:
  Slots slots_{1};
  Parking parking_;
  UniqueFd client_;
  std::vector<Parcel> parcel_;
};

// A request head as a browser sends it: checked, parsed, its framing decided.
class ParseHead {
 public:
  ParseHead();
  void Round();

 private:
  http::HeadParser parser_;
};

// The choice alone: a connection ends somewhere, the next one is given.
class Choice {
 public:
  Choice(DispatchPolicy policy, std::uint32_t slots, const Gathering& gathering = {});
  void Round();

 private:
  Balancer balancer_;
  std::vector<std::uint64_t> loads_;
  std::uint64_t step_ = 0;
};

}  // namespace preforkd::micro

#endif
