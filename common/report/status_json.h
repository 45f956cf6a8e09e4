// StatusJson: what the scoreboard holds, as the document that `/status.json`, the pages made of it and
// preforkctl show. Reads shared memory that other processes write meanwhile: the terms of the accounting
// (accepted, in_progress, parked, finished, lost) are of one moment, every other number is right for some
// recent one.
#ifndef PREFORKD_COMMON_REPORT_STATUS_JSON_H_
#define PREFORKD_COMMON_REPORT_STATUS_JSON_H_

#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/scoreboard/scoreboard.h"

namespace preforkd {

// One JSON object, in one line that ends with "\n", valid UTF-8 whatever clients have sent. `answered_by`:
// the worker that is asked, which the document then names ("answered_by": {"slot", "pid"}); nullopt when the
// master is.
std::string StatusJson(const Scoreboard& scoreboard, std::optional<Slot> answered_by, Time now);

}  // namespace preforkd

#endif
