// LineRescue: writes the access log lines that a worker left unwritten when it exited, each once
// (LineBuffer).
#ifndef PREFORKD_MASTER_WORKERS_REPORTS_LINE_RESCUE_H_
#define PREFORKD_MASTER_WORKERS_REPORTS_LINE_RESCUE_H_

#include "common/base/ids.h"
#include "common/scoreboard/line_buffer.h"

namespace preforkd {

// `access`: descriptor of the access log, borrowed; -1: none. Lines that cannot be written now are left to
// the next worker in the slot. Precondition: no process uses `lines`.
void RescueLines(WorkerId worker, LineBuffer lines, int access);

}  // namespace preforkd

#endif
