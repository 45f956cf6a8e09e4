// What the tests share that kill workers while a module answers: the kills, and the guest book of
// tests/module, which keeps its entries in a database.
#ifndef PREFORKD_TESTS_SUPPORT_WORKER_KILLS_H_
#define PREFORKD_TESTS_SUPPORT_WORKER_KILLS_H_

#include <cstdint>
#include <map>
#include <string>

#include "tests/support/askers.h"
#include "tests/support/daemon_process.h"

namespace preforkd::testing {

// Kills one worker after the other, each in the middle of its work. Fails the test if one is not replaced.
void KillSome(const DaemonProcess& daemon, const Askers& clients, int kills, std::size_t workers);

// Of so many kills at most so many requests may fail, with one thread for each worker: what the thread was
// serving; and what was on its way at that moment, being read, handed back (at most 2 ms), or answered while
// its client had not read that. Far fewer than what waits: that is in the master.
constexpr std::uint64_t MostCut(int kills) {
  constexpr std::uint64_t kServed = 1;
  constexpr std::uint64_t kOnTheWay = 3;
  return static_cast<std::uint64_t>(kills) * (kServed + kOnTheWay);
}

// The connections that the killed workers held.
double LostConnections(const DaemonProcess& daemon);

// A request to the guest book: ten entries, all "CLIENT.N". Its answer is 201.
std::string PostEntries(int client, int n);

// `entries`: each text in the book, and how often it is there. Ten times or not at all; all that were
// acknowledged; and nothing that no client has asked for.
void CheckBook(const std::map<std::string, int>& entries, const Askers::Outcome& outcome);

}  // namespace preforkd::testing

#endif
