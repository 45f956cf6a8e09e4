// LineRescue: writes the lines of the access log that a dead worker had and could not write any more, each
// once (LineBuffer).
#ifndef PREFORKD_MASTER_WORKERS_REPORTS_LINE_RESCUE_H_
#define PREFORKD_MASTER_WORKERS_REPORTS_LINE_RESCUE_H_

#include "common/base/ids.h"
#include "common/scoreboard/line_buffer.h"

namespace preforkd {

// `access`: the access log; -1: there is none. What cannot be written now is left to the next worker in the
// slot. Precondition: no process uses `lines`.
void RescueLines(WorkerId dead, LineBuffer lines, int access);

}  // namespace preforkd

#endif
