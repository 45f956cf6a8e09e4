// Operations: single steps in the life of a connection, measured with the real code and real sockets, both
// ends in one process. Each object is set up once; Round() repeats the step and leaves everything as it was.
//
// micro.cc measures them; operations_test.cc tests that they do what they claim.
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

namespace preforkd::testing {

// A master's dispatcher, and slots whose connections are taken and finished on request.
class Slots {
 public:
  explicit Slots(std::uint32_t count);

  [[nodiscard]] PoolDispatchers& GetDispatcher() { return dispatcher_; }
  [[nodiscard]] EventLoop& Loop() { return loop_; }
  [[nodiscard]] Ledger& Book() { return ledger_; }
  [[nodiscard]] std::uint32_t Count() const { return static_cast<std::uint32_t>(channels_.size()); }
  // Takes the parcels in the slot's channel as a worker does: as long as its row shows that some are there.
  void Take(std::uint32_t slot, std::vector<Parcel>& into);
  // The connection has ended there, or has been handed back.
  void Finish(std::uint32_t slot);

 private:
  Scoreboard board_;
  EventLoop loop_;
  Ledger ledger_{board_.Master()};
  std::vector<std::unique_ptr<SlotChannel>> channels_;
  PoolDispatchers dispatcher_;
};

// `in_flight` connections are submitted, handed over in one flush, and taken one after the other. 1 slot.
class HandOverAndTake {
 public:
  explicit HandOverAndTake(std::size_t in_flight);
  void Round();
  [[nodiscard]] std::size_t InFlight() const { return parcels_.size(); }

 private:
  Slots slots_{1};
  std::vector<Parcel> parcels_;
};

// One connection is accepted, dispatched to one of `slots`, taken, and ends: shows the additional cost of
// choosing among many.
class Dispatch {
 public:
  explicit Dispatch(std::uint32_t slots);
  void Round();

 private:
  Slots slots_;
  std::uint32_t next_;  // the slot whose turn it is
  std::vector<Parcel> parcel_;
};

// An idle connection goes to the master, which watches it; its client sends something, and the worker gets it
// again. The client's own write, and the read that empties the socket, are part of the round: 2 system calls.
class ParkAndWake {
 public:
  ParkAndWake();
  void Round();

 private:
  Slots slots_{1};
  Parking parking_;
  UniqueFd client_;
  std::uint64_t cookie_ = 0;  // of the server's end
  std::string message_;       // of an idle client of HTTP over IPv6: the longest that is common
  std::vector<Parcel> parcel_;
};

// Checks and parses a request head as a browser sends it, and decides its framing.
class ParseHead {
 public:
  ParseHead();
  void Round();

 private:
  http::HeadParser parser_;
};

// The choice alone: a connection ends somewhere, and a slot is chosen for the next one.
class Choice {
 public:
  Choice(DispatchPolicy policy, std::uint32_t slots, const Gathering& gathering = {});
  void Round();

 private:
  Balancer balancer_;
  std::vector<std::uint64_t> loads_;
  std::uint64_t step_ = 0;
};

}  // namespace preforkd::testing

#endif
