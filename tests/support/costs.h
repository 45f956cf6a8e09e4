// Costs: what the server may cost, in one table. The tests that count it fail above these numbers:
// tests/process/system_calls_test.cc, tests/process/parked_cost_test.cc,
// tests/loopback/http/allocation_test.cc and tests/micro/operations_test.cc. Who makes something cheaper
// lowers its number here.
#ifndef PREFORKD_TESTS_SUPPORT_COSTS_H_
#define PREFORKD_TESTS_SUPPORT_COSTS_H_

#include <cstddef>
#include <map>
#include <string>

namespace preforkd::testing {

// ---- system calls ----

using Calls = std::map<std::string, double>;  // by name

struct CallCost {
  Calls master;
  Calls worker;
};

// With one client at a time each is a batch of its own: several at a time share epoll_wait, prlimit64 and
// sendmmsg. The accept4 that finds nothing is left out, but for the first batches and one in sixteen
// (second_look.h). getsockopt finds out which socket a worker is given, so that it cannot hand back another
// (connection_seals.h).
inline const CallCost kShortConnection = {
    {{"epoll_wait", 1}, {"prlimit64", 1}, {"accept4", 1.2}, {"getsockopt", 1}, {"sendmmsg", 1}, {"close", 1}},
    {{"epoll_wait", 1}, {"prlimit64", 1}, {"recvmsg", 1}, {"recvfrom", 1}, {"sendto", 1}, {"close", 1}}};

inline const CallCost kKeptRequest = {{}, {{"epoll_wait", 1}, {"recvfrom", 1}, {"sendto", 1}}};

// A parked client asks, is answered, is idle for parking.after, and is parked again. The master waits three
// times: for the client, in the set of those that are parked, and for its worker. getsockopt recognizes the
// socket that a worker hands back; setsockopt: it may have set SO_LINGER.
// The limit of descriptors is asked once in a millisecond: twice, if strace makes the way through the master
// longer than that.
inline const CallCost kJourney = {{{"epoll_wait", 3},
                                   {"prlimit64", 2},
                                   {"epoll_ctl", 2},
                                   {"sendmmsg", 1},
                                   {"close", 1},
                                   {"recvmsg", 1},
                                   {"getsockopt", 1},
                                   {"setsockopt", 1}},
                                  {{"epoll_wait", 3},
                                   {"prlimit64", 1},
                                   {"recvmsg", 1},
                                   {"recvfrom", 1},
                                   {"sendto", 1},
                                   {"epoll_ctl", 2},
                                   {"sendmmsg", 1},
                                   {"close", 1}}};

// ---- allocations on the heap, by a server that is warm ----

inline constexpr std::size_t kAllocationsOfKeptRequest = 0;
inline constexpr std::size_t kAllocationsOfShortConnection = 0;
// In the master, from its arrival until a worker has it (parked_list.h).
inline constexpr std::size_t kAllocationsOfParking = 1;

// ---- bytes ----

// Of an idle connection, in master and workers, as the kernel counts their pages; some of it is what workers'
// heaps keep.
inline constexpr double kBytesOfParked = 280;

}  // namespace preforkd::testing

#endif
