// Signals that arrive before the master can handle them: they stay pending and do not end the process.
#ifndef PREFORKD_MASTER_SYSTEM_EARLY_SIGNALS_H_
#define PREFORKD_MASTER_SYSTEM_EARLY_SIGNALS_H_

namespace preforkd {

// Adds the operator's command signals (HUP, USR1, USR2, TTIN, TTOU) to the blocked signals: their default
// action ends or stops the process. Call it first in main. TERM, INT and QUIT still end a process that does
// not serve yet. Later the master sets a signal mask of its own (SignalWatch).
void HoldCommandSignals();
// Blocks the command signals and unblocks all others: for a child forked with every signal blocked.
void HoldOnlyCommandSignals();

}  // namespace preforkd

#endif
