// What the tests share that kill workers while a module answers: the kills, and the guest book of
// tests/module, which keeps its entries in a database.
#ifndef PREFORKD_TESTS_SUPPORT_WORKER_KILLS_H_
#define PREFORKD_TESTS_SUPPORT_WORKER_KILLS_H_

#include <map>
#include <string>

#include "tests/support/askers.h"
#include "tests/support/daemon_process.h"

namespace preforkd::testing {

// Kills one worker after the other, each in the middle of its work. Fails the test if one is not replaced.
void KillSome(const DaemonProcess& daemon, const Askers& clients, int kills, std::size_t workers);

// The connections that the killed workers held.
double LostConnections(const DaemonProcess& daemon);

// A request to the guest book: ten entries, all "CLIENT.N". Its answer is 201.
std::string PostEntries(int client, int n);

// `entries`: each text in the book, and how often it is there. Ten times or not at all; all that were
// acknowledged; and nothing that no client has asked for.
void CheckBook(const std::map<std::string, int>& entries, const Askers::Outcome& outcome);

}  // namespace preforkd::testing

#endif
