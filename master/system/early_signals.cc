#include "master/system/early_signals.h"

#include <csignal>
#include <initializer_list>

namespace preforkd {
namespace {

void Hold(int how) {
  sigset_t commands;
  ::sigemptyset(&commands);
  for (const int signo : {SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU}) ::sigaddset(&commands, signo);
  (void)::sigprocmask(how, &commands, nullptr);  // cannot fail with these arguments
}

}  // namespace

void HoldCommandSignals() { Hold(SIG_BLOCK); }
void HoldOnlyCommandSignals() { Hold(SIG_SETMASK); }

}  // namespace preforkd
