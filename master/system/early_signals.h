// Signals that come before the master can act on them: they wait, and neither end the process nor get lost.
#ifndef PREFORKD_MASTER_SYSTEM_EARLY_SIGNALS_H_
#define PREFORKD_MASTER_SYSTEM_EARLY_SIGNALS_H_

namespace preforkd {

// Blocks the operator's commands (HUP, USR1, USR2, TTIN, TTOU), whose default is to end or to stop the
// process, on top of what is blocked already. The first thing that main does. TERM, INT and QUIT still end a
// process that does not serve yet. The master takes over from here with the mask of its own (SignalWatch).
void HoldCommandSignals();
// The same, and nothing else is blocked: for a child that was forked with every signal blocked.
void HoldOnlyCommandSignals();

}  // namespace preforkd

#endif
